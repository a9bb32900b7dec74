//! The test client. A test decides how it reads, what it sends in which pieces, and how it leaves. Its socket never
//! blocks.
//!
//! The load generator has another one (`load::load_client`), which must be faster than any server and never misbehaves.

use super::eol::Eol;
use super::ping::PingWatch;
use super::probe::{Kind, Nonce, Probe};
use super::proc;
use super::receiver::Receiver;
use rustix::event::PollFlags;
use socket2::{Domain, SockRef, Socket, Type};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How eagerly a client reads.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Reading {
    Eagerly,
    Never,
    /// At this rate, in bytes per second.
    Slowly {
        per_second: f64,
        since: Instant,
        taken: f64,
    },
}

impl Reading {
    /// From now on at this rate, in bytes per second.
    pub fn at(per_second: f64) -> Reading {
        Reading::Slowly { per_second, since: Instant::now(), taken: 0.0 }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Open,
    /// The server has closed it.
    Ended,
    Failed(ErrorKind),
}

/// Lines that are sent as fast as the server takes them.
#[derive(Clone, Debug)]
pub enum Flood {
    Probes {
        lines: u32,
        /// Length of a line without its end. Bytes.
        len: usize,
    },
    /// This line, with its end, without pause.
    Always(Vec<u8>),
}

/// What a client's probes look like.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// Their sender.
    pub number: u16,
    pub nonce: Nonce,
    pub eol: Eol,
}

/// What a server expects around a line that is said: a command before it, or the rest of a JSON object.
#[derive(Clone, Default, Debug)]
pub struct Wrapping {
    pub before: Vec<u8>,
    pub after: Vec<u8>,
}

/// How the lines of a login are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoginPace {
    AtOnce,
    /// One by one. Bit `n` is set if the server says something before it wants line `n`; `None` while nobody knows.
    StepByStep(Option<u32>),
}

pub struct TestClient {
    pub stream: TcpStream,
    identity: Identity,
    /// The number in its login. It differs from those of all clients before: a name may stay taken for a while after
    /// its owner has left.
    pub login: u32,
    pub wrapping: Wrapping,
    pings: PingWatch,
    /// The lines of a login that are still to be sent, and last what is said after them.
    steps: VecDeque<Vec<u8>>,
    /// When the last of them was sent, and how many bytes had been received.
    stepped: (Instant, u64),
    /// What is known about the lines that are still to be sent, and what was learned about those before.
    asked: Option<u32>,
    learned: (u32, u32),
    pub receiver: Receiver,
    pub reading: Reading,
    pub state: State,
    out: Vec<u8>,
    out_at: usize,
    /// How many lines of each kind were sent.
    said: [u32; 4],
    flood: Option<Flood>,
    /// Bytes that the kernel has taken.
    pub written: u64,
}

/// Length of a line whose length does not matter. Bytes.
pub(crate) const SHORT_LEN: usize = 48;
/// A flood is generated in pieces of this size. Bytes.
const FLOOD_PIECE: usize = 64 << 10;
/// A client that reads slowly rests for this long after each read, so that it does not wake up for every byte.
const SLOW_READ_EVERY: Duration = Duration::from_millis(5);
/// A server that has said something and then nothing for this long waits for an answer.
const QUIET: Duration = Duration::from_millis(20);
/// A server that says nothing for this long does not ask for the next line of a login.
const UNASKED: Duration = Duration::from_millis(250);
/// One that did ask for it before may take this long.
const ASKED_MAX: Duration = Duration::from_secs(1);
/// By then a server that does not answer a login has read it.
const SETTLED: Duration = Duration::from_millis(100);
/// Pieces that are read in one turn: several times what is sent in one, so that reading is never the bottleneck.
const READ_PIECES: usize = 4;

impl TestClient {
    /// Connects within `limit`. The sizes of segments and of the receive buffer, in bytes, are set before, because TCP
    /// negotiates them then.
    pub fn connect(
        addr: SocketAddr,
        limit: Duration,
        segment: Option<u32>,
        receive_buffer: Option<usize>,
        identity: Identity,
    ) -> io::Result<TestClient> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(bytes) = segment {
            socket.set_tcp_mss(bytes)?;
        }
        socket.connect_timeout(&addr.into(), limit)?;
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(TestClient {
            stream: socket.into(),
            identity,
            login: 0,
            wrapping: Wrapping::default(),
            pings: PingWatch::default(),
            steps: VecDeque::new(),
            stepped: (Instant::now(), 0),
            asked: None,
            learned: (0, 0),
            receiver: Receiver::new(identity.nonce),
            reading: Reading::Eagerly,
            state: State::Open,
            out: Vec::new(),
            out_at: 0,
            said: [0; 4],
            flood: None,
            written: 0,
        })
    }

    /// Its number, which is the sender in its probes.
    pub fn number(&self) -> u16 {
        self.identity.number
    }

    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Queues a line and its end, and returns the probe in it.
    pub fn say(&mut self, kind: Kind, len: usize) -> Probe {
        let (probe, line) = self.line(kind, len);
        self.push(&line);
        probe
    }

    /// A line and its end, to be sent with [`TestClient::push`].
    pub fn line(&mut self, kind: Kind, len: usize) -> (Probe, Vec<u8>) {
        let seq = &mut self.said[kind as usize];
        let probe = Probe { kind, sender: self.identity.number, seq: *seq };
        *seq += 1;
        let mut line = self.wrapping.before.clone();
        probe.write(self.identity.nonce, len, &mut line);
        line.extend_from_slice(&self.wrapping.after);
        line.extend_from_slice(self.identity.eol.bytes());
        (probe, line)
    }

    /// A line of `len` bytes and its end, without a probe in it: neither side takes long for it.
    pub fn filler(&self, len: usize) -> Vec<u8> {
        [&self.wrapping.before[..], &vec![b'x'; len], &self.wrapping.after, self.identity.eol.bytes()].concat()
    }

    /// Queues bytes, and writes what the socket takes immediately. If a login is under way, they wait for its end.
    pub fn push(&mut self, bytes: &[u8]) {
        match self.steps.back_mut() {
            Some(last) => last.extend_from_slice(bytes),
            None => self.out.extend_from_slice(bytes),
        }
        self.write();
    }

    /// Sends these lines before all others.
    pub fn log_in(&mut self, lines: impl Iterator<Item = Vec<u8>>, pace: LoginPace) {
        match pace {
            LoginPace::AtOnce => self.push(&lines.collect::<Vec<_>>().concat()),
            LoginPace::StepByStep(asked) => {
                self.steps.extend(lines.chain([Vec::new()]));
                self.asked = asked;
            }
        }
    }

    /// What [`LoginPace::StepByStep`] should know.
    pub fn learned_of_login(&self) -> u32 {
        self.learned.1
    }

    /// Whether clients wait until the server accepts them. This may be one of them.
    fn is_in_a_queue(&self) -> bool {
        let server = self.stream.peer_addr().ok();
        server.and_then(proc::not_accepted).is_some_and(|count| count > 0)
    }

    /// Sends the next lines of the login, if their time has come.
    pub fn go_on_with_login(&mut self) {
        while !self.steps.is_empty() {
            let ((at, total), (nth, learned)) = (self.stepped, self.learned);
            let is_quiet = self.receiver.last_byte.is_none_or(|at| at.elapsed() > QUIET);
            let is_asked = self.receiver.total > total && is_quiet;
            let wait = match self.asked {
                None => UNASKED,
                Some(asked) if asked >> nth.min(u32::BITS - 1) & 1 == 1 => ASKED_MAX,
                Some(_) if self.steps.len() == 1 => SETTLED,
                Some(_) => Duration::ZERO,
            };
            if !is_asked && at.elapsed() < wait {
                return;
            }
            if !is_asked && self.receiver.total == 0 && self.is_in_a_queue() {
                self.stepped.0 = Instant::now();
                return;
            }
            self.out.extend(self.steps.pop_front().unwrap_or_default());
            self.stepped = (Instant::now(), self.receiver.total);
            self.learned = (nth + 1, learned | u32::from(is_asked) << nth.min(u32::BITS - 1));
            self.write();
        }
    }

    pub fn start_flood(&mut self, flood: Flood) {
        self.flood = Some(flood);
    }

    /// Ends the flood after the line that is partly written.
    pub fn end_flood(&mut self) {
        self.flood = None;
        // A line counts as sent if the kernel has taken a part of it.
        let begun =
            self.out[self.out_at..].iter().position(|&b| b == b'\n').map_or(self.out.len(), |at| self.out_at + at + 1);
        let dropped = self.out[begun..].iter().filter(|&&b| b == b'\n').count();
        self.said[Kind::Flood as usize] -= dropped as u32;
        self.out.truncate(begun);
    }

    /// Nothing is left to be sent.
    pub fn has_said_all(&self) -> bool {
        self.flood.is_none() && self.out_at == self.out.len()
    }

    /// How many lines of its floods were sent.
    pub fn flooded(&self) -> u32 {
        self.said[Kind::Flood as usize]
    }

    /// What to poll for.
    pub fn wants(&self) -> PollFlags {
        let mut flags = PollFlags::empty();
        if self.is_open() {
            flags.set(PollFlags::IN, self.allowance() > 0);
            flags.set(PollFlags::OUT, !self.has_said_all());
        }
        flags
    }

    /// How many bytes it may read now.
    fn allowance(&self) -> usize {
        match self.reading {
            Reading::Eagerly => usize::MAX,
            Reading::Never => 0,
            Reading::Slowly { per_second, since, taken } => {
                let due = since.elapsed().as_secs_f64() * per_second - taken;
                if due < per_second * SLOW_READ_EVERY.as_secs_f64() { 0 } else { due as usize }
            }
        }
    }

    pub fn read(&mut self, buffer: &mut [u8]) {
        for _ in 0..READ_PIECES {
            let len = buffer.len().min(self.allowance());
            if len == 0 || !self.is_open() {
                return;
            }
            match self.stream.read(&mut buffer[..len]) {
                Ok(0) => self.state = State::Ended,
                Ok(n) => {
                    if let Reading::Slowly { taken, .. } = &mut self.reading {
                        *taken += n as f64;
                    }
                    self.receiver.feed(&buffer[..n]);
                    self.acknowledge();
                    for word in self.pings.feed(&buffer[..n]) {
                        self.out.extend([b"PONG ", &word[..], self.identity.eol.bytes()].concat());
                        self.write();
                    }
                    if n < len {
                        return;
                    }
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return,
                Err(e) => self.state = State::Failed(e.kind()),
            }
        }
    }

    /// Acknowledges immediately. If a server writes twice without TCP_NODELAY, its second write is sent only after the
    /// first is acknowledged, and our kernel may delay that by 40 ms. The option does not last, so it is set after each
    /// read.
    fn acknowledge(&self) {
        #[cfg(target_os = "linux")]
        let _ = SockRef::from(&self.stream).set_tcp_quickack(true);
    }

    pub fn write(&mut self) {
        if !self.is_open() {
            return;
        }
        self.make_flood();
        match self.stream.write(&self.out[self.out_at..]) {
            Ok(n) => {
                self.out_at += n;
                self.written += n as u64;
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            // What was sent to it before can still be read; the read finds the end.
            Err(e) if self.reading == Reading::Eagerly && e.kind() == ErrorKind::BrokenPipe => {
                self.flood = None;
                self.out_at = self.out.len();
            }
            Err(e) => self.state = State::Failed(e.kind()),
        }
        if self.out_at == self.out.len() {
            self.out.clear();
            self.out_at = 0;
        }
    }

    fn make_flood(&mut self) {
        let Some(flood) = &mut self.flood else { return };
        if self.out.len() - self.out_at >= FLOOD_PIECE {
            return;
        }
        self.out.drain(..self.out_at);
        self.out_at = 0;
        let said = &mut self.said[Kind::Flood as usize];
        while self.out.len() < FLOOD_PIECE {
            match flood {
                Flood::Probes { lines: 0, .. } => {
                    self.flood = None;
                    break;
                }
                Flood::Probes { lines, len } => {
                    let probe = Probe { kind: Kind::Flood, sender: self.identity.number, seq: *said };
                    self.out.extend_from_slice(&self.wrapping.before);
                    probe.write(self.identity.nonce, *len, &mut self.out);
                    self.out.extend_from_slice(&self.wrapping.after);
                    self.out.extend_from_slice(self.identity.eol.bytes());
                    *lines -= 1;
                }
                Flood::Always(line) => self.out.extend_from_slice(line),
            }
            *said += 1;
        }
    }

    /// Records an error on a socket that is not read.
    pub fn note_error(&mut self) {
        if let Ok(Some(e)) = self.stream.take_error() {
            self.state = State::Failed(e.kind());
        } else if self.reading == Reading::Never {
            self.state = State::Ended;
        }
    }

    /// Ends its sending direction, and still reads.
    pub fn half_close(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Sends these bytes and ends its sending direction in one segment, so that the server finds both at once. On other
    /// systems than Linux they may come one after the other.
    pub fn says_goodbye(&mut self, bytes: &[u8]) {
        #[cfg(target_os = "linux")]
        let _ = rustix::net::sockopt::set_tcp_cork(&self.stream, true);
        self.push(bytes);
        self.half_close();
    }

    /// Closes with a RST instead of a FIN.
    pub fn reset(self) {
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// From now on the kernel drops all packets to it without an acknowledgement, as if its cable were cut.
    #[cfg(target_os = "linux")]
    pub fn vanish(&mut self) -> io::Result<()> {
        // BPF_RET | BPF_K with 0: accept no byte of any packet.
        self.reading = Reading::Never;
        SockRef::from(&self.stream).attach_filter(&[socket2::SockFilter::new(6, 0, 0, 0)])
    }

    #[cfg(not(target_os = "linux"))]
    pub fn vanish(&mut self) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }
}
