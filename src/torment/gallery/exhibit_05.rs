//! Somebody closes a laptop, and a minute later nobody can talk, connect or leave.

use super::threads::{self, HEALTHY, Members, Steps, lock};
use std::io::{self, Write};
use std::net::TcpListener;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    threads::serve(listener, Steps { relay, ..HEALTHY })
}

/// Sends what a client has said to all others.
fn relay(members: &Members, number: usize, text: &[u8]) {
    let members = lock(members);
    let others = members.iter().filter(|(other, _)| **other != number);
    // Under the lock, so that all get the texts in the same order.
    for (_, queue) in others {
        // A client that is gone is removed by its own thread.
        let _ = (&queue.stream).write_all(text);
    }
}
