//! Everybody sees his own lines twice: as typed, and as they come back.
//!
//! <details><summary>The cure</summary>
//!
//! Leave out the sender when a line is handed round.
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
    let Ok(queue) = Queue::start(stream, true) else { return };
    room.lock().unwrap_or_else(PoisonError::into_inner).insert(number, queue.clone());
    for_each_line(stream, |line| {
        let text: Arc<[u8]> = said(number, line).into();
        // All hear it in the same order: under the lock. A queue waits for a moment at most.
        let room = room.lock().unwrap_or_else(PoisonError::into_inner);
        for queue in room.values() {
            queue.push(&text);
        }
    });
    room.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    queue.end();
}
