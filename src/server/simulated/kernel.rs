//! A kernel in memory that injects errors, short operations and delays.
//!
//! Time advances when the server sleeps, and a little with every call. The clients act when their time has come, so
//! possibly between any two calls. All random choices come from the seed.

use super::client::{Act, ScriptedClient};
use super::dice::Dice;
use super::room::RoomModel;
use crate::chat::Peer;
use crate::chat::limits::READ_MAX;
use crate::server::lingering::{LINGER, LINGERING_MAX};
use crate::server::service::ACCEPT_RETRY;
use mio::{Interest, Token};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, IoSlice};
use std::time::{Duration, Instant};

/// If the room is not at rest by then the test fails: no script and no timeout takes this long.
pub(super) const LIFE_MAX: Duration = Duration::from_secs(300);
/// The tolerance for preemption between reading the clock and sleeping, and during the turn before.
pub(super) const OVERSLEEP: Duration = Duration::from_millis(20);
/// A first write of at most this many bytes is taken whole: a new socket's buffer is empty. Bytes.
const FIRST_WRITE: usize = 512;

thread_local! {
    static KERNEL: RefCell<Option<Kernel>> = const { RefCell::new(None) };
}

/// Starts a kernel for this thread.
pub(super) fn boot(kernel: Kernel) {
    KERNEL.set(Some(kernel));
}

pub(super) fn with<T>(call: impl FnOnce(&mut Kernel) -> T) -> T {
    KERNEL.with_borrow_mut(|kernel| call(kernel.as_mut().expect("it was booted")))
}

/// A call that cannot fail. It does nothing while the kernel is borrowed: a socket may be dropped while a failed check
/// in a kernel call unwinds.
pub(super) fn release(call: impl FnOnce(&mut Kernel)) {
    KERNEL.with(|kernel| {
        if let Ok(mut kernel) = kernel.try_borrow_mut() {
            kernel.as_mut().map(call);
        }
    });
}

/// Connections are numbered in the order in which they come. The peer's port is this plus the number; a client of a
/// Unix socket has a user's number.
const FIRST_PORT: u16 = 40_000;

/// Where a client connects from.
pub(super) fn peer(number: usize) -> Peer {
    match with(|kernel| kernel.sockets[number].client.is_local) {
        true => Peer::User(number as u32),
        false => Peer::from(([127, 0, 0, 1], FIRST_PORT + number as u16)),
    }
}

pub(super) fn number(peer: Peer) -> usize {
    match peer {
        Peer::Tcp(addr) => usize::from(addr.port() - FIRST_PORT),
        Peer::User(uid) => uid as usize,
        Peer::Elsewhere => unreachable!("the room is on one server"),
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Watched {
    Listener,
    Signals,
    Socket(usize),
}

/// What a source is watched for.
#[derive(Clone, Copy)]
pub(super) struct Watch {
    pub token: Token,
    pub interest: Interest,
    /// Its edge has not been handed out yet. Several edges count as one.
    pub raised: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Stage {
    ToCome,
    /// In the listener's queue.
    Queued,
    Accepted,
    /// Closed by the server, or never accepted and dropped.
    Closed,
}

/// A connection: the server's end, the wire and the client.
pub(super) struct Socket {
    pub client: ScriptedClient,
    pub stage: Stage,
    /// The server reads these bytes, then the end-of-file, then the error.
    pub inbox: Vec<u8>,
    pub fin: bool,
    pub fin_read: bool,
    pub reset: bool,
    /// A call has returned the error of the RST. The next reads find an end-of-file.
    error_taken: bool,
    /// What the server has written and the client has not read. `capacity` is its maximum. Bytes.
    pub window: Vec<u8>,
    pub capacity: usize,
    /// A write was cut short: an edge is due once there is space.
    pub starved: bool,
    has_written: bool,
    /// The server has shut down its write side.
    pub shut: bool,
    /// The server has shut down its read side: it reads what is there, and then the end-of-file.
    pub deaf: bool,
    pub write_timeout: Option<Duration>,
    /// Bytes that were unread at the shutdown, and still are. Zero if they were more than one read takes.
    unread_at_shut: usize,
    /// The client has left and may still be reading the goodbye. `lingers_until` is how long the server has to read on.
    pub quits: bool,
    pub lingers_until: Option<Duration>,
    /// The server closed it with unread bytes. That sends a RST, and what the client had not read is lost. Set only if
    /// the bytes came after the shutdown, where the server may not have seen them, or were more than one read takes.
    pub broken: bool,
}

impl Socket {
    pub(super) fn new(client: ScriptedClient, capacity: usize) -> Socket {
        Socket {
            client,
            stage: Stage::ToCome,
            inbox: Vec::new(),
            fin: false,
            fin_read: false,
            reset: false,
            error_taken: false,
            window: Vec::new(),
            capacity,
            starved: false,
            has_written: false,
            shut: false,
            deaf: false,
            write_timeout: None,
            unread_at_shut: 0,
            quits: false,
            lingers_until: None,
            broken: false,
        }
    }

    /// A third of the buffer is free.
    pub(super) fn is_writable(&self) -> bool {
        self.reset || (self.capacity - self.window.len()) * 3 >= self.capacity
    }

    pub(super) fn has_unread(&self) -> bool {
        !self.inbox.is_empty() || (!self.fin_read && (self.fin || self.reset || self.deaf))
    }

    /// Whether the server may still write something that the client and its window have not got.
    pub(super) fn has_pending(&self) -> bool {
        let got = self.client.got.len() + self.client.unread(&self.window).len();
        let is_lost = self.reset || self.client.is_lost;
        self.stage == Stage::Accepted && !self.shut && !is_lost && self.client.expected.len() > got
    }

    /// The client reads this much of what its system has got.
    pub(super) fn take(&mut self, len: usize) {
        let taken = self.window.drain(..len);
        match &mut self.client.session {
            None => self.client.got.extend(taken),
            Some(session) => {
                drop(taken);
                // What is in parts of a record comes with the rest.
                if self.window.is_empty() {
                    self.client.got.append(&mut session.unread);
                }
            }
        }
    }

    /// What the client has not read is lost.
    fn lose_window(&mut self) {
        self.window.clear();
        if let Some(session) = &mut self.client.session {
            session.unread.clear();
        }
    }
}

/// How often each danger was met, over many runs. A danger that never occurs tests nothing.
pub(super) type Met = BTreeMap<&'static str, usize>;

pub(super) struct Kernel {
    pub dice: Dice,
    pub start: Instant,
    pub elapsed: Duration,
    pub watches: Vec<(Watched, Watch)>,
    pub sockets: Vec<Socket>,
    pub queue: VecDeque<usize>,
    pub is_listening: bool,
    /// No descriptors are left until this time. `refused_at` is when accept last failed for that reason.
    pub no_descriptors_until: Duration,
    pub refused_at: Option<Duration>,
    /// Whether calls fail or are cut short at random; otherwise they never are.
    pub fails: bool,
    /// One call in this many is interrupted.
    pub interrupted: usize,
    /// One poll in this many reports a spurious event.
    pub spurious: usize,
    /// From this time on a poll fails.
    pub no_poll_from: Option<Duration>,
    /// The value of `--spin`.
    pub spin: Duration,
    pub signals: usize,
    /// The connection that was accepted last.
    pub last_accepted: usize,
    pub told_to_stop: Option<Duration>,
    pub agenda: BTreeMap<(Duration, usize), Act>,
    acts: usize,
    /// Polls since the last sleep or the last call that had an effect.
    pub idle_polls: usize,
    pub room: RoomModel,
    pub met: Met,
}

impl Kernel {
    pub(super) fn new(dice: Dice, room: RoomModel) -> Kernel {
        Kernel {
            dice,
            start: Instant::now(),
            elapsed: Duration::ZERO,
            watches: Vec::new(),
            sockets: Vec::new(),
            queue: VecDeque::new(),
            is_listening: true,
            no_descriptors_until: Duration::ZERO,
            refused_at: None,
            fails: true,
            interrupted: 24,
            spurious: 8,
            no_poll_from: None,
            spin: Duration::ZERO,
            signals: 0,
            last_accepted: 0,
            told_to_stop: None,
            agenda: BTreeMap::new(),
            acts: 0,
            idle_polls: 0,
            room,
            met: Met::new(),
        }
    }

    pub(super) fn meet(&mut self, what: &'static str) {
        *self.met.entry(what).or_default() += 1;
    }

    // Time.

    pub(super) fn now(&mut self) -> Instant {
        let moment = self.dice.micros(5);
        self.pass(moment);
        self.start + self.elapsed
    }

    pub(super) fn plan(&mut self, delay: Duration, act: Act) {
        self.acts += 1;
        self.agenda.insert((self.elapsed + delay, self.acts), act);
    }

    /// Advances the time, and performs what the clients have planned until then.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.elapsed + time;
        while let Some(first) = self.agenda.first_entry().filter(|first| first.key().0 <= end) {
            let ((at, _), act) = first.remove_entry();
            self.elapsed = self.elapsed.max(at);
            self.act(act);
        }
        self.elapsed = end;
        for number in 0..self.sockets.len() {
            let socket = &mut self.sockets[number];
            if socket.starved && socket.is_writable() {
                socket.starved = false;
                self.raise(Watched::Socket(number), |interest| interest.is_writable());
            }
        }
    }

    /// Advances the time by the duration of a call, which includes preemption now and then.
    pub(super) fn call(&mut self) {
        let end = if self.dice.one_in(32) { 2000 } else { 10 };
        let time = self.dice.micros(end);
        self.pass(time);
    }

    pub(super) fn interrupts(&mut self, call: &'static str) -> io::Result<()> {
        if self.fails && self.dice.one_in(self.interrupted) {
            self.meet(call);
            return Err(ErrorKind::Interrupted.into());
        }
        Ok(())
    }

    pub(super) fn progress(&mut self) {
        self.idle_polls = 0;
    }

    // Readiness.

    /// Makes an edge if the source is watched for what has happened.
    pub(super) fn raise(&mut self, source: Watched, concerns: impl Fn(Interest) -> bool) {
        if let Some((_, watch)) = self.watches.iter_mut().find(|(watched, _)| *watched == source)
            && concerns(watch.interest)
        {
            watch.raised = true;
        }
    }

    pub(super) fn forget(&mut self, source: Watched) {
        self.watches.retain(|(watched, _)| *watched != source);
    }

    // Signals.

    pub(super) fn signal(&mut self) {
        self.told_to_stop.get_or_insert(self.elapsed);
        self.signals += 1;
        self.raise(Watched::Signals, |_| true);
    }

    pub(super) fn take_signals(&mut self) -> usize {
        self.call();
        std::mem::take(&mut self.signals)
    }

    // Sockets.

    pub(super) fn accept(&mut self) -> io::Result<usize> {
        self.call();
        self.interrupts("interrupted accept")?;
        let too_early = self.refused_at.is_some_and(|at| self.elapsed + OVERSLEEP < at + ACCEPT_RETRY);
        assert!(!too_early, "the listener is not left alone");
        if self.elapsed < self.no_descriptors_until {
            self.meet("no descriptors");
            self.refused_at = Some(self.elapsed);
            return Err(io::Error::from_raw_os_error(24)); // EMFILE
        }
        let Some(number) = self.queue.pop_front() else { return Err(ErrorKind::WouldBlock.into()) };
        self.progress();
        if self.fails && self.dice.one_in(40) {
            self.meet("aborted connection");
            self.sockets[number].stage = Stage::Closed;
            self.sockets[number].client.aborted = true;
            return Err(ErrorKind::ConnectionAborted.into());
        }
        self.sockets[number].stage = Stage::Accepted;
        self.last_accepted = number;
        Ok(number)
    }

    pub(super) fn close_listener(&mut self) {
        self.forget(Watched::Listener);
        self.is_listening = false;
        for number in std::mem::take(&mut self.queue) {
            self.sockets[number].stage = Stage::Closed;
        }
    }

    /// Reads as much as is there. Less than was asked for means that no more was there.
    pub(super) fn read(&mut self, number: usize, buffer: &mut [u8]) -> io::Result<usize> {
        self.call();
        self.interrupts("interrupted read")?;
        self.read_what_is_there(number, buffer)
    }

    /// The same for a call that never blocks, so it is not interrupted.
    pub(super) fn read_at_once(&mut self, number: usize, buffer: &mut [u8]) -> io::Result<usize> {
        self.call();
        self.read_what_is_there(number, buffer)
    }

    fn read_what_is_there(&mut self, number: usize, buffer: &mut [u8]) -> io::Result<usize> {
        let socket = &mut self.sockets[number];
        assert_eq!(socket.stage, Stage::Accepted, "{number} is read from");
        if socket.has_unread() {
            self.progress();
        }
        let socket = &mut self.sockets[number];
        let len = buffer.len().min(socket.inbox.len());
        if len > 0 {
            buffer[..len].copy_from_slice(&socket.inbox[..len]);
            socket.inbox.drain(..len);
            socket.unread_at_shut = socket.unread_at_shut.saturating_sub(len);
            if len == buffer.len() {
                self.meet("full read");
            }
            return Ok(len);
        }
        if socket.reset && !std::mem::replace(&mut socket.error_taken, true) {
            return Err(ErrorKind::ConnectionReset.into());
        }
        if socket.reset {
            self.meet("end after a reset");
            return Ok(0);
        }
        if socket.fin || socket.deaf {
            socket.fin_read = true;
            return Ok(0);
        }
        Err(ErrorKind::WouldBlock.into())
    }

    /// Takes a part of what there is space for.
    pub(super) fn write(&mut self, number: usize, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.call();
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        let socket = &mut self.sockets[number];
        assert_eq!(socket.stage, Stage::Accepted, "{number} is written to");
        if socket.reset || socket.shut {
            socket.error_taken |= socket.reset;
            self.progress();
            return Err(ErrorKind::BrokenPipe.into());
        }
        let space = socket.capacity - socket.window.len();
        let mut taken = len.min(space);
        if std::mem::replace(&mut socket.has_written, true) || len > FIRST_WRITE {
            self.interrupts("interrupted write")?;
            if taken > 0 && self.fails && self.dice.one_in(4) {
                taken = 1 + self.dice.below(taken);
            }
        }
        let socket = &mut self.sockets[number];
        socket.starved |= taken < len;
        let mut rest = taken;
        for piece in pieces {
            let part = rest.min(piece.len());
            socket.window.extend_from_slice(&piece[..part]);
            if let Some(session) = &mut socket.client.session {
                session.decrypt(&piece[..part]);
            }
            rest -= part;
        }
        if taken < len {
            self.meet(if taken == 0 { "full socket" } else { "short write" });
        }
        if taken == 0 && len > 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.progress();
        self.incoming(number);
        Ok(taken)
    }

    pub(super) fn shut(&mut self, number: usize) {
        self.call();
        let end = self.elapsed + LINGER - OVERSLEEP;
        let socket = &mut self.sockets[number];
        socket.shut = true;
        socket.lingers_until = (socket.quits && !socket.client.unserved).then_some(end);
        socket.unread_at_shut = Some(socket.inbox.len()).filter(|len| *len <= READ_MAX).unwrap_or(0);
        self.incoming(number);
    }

    /// The number of connections that only our side has closed.
    pub(super) fn lingering(&self) -> usize {
        self.sockets.iter().filter(|socket| socket.stage == Stage::Accepted && socket.shut).count()
    }

    pub(super) fn close(&mut self, number: usize) {
        self.progress();
        self.forget(Watched::Socket(number));
        let (now, ends) = (self.elapsed, self.told_to_stop.is_some() || std::thread::panicking());
        let lingering = self.lingering();
        let socket = &mut self.sockets[number];
        let is_early = socket.lingers_until.is_some_and(|until| now < until) && !socket.fin && !socket.reset;
        assert!(
            !is_early || ends || lingering > LINGERING_MAX,
            "client {number} is closed before it can have read the last word"
        );
        socket.stage = Stage::Closed;
        socket.shut = true;
        if !socket.inbox.is_empty() {
            socket.broken = socket.unread_at_shut == 0;
            socket.lose_window();
        }
        self.incoming(number);
    }

    /// The process ends: closes what it has not closed itself.
    pub(super) fn exit(&mut self) {
        self.close_listener();
        for number in 0..self.sockets.len() {
            if self.sockets[number].stage == Stage::Accepted {
                self.close(number);
            }
        }
    }

    // What the clients do to the kernel.

    pub(super) fn connect(&mut self, number: usize) {
        if self.is_listening {
            self.sockets[number].stage = Stage::Queued;
            self.queue.push_back(number);
            self.raise(Watched::Listener, |_| true);
        } else {
            self.sockets[number].stage = Stage::Closed;
        }
    }

    pub(super) fn arrive(&mut self, number: usize, bytes: &[u8]) {
        let socket = &mut self.sockets[number];
        if socket.stage != Stage::Closed && !socket.reset && !socket.fin {
            socket.inbox.extend_from_slice(bytes);
            self.raise(Watched::Socket(number), Interest::is_readable);
        }
    }

    pub(super) fn end(&mut self, number: usize) {
        if !self.sockets[number].reset {
            self.sockets[number].fin = true;
            self.raise(Watched::Socket(number), Interest::is_readable);
        }
    }

    /// A RST from the client. What the server has not read yet may be lost with it.
    pub(super) fn reset(&mut self, number: usize) {
        let forgets = self.dice.one_in(2);
        let socket = &mut self.sockets[number];
        socket.reset = true;
        socket.lose_window();
        if forgets {
            socket.inbox.clear();
            socket.unread_at_shut = 0;
        }
        self.raise(Watched::Socket(number), |_| true);
    }
}
