//! A chat server without mistakes, with two threads for each client: one reads, and one writes. An exhibit replaces one of
//! its steps.

use super::parts::{Lines, Queue, said};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What the server does.
#[derive(Clone, Copy)]
pub(crate) struct Steps {
    pub(crate) accept: fn(&TcpListener, &mut dyn FnMut(TcpStream)),
    pub(crate) read: fn(&TcpStream, Say<'_>),
    pub(crate) relay: fn(&Members, usize, &[u8]),
}

pub(crate) const HEALTHY: Steps = Steps { accept, read, relay };

/// Accepts a client.
fn accept(listener: &TcpListener, let_in: &mut dyn FnMut(TcpStream)) {
    match listener.accept() {
        Ok((stream, _)) => let_in(stream),
        // The next accept would fail at once, too.
        Err(_) => thread::sleep(Duration::from_millis(50)),
    }
}

/// Calls `say` with each line of a client, until the client is gone.
fn read(mut stream: &TcpStream, say: Say<'_>) {
    let (mut lines, mut buffer) = (Lines::default(), [0; 4096]);
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        for line in lines.push(&buffer[..n]) {
            say(&line);
        }
        if lines.is_too_long() {
            break;
        }
    }
}

/// Sends what a client has said to all others.
fn relay(members: &Members, number: usize, text: &[u8]) {
    let text: Arc<[u8]> = text.into();
    let members = lock(members);
    let others = members.iter().filter(|(other, _)| **other != number);
    let queues: Vec<Arc<Queue>> = others.map(|(_, queue)| queue.clone()).collect();
    // Under the lock, so that all get the texts in the same order.
    queues.iter().for_each(|queue| queue.push(number, &text));
    drop(members);
    queues.iter().for_each(|queue| queue.wait_for_room(number));
}

/// What is called with a line.
pub(crate) type Say<'a> = &'a mut dyn FnMut(&[u8]);

/// The clients by number.
pub(crate) type Members = Arc<Mutex<BTreeMap<usize, Arc<Queue>>>>;

pub(crate) fn lock(members: &Members) -> MutexGuard<'_, BTreeMap<usize, Arc<Queue>>> {
    members.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves for ever.
pub(crate) fn serve(listener: TcpListener, steps: Steps) -> io::Result<()> {
    let (members, mut last) = (Members::default(), 0);
    loop {
        (steps.accept)(&listener, &mut |stream| {
            last += 1;
            let (members, number) = (members.clone(), last);
            // If there can be no more threads, the client is disconnected.
            let _ = thread::Builder::new().spawn(move || talk(&members, number, &stream, steps));
        });
    }
}

/// Serves one client.
fn talk(members: &Members, number: usize, stream: &TcpStream, steps: Steps) {
    let Ok(queue) = Queue::start(stream) else { return };
    lock(members).insert(number, queue.clone());
    (steps.read)(stream, &mut |line| (steps.relay)(members, number, &said(number, line)));
    lock(members).remove(&number);
    queue.end();
}
