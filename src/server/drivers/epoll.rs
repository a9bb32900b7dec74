//! The epoll driver: one thread waits for every socket.
//!
//! The thread sleeps in one place, `EventLoop::wait`, and the kernel wakes it when *any* socket is ready. Then it does
//! what can be done without blocking, and sleeps again. A turn, in this order:
//!
//! wait → read each ready client once → flush each dirty member once → bury the dead → accept → show events on the
//! console
//!
//! The poll is edge-triggered: it reports once that a socket *became* readable. A socket that was not drained has to be
//! remembered, because the kernel does not report it again.

use super::hub::Hub;
use super::lingering::Lingering;
use super::net::{Events, Interest, Listeners, Metrics, Poll, Signals, TcpStream, Terminal, Token, is_readable, now};
use super::records::Records;
use super::{ACCEPT_RETRY, Service, WhenFull, listener};
use crate::chat::Peer;
use crate::chat::limits::READ_MAX;
use crate::chat::{Effect, Id, Reason, Transcript};
use crate::server::diagnostics;
use crate::server::figures;
use crate::server::service::ACCEPTS_MAX;
use crate::server::signals;
use crate::server::stopping::Stopping;
use slab::Slab;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

/// Readiness events taken from the kernel at a time; more stay there for the next turn.
const EVENTS_MAX: usize = 1024;

/// Serves until told to stop.
pub(crate) fn run(service: Service) -> io::Result<()> {
    let mut event_loop = EventLoop::new(service)?;
    let mut events = Events::with_capacity(EVENTS_MAX);
    while !event_loop.is_done() {
        event_loop.turn(&mut events)?;
    }
    event_loop.hang_up();
    event_loop.records.finish();
    Ok(())
}

/// What a token stands for.
enum Source {
    Listeners(Listeners),
    Signals(Box<Signals>),
    Terminal(Terminal),
    Metrics(Metrics),
    Client(Client),
    /// Closed on our side, and read from until its peer closes too: see [`Lingering`].
    Lingering(TcpStream),
}

struct Client {
    stream: TcpStream,
    id: Id,
    /// What the poll watches this client for now. It is re-registered only when that changes.
    interest: Interest,
    /// It is on the ready list.
    is_ready: bool,
    /// Read on after a short read. Either the peer has sent its FIN, and no further event will report the end-of-file;
    /// or it sent out-of-band data, and a read stops in front of that byte although more is there.
    reads_on: bool,
    /// The end-of-file or an error has been read. Reads after an error find an end-of-file that is none.
    ended: bool,
}

impl Client {
    fn new(stream: TcpStream, id: Id) -> Client {
        Client { stream, id, interest: READING, is_ready: false, reads_on: false, ended: false }
    }
}

struct EventLoop {
    poll: Poll,
    /// Everything that is waited for. The slab's key is the poll's token and the hub's key. Keys are reused.
    sources: Slab<Source>,
    hub: Hub,
    records: Records,
    transcript: Transcript,
    when_full: WhenFull,
    /// How long to poll without sleeping before the thread sleeps.
    spin: Duration,
    /// Clients that may have something to read: the poll reported them, and they are not drained yet.
    ready: VecDeque<usize>,
    /// Connections that failed while others were still to be served in this turn.
    dead: Vec<Id>,
    lingering: Lingering,
    /// Connections may be waiting to be accepted.
    backlog: bool,
    /// When to accept again, after accept failed for lack of resources.
    accept_at: Option<Instant>,
    stopping: Stopping,
    now: Instant,
    buffer: Box<[u8]>,
}

impl EventLoop {
    fn new(mut service: Service) -> io::Result<EventLoop> {
        let poll = Poll::new()?;
        let mut signals = Box::new(Signals::new()?);
        service.announce()?;
        let Service { listeners, hub, records, terminal, metrics, when_full, lingering_max, spin, .. } = service;
        let mut sources = Slab::new();

        let mut listeners = Listeners::new(listeners)?;
        let entry = sources.vacant_entry();
        poll.register(&mut listeners, Token(entry.key()), Interest::READABLE)?;
        entry.insert(Source::Listeners(listeners));

        let entry = sources.vacant_entry();
        poll.register(signals.as_mut(), Token(entry.key()), Interest::READABLE)?;
        entry.insert(Source::Signals(signals));

        if let Some(mut terminal) = terminal {
            let entry = sources.vacant_entry();
            poll.register(&mut terminal, Token(entry.key()), Interest::READABLE)?;
            entry.insert(Source::Terminal(terminal));
        }

        if let Some(mut metrics) = metrics {
            let entry = sources.vacant_entry();
            poll.register(&mut metrics, Token(entry.key()), Interest::READABLE)?;
            entry.insert(Source::Metrics(metrics));
        }

        Ok(EventLoop {
            poll,
            sources,
            hub,
            records,
            transcript: Transcript::default(),
            when_full,
            spin,
            ready: VecDeque::new(),
            dead: Vec::new(),
            lingering: Lingering::new(lingering_max),
            backlog: false,
            accept_at: None,
            stopping: Stopping::default(),
            now: now(),
            buffer: vec![0; READ_MAX].into(),
        })
    }

    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        self.wait(events)?;
        self.read_ready();
        self.flush_dirty();
        self.bury_dead();
        // Clients that are in the room come first.
        self.accept();
        self.show();
        Ok(())
    }

    // Wait.

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        match self.look_or_sleep(events) {
            Ok(()) => {}
            // A signal or a debugger interrupted the call. There are no events.
            Err(e) if e.kind() == ErrorKind::Interrupted => events.clear(),
            Err(e) => return Err(e),
        }
        self.now = now();
        self.hub.tick(self.now);
        for event in events.iter() {
            let key = event.token().0;
            match self.sources.get_mut(key) {
                Some(Source::Listeners(_)) => self.backlog = true,
                Some(Source::Signals(_)) => self.note_signals(key),
                Some(Source::Terminal(terminal)) => self.hub.operate(terminal.lines()),
                Some(Source::Metrics(metrics)) => metrics.serve(|| self.hub.metrics()),
                Some(Source::Client(client)) => {
                    client.reads_on |= event.is_read_closed() || event.is_error() || event.is_priority();
                    if event.is_writable() {
                        self.hub.writable(client.id);
                    }
                    if event.is_error() && !self.hub.interest(client.id).readable {
                        // This client may not be read from now, so no read returns the error.
                        self.dead.push(client.id);
                    } else if is_readable(event) {
                        make_ready(&mut self.ready, client, key);
                    }
                }
                Some(Source::Lingering(_)) => self.ready.push_back(key),
                None => {}
            }
        }
        while let Some(key) = self.lingering.pop_over(self.now) {
            self.sources.remove(key);
        }
        Ok(())
    }

    /// Sleeping and waking up costs more than a short wait. With `--spin` the thread polls without sleeping for a
    /// while, and sleeps when nothing has come by then.
    fn look_or_sleep(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = self.timeout();
        if !self.spin.is_zero() {
            let until = now() + timeout.map_or(self.spin, |timeout| timeout.min(self.spin));
            while now() < until {
                self.poll.poll(events, Some(Duration::ZERO))?;
                if !events.is_empty() {
                    return Ok(());
                }
            }
        }
        self.poll.poll(events, timeout)
    }

    /// How long the poll may sleep: not at all while there is work that no event will report.
    fn timeout(&self) -> Option<Duration> {
        if !self.ready.is_empty() || (self.accept_at.is_none() && self.can_accept()) {
            return Some(Duration::ZERO);
        }
        let deadlines = [
            self.hub.next_deadline(),
            self.records.deadline(),
            self.lingering.deadline(),
            self.accept_at,
            self.stopping.deadline(),
        ];
        let next = deadlines.into_iter().flatten().min()?;
        Some(next.saturating_duration_since(now()))
    }

    fn note_signals(&mut self, key: usize) {
        let Some(Source::Signals(signals)) = self.sources.get_mut(key) else { return };
        let (reopen, print) = (|| self.records.reopen(), || figures::print(&self.hub.table()));
        if self.stopping.obey(signals.pending(), self.now, reopen, print) {
            self.hub.close_room();
            self.sources.retain(|_, source| !matches!(source, Source::Listeners(_)));
            self.backlog = false;
            self.accept_at = None;
        }
    }

    fn is_done(&self) -> bool {
        self.stopping.is_over(self.now, || self.hub.is_deserted())
    }

    // Read.

    /// Reads once from each ready client, a bounded number of bytes: a client that sends much does not delay the
    /// others. One read each and then one write each is 10 x faster than writes after each read.
    fn read_ready(&mut self) {
        for _ in 0..self.ready.len() {
            if !self.hub.turn_has_room() {
                break;
            }
            let Some(key) = self.ready.pop_front() else { break };
            match self.sources.get_mut(key) {
                Some(Source::Client(_)) => self.read(key),
                Some(Source::Lingering(stream)) => match stream.read(&mut self.buffer) {
                    Ok(1..) => self.ready.push_back(key),
                    Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                    Err(e) if e.kind() == ErrorKind::Interrupted => self.ready.push_back(key),
                    Ok(0) | Err(_) => {
                        self.lingering.remove(key);
                        self.sources.remove(key);
                    }
                },
                _ => {}
            }
        }
    }

    fn read(&mut self, key: usize) {
        let Some(Source::Client(client)) = self.sources.get_mut(key) else { return };
        client.is_ready = false;
        if client.ended {
            return;
        }
        // `Effect::Resume` makes it ready again.
        let Some(permit) = self.hub.permit(client.id) else { return };
        let buffer = &mut self.buffer[..permit.read_max()];
        match client.stream.read(buffer) {
            Ok(0) => {
                client.ended = true;
                self.hub.receive_end(client.id);
            }
            Ok(n) => {
                permit.receive(&buffer[..n]);
                // On Linux a short read means that the socket is empty, and later bytes make a new edge. That saves a
                // read that would only return `WouldBlock`. On other systems mio requires to read on.
                let drained = cfg!(target_os = "linux") && n < buffer.len() && !client.reads_on;
                if !drained {
                    make_ready(&mut self.ready, client, key);
                }
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => make_ready(&mut self.ready, client, key),
            Err(e) => {
                log::debug!("{}: read: {e}", client.id);
                client.ended = true;
                self.dead.push(client.id);
            }
        }
    }

    // Flush.

    fn flush_dirty(&mut self) {
        while let Some(effect) = self.hub.poll_effect() {
            match effect {
                Effect::Flush(id) => self.flush(id),
                Effect::Close(id, _) => self.close(id),
                Effect::Stop => signals::tell_to_stop(),
                Effect::Dial(addr) => self.dial(addr),
                Effect::Resume(id) => {
                    // It may have sent while it was paused, and the edge for that is past.
                    if let Some(Source::Client(client)) = self.sources.get_mut(id.key()) {
                        make_ready(&mut self.ready, client, id.key());
                    }
                }
            }
        }
        self.hub.end_turn();
    }

    /// One gathered write: what is left from earlier turns, and this turn's lines without the client's own.
    fn flush(&mut self, id: Id) {
        let Some(Source::Client(client)) = self.sources.get_mut(id.key()) else { return };
        let taken = loop {
            match client.stream.write_vectored(&self.hub.gather(id)) {
                Ok(n) => break n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break 0,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    log::debug!("{id}: write: {e}");
                    self.dead.push(id);
                    break 0;
                }
            }
        };
        let interest = interest_of(self.hub.wrote(id, taken));
        if client.interest != interest {
            client.interest = interest;
            // This also re-arms the edge: a socket that is already writable is reported.
            if let Err(e) = self.poll.reregister(&mut client.stream, Token(id.key()), interest) {
                log::warn!("{}", diagnostics::not_watched(id, &e));
                self.dead.push(id);
            }
        }
    }

    // Bury the dead.

    /// Failed connections are removed here and not where they failed, so that no departure is announced in the middle
    /// of a fan-out.
    fn bury_dead(&mut self) {
        while let Some(id) = self.dead.pop() {
            if matches!(self.sources.get(id.key()), Some(Source::Client(client)) if client.id == id) {
                self.hub.disconnect(id, Reason::Lost);
                self.sources.remove(id.key());
            }
        }
    }

    /// Closes a connection whose last bytes are written. Its socket lingers until the peer closes too.
    fn close(&mut self, id: Id) {
        let Some(Source::Client(client)) = self.sources.get_mut(id.key()) else { return };
        debug_assert_eq!(client.id, id, "a key is taken again after all that concerns the one before");
        let _ = client.stream.shutdown(Shutdown::Write);
        let ended = client.ended;
        if let Source::Client(client) = self.sources.remove(id.key())
            && !ended
        {
            // The slab reuses the key that was freed last, so the key stays the same.
            let key = self.sources.insert(Source::Lingering(client.stream));
            debug_assert_eq!(key, id.key());
            self.linger(key);
        }
    }

    fn linger(&mut self, key: usize) {
        self.ready.push_back(key);
        if let Some(oldest) = self.lingering.push(key, self.now) {
            self.sources.remove(oldest);
        }
    }

    // Accept.

    fn can_accept(&self) -> bool {
        self.backlog && (self.hub.has_seat() || self.when_full == WhenFull::Refuse)
    }

    /// Accepts until the queue is empty: one edge may stand for many connections.
    fn accept(&mut self) {
        if self.accept_at.is_some_and(|at| self.now < at) {
            return;
        }
        for _ in 0..ACCEPTS_MAX {
            if !self.can_accept() {
                return;
            }
            let Some(Source::Listeners(listeners)) = self.sources.get_mut(LISTENERS) else { return };
            match listeners.accept() {
                Ok((stream, peer)) => {
                    self.accept_at = None;
                    self.admit(stream, peer);
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.accept_at = None;
                    self.backlog = false;
                }
                Err(e) if listener::is_one_connections(&e) => log::debug!("accept: {e}"),
                Err(e) => {
                    // Most likely no descriptors are left. The connections in the queue have made their edge and make
                    // no other, so accept is tried again by time until the queue is empty.
                    if self.accept_at.is_none() {
                        log::warn!("{}", diagnostics::cannot_accept(&e));
                    }
                    self.accept_at = Some(self.now + ACCEPT_RETRY);
                    return;
                }
            }
        }
    }

    fn admit(&mut self, mut stream: TcpStream, peer: Peer) {
        listener::prepare(&stream, peer, self.hub.limits());
        let entry = self.sources.vacant_entry();
        let key = entry.key();
        if let Err(e) = self.poll.register(&mut stream, Token(key), READING) {
            log::warn!("{}", diagnostics::not_watched(peer, &e));
            return;
        }
        if let Some(id) = self.hub.connect(key, peer) {
            entry.insert(Source::Client(Client::new(stream, id)));
        } else {
            // A new socket's buffer is empty: these few bytes fit.
            let _ = stream.write(&self.hub.refuse(peer));
            let _ = stream.shutdown(Shutdown::Write);
            entry.insert(Source::Lingering(stream));
            self.linger(key);
        }
    }

    // Dial.

    /// The connections to the log of a room on several servers are served as those of clients are.
    fn dial(&mut self, addr: SocketAddr) {
        let entry = self.sources.vacant_entry();
        let key = entry.key();
        let dialled = TcpStream::dial(addr).and_then(|mut stream| {
            self.poll.register(&mut stream, Token(key), READING)?;
            Ok(stream)
        });
        match dialled {
            Ok(stream) => {
                if let Some(id) = self.hub.dialled(key) {
                    entry.insert(Source::Client(Client::new(stream, id)));
                }
            }
            Err(e) => {
                log::debug!("{addr}: {e}");
                self.hub.not_dialled();
            }
        }
    }

    /// Closes all sockets. What the lingering clients have sent is read before, so that closing sends no RST.
    fn hang_up(&mut self) {
        for (_, source) in self.sources.iter_mut() {
            if let Source::Lingering(stream) = source {
                while stream.read(&mut self.buffer).is_err_and(|e| e.kind() == ErrorKind::Interrupted) {}
            }
        }
        self.sources.clear();
    }

    // Show.

    fn show(&mut self) {
        if self.records.are_kept() {
            self.hub.take_transcript(&mut self.transcript);
            self.records.note(&mut self.transcript, self.now);
            self.records.flush(self.now);
        }
    }
}

/// The slab's first key.
const LISTENERS: usize = 0;

/// What to watch a client for. Derived from the hub's state each time.
fn interest_of(is_blocked: bool) -> Interest {
    if is_blocked { READING | Interest::WRITABLE } else { READING }
}

/// Readable, and on Linux also out-of-band data.
#[cfg(any(target_os = "linux", target_os = "android"))]
const READING: Interest = Interest::READABLE.add(Interest::PRIORITY);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const READING: Interest = Interest::READABLE;

fn make_ready(ready: &mut VecDeque<usize>, client: &mut Client, key: usize) {
    if !client.is_ready {
        client.is_ready = true;
        ready.push_back(key);
    }
}
