//! When very many clients are connected, one processor is at 100 %, and there is no error message.
//!
//! <details><summary>The cure</summary>
//!
//! When no descriptors are left, `accept` fails at once, and the connection stays in the queue, so the next call fails
//! just as fast. Sleep a little before trying again.
//!
//! </details>

use super::parts::{Members, Queue, for_each_line, lock, said};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    let members = Members::default();
    for (number, stream) in listener.incoming().enumerate() {
        let Ok(stream) = stream else { continue };
        let members = members.clone();
        std::thread::spawn(move || talk(&members, number, &stream));
    }
    Ok(())
}

fn talk(members: &Members, number: usize, stream: &TcpStream) {
    let Ok(queue) = Queue::start(stream, true) else { return };
    lock(members).insert(number, queue.clone());
    for_each_line(stream, |line| {
        let text: Arc<[u8]> = said(number, line).into();
        // Under the lock, so that all get the lines in the same order. A queue blocks for a moment at most.
        let members = lock(members);
        for (_, queue) in members.iter().filter(|(other, _)| **other != number) {
            queue.push(&text);
        }
    });
    lock(members).remove(&number);
    queue.end();
}
