//! Everybody sees their own lines twice: as they type them, and as they come back.
//!
//! <details><summary>The cure</summary>
//!
//! Leave out the sender when you send a line to the clients.
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
    let Ok(queue) = Queue::start(stream, true) else { return };
    lock(members).insert(number, queue.clone());
    for_each_line(stream, |line| {
        let text: Arc<[u8]> = said(number, line).into();
        // Under the lock, so that all get the lines in the same order. A queue blocks for a moment at most.
        let members = lock(members);
        for queue in members.values() {
            queue.push(&text);
        }
    });
    lock(members).remove(&number);
    queue.end();
}
