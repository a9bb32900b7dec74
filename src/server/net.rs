//! What the event loop stands on: sockets that never wait, a poll that tells which are ready, signals, and the time.
//!
//! All of it is somebody else's. It has a place of its own because [`event_loop`](super::event_loop) is compiled a second
//! time for the tests, upon a kernel that plays every trick a real one may.

pub use mio::event::Event;
pub use mio::net::{TcpListener, TcpStream};
pub use mio::{Events, Interest, Poll, Token};
pub use signal_hook_mio::v1_0::Signals;
use std::time::Instant;

#[inline(always)]
pub fn now() -> Instant {
    Instant::now()
}
