//! The server runs for weeks. One day somebody's network is slow for a moment, and the server ends for everybody:
//! "Resource temporarily unavailable".

use super::event_loop::{self, Client, HEALTHY, Steps};
use std::io::{self, ErrorKind, Write};
use std::net::TcpListener;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    event_loop::serve(listener, Steps { send, ..HEALTHY })
}

/// Sends a text to a client.
fn send(client: &mut Client, text: &[u8]) -> io::Result<()> {
    match client.stream.write_all(text) {
        Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => client.is_gone = true,
        other => return other,
    }
    Ok(())
}
