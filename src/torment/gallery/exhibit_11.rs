//! Nobody ever has to wait. But on some nights the server's memory grows by a gigabyte, and then the kernel kills it.

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
    let others = members.iter().filter(|(other, _)| **other != number);
    let queues: Vec<Arc<Queue>> = others.map(|(_, queue)| queue.clone()).collect();
    // Under the lock, so that all get the texts in the same order.
    queues.iter().for_each(|queue| queue.push(number, &text));
}
