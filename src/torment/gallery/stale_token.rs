//! Very rarely, a user who has just connected is disconnected at once. It happens on busy days, when another user
//! leaves at the same moment.
//!
//! <details><summary>The cure</summary>
//!
//! A key of the slab is used again while events for its former owner may still be in the batch. Remove and accept
//! clients only after the batch, or give each client a number that is never used again.
//!
//! </details>

use super::event_loop::LoopClient;
use super::parts::{Lines, Outbox, said};
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;

const LISTENER: Token = Token(usize::MAX);

pub(crate) fn serve(listener: std::net::TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(64));
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut clients: Slab<LoopClient> = Slab::new();
    let mut accept_again = false;
    loop {
        match poll.poll(&mut events, accept_again.then_some(Duration::from_millis(50))) {
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            let key = event.token().0;
            let mut dead = Vec::new();
            if event.is_readable() && !read(&mut clients, key, &mut dead) || event.is_read_closed() {
                dead.push(key);
            }
            if let Some(client) = clients.get_mut(key)
                && !client.outbox.flush(&mut client.stream)
            {
                dead.push(key);
            }
            dead.iter().for_each(|key| drop(clients.try_remove(*key)));
            if event.token() == LISTENER {
                accept_again = accept(&listener, &poll, &mut clients)?;
            }
        }
        if accept_again {
            accept_again = accept(&listener, &poll, &mut clients)?;
        }
    }
}

/// Accepts until no client waits. Returns whether to try again later.
fn accept(listener: &TcpListener, poll: &Poll, clients: &mut Slab<LoopClient>) -> io::Result<bool> {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                let entry = clients.vacant_entry();
                let token = Token(entry.key());
                poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
                entry.insert(LoopClient { stream, lines: Lines::default(), outbox: Outbox::default() });
            }
            Err(e) => return Ok(e.kind() != ErrorKind::WouldBlock),
        }
    }
}

/// Reads until nothing is left, and sends each line to all others. Returns `false` if the client is gone.
fn read(clients: &mut Slab<LoopClient>, key: usize, dead: &mut Vec<usize>) -> bool {
    let mut buffer = [0; 4096];
    while let Some(client) = clients.get_mut(key) {
        match client.stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(n) => client.lines.push(&buffer[..n]),
            Err(e) if e.kind() == ErrorKind::WouldBlock => return true,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
        while let Some(line) = clients.get_mut(key).and_then(|client| client.lines.take_line()) {
            let text = said(key, &line);
            for (other, client) in clients.iter_mut().filter(|(other, _)| *other != key) {
                client.outbox.push(&text);
                if !client.outbox.flush(&mut client.stream) {
                    dead.push(other);
                }
            }
        }
        if clients.get(key).is_some_and(|client| client.lines.is_too_long()) {
            return false;
        }
    }
    true
}
