//! It works when people connect one after the other. When several connect at the same moment, one gets in, and the
//! others are connected but wait until somebody else connects.
//!
//! <details><summary>The cure</summary>
//!
//! mio's poll is edge-triggered: one event may stand for many connections. Call `accept` in a loop until it returns
//! `WouldBlock`.
//!
//! </details>

use super::event_loop::{EventLoop, read};
use std::io::{self, ErrorKind};
use std::net::TcpListener;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    let mut event_loop = EventLoop::new(listener)?;
    let mut accept_again = false;
    loop {
        let listener_is_ready = event_loop.turn(accept_again, read)?;
        if accept_again || listener_is_ready {
            accept_again = accept(&mut event_loop);
        }
    }
}

/// Accepts a client that waits. Returns whether to try again later.
fn accept(event_loop: &mut EventLoop) -> bool {
    match event_loop.accept() {
        Ok(()) => false,
        Err(e) => e.kind() != ErrorKind::WouldBlock,
    }
}
