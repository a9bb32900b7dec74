//! When very many are there, one processor is at 100 %, and the fan is all that one hears of it.
//!
//! <details><summary>The cure</summary>
//!
//! Without descriptors `accept` fails at once, and the connection stays in the queue: the next call fails just as fast.
//! Sleep a little before trying again.
//!
//! </details>

use super::parts::{Queue, for_each_line, said};
use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

type Room = Arc<Mutex<BTreeMap<usize, Arc<Queue>>>>;

pub fn serve(listener: TcpListener) -> io::Result<()> {
    let room = Room::default();
    for (number, stream) in listener.incoming().enumerate() {
        let Ok(stream) = stream else { continue };
        let room = room.clone();
        std::thread::spawn(move || talk(&room, number, &stream));
    }
    Ok(())
}

fn talk(room: &Room, number: usize, stream: &TcpStream) {
    let Ok(queue) = Queue::start(stream, true) else { return };
    room.lock().unwrap_or_else(PoisonError::into_inner).insert(number, queue.clone());
    for_each_line(stream, |line| {
        let text: Arc<[u8]> = said(number, line).into();
        // All hear it in the same order: under the lock. A queue waits for a moment at most.
        let room = room.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, queue) in room.iter().filter(|(other, _)| **other != number) {
            queue.push(&text);
        }
    });
    room.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    queue.end();
}
