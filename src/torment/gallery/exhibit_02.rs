//! Two clients can talk immediately. But when a class of thirty connects, the last one waits for half a minute.

use super::threads::{self, HEALTHY, Steps};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    threads::serve(listener, Steps { accept, ..HEALTHY })
}

/// Accepts a client.
fn accept(listener: &TcpListener, let_in: &mut dyn FnMut(TcpStream)) {
    match listener.accept() {
        Ok((stream, _)) => let_in(stream),
        // The next accept would fail at once, too.
        Err(_) => thread::sleep(Duration::from_millis(50)),
    }
    thread::sleep(Duration::from_secs(1));
}
