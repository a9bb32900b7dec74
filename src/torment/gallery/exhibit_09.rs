//! It works when people connect one after the other. When several connect at the same moment, one gets in, and the
//! others are connected but wait until somebody else connects.

use super::event_loop::{self, EventLoop, HEALTHY, Steps};
use std::io::{self, ErrorKind};
use std::net::TcpListener;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    event_loop::serve(listener, Steps { accept, ..HEALTHY })
}

/// Accepts the clients that wait. Returns whether to try again later.
fn accept(event_loop: &mut EventLoop) -> bool {
    match event_loop.listener.accept() {
        Ok((stream, _)) => event_loop.let_in(stream),
        Err(e) => return e.kind() != ErrorKind::WouldBlock,
    }
    false
}
