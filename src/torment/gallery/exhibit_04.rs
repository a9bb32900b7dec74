//! When somebody's computer crashes, or somebody just kills a client, the server ends for everybody: "Connection reset
//! by peer".

use super::event_loop::{self, EventLoop, HEALTHY, READS_MAX, Steps};
use std::io::{self, ErrorKind, Read};
use std::net::TcpListener;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    event_loop::serve(listener, Steps { read, ..HEALTHY })
}

/// Reads from a client. Returns whether it may have sent more.
fn read(event_loop: &mut EventLoop, number: usize) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    for _ in 0..READS_MAX {
        let Some(client) = event_loop.clients.get_mut(&number) else { return Ok(false) };
        match client.stream.read(&mut buffer) {
            Ok(n @ 1..) => event_loop.receive(number, &buffer[..n])?,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
            Ok(0) => {
                client.is_gone = true;
                return Ok(false);
            }
        }
    }
    Ok(true)
}
