//! Nobody is ever kept waiting. But on some nights the server's memory grows by a gigabyte, and then the kernel ends
//! it.
//!
//! <details><summary>The cure</summary>
//!
//! The queue of one who does not read grows for ever. Give each queue a limit; past it, hold back who adds to it, and
//! disconnect who does not read.
//!
//! </details>

use super::parts::{Queue, for_each_line, said, thread_for_each};
use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

type Room = Arc<Mutex<BTreeMap<usize, Arc<Queue>>>>;

pub fn serve(listener: TcpListener) -> io::Result<()> {
    let room = Room::default();
    thread_for_each(&listener, move |number, stream| talk(&room, number, &stream))
}

fn talk(room: &Room, number: usize, stream: &TcpStream) {
    let Ok(queue) = Queue::start(stream, false) else { return };
    room.lock().unwrap_or_else(PoisonError::into_inner).insert(number, queue.clone());
    for_each_line(stream, |line| {
        let text: Arc<[u8]> = said(number, line).into();
        // All hear it in the same order: under the lock. A queue keeps nobody waiting.
        let room = room.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, queue) in room.iter().filter(|(other, _)| **other != number) {
            queue.push(&text);
        }
    });
    room.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    queue.end();
}
