//! The server ends for want of memory, and the log shows nothing: nobody had said a word.
//!
//! <details><summary>The cure</summary>
//!
//! `read_until` collects bytes until the line's end comes, and somebody never sends it. Set a longest line
//! (`Read::take` helps), and close who exceeds it.
//!
//! </details>

use super::parts::{Queue, said, thread_for_each};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

type Room = Arc<Mutex<BTreeMap<usize, Arc<Queue>>>>;

pub fn serve(listener: TcpListener) -> io::Result<()> {
    let room = Room::default();
    thread_for_each(&listener, move |number, stream| talk(&room, number, &stream))
}

fn talk(room: &Room, number: usize, stream: &TcpStream) {
    let Ok(queue) = Queue::start(stream, true) else { return };
    room.lock().unwrap_or_else(PoisonError::into_inner).insert(number, queue.clone());
    let (mut reader, mut line) = (BufReader::new(stream), Vec::new());
    while let Ok(1..) = reader.read_until(b'\n', &mut line) {
        let text: Arc<[u8]> = said(number, &line).into();
        // All hear it in the same order: under the lock. A queue waits for a moment at most.
        let room = room.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, queue) in room.iter().filter(|(other, _)| **other != number) {
            queue.push(&text);
        }
        line.clear();
    }
    room.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    queue.end();
}
