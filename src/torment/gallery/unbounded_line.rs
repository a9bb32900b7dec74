//! The server runs out of memory, and the log shows nothing: nobody has sent a line.
//!
//! <details><summary>The cure</summary>
//!
//! `read_until` collects bytes until a line end arrives, and a client may never send one. Set a longest line
//! (`Read::take` helps), and close a client that exceeds it.
//!
//! </details>

use super::parts::{Members, Queue, lock, said, thread_for_each};
use std::io::{self, BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    let members = Members::default();
    thread_for_each(&listener, move |number, stream| talk(&members, number, &stream))
}

fn talk(members: &Members, number: usize, stream: &TcpStream) {
    let Ok(queue) = Queue::start(stream, true) else { return };
    lock(members).insert(number, queue.clone());
    let (mut reader, mut line) = (BufReader::new(stream), Vec::new());
    while let Ok(1..) = reader.read_until(b'\n', &mut line) {
        let text: Arc<[u8]> = said(number, &line).into();
        // Under the lock, so that all get the lines in the same order. A queue blocks for a moment at most.
        let members = lock(members);
        for (_, queue) in members.iter().filter(|(other, _)| **other != number) {
            queue.push(&text);
        }
        line.clear();
    }
    lock(members).remove(&number);
    queue.end();
}
