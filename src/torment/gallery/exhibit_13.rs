//! Somebody stops a client with Ctrl-Z, and after a while no line arrives at anybody. After `fg` the chat goes on.

use super::event_loop::{self, Client, HEALTHY, Steps};
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{self, ErrorKind, Write};
use std::net::TcpListener;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    event_loop::serve(listener, Steps { send, ..HEALTHY })
}

/// Sends a text to a client.
fn send(client: &mut Client, text: &[u8]) -> io::Result<()> {
    let mut rest = text;
    while !rest.is_empty() && !client.is_gone {
        match client.stream.write(rest) {
            Ok(n) => rest = &rest[n..],
            // Until the socket takes more.
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                let _ = poll(&mut [PollFd::new(&client.stream, PollFlags::OUT)], None);
            }
            Err(e) => client.is_gone = e.kind() != ErrorKind::Interrupted,
        }
    }
    Ok(())
}
