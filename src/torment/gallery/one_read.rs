//! Short lines work. When somebody pastes a long text, only its beginning arrives; the rest arrives when the same
//! sender sends something more.
//!
//! <details><summary>The cure</summary>
//!
//! mio's poll is edge-triggered: it does not report again that there is more to read. Read in a loop until
//! `WouldBlock`.
//!
//! </details>

use super::event_loop::{self, LoopClients, say_to_others};
use super::parts::said;
use std::io::{self, ErrorKind, Read};
use std::net::TcpListener;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    event_loop::serve(listener, read)
}

/// Reads once, and sends each line to all others. Returns `false` if the client is gone.
fn read(clients: &mut LoopClients, number: usize, dead: &mut Vec<usize>) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    if let Some(client) = clients.get_mut(&number) {
        match client.stream.read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(n) => client.lines.push(&buffer[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(true),
            Err(_) => return Ok(false),
        }
        while let Some(line) = clients.get_mut(&number).and_then(|client| client.lines.take_line()) {
            say_to_others(clients, number, &said(number, &line), dead);
        }
        if clients.get(&number).is_some_and(|client| client.lines.is_too_long()) {
            return Ok(false);
        }
    }
    Ok(true)
}
