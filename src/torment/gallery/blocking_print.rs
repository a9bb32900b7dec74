//! The chat stops for everybody until somebody presses Ctrl-Q in the terminal where the server runs, or closes the
//! pager that shows its log.
//!
//! <details><summary>The cure</summary>
//!
//! stdout may be slower than the chat, or blocked. Print from a separate thread with a bounded queue, or make stdout
//! non-blocking, and count the lines that are lost.
//!
//! </details>

use super::event_loop::{self, LoopClients, say_to_others};
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
            let _ = io::stdout().write_all(&text);
            say_to_others(clients, number, &text, dead);
        }
        if clients.get(&number).is_some_and(|client| client.lines.is_too_long()) {
            return Ok(false);
        }
    }
    Ok(true)
}
