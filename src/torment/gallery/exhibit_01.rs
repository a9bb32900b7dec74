//! Everybody sees their own lines twice: as they type them, and as they come back.

use super::parts::Queue;
use super::threads::{self, HEALTHY, Members, Steps, lock};
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    threads::serve(listener, Steps { relay, ..HEALTHY })
}

/// Sends what a client has said to all others.
fn relay(members: &Members, number: usize, text: &[u8]) {
    let text: Arc<[u8]> = text.into();
    let members = lock(members);
    let queues: Vec<Arc<Queue>> = members.values().cloned().collect();
    // Under the lock, so that all get the texts in the same order.
    queues.iter().for_each(|queue| queue.push(number, &text));
    drop(members);
    queues.iter().for_each(|queue| queue.wait_for_room(number));
}
