//! The server runs out of memory, and the log shows nothing: nobody has sent a line.

use super::threads::{self, HEALTHY, Say, Steps};
use std::io::{self, BufRead, BufReader};
use std::net::{TcpListener, TcpStream};

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    threads::serve(listener, Steps { read, ..HEALTHY })
}

/// Calls `say` with each line of a client, until the client is gone.
fn read(stream: &TcpStream, say: Say<'_>) {
    let (mut reader, mut line) = (BufReader::new(stream), Vec::new());
    while let Ok(1..) = reader.read_until(b'\n', &mut line) {
        say(&line);
        line.clear();
    }
}
