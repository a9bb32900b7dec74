//! Somebody closes a laptop, and a minute later nobody can talk, connect or leave.
//!
//! <details><summary>The cure</summary>
//!
//! `write_all` blocks on a client that does not read, and the thread holds the lock meanwhile. Hand the line to a queue
//! for each client (`Queue`), and let another thread write. Or copy the list, write after unlocking it, and even then
//! never wait for one client.
//!
//! </details>

use super::parts::{for_each_line, said, thread_for_each};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

type Sockets = Arc<Mutex<BTreeMap<usize, TcpStream>>>;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    let sockets = Sockets::default();
    thread_for_each(&listener, move |number, stream| talk(&sockets, number, &stream))
}

fn talk(sockets: &Sockets, number: usize, stream: &TcpStream) {
    let Ok(copy) = stream.try_clone() else { return };
    sockets.lock().unwrap_or_else(PoisonError::into_inner).insert(number, copy);
    for_each_line(stream, |line| {
        let text = said(number, line);
        let sockets = sockets.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, mut other) in sockets.iter().filter(|(other, _)| **other != number) {
            // A client that is gone is removed by its own thread.
            let _ = other.write_all(&text);
        }
    });
    sockets.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
}
