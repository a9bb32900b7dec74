//! Very rarely, a user who has just connected is disconnected at once. It happens on busy days, when another user
//! leaves at the same moment.

use super::event_loop::{self, EventLoop, HEALTHY, Steps};
use std::io;
use std::net::TcpListener;

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    event_loop::serve(listener, Steps { next_number, ..HEALTHY })
}

/// The number of a new client. Events of the clients come with their numbers.
fn next_number(event_loop: &mut EventLoop) -> usize {
    let is_free = |number: &usize| !event_loop.clients.contains_key(number);
    (1..).find(is_free).unwrap_or_default()
}
