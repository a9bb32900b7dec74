//! Lines that are typed by hand arrive. But now and then a message arrives in two halves, each with the sender's name
//! before it, or two messages arrive as one.

use super::event_loop::{self, EventLoop, HEALTHY, Steps};
use std::io;
use std::net::TcpListener;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    event_loop::serve(listener, Steps { receive, ..HEALTHY })
}

/// Handles bytes that a client has sent.
fn receive(event_loop: &mut EventLoop, number: usize, bytes: &[u8]) -> io::Result<()> {
    event_loop.handle(number, bytes)
}
