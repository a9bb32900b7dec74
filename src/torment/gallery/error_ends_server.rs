//! When somebody's computer crashes, or somebody just kills a client, the server ends for everybody: "Connection reset
//! by peer".
//!
//! <details><summary>The cure</summary>
//!
//! An error of a connection concerns that connection only. Close it and go on. Only errors of the poll and the listener
//! should leave `serve`.
//!
//! </details>

use super::event_loop::{self, LoopClients, say_to_others};
use super::parts::said;
use std::io::{self, ErrorKind, Read};
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
            Err(e) => return Err(e),
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
