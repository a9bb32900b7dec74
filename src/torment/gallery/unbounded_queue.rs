//! Nobody ever has to wait. But on some nights the server's memory grows by a gigabyte, and then the kernel kills it.
//!
//! <details><summary>The cure</summary>
//!
//! The queue of a client that does not read grows for ever. Give each queue a limit. When it is full, make the senders
//! wait, and disconnect a client that does not read.
//!
//! </details>

use super::parts::{Members, Queue, for_each_line, lock, said, thread_for_each};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    let members = Members::default();
    thread_for_each(&listener, move |number, stream| talk(&members, number, &stream))
}

fn talk(members: &Members, number: usize, stream: &TcpStream) {
    let Ok(queue) = Queue::start(stream, false) else { return };
    lock(members).insert(number, queue.clone());
    for_each_line(stream, |line| {
        let text: Arc<[u8]> = said(number, line).into();
        // Under the lock, so that all get the lines in the same order. A queue never blocks.
        let members = lock(members);
        for (_, queue) in members.iter().filter(|(other, _)| **other != number) {
            queue.push(&text);
        }
    });
    lock(members).remove(&number);
    queue.end();
}
