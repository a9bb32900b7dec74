//! Two people talk at once. But when a class of thirty joins, the last one waits for half a minute.
//!
//! <details><summary>The cure</summary>
//!
//! The loop that accepts sleeps between one connection and the next, to be kind to the processor. accept waits for a
//! connection anyway, and that costs nothing: take the sleep out.
//!
//! </details>

use super::parts::{Queue, for_each_line, said};
use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

type Room = Arc<Mutex<BTreeMap<usize, Arc<Queue>>>>;

pub fn serve(listener: TcpListener) -> io::Result<()> {
    let room = Room::default();
    for number in 1.. {
        if let Ok((stream, _)) = listener.accept() {
            let room = room.clone();
            std::thread::spawn(move || talk(&room, number, &stream));
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

fn talk(room: &Room, number: usize, stream: &TcpStream) {
    let Ok(queue) = Queue::start(stream, true) else { return };
    room.lock().unwrap_or_else(PoisonError::into_inner).insert(number, queue.clone());
    for_each_line(stream, |line| {
        let text: Arc<[u8]> = said(number, line).into();
        let others: Vec<_> = {
            let room = room.lock().unwrap_or_else(PoisonError::into_inner);
            room.iter().filter(|(other, _)| **other != number).map(|(_, queue)| queue.clone()).collect()
        };
        others.iter().for_each(|queue| queue.push(&text));
    });
    room.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    queue.end();
}
