//! The chat stops for everybody until somebody presses Ctrl-Q in the terminal where the server runs, or closes the
//! pager that shows its log.

use super::event_loop::{self, EventLoop, HEALTHY, Steps};
use std::io::{self, Write};
use std::net::TcpListener;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    event_loop::serve(listener, Steps { relay, ..HEALTHY })
}

/// Sends what a client has said to all others, and prints it.
fn relay(event_loop: &mut EventLoop, number: usize, text: &[u8]) -> io::Result<()> {
    let _ = io::stdout().write_all(text);
    event_loop.send_to_others(number, text)
}
