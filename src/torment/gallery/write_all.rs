//! The server runs for weeks. One day somebody's network is slow for a moment, and the server ends for everybody:
//! "Resource temporarily unavailable".
//!
//! <details><summary>The cure</summary>
//!
//! `write_all` on a non-blocking socket fails with `WouldBlock` when the socket is full, and has written a part by
//! then. Keep the rest in an outbox for each client, and continue when the socket is writable.
//!
//! </details>

use super::event_loop::{self, LoopClients};
use super::parts::said;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpListener;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    event_loop::serve(listener, read)
}

/// Reads until nothing is left, and sends each line to all others. Returns `false` if the client is gone.
fn read(clients: &mut LoopClients, number: usize, dead: &mut Vec<usize>) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    while let Some(client) = clients.get_mut(&number) {
        match client.stream.read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(n) => client.lines.push(&buffer[..n]),
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Ok(false),
        }
        while let Some(line) = clients.get_mut(&number).and_then(|client| client.lines.take_line()) {
            let text = said(number, &line);
            for (&other, client) in clients.iter_mut().filter(|(other, _)| **other != number) {
                match client.stream.write_all(&text) {
                    Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                        dead.push(other)
                    }
                    other => other?,
                }
            }
        }
        if clients.get(&number).is_some_and(|client| client.lines.is_too_long()) {
            return Ok(false);
        }
    }
    Ok(true)
}
