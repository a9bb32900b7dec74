//! The uring driver: one thread hands its work to the kernel, and is told when it is done.
//!
//! The other drivers learn from the kernel that a socket is *ready*, and then read or write themselves. Here the thread
//! hands over the work with its buffers: "receive from this socket", "send these bytes". The kernel does it and reports
//! that it is *complete*. The thread sleeps in one place, `CompletionLoop::wait`. One system call hands over all the
//! work of a turn, sleeps, and brings what is complete. A turn, in this order:
//!
//! hand over and wait → take in what was received → let in who was accepted → send to each dirty member once → bury the
//! dead → show events on the console
//!
//! Most operations go on: one "accept" and one "receive" for each socket are handed over once, and complete again and
//! again. Two things follow from that, which the other drivers do not know:
//!
//! * What was received was received, even if the hub gives no permit. The receive is cancelled, and the hub holds back
//!   what came before.
//! * A completion may come late, for an operation of a client that is gone. No two operations have the same name, so it
//!   is recognized by that. Whatever came with it (a buffer, a flight) returns to its owner.
//!
//! This file holds the turn, [`receiving`] what comes from the clients, and [`accepting`] the listeners. What is unsafe about buffers that the
//! kernel uses meanwhile is the business of [`ring`](super::ring).

// With explicit paths, because the tests compile this file from another directory.
#[path = "uring/accepting.rs"]
mod accepting;
#[path = "uring/receiving.rs"]
mod receiving;

use super::hub::Hub;
use super::lingering::Lingering;
use super::net::{Metrics, Signals, Terminal, now};
use super::records::Records;
use super::ring::{Errno, How, Operation, Outcome, PollFlags, Ring, Sizes, Socket};
use super::{Service, listener};
use crate::chat::Peer;
use crate::chat::limits::{READ_MAX, read_max};
use crate::chat::{Effect, Flight, Framing, Id, Limits, Reason, Transcript};
use crate::server::figures;
use crate::server::service::{ACCEPTS_MAX, BURST, CROWD};
use crate::server::signals;
use crate::server::stopping::Stopping;
use accepting::Accepting;
use slab::Slab;
use std::collections::VecDeque;
use std::hint;
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// The longest that the hub is not told whether a client's socket takes anything. It is also the time after which a send
/// is tried anew: a waiting send goes on when a third of the socket's buffer is free, and a slow reader may need longer
/// for that than a stall's time.
const SEND_PATIENCE: Duration = Duration::from_millis(50);
/// The fewest and the most buffers for what is received. Each receive takes one, so between these there is one for each
/// seat.
const BUFFERS: (usize, usize) = (64, 4096);
/// The least and the most that one completion brings. Bytes. With raw framing what it brings is a message and must not be
/// cut: then it is [`READ_MAX`].
const BUFFER_LEN: (usize, usize) = (512, 4 << 10);
/// The buffers together, if this leaves each of them the least. So much can be received in a turn; what clients send
/// beyond that waits in their sockets. Bytes.
const RECEIVED_MAX: usize = 256 << 10;
/// The most times that the thread yields to them in a turn. With a single one, a thousand clients that all talk get half
/// as much through.
const GATHERS_MAX: usize = 16;
/// Operations that are handed over at a time.
const SUBMISSIONS: u32 = 256;
/// Completions that find room. For more the kernel needs memory, and ends the operations that go on.
const COMPLETIONS: u32 = 4096;

/// Serves until told to stop.
pub(crate) fn run(service: Service) -> io::Result<()> {
    let mut completion_loop = CompletionLoop::new(service)?;
    while !completion_loop.is_done() {
        completion_loop.turn()?;
    }
    completion_loop.hang_up()?;
    completion_loop.records.finish();
    Ok(())
}

enum Connection {
    Client(Client),
    /// Closed on our side, and received from until its peer closes too: see [`Lingering`].
    Lingering(Socket, Option<Operation>),
}

struct Client {
    socket: Socket,
    id: Id,
    /// The receive that is under way; or, while the client has to wait, a poll that reports when its connection breaks.
    input: Option<Operation>,
    /// The send that is under way.
    send: Option<Operation>,
    /// The end-of-file or an error has come.
    ended: bool,
    /// The end-of-file came while the client had to wait. The hub gets it after what it holds back.
    end_is_due: bool,
}

impl Client {
    fn new(socket: Socket, id: Id, input: Option<Operation>) -> Client {
        Client { socket, id, input, send: None, ended: false, end_is_due: false }
    }
}

struct CompletionLoop {
    ring: Ring,
    accepting: Accepting,
    signals: Signals,
    /// The poll that reports that a signal came.
    signals_poll: Operation,
    terminal: Option<Terminal>,
    /// The poll that reports that something was typed there.
    terminal_poll: Option<Operation>,
    metrics: Option<Metrics>,
    /// The poll that reports that somebody asks for the figures.
    metrics_poll: Option<Operation>,
    /// The slab's key is the hub's key. Keys are reused.
    connections: Slab<Connection>,
    hub: Hub,
    records: Records,
    transcript: Transcript,
    /// How long to look without sleeping before the thread sleeps.
    spin: Duration,
    /// Clients that were resumed, and not asked for yet.
    resumed: VecDeque<Id>,
    /// Sends that wait for space in their sockets, and when to try them anew.
    waiting: VecDeque<(Instant, usize, Operation)>,
    /// Clients whose sends are complete: what was added meanwhile is sent next.
    free: Vec<Id>,
    /// Connections that failed while others were still to be served in this turn.
    dead: Vec<Id>,
    lingering: Lingering,
    stopping: Stopping,
    now: Instant,
}

impl CompletionLoop {
    fn new(mut service: Service) -> io::Result<CompletionLoop> {
        let mut ring = Ring::new(sizes(service.hub.limits()))?;
        let signals = Signals::new()?;
        let signals_poll = ring.poll(&signals, PollFlags::IN, 0);
        service.announce()?;
        let Service { listeners, hub, records, terminal, metrics, when_full, lingering_max, spin, .. } = service;
        let mut accepting = Accepting::new(listeners, when_full);
        accepting.arm(&mut ring, hub.has_seat(), now());
        Ok(CompletionLoop {
            signals,
            signals_poll,
            terminal_poll: terminal.as_ref().map(|terminal| ring.poll(terminal, PollFlags::IN, 0)),
            terminal,
            metrics_poll: metrics.as_ref().map(|metrics| ring.poll(metrics, PollFlags::IN, 0)),
            metrics,
            ring,
            accepting,
            connections: Slab::new(),
            hub,
            records,
            transcript: Transcript::default(),
            spin,
            resumed: VecDeque::new(),
            waiting: VecDeque::new(),
            free: Vec::new(),
            dead: Vec::new(),
            lingering: Lingering::new(lingering_max),
            stopping: Stopping::default(),
            now: now(),
        })
    }

    fn turn(&mut self) -> io::Result<()> {
        self.wait()?;
        self.take_in();
        // Late completions are recognized, so a key may be taken again at any time. What newcomers are told goes out with
        // the rest.
        self.let_in();
        self.flush_dirty();
        self.bury_dead();
        self.accepting.arm(&mut self.ring, self.hub.has_seat(), self.now);
        self.show();
        Ok(())
    }

    // Hand over and wait.

    fn wait(&mut self) -> io::Result<()> {
        self.look_or_sleep()?;
        self.gather()?;
        self.now = now();
        self.hub.tick(self.now);
        while let Some(completion) = self.ring.next_completion() {
            match completion.outcome {
                Outcome::Sent(flight, result) => self.sent(completion.key, completion.operation, flight, result),
                Outcome::Received(_) => {}
                Outcome::Accepted(result) => {
                    let of = (completion.key, completion.is_last);
                    self.accepting.note(of, result, self.now);
                }
                Outcome::Polled(_) if completion.operation == self.signals_poll => self.note_signals(),
                Outcome::Polled(_) if Some(completion.operation) == self.terminal_poll => self.note_terminal(),
                Outcome::Polled(_) if Some(completion.operation) == self.metrics_poll => self.serve_metrics(),
                Outcome::Polled(result) => self.polled(completion.key, completion.operation, result),
            }
        }
        while let Some(key) = self.lingering.pop_over(self.now) {
            self.remove(key);
        }
        while let Some((at, key, operation)) = self.waiting.front().copied()
            && at <= self.now
        {
            self.waiting.pop_front();
            if self.is_waiting(key, operation) {
                self.ring.cancel(operation);
            }
        }
        Ok(())
    }

    /// Sleeping and waking up costs more than a short wait. With `--spin` the thread hands over its work and looks for
    /// completions for a while, which takes no system call, and sleeps when nothing has come by then.
    fn look_or_sleep(&mut self) -> io::Result<()> {
        let timeout = self.timeout();
        if !self.spin.is_zero() {
            let until = now() + timeout.map_or(self.spin, |timeout| timeout.min(self.spin));
            self.ring.wait(Some(Duration::ZERO))?;
            while !self.ring.has_work() && now() < until {
                hint::spin_loop();
            }
        }
        self.ring.wait(timeout)
    }

    /// Whoever sends a burst, or in a crowd, is probably not the only one. The kernel wakes this thread for the first, so it
    /// lets the others send, too, as long as more comes, and takes in all of it: then one send to each member is for all of
    /// them. A single line in a small room is sent at once.
    fn gather(&mut self) -> io::Result<()> {
        let mut len = self.ring.received_len();
        if len == 0 || (self.connections.len() < CROWD && len < BURST) {
            return Ok(());
        }
        for _ in 0..GATHERS_MAX {
            thread::yield_now();
            self.ring.wait(Some(Duration::ZERO))?;
            let before = std::mem::replace(&mut len, self.ring.received_len());
            if len == before {
                break;
            }
        }
        Ok(())
    }

    /// How long the thread may sleep: not at all while there is work that no completion will bring.
    fn timeout(&mut self) -> Option<Duration> {
        if self.ring.has_received() || !self.resumed.is_empty() || self.accepting.has_next(self.hub.has_seat()) {
            return Some(Duration::ZERO);
        }
        while let Some((_, key, operation)) = self.waiting.front().copied()
            && !self.is_waiting(key, operation)
        {
            self.waiting.pop_front();
        }
        let deadlines = [
            self.hub.next_deadline(),
            self.records.deadline(),
            self.lingering.deadline(),
            self.waiting.front().map(|(at, ..)| *at),
            self.accepting.deadline(),
            self.stopping.deadline(),
        ];
        let next = deadlines.into_iter().flatten().min()?;
        Some(next.saturating_duration_since(now()))
    }

    fn note_signals(&mut self) {
        self.signals_poll = self.ring.poll(&self.signals, PollFlags::IN, 0);
        let (reopen, print) = (|| self.records.reopen(), || figures::print(&self.hub.table()));
        if self.stopping.obey(self.signals.pending(), self.now, reopen, print) {
            self.hub.close_room();
            self.accepting.stop(&mut self.ring);
        }
    }

    fn note_terminal(&mut self) {
        let Some(terminal) = &mut self.terminal else { return };
        self.hub.operate(terminal.lines());
        self.terminal_poll = Some(self.ring.poll(terminal, PollFlags::IN, 0));
    }

    fn serve_metrics(&mut self) {
        let Some(metrics) = &mut self.metrics else { return };
        metrics.serve(|| self.hub.metrics());
        self.metrics_poll = Some(self.ring.poll(metrics, PollFlags::IN, 0));
    }

    fn is_done(&self) -> bool {
        self.stopping.is_over(self.now, || self.hub.is_deserted() && self.accepting.is_over())
    }

    // Flush.

    fn flush_dirty(&mut self) {
        while let Some(effect) = self.hub.poll_effect() {
            match effect {
                Effect::Flush(id) => self.flush(id),
                Effect::Close(id, _) => self.close(id),
                Effect::Stop => signals::tell_to_stop(),
                Effect::Dial(addr) => self.dial(addr),
                Effect::Resume(id) => self.resumed.push_back(id),
            }
        }
        while let Some(id) = self.free.pop() {
            self.flush(id);
        }
        self.hub.end_turn();
    }

    /// One send: what is left from earlier turns, and this turn's lines without the client's own. The sends of all members
    /// share one copy of these lines.
    fn flush(&mut self, id: Id) {
        let Some(Connection::Client(client)) = self.connections.get_mut(id.key()) else { return };
        let Some(flight) = self.hub.carry_off(id) else { return };
        // The socket of a member takes nearly every line at once, and then nothing is to be done. A client that leaves is
        // closed when it has everything.
        let how = if self.hub.is_seated(id) { How::Quietly } else { How::AtOnce };
        client.send = Some(self.ring.send(&client.socket, id.key(), flight, how));
    }

    fn sent(&mut self, key: usize, operation: Operation, mut flight: Flight, result: Result<usize, Errno>) {
        let Some(Connection::Client(client)) = self.connections.get_mut(key) else { return };
        if client.send != Some(operation) {
            return;
        }
        client.send = None;
        let id = client.id;
        let taken = match result {
            Ok(taken) => taken,
            // The socket is full, or has been for `SEND_PATIENCE`.
            Err(Errno::AGAIN | Errno::CANCELED | Errno::INTR) => 0,
            Err(e) => return self.fail(key, e),
        };
        flight.advance(taken);
        self.hub.carried(id, taken);
        if flight.is_empty() {
            // Not now: a quiet send that is under way would leave behind what this turn still brings, and wake nobody.
            self.free.push(id);
        } else {
            // It may take long, so it must not keep the whole turn's log alive.
            flight.compact();
            let send = self.ring.send(&client.socket, key, flight, How::Patiently);
            client.send = Some(send);
            self.waiting.push_back((self.now + SEND_PATIENCE, key, send));
        }
    }

    /// Whether this send still waits for space in its socket.
    fn is_waiting(&self, key: usize, send: Operation) -> bool {
        matches!(self.connections.get(key), Some(Connection::Client(client)) if client.send == Some(send))
    }

    // Bury the dead.

    /// Failed connections are removed here and not where they failed, so that no departure is announced in the middle
    /// of a fan-out.
    fn bury_dead(&mut self) {
        while let Some(id) = self.dead.pop() {
            if matches!(self.connections.get(id.key()), Some(Connection::Client(client)) if client.id == id) {
                self.hub.disconnect(id, Reason::Lost);
                self.remove(id.key());
            }
        }
    }

    /// Closes a connection whose last bytes are sent. Its socket lingers until the peer closes too.
    fn close(&mut self, id: Id) {
        let key = id.key();
        let Some(Connection::Client(client)) = self.connections.get(key) else { return };
        client.socket.shutdown();
        if client.ended {
            return self.remove(key);
        }
        // If the client had to wait, its input is only a poll. The end of whatever is under way leads to `arm`, which
        // receives.
        client.send.into_iter().chain(client.input).for_each(|operation| self.ring.cancel(operation));
        if let Connection::Client(client) = self.connections.remove(key) {
            // The slab reuses the key that was freed last, so the key stays the same.
            self.connections.insert(Connection::Lingering(client.socket, client.input));
            self.arm(key);
            self.linger(key);
        }
    }

    fn linger(&mut self, key: usize) {
        if let Some(oldest) = self.lingering.push(key, self.now) {
            self.remove(oldest);
        }
    }

    /// Removes a connection. An operation that is under way would keep it open.
    fn remove(&mut self, key: usize) {
        let (socket, operations) = match self.connections.try_remove(key) {
            Some(Connection::Client(Client { socket, input, send, .. })) => (socket, [input, send]),
            Some(Connection::Lingering(socket, input)) => (socket, [input, None]),
            None => return,
        };
        operations.into_iter().flatten().for_each(|operation| self.ring.cancel(operation));
        self.ring.close(socket);
    }

    // Accept.

    fn let_in(&mut self) {
        for _ in 0..ACCEPTS_MAX {
            let Some(socket) = self.accepting.next(self.hub.has_seat()) else { return };
            match socket.peer() {
                Ok(peer) => self.admit(socket, peer),
                Err(e) => {
                    log::debug!("accept: {e}");
                    self.ring.close(socket);
                }
            }
        }
    }

    fn admit(&mut self, socket: Socket, peer: Peer) {
        listener::prepare(&socket, peer, self.hub.limits());
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        let input = Some(self.ring.receive(&socket, key));
        if let Some(id) = self.hub.connect(key, peer) {
            entry.insert(Connection::Client(Client::new(socket, id, input)));
        } else {
            // A new socket's buffer is empty: these few bytes fit.
            let _ = socket.write_at_once(&self.hub.refuse(peer));
            socket.shutdown();
            entry.insert(Connection::Lingering(socket, input));
            self.linger(key);
        }
    }

    // Dial.

    /// The connections to the log of a room on several servers are served as those of clients are.
    fn dial(&mut self, addr: SocketAddr) {
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        match Socket::dial(addr) {
            Ok(socket) => match self.hub.dialled(key) {
                Some(id) => {
                    let input = Some(self.ring.receive(&socket, key));
                    entry.insert(Connection::Client(Client::new(socket, id, input)));
                }
                None => self.ring.close(socket),
            },
            Err(e) => {
                log::debug!("{addr}: {e}");
                self.hub.not_dialled();
            }
        }
    }

    /// Closes all sockets. What the lingering clients have sent is read before, so that closing sends no RST.
    fn hang_up(&mut self) -> io::Result<()> {
        let keys: Vec<usize> = self.connections.iter().map(|(key, _)| key).collect();
        for key in keys {
            if let Some(Connection::Lingering(socket, _)) = self.connections.get(key) {
                socket.discard_at_once(&mut vec![0; READ_MAX]);
            }
            self.remove(key);
        }
        self.ring.wait(Some(Duration::ZERO))
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

/// The sizes of the ring for a room.
fn sizes(limits: &Limits) -> Sizes {
    let (buffers, buffer_len) = match limits.framing {
        Framing::Raw => (RECEIVED_MAX / READ_MAX, READ_MAX),
        Framing::Line => {
            let buffers = limits.clients_max.clamp(BUFFERS.0, BUFFERS.1).next_power_of_two();
            (buffers, (RECEIVED_MAX / buffers).clamp(BUFFER_LEN.0, BUFFER_LEN.1))
        }
    };
    let buffer_len = buffer_len.min(read_max(limits.clients_max));
    Sizes { submissions: SUBMISSIONS, completions: COMPLETIONS, buffers: buffers as u16, buffer_len: buffer_len as u32 }
}
