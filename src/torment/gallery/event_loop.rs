//! An event loop without mistakes, for the exhibits whose mistake is elsewhere.

use super::parts::{Lines, Outbox, said};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;

const LISTENER: Token = Token(0);

pub(crate) struct LoopClient {
    pub stream: TcpStream,
    pub lines: Lines,
    pub outbox: Outbox,
}

/// The clients by number. A number is never used again.
pub(crate) type LoopClients = BTreeMap<usize, LoopClient>;

/// Reads from the client with this number and sends its lines to the others. Adds clients that cannot be written to to
/// the list. Returns `false` if the client is gone.
pub(crate) type ReadFn = fn(&mut LoopClients, usize, &mut Vec<usize>) -> io::Result<bool>;

pub(crate) struct EventLoop {
    poll: Poll,
    events: Events,
    listener: TcpListener,
    clients: LoopClients,
    last: usize,
}

/// Serves until the poll fails, or `read` does.
pub(crate) fn serve(listener: std::net::TcpListener, read: ReadFn) -> io::Result<()> {
    let mut event_loop = EventLoop::new(listener)?;
    let mut accept_again = false;
    loop {
        event_loop.turn(accept_again, read)?;
        accept_again = loop {
            if let Err(e) = event_loop.accept() {
                break e.kind() != ErrorKind::WouldBlock;
            }
        };
    }
}

impl EventLoop {
    pub(crate) fn new(listener: std::net::TcpListener) -> io::Result<EventLoop> {
        listener.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(listener);
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(EventLoop { poll, events: Events::with_capacity(64), listener, clients: LoopClients::new(), last: 0 })
    }

    /// Waits, serves the ready clients, and removes those that are gone. Returns whether the listener is ready.
    pub(crate) fn turn(&mut self, accept_again: bool, read: ReadFn) -> io::Result<bool> {
        match self.poll.poll(&mut self.events, accept_again.then_some(Duration::from_millis(50))) {
            Err(e) if e.kind() == ErrorKind::Interrupted => return Ok(false),
            other => other?,
        }
        let mut dead = Vec::new();
        for event in &self.events {
            let number = event.token().0;
            if event.is_readable() && !read(&mut self.clients, number, &mut dead)? {
                dead.push(number);
            }
            if let Some(client) = self.clients.get_mut(&number)
                && !client.outbox.flush(&mut client.stream)
            {
                dead.push(number);
            }
        }
        dead.iter().for_each(|number| drop(self.clients.remove(number)));
        Ok(self.events.iter().any(|event| event.token() == LISTENER))
    }

    /// Accepts one client.
    pub(crate) fn accept(&mut self) -> io::Result<()> {
        let (mut stream, _) = self.listener.accept()?;
        self.last += 1;
        self.poll.registry().register(&mut stream, Token(self.last), Interest::READABLE | Interest::WRITABLE)?;
        let client = LoopClient { stream, lines: Lines::default(), outbox: Outbox::default() };
        self.clients.insert(self.last, client);
        Ok(())
    }
}

/// Reads until nothing is left, and sends each line to all others. Returns `false` if the client is gone.
pub(crate) fn read(clients: &mut LoopClients, number: usize, dead: &mut Vec<usize>) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    while let Some(client) = clients.get_mut(&number) {
        match client.stream.read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(n) => client.lines.push(&buffer[..n]),
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Ok(false),
        }
        while let Some(line) = clients.get_mut(&number).and_then(|client| client.lines.take_line()) {
            say_to_others(clients, number, &said(number, &line), dead);
        }
        if clients.get(&number).is_some_and(|client| client.lines.is_too_long()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Queues a text for all others and writes what their sockets take. Clients on the list `dead` get no more, so that no
/// outbox grows while one client is read for long.
pub(crate) fn say_to_others(clients: &mut LoopClients, number: usize, text: &[u8], dead: &mut Vec<usize>) {
    for (&other, client) in clients.iter_mut().filter(|(other, _)| **other != number) {
        if dead.contains(&other) {
            continue;
        }
        client.outbox.push(text);
        if !client.outbox.flush(&mut client.stream) {
            dead.push(other);
        }
    }
}
