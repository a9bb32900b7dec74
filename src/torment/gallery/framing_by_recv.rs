//! Lines that are typed by hand arrive. But now and then a message arrives in two halves, each with the sender's name
//! before it, or two messages arrive as one.
//!
//! <details><summary>The cure</summary>
//!
//! A read returns the bytes that have arrived so far. Keep each client's bytes in a buffer (`Lines`), and relay only
//! whole lines.
//!
//! </details>

use super::event_loop::{self, LoopClients, say_to_others};
use super::parts::said;
use std::io::{self, ErrorKind, Read};
use std::net::TcpListener;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    event_loop::serve(listener, read)
}

/// Reads until nothing is left, and sends each read to all others. Returns `false` if the client is gone.
fn read(clients: &mut LoopClients, number: usize, dead: &mut Vec<usize>) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    while let Some(client) = clients.get_mut(&number) {
        match client.stream.read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(n) => say_to_others(clients, number, &said(number, &buffer[..n]), dead),
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}
