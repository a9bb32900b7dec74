//! Two clients can talk immediately. But when a class of thirty connects, the last one waits for half a minute.
//!
//! <details><summary>The cure</summary>
//!
//! The accept loop sleeps between two connections, to save processor time. But `accept` blocks until a connection
//! arrives, and that costs nothing: remove the sleep.
//!
//! </details>

use super::parts::{Members, Queue, for_each_line, lock, said};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    let members = Members::default();
    for number in 1.. {
        if let Ok((stream, _)) = listener.accept() {
            let members = members.clone();
            std::thread::spawn(move || talk(&members, number, &stream));
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

fn talk(members: &Members, number: usize, stream: &TcpStream) {
    let Ok(queue) = Queue::start(stream, true) else { return };
    lock(members).insert(number, queue.clone());
    for_each_line(stream, |line| {
        let text: Arc<[u8]> = said(number, line).into();
        let others: Vec<_> = {
            let members = lock(members);
            members.iter().filter(|(other, _)| **other != number).map(|(_, queue)| queue.clone()).collect()
        };
        others.iter().for_each(|queue| queue.push(&text));
    });
    lock(members).remove(&number);
    queue.end();
}
