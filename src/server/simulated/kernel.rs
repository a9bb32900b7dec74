//! A kernel in memory, and the worst that it may do to a server.
//!
//! Time moves when the server sleeps, and a little with every call; the clients act whenever their time has come, so between
//! any two calls. What the dice decide is decided again by the same seed.

use super::client::{Act, ScriptedClient};
use super::dice::Dice;
use super::room::RoomModel;
use crate::chat::limits::READ_MAX;
use crate::server::lingering::{LINGER, LINGERING_MAX};
use crate::server::service::ACCEPT_RETRY;
use mio::{Interest, Token};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A room that is not at rest by then never will be: nobody's script takes so long, and no patience.
pub(super) const LIFE_MAX: Duration = Duration::from_secs(300);
/// Between the look at the clock and the sleep, and in the turn before, somebody else had the core.
pub(super) const OVERSLEEP: Duration = Duration::from_millis(20);
/// What is written first, if no longer than this, is taken whole: a new socket's buffer is empty.
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

/// A call that cannot fail: it is also made when the loop is dropped because a call of its has found a fault.
pub(super) fn release(call: impl FnOnce(&mut Kernel)) {
    KERNEL.with(|kernel| {
        if let Ok(mut kernel) = kernel.try_borrow_mut() {
            kernel.as_mut().map(call);
        }
    });
}

/// Connections are numbered in the order in which they came, and the number stands in the peer's port.
const FIRST_PORT: u16 = 40_000;

pub(super) fn address(number: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], FIRST_PORT + number as u16))
}

pub(super) fn number(peer: SocketAddr) -> usize {
    usize::from(peer.port() - FIRST_PORT)
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Watched {
    Listener,
    Signals,
    Socket(usize),
}

/// What the poll was told about a source.
#[derive(Clone, Copy)]
pub(super) struct Watch {
    pub token: Token,
    pub interest: Interest,
    /// Its edge has not been handed out yet. Several are one.
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
    /// The server reads these, then the end-of-file, then the error.
    pub inbox: Vec<u8>,
    pub fin: bool,
    pub fin_read: bool,
    pub reset: bool,
    /// What the server has written and the client has not read, and how much of it there may be.
    pub window: Vec<u8>,
    pub capacity: usize,
    /// A write came up short: an edge is due once there is space.
    pub starved: bool,
    has_written: bool,
    /// The server has ended its stream.
    pub shut: bool,
    /// The server wants to read no more than what is there.
    pub deaf: bool,
    pub write_timeout: Option<Duration>,
    /// Bytes that were unread then, and still are. Who has sent more than one read takes is not counted.
    unread_at_shut: usize,
    /// The client has said goodbye and may still be reading the answer: until when the server has to read on.
    pub quits: bool,
    pub lingers_until: Option<Duration>,
    /// The server closed it with bytes unread: that is a RST, and what the client had not read is lost. They may have come
    /// too late for it to see them.
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

    /// What was said to the client, it or its window has not got, and the server may still write.
    pub(super) fn has_pending(&self) -> bool {
        let got = self.client.got.len() + self.window.len();
        self.stage == Stage::Accepted && !self.shut && !self.reset && self.client.expected.len() > got
    }
}

/// What has been met, over many runs: a danger that never comes tests nothing.
pub(super) type Met = BTreeMap<&'static str, usize>;

pub(super) struct Kernel {
    pub dice: Dice,
    pub start: Instant,
    pub elapsed: Duration,
    pub watches: Vec<(Watched, Watch)>,
    pub sockets: Vec<Socket>,
    pub queue: VecDeque<usize>,
    pub is_listening: bool,
    /// Until then no descriptors are left, and when that was last said.
    pub no_descriptors_until: Duration,
    pub refused_at: Option<Duration>,
    /// Calls fail, and fall short, as often as below. Otherwise never.
    pub fails: bool,
    /// One call in so many is interrupted.
    pub interrupted: usize,
    /// One poll in so many tells of something that has not happened.
    pub spurious: usize,
    /// From then on a poll fails.
    pub no_poll_from: Option<Duration>,
    /// What the server is told to do with `--spin`.
    pub spin: Duration,
    pub signals: usize,
    /// Whose connection was the last to be accepted.
    pub last_accepted: usize,
    pub told_twice: bool,
    pub told_to_stop: Option<Duration>,
    pub agenda: BTreeMap<(Duration, usize), Act>,
    acts: usize,
    /// Polls since something came of one, or the loop slept.
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
            told_twice: false,
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

    /// Time passes, and the clients do what they do in it.
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

    /// A call takes its time, and once in a while somebody else gets the core.
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

    /// Something has happened to a source: an edge, if it is watched for that.
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
        self.told_twice = self.told_to_stop.is_some();
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

    /// As much as is there. Less than was asked for is all there was.
    pub(super) fn read(&mut self, number: usize, buffer: &mut [u8]) -> io::Result<usize> {
        self.call();
        self.interrupts("interrupted read")?;
        self.read_what_is_there(number, buffer)
    }

    /// The same, where nothing interrupts: if nothing is there it does not wait.
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
        if socket.reset {
            return Err(ErrorKind::ConnectionReset.into());
        }
        if socket.fin || socket.deaf {
            socket.fin_read = true;
            return Ok(0);
        }
        Err(ErrorKind::WouldBlock.into())
    }

    /// Some of what there is space for.
    pub(super) fn write(&mut self, number: usize, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.call();
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        let socket = &mut self.sockets[number];
        assert_eq!(socket.stage, Stage::Accepted, "{number} is written to");
        if socket.reset || socket.shut {
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

    /// Connections that are closed on our side alone.
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
            socket.window.clear();
        }
        self.incoming(number);
    }

    /// The process ends: what it has not closed is closed.
    pub(super) fn exit(&mut self) {
        self.close_listener();
        for number in 0..self.sockets.len() {
            if self.sockets[number].stage == Stage::Accepted {
                self.close(number);
            }
        }
    }

    // What the clients do to it.

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

    /// What the server has not read yet is lost, or it is not.
    pub(super) fn reset(&mut self, number: usize) {
        let forgets = self.dice.one_in(2);
        let socket = &mut self.sockets[number];
        socket.reset = true;
        socket.window.clear();
        if forgets {
            socket.inbox.clear();
            socket.unread_at_shut = 0;
        }
        self.raise(Watched::Socket(number), |_| true);
    }
}
