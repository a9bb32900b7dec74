//! The poll driver: one thread asks about every socket, each time.
//!
//! The thread sleeps in one place, `PollLoop::wait`. It hands the kernel a list of all sockets, and the kernel wakes it
//! when *any* of them is ready. Then it does what can be done without blocking, and asks again. A turn, in this order:
//!
//! wait → read each ready client once → flush each dirty member once → bury the dead → accept → show events on the
//! console
//!
//! poll(2) is level-triggered: it reports that a socket *is* readable, each time it is called. Nothing has to be
//! remembered: a socket that was not drained is reported again, and what to wait for follows from the hub's state. The
//! price is that every call lists every socket. A line in a room of 10,000 silent members costs a list of 10,000
//! entries, which the kernel walks through twice.

use super::hub::Hub;
use super::lingering::Lingering;
use super::net::{Listeners, Metrics, PollFd, PollFlags, Signals, TcpStream, Terminal, now, poll};
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

/// Serves until told to stop.
pub(crate) fn run(service: Service) -> io::Result<()> {
    let mut poll_loop = PollLoop::new(service)?;
    while !poll_loop.is_done() {
        poll_loop.turn()?;
    }
    poll_loop.hang_up();
    poll_loop.records.finish();
    Ok(())
}

enum Connection {
    Client(Client),
    /// Closed on our side, and read from until its peer closes too: see [`Lingering`].
    Lingering(TcpStream),
}

struct Client {
    stream: TcpStream,
    id: Id,
    /// The end-of-file or an error has been read. poll(2) would report it in every turn, and reads after an error find an end-of-file
    /// that is none.
    ended: bool,
}

/// The source that an entry of the list stands for.
#[derive(Clone, Copy, PartialEq)]
enum Asked {
    Signals,
    Terminal,
    Metrics,
    Listeners,
    Connection(usize),
}

struct PollLoop {
    /// `None` once the server is told to stop.
    listeners: Option<Listeners>,
    signals: Signals,
    terminal: Option<Terminal>,
    metrics: Option<Metrics>,
    /// The slab's key is the hub's key. Keys are reused.
    connections: Slab<Connection>,
    hub: Hub,
    records: Records,
    transcript: Transcript,
    when_full: WhenFull,
    /// How long to poll without sleeping before the thread sleeps.
    spin: Duration,
    /// Connections that are ready to be read, as of this turn.
    ready: Vec<usize>,
    /// Clients that were resumed, and not read yet.
    resumed: VecDeque<usize>,
    /// The key to read first. If one turn has no room for all, the next turn begins with the clients that were left
    /// out.
    first: usize,
    /// Connections that failed while others were still to be served in this turn.
    dead: Vec<Id>,
    lingering: Lingering,
    /// Connections are waiting to be accepted, as of this turn.
    backlog: bool,
    /// When to accept again, after accept failed for lack of resources.
    accept_at: Option<Instant>,
    /// The last accept failed for lack of resources, and a warning was logged.
    is_failing: bool,
    stopping: Stopping,
    now: Instant,
    buffer: Box<[u8]>,
}

impl PollLoop {
    fn new(mut service: Service) -> io::Result<PollLoop> {
        let signals = Signals::new()?;
        service.announce()?;
        let Service { listeners, hub, records, terminal, metrics, when_full, lingering_max, spin, .. } = service;
        Ok(PollLoop {
            listeners: Some(Listeners::new(listeners)?),
            signals,
            terminal,
            metrics,
            connections: Slab::new(),
            hub,
            records,
            transcript: Transcript::default(),
            when_full,
            spin,
            ready: Vec::new(),
            resumed: VecDeque::new(),
            first: 0,
            dead: Vec::new(),
            lingering: Lingering::new(lingering_max),
            backlog: false,
            accept_at: None,
            is_failing: false,
            stopping: Stopping::default(),
            now: now(),
            buffer: vec![0; READ_MAX].into(),
        })
    }

    fn turn(&mut self) -> io::Result<()> {
        self.wait()?;
        self.read_ready();
        self.flush_dirty();
        self.bury_dead();
        // Clients that are in the room come first.
        self.accept();
        self.show();
        Ok(())
    }

    // Wait.

    fn wait(&mut self) -> io::Result<()> {
        let answers = match self.look_or_sleep() {
            Ok(answers) => answers,
            // A signal or a debugger interrupted the call. The next turn asks again.
            Err(e) if e.kind() == ErrorKind::Interrupted => Vec::new(),
            Err(e) => return Err(e),
        };
        self.now = now();
        self.hub.tick(self.now);
        self.ready.clear();
        self.backlog = false;
        for (asked, events) in answers {
            match asked {
                Asked::Listeners => self.backlog = true,
                Asked::Signals => self.note_signals(),
                Asked::Terminal => self.hub.operate(self.terminal.as_mut().map(Terminal::lines).unwrap_or_default()),
                Asked::Metrics => {
                    if let Some(metrics) = &mut self.metrics {
                        metrics.serve(|| self.hub.metrics());
                    }
                }
                Asked::Connection(key) => self.note(key, events),
            }
        }
        while let Some(key) = self.lingering.pop_over(self.now) {
            self.connections.remove(key);
        }
        Ok(())
    }

    /// Takes what the kernel reports about a connection.
    fn note(&mut self, key: usize, events: PollFlags) {
        let Some(Connection::Client(client)) = self.connections.get(key) else { return self.ready.push(key) };
        if events.contains(PollFlags::OUT) {
            self.hub.writable(client.id);
        }
        let is_broken = events.intersects(PollFlags::ERR | PollFlags::HUP);
        if is_broken && !self.hub.interest(client.id).readable {
            // The kernel reports this until it is handled, and this client may not be read from now, so no read can
            // return the error.
            self.dead.push(client.id);
        } else if is_broken || events.contains(PollFlags::IN) {
            self.ready.push(key);
        }
    }

    /// Sleeping and waking up costs more than a short wait. With `--spin` the thread polls without sleeping for a
    /// while, and sleeps when nothing has come by then.
    fn look_or_sleep(&mut self) -> io::Result<Vec<(Asked, PollFlags)>> {
        let timeout = self.timeout();
        if !self.spin.is_zero() {
            let until = now() + timeout.map_or(self.spin, |timeout| timeout.min(self.spin));
            while now() < until {
                let answers = self.ask(Some(Duration::ZERO))?;
                if !answers.is_empty() {
                    return Ok(answers);
                }
            }
        }
        self.ask(timeout)
    }

    /// Asks about every source, and sleeps until one is ready or `timeout` is over. Returns the ready sources and their
    /// events.
    fn ask(&self, timeout: Option<Duration>) -> io::Result<Vec<(Asked, PollFlags)>> {
        let mut asked = vec![Asked::Signals];
        let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
        if let Some(terminal) = &self.terminal {
            asked.push(Asked::Terminal);
            fds.push(PollFd::new(terminal, PollFlags::IN));
        }
        if let Some(metrics) = &self.metrics {
            asked.push(Asked::Metrics);
            fds.push(PollFd::new(metrics, PollFlags::IN));
        }
        let may_accept = self.may_accept() && self.accept_at.is_none();
        for listener in self.listeners.iter().filter(|_| may_accept).flat_map(Listeners::iter) {
            asked.push(Asked::Listeners);
            fds.push(PollFd::new(listener, PollFlags::IN));
        }
        fds.extend(self.connections.iter().map(|(_, connection)| match connection {
            Connection::Client(client) => PollFd::new(&client.stream, self.interest_in(client)),
            Connection::Lingering(stream) => PollFd::new(stream, PollFlags::IN),
        }));
        poll(&mut fds, timeout)?;
        let connections = self.connections.iter().map(|(key, _)| Asked::Connection(key));
        let answers = asked.into_iter().chain(connections).zip(fds.iter().map(PollFd::revents));
        Ok(answers.filter(|(_, events)| !events.is_empty()).collect())
    }

    /// What to ask about a client. Derived from the hub's state each time.
    fn interest_in(&self, client: &Client) -> PollFlags {
        let interest = self.hub.interest(client.id);
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, interest.readable && !client.ended);
        flags.set(PollFlags::OUT, interest.writable);
        flags
    }

    /// How long the poll may sleep.
    fn timeout(&self) -> Option<Duration> {
        if !self.resumed.is_empty() {
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

    fn note_signals(&mut self) {
        let (reopen, print) = (|| self.records.reopen(), || figures::print(&self.hub.table()));
        if self.stopping.obey(self.signals.pending(), self.now, reopen, print) {
            self.hub.close_room();
            self.listeners = None;
            self.backlog = false;
            self.accept_at = None;
        }
    }

    fn is_done(&self) -> bool {
        self.stopping.is_over(self.now, || self.hub.is_deserted())
    }

    // Read.

    /// Reads once from each ready connection, a bounded number of bytes: a client that sends much does not delay the
    /// others. One read each and then one write each is 10 x faster than writes after each read.
    fn read_ready(&mut self) {
        while self.hub.turn_has_room()
            && let Some(key) = self.resumed.pop_front()
        {
            self.read(key);
        }
        let mut ready = std::mem::take(&mut self.ready);
        let next = ready.iter().position(|key| *key >= self.first).unwrap_or(0);
        ready.rotate_left(next);
        for key in &ready {
            if !self.hub.turn_has_room() {
                self.first = *key;
                break;
            }
            match self.connections.get_mut(*key) {
                Some(Connection::Client(_)) => self.read(*key),
                Some(Connection::Lingering(stream)) => match stream.read(&mut self.buffer) {
                    Ok(1..) => {}
                    Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                    Ok(0) | Err(_) => {
                        self.lingering.remove(*key);
                        self.connections.remove(*key);
                    }
                },
                None => {}
            }
        }
        self.ready = ready;
    }

    fn read(&mut self, key: usize) {
        let Some(Connection::Client(client)) = self.connections.get_mut(key) else { return };
        if client.ended {
            return;
        }
        // After `Effect::Resume` it is read again.
        let Some(permit) = self.hub.permit(client.id) else { return };
        let buffer = &mut self.buffer[..permit.read_max()];
        match client.stream.read(buffer) {
            Ok(0) => {
                client.ended = true;
                self.hub.receive_end(client.id);
            }
            Ok(n) => permit.receive(&buffer[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
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
                // Some of its input was held back, so there is something to do even if it has sent nothing meanwhile.
                Effect::Resume(id) => self.resumed.push_back(id.key()),
            }
        }
        self.hub.end_turn();
    }

    /// One gathered write: what is left from earlier turns, and this turn's lines without the client's own.
    fn flush(&mut self, id: Id) {
        let Some(Connection::Client(client)) = self.connections.get_mut(id.key()) else { return };
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
        // The return value is not needed: the next list asks the hub whether the socket is full.
        let _ = self.hub.wrote(id, taken);
    }

    // Bury the dead.

    /// Failed connections are removed here and not where they failed, so that no departure is announced in the middle
    /// of a fan-out.
    fn bury_dead(&mut self) {
        while let Some(id) = self.dead.pop() {
            if matches!(self.connections.get(id.key()), Some(Connection::Client(client)) if client.id == id) {
                self.hub.disconnect(id, Reason::Lost);
                self.connections.remove(id.key());
            }
        }
    }

    /// Closes a connection whose last bytes are written. Its socket lingers until the peer closes too.
    fn close(&mut self, id: Id) {
        let Some(Connection::Client(client)) = self.connections.get_mut(id.key()) else { return };
        let _ = client.stream.shutdown(Shutdown::Write);
        let ended = client.ended;
        if let Connection::Client(client) = self.connections.remove(id.key())
            && !ended
        {
            // The slab reuses the key that was freed last, so the key stays the same.
            let key = self.connections.insert(Connection::Lingering(client.stream));
            self.linger(key);
        }
    }

    fn linger(&mut self, key: usize) {
        if let Some(oldest) = self.lingering.push(key, self.now) {
            self.connections.remove(oldest);
        }
    }

    // Accept.

    fn may_accept(&self) -> bool {
        self.hub.has_seat() || self.when_full == WhenFull::Refuse
    }

    /// Accepts until the queue is empty or, with [`WhenFull::Wait`], no seat is free.
    fn accept(&mut self) {
        if self.accept_at.is_some_and(|at| at <= self.now) {
            self.accept_at = None;
            self.backlog = true;
        }
        for _ in 0..ACCEPTS_MAX {
            if !self.backlog || !self.may_accept() {
                return;
            }
            let Some(listeners) = &mut self.listeners else { return };
            match listeners.accept() {
                Ok((stream, peer)) => {
                    self.is_failing = false;
                    self.admit(stream, peer);
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.is_failing = false;
                    self.backlog = false;
                }
                Err(e) if listener::is_one_connections(&e) => log::debug!("accept: {e}"),
                Err(e) => {
                    // Most likely no descriptors are left. The listener would be reported ready at once, so it is left
                    // alone for a while.
                    if !std::mem::replace(&mut self.is_failing, true) {
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
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        if let Some(id) = self.hub.connect(key, peer) {
            entry.insert(Connection::Client(Client { stream, id, ended: false }));
        } else {
            // A new socket's buffer is empty: these few bytes fit.
            let _ = stream.write(&self.hub.refuse(peer));
            let _ = stream.shutdown(Shutdown::Write);
            entry.insert(Connection::Lingering(stream));
            self.linger(key);
        }
    }

    // Dial.

    /// The connections to the log of a room on several servers are served as those of clients are.
    fn dial(&mut self, addr: SocketAddr) {
        let entry = self.connections.vacant_entry();
        match TcpStream::dial(addr) {
            Ok(stream) => {
                if let Some(id) = self.hub.dialled(entry.key()) {
                    entry.insert(Connection::Client(Client { stream, id, ended: false }));
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
        for (_, connection) in self.connections.iter_mut() {
            if let Connection::Lingering(stream) = connection {
                while stream.read(&mut self.buffer).is_err_and(|e| e.kind() == ErrorKind::Interrupted) {}
            }
        }
        self.connections.clear();
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
