//! A chat server without mistakes, in one thread, with mio's edge-triggered poll. An exhibit replaces one of its steps.

use super::parts::{Lines, Log, Outbox, said};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;

const LISTENER: Token = Token(0);
/// How often a client is read from in a turn.
pub(crate) const READS_MAX: usize = 8;
/// A client that has caused more to be sent waits for those that read slowly. Bytes.
const CAUSED_MAX: usize = 64 << 10;
const HELP: &[u8] =
    b"* Write a line and everybody reads it. /msg NAME TEXT is read by NAME only, /help is this text.\n";

/// What the server does. An `Err` ends the server.
pub(crate) struct Steps {
    pub(crate) accept: fn(&mut EventLoop) -> bool,
    pub(crate) next_number: fn(&mut EventLoop) -> usize,
    pub(crate) may_be_read: fn(&Clients, usize) -> bool,
    pub(crate) read: fn(&mut EventLoop, usize) -> io::Result<bool>,
    pub(crate) receive: fn(&mut EventLoop, usize, &[u8]) -> io::Result<()>,
    pub(crate) relay: fn(&mut EventLoop, usize, &[u8]) -> io::Result<()>,
    pub(crate) send: fn(&mut Client, &[u8]) -> io::Result<()>,
}

pub(crate) const HEALTHY: Steps = Steps { accept, next_number, may_be_read, read, receive, relay, send };

/// Accepts the clients that wait. Returns whether to try again later.
fn accept(event_loop: &mut EventLoop) -> bool {
    loop {
        match event_loop.listener.accept() {
            Ok((stream, _)) => event_loop.let_in(stream),
            Err(e) => return e.kind() != ErrorKind::WouldBlock,
        }
    }
}

/// The number of a new client. Events of the clients come with their numbers.
fn next_number(event_loop: &mut EventLoop) -> usize {
    event_loop.last += 1;
    event_loop.last
}

/// Whether to read from this client now.
fn may_be_read(clients: &Clients, number: usize) -> bool {
    let all_read = clients.values().all(|client| !client.outbox.is_long());
    all_read || clients.get(&number).is_some_and(|client| client.caused < CAUSED_MAX)
}

/// Reads from a client. Returns whether it may have sent more.
fn read(event_loop: &mut EventLoop, number: usize) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    for _ in 0..READS_MAX {
        let Some(client) = event_loop.clients.get_mut(&number) else { return Ok(false) };
        match client.stream.read(&mut buffer) {
            Ok(n @ 1..) => event_loop.receive(number, &buffer[..n])?,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => {
                client.is_gone = true;
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Handles bytes that a client has sent.
fn receive(event_loop: &mut EventLoop, number: usize, bytes: &[u8]) -> io::Result<()> {
    let Some(client) = event_loop.clients.get_mut(&number) else { return Ok(()) };
    let lines = client.lines.push(bytes);
    client.is_gone |= client.lines.is_too_long();
    for line in lines {
        event_loop.handle(number, &line)?;
    }
    Ok(())
}

/// Sends what a client has said to all others, and prints it.
fn relay(event_loop: &mut EventLoop, number: usize, text: &[u8]) -> io::Result<()> {
    event_loop.log.print(text);
    event_loop.send_to_others(number, text)
}

/// Sends a text to a client.
fn send(client: &mut Client, text: &[u8]) -> io::Result<()> {
    // The loop writes what the socket takes.
    client.outbox.push(text);
    Ok(())
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) lines: Lines,
    pub(crate) outbox: Outbox,
    pub(crate) is_gone: bool,
    /// What was sent because of it since an outbox became long. Bytes.
    caused: usize,
    /// There may be something to read. It is remembered because mio reports it once.
    is_ready: bool,
}

/// The clients by number.
pub(crate) type Clients = BTreeMap<usize, Client>;

pub(crate) struct EventLoop {
    steps: Steps,
    poll: Poll,
    pub(crate) listener: TcpListener,
    accept_again: bool,
    pub(crate) clients: Clients,
    /// The number that was given last.
    last: usize,
    pub(crate) log: Log,
}

/// Serves until the poll or a step fails.
pub(crate) fn serve(listener: std::net::TcpListener, steps: Steps) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (clients, log) = (Clients::new(), Log::start());
    let mut event_loop = EventLoop { steps, poll, listener, accept_again: false, clients, last: 0, log };
    let mut events = Events::with_capacity(64);
    loop {
        event_loop.turn(&mut events)?;
    }
}

impl EventLoop {
    /// Waits for events, and serves the clients.
    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        match self.poll.poll(events, self.timeout()) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            other => other?,
        }
        if self.clients.values().all(|client| !client.outbox.is_long()) {
            self.clients.values_mut().for_each(|client| client.caused = 0);
        }
        // Those that were not read to the end.
        for number in self.clients.keys().copied().collect::<Vec<_>>() {
            self.read(number)?;
        }
        for event in events.iter() {
            let number = event.token().0;
            if let Some(client) = self.clients.get_mut(&number) {
                client.is_ready |= event.is_readable();
                self.read(number)?;
            }
            if let Some(client) = self.clients.get_mut(&number) {
                client.is_gone |= event.is_error();
            }
            self.flush();
            if event.token() == LISTENER {
                self.accept_again = (self.steps.accept)(self);
            }
        }
        if self.accept_again {
            self.accept_again = (self.steps.accept)(self);
        }
        Ok(())
    }

    /// How long to wait at most.
    fn timeout(&self) -> Option<Duration> {
        let is_due = |(number, client): (&usize, &Client)| client.is_ready && self.may_be_read(*number);
        if self.clients.iter().any(is_due) {
            return Some(Duration::ZERO);
        }
        let looks_again = self.accept_again || self.clients.values().any(|client| client.outbox.is_long());
        looks_again.then_some(Duration::from_millis(50))
    }

    fn may_be_read(&self, number: usize) -> bool {
        (self.steps.may_be_read)(&self.clients, number)
    }

    fn read(&mut self, number: usize) -> io::Result<()> {
        if self.clients.get(&number).is_some_and(|client| client.is_ready) && self.may_be_read(number) {
            let is_ready = (self.steps.read)(self, number)?;
            self.clients.entry(number).and_modify(|client| client.is_ready = is_ready);
        }
        Ok(())
    }

    pub(crate) fn receive(&mut self, number: usize, bytes: &[u8]) -> io::Result<()> {
        (self.steps.receive)(self, number, bytes)?;
        self.flush();
        Ok(())
    }

    /// Handles a client's line: a command, or what all others are to read.
    pub(crate) fn handle(&mut self, number: usize, line: &[u8]) -> io::Result<()> {
        let (to, text) = match private(line) {
            _ if line.trim_ascii() == b"/help" => (Some(number), HELP.to_vec()),
            Some((to, line)) => (Some(to), said(number, line)),
            None => (None, said(number, line)),
        };
        self.clients.entry(number).and_modify(|client| client.caused += text.len());
        match to {
            Some(to) => self.clients.get_mut(&to).map_or(Ok(()), |client| (self.steps.send)(client, &text)),
            None => (self.steps.relay)(self, number, &text),
        }
    }

    pub(crate) fn send_to_others(&mut self, number: usize, text: &[u8]) -> io::Result<()> {
        let mut others = self.clients.iter_mut().filter(|(other, _)| **other != number);
        others.try_for_each(|(_, client)| (self.steps.send)(client, text))
    }

    /// Writes what the sockets take, and removes the clients that are gone.
    fn flush(&mut self) {
        self.clients.retain(|_, client| client.outbox.flush(&mut client.stream) && !client.is_gone);
    }

    pub(crate) fn let_in(&mut self, mut stream: TcpStream) {
        let number = (self.steps.next_number)(self);
        let interests = Interest::READABLE | Interest::WRITABLE;
        if self.poll.registry().register(&mut stream, Token(number), interests).is_ok() {
            let (lines, outbox) = (Lines::default(), Outbox::default());
            self.clients.insert(number, Client { stream, lines, outbox, is_gone: false, caused: 0, is_ready: false });
        }
    }
}

/// The receiver and the text of `/msg guest7 TEXT`.
fn private(line: &[u8]) -> Option<(usize, &[u8])> {
    let rest = line.strip_prefix(b"/msg guest")?;
    let space = rest.iter().position(|b| *b == b' ')?;
    let to = std::str::from_utf8(&rest[..space]).ok()?.parse().ok()?;
    Some((to, &rest[space + 1..]))
}
