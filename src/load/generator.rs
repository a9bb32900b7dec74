//! The event loop that plays all clients.

use super::alarm::Alarm;
use super::load_client::LoadClient;
use super::messages::{self, End};
use super::outcome::{Outcome, Strays};
use super::prefix::Prefix;
use super::scenario::{Pace, Scenario};
use super::shape::Shape;
use super::system_calls::SystemCalls;
use super::tally::Faults;
use super::timetable::Timetable;
use super::under_way::SentLine;
use super::usage::Usage;
use crate::harness::probe::{self, Found};
use crate::harness::{Kind, Nonce, Probe, ProbeFinder, proc};
use crate::text::Bilingual;
use hdrhistogram::Histogram;
use mio::{Events, Poll};
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::ops::Range;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Read from one client at a time. Bytes.
const READ_MAX: usize = 256 << 10;
/// What a server may put around a line; a longer line is malformed. Bytes.
const AROUND_MAX: usize = 64 << 10;
/// How long all clients have to receive the first client's line.
const ROLL_CALL: Duration = Duration::from_secs(10);
/// How often it sends that line until then.
const CALL_EVERY: Duration = Duration::from_millis(100);
/// The longest time between two looks at the clock.
const PAUSE: Duration = Duration::from_millis(100);
/// A thread that sleeps wakes up late by about this much. So the alarm is set this much earlier, and then the generator
/// polls without sleeping. If lines follow each other faster than this it sleeps, because a thread that never sleeps
/// is preempted for milliseconds.
const WAKE_UP_LATENCY: Duration = Duration::from_micros(60);
/// The alarm's token; the clients' are their numbers.
const ALARM: mio::Token = mio::Token(usize::MAX - 1);
/// The run is over when nothing has arrived for this long.
const DRAIN: Duration = Duration::from_secs(2);
/// How long system calls are counted. This is after the measurement, because counting slows them down.
const COUNTED: Duration = Duration::from_millis(300);
/// At most this many troubles are listed.
const TROUBLES_MAX: usize = 10;
/// Significant decimal digits of a latency. With fewer for each receiver, a histogram takes some kilobytes.
const DIGITS: u8 = 3;
const RECEIVER_DIGITS: u8 = 2;

/// Plays a scenario against the server at an address, whose process is `pid` if it is known. If there are several addresses, the
/// clients come to each in turn: those of servers that have one room. `progress` gets how far the run is, from 0 to 1. An error says
/// in one line what failed and what to try.
pub fn run(
    addrs: &[SocketAddr],
    scenario: &Scenario,
    pid: Option<u32>,
    progress: &mut dyn FnMut(f64),
) -> Result<Outcome, Bilingual> {
    let memory = || proc::private_memory_now(pid?);
    let memory_before = memory();
    let mut generator = Generator::connect(addrs, scenario)?;
    generator.call_roll()?;
    let grown = memory().zip(memory_before).map(|(now, before)| now.saturating_sub(before));
    let mut outcome = generator.play(pid, progress).map_err(messages::failed)?;
    outcome.memory_per_client = grown.and_then(|grown| Outcome::memory_of_each(grown, scenario.connections()));
    Ok(outcome)
}

struct Generator<'a> {
    scenario: &'a Scenario,
    poll: Poll,
    events: Events,
    clients: Vec<LoadClient>,
    nonce: Nonce,
    finder: ProbeFinder,
    /// By talker: what its lines look like when they arrive.
    shapes: Vec<Option<Shape>>,
    buffer: Vec<u8>,
    begin: Instant,
    /// Only lines that were due in this time are measured.
    measured: Range<Duration>,
    latency: Histogram<u64>,
    service: Histogram<u64>,
    /// By client, without the idle ones.
    receivers: Vec<Histogram<u32>>,
    /// The server's own lines before the load, without their digits.
    notices: HashSet<Vec<u8>>,
    strays: Strays,
    /// Since the beginning.
    sent: u64,
    arrived: u64,
    echoes: u64,
    troubles: Vec<Bilingual>,
    /// Talkers whose window is not full.
    dirty: Vec<usize>,
    last_arrival: Instant,
    alarm: Alarm,
    /// The alarm was set to a time before the next line is due.
    alarm_is_early: bool,
    /// Time spent polling without sleeping.
    polled: Duration,
}

impl<'a> Generator<'a> {
    fn connect(addrs: &[SocketAddr], scenario: &'a Scenario) -> Result<Generator<'a>, Bilingual> {
        let poll = Poll::new().map_err(messages::failed)?;
        let alarm = Alarm::new(poll.registry(), ALARM).map_err(messages::failed)?;
        let mut clients = Vec::with_capacity(scenario.connections());
        for (number, &addr) in (0..scenario.connections()).zip(addrs.iter().cycle()) {
            let client = LoadClient::connect(addr, number, scenario, poll.registry());
            clients.push(client.map_err(|e| messages::cannot_connect(number, scenario.connections(), addr, &e))?);
        }
        let nonce = probe::nonce(&mut fastrand::Rng::new());
        let histogram = || Histogram::new(DIGITS).map_err(messages::failed);
        let receivers: Result<_, _> = (0..scenario.clients).map(|_| Histogram::new(RECEIVER_DIGITS)).collect();
        Ok(Generator {
            scenario,
            poll,
            events: Events::with_capacity(1024),
            clients,
            nonce,
            finder: ProbeFinder::new(nonce),
            shapes: (0..scenario.talkers).map(|_| None).collect(),
            buffer: vec![0; READ_MAX],
            begin: Instant::now(),
            measured: Duration::MAX..Duration::MAX,
            latency: histogram()?,
            service: histogram()?,
            receivers: receivers.map_err(messages::failed)?,
            notices: HashSet::new(),
            strays: Strays::default(),
            sent: 0,
            arrived: 0,
            echoes: 0,
            troubles: Vec::new(),
            dirty: Vec::new(),
            last_arrival: Instant::now(),
            alarm,
            alarm_is_early: false,
            polled: Duration::ZERO,
        })
    }

    /// The first client sends hellos until all clients have received one. From then on all are in the room, and a line
    /// that does not arrive is lost.
    fn call_roll(&mut self) -> Result<(), Bilingual> {
        let begin = Instant::now();
        let mut call_at = begin;
        while !self.clients[1..].iter().all(|client| client.heard_roll_call) {
            let now = Instant::now();
            let count = self.clients.len();
            if let Some(trouble) = self.troubles.first() {
                return Err(messages::refused(trouble, count));
            }
            if now - begin > ROLL_CALL {
                let deaf = self.clients[1..].iter().filter(|client| !client.heard_roll_call).count();
                return Err(messages::not_relayed(deaf, count));
            }
            if now >= call_at {
                self.clients[0].append(Probe { kind: Kind::Hello, sender: 0, seq: 0 }, self.nonce, self.scenario);
                self.flush(0);
                call_at = now + CALL_EVERY;
            }
            self.poll(Some(call_at - now)).map_err(messages::failed)?;
        }
        Ok(())
    }

    fn any_closed(&self) -> bool {
        self.clients.iter().any(|client| client.closed)
    }

    fn play(mut self, pid: Option<u32>, progress: &mut dyn FnMut(f64)) -> io::Result<Outcome> {
        let Scenario { warm_up, duration, .. } = *self.scenario;
        self.begin = Instant::now();
        let mut timetable = Timetable::new(self.scenario);
        self.dirty = (0..self.scenario.talkers).collect();
        let whole = (warm_up + duration).as_secs_f64().max(f64::MIN_POSITIVE);
        let mut progress = |now: Duration| progress((now.as_secs_f64() / whole).min(1.0));

        self.talk_until(warm_up, &mut timetable, &mut progress)?;
        let usage_before = pid.map(usage_meanwhile);
        let (cpu_before, polled_before) = (proc::thread_cpu(), self.polled);
        let (sent_before, arrived_before) = (self.sent, self.arrived);
        let from = self.begin.elapsed();
        self.measured = from..Duration::MAX;

        self.talk_until(from + duration, &mut timetable, &mut progress)?;
        let until = self.begin.elapsed();
        self.measured = from..until;
        let (sent, delivered) = (self.sent - sent_before, self.arrived - arrived_before);
        let generator_cpu = proc::thread_cpu().saturating_sub(cpu_before + self.polled - polled_before);
        let usage_after = pid.map(usage_meanwhile);
        let usage = usage_before.zip(usage_after).and_then(|(before, after)| {
            let (before, after) = (before.join().ok()?, after.join().ok()?);
            Some(after - before)
        });

        let system_calls_per_delivery = match pid {
            Some(pid) => self.count_system_calls(pid, &mut timetable)?,
            None => None,
        };
        self.drain()?;

        let sent_by_each: Vec<u32> = self.clients.iter().map(|client| client.under_way.sent()).collect();
        let mut faults = Faults::default();
        for (receiver, client) in self.clients.into_iter().enumerate() {
            let due = sent_by_each.iter().take(self.scenario.talkers).enumerate();
            faults += client.tally.close(due.map(|(sender, &sent)| if sender == receiver { 0 } else { sent }));
        }
        let elapsed = until - from;
        Ok(Outcome {
            elapsed,
            sent,
            delivered,
            latency: self.latency,
            service: self.service,
            receivers: self.receivers,
            faults,
            strays: self.strays,
            echoes: self.echoes,
            troubles: self.troubles,
            generator_busy: generator_cpu.as_secs_f64() / elapsed.as_secs_f64().max(f64::MIN_POSITIVE),
            usage,
            system_calls_per_delivery,
            memory_per_client: None,
        })
    }

    /// Sends and receives until `end`, or until the server has closed a connection.
    fn talk_until(
        &mut self,
        end: Duration,
        timetable: &mut Timetable,
        progress: &mut dyn FnMut(Duration),
    ) -> io::Result<()> {
        loop {
            let now = self.begin.elapsed();
            progress(now);
            if now >= end || self.any_closed() {
                return Ok(());
            }
            let timeout = self.send_what_is_due(timetable)?;
            self.poll(timeout)?;
        }
    }

    /// Plays on for a while and counts the server's system calls per delivery. `None` if the system does not allow it.
    fn count_system_calls(&mut self, pid: u32, timetable: &mut Timetable) -> io::Result<Option<f64>> {
        let Some(mut system_calls) = SystemCalls::of(pid) else { return Ok(None) };
        let (calls, arrived) = (system_calls.count(), self.arrived);
        let end = self.begin.elapsed() + COUNTED.min(self.scenario.duration);
        self.talk_until(end, timetable, &mut |_| {})?;
        let calls = calls.zip(system_calls.count()).map(|(before, now)| now - before);
        let arrived = self.arrived - arrived;
        Ok(calls.filter(|_| arrived > 0).map(|calls| calls as f64 / arrived as f64))
    }

    /// Sends what is due, and returns how long to wait for answers.
    fn send_what_is_due(&mut self, timetable: &mut Timetable) -> io::Result<Option<Duration>> {
        match self.scenario.pace {
            Pace::Window(window) => {
                for talker in std::mem::take(&mut self.dirty) {
                    self.clients[talker].dirty = false;
                    let now = self.begin.elapsed();
                    while self.clients[talker].under_way.count() < window as usize {
                        self.say(talker, now, now);
                    }
                    self.flush(talker);
                }
            }
            Pace::Rate(_) => {
                let mut now = self.begin.elapsed();
                while let Some((talker, at)) = timetable.due(now) {
                    self.alarm_is_early = false;
                    self.say(talker, at, now);
                    self.flush(talker);
                    now = self.begin.elapsed();
                }
                let left = timetable.next_at().saturating_sub(now).min(PAUSE);
                if self.alarm_is_early && left <= WAKE_UP_LATENCY {
                    return Ok(Some(Duration::ZERO));
                }
                self.alarm_is_early = left > WAKE_UP_LATENCY;
                return self.alarm.set(if self.alarm_is_early { left - WAKE_UP_LATENCY } else { left });
            }
        }
        Ok(Some(PAUSE))
    }

    /// Waits until all that was sent has arrived, or nothing arrives any more.
    fn drain(&mut self) -> io::Result<()> {
        self.last_arrival = Instant::now();
        let due = self.sent * (self.clients.len() as u64 - 1);
        while self.arrived < due && self.last_arrival.elapsed() < DRAIN {
            self.poll(Some(CALL_EVERY))?;
        }
        Ok(())
    }

    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let begin = Instant::now();
        match self.poll.poll(&mut events, timeout) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => events.clear(),
            Err(e) => return Err(e),
        }
        if timeout == Some(Duration::ZERO) && events.is_empty() {
            self.polled += begin.elapsed();
        }
        for event in events.iter().filter(|event| event.token() != ALARM) {
            let client = event.token().0;
            if event.is_writable() {
                self.flush(client);
            }
            let ends = event.is_read_closed() || event.is_error();
            if event.is_readable() || ends {
                self.read(client, ends);
            }
        }
        self.events = events;
        Ok(())
    }

    // One client.

    fn say(&mut self, talker: usize, to_be_sent: Duration, now: Duration) {
        let client = &mut self.clients[talker];
        let seq = client.under_way.say(SentLine { to_be_sent, sent: now });
        let probe = Probe { kind: Kind::Flood, sender: talker as u16, seq };
        client.append(probe, self.nonce, self.scenario);
        self.sent += 1;
    }

    fn flush(&mut self, number: usize) {
        if let Err(e) = self.clients[number].flush() {
            self.close(number, &End::Write(e));
        }
    }

    /// Reads until nothing is left, and checks every line. If the stream `ends`, up to its end.
    fn read(&mut self, number: usize, ends: bool) {
        let mut buffer = std::mem::take(&mut self.buffer);
        loop {
            match self.clients[number].read(&mut buffer) {
                Ok((0, _)) => {
                    self.close(number, &End::ByServer);
                    break;
                }
                Ok((n, may_have_more)) => {
                    self.last_arrival = Instant::now();
                    let now = self.begin.elapsed();
                    self.take_in(number, &buffer[..n], now);
                    if !may_have_more && !ends {
                        break;
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    self.close(number, &End::Read(e));
                    break;
                }
            }
        }
        self.buffer = buffer;
    }

    /// Takes runs of lines that are as expected, and checks each other line.
    fn take_in(&mut self, number: usize, bytes: &[u8], now: Duration) {
        let mut partial = std::mem::take(&mut self.clients[number].partial);
        let mut rest = bytes;
        if !partial.is_empty() {
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            partial.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
            if partial.ends_with(b"\n") {
                if self.run(number, &partial, now) == 0 {
                    self.line(number, &partial, now);
                }
                partial.clear();
            }
        }
        while !rest.is_empty() {
            let mut len = self.run(number, rest, now);
            if len == 0 {
                let Some(at) = memchr::memchr(b'\n', rest) else { break };
                len = at + 1;
                self.line(number, &rest[..len], now);
            }
            rest = &rest[len..];
        }
        partial.extend_from_slice(rest);
        if partial.len() > self.scenario.line_len + AROUND_MAX {
            self.clients[number].tally.faults.malformed += 1;
            partial.clear();
        }
        self.clients[number].partial = partial;
    }

    /// Takes the next lines of one sender if every byte is as expected. Returns their length. Bytes.
    fn run(&mut self, receiver: usize, bytes: &[u8], now: Duration) -> usize {
        // Most often the next line is from the sender of the last one.
        match self.run_of(self.clients[receiver].heard_last, receiver, bytes, now) {
            0 => self.finder.next_sender(bytes).map_or(0, |sender| self.run_of(sender, receiver, bytes, now)),
            len => len,
        }
    }

    fn run_of(&mut self, sender: usize, receiver: usize, bytes: &[u8], now: Duration) -> usize {
        let Some(Some(shape)) = self.shapes.get(sender) else { return 0 };
        if sender == receiver {
            return 0;
        }
        let next = self.clients[receiver].tally.next(sender);
        let lines = shape.run(bytes, next, self.clients[sender].under_way.sent() - next);
        let len = lines as usize * shape.line_len();
        if lines > 0 {
            let client = &mut self.clients[receiver];
            client.heard_last = sender;
            client.tally.note_run(sender, lines, shape.prefix);
            self.arrived += u64::from(lines);
            self.reached(sender, receiver, next, next + lines, now);
        }
        len
    }

    /// Checks a line, with its end.
    fn line(&mut self, receiver: usize, line: &[u8], now: Duration) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let probe_len = self.scenario.line_len - self.scenario.eol.bytes().len();
        let (probe, at) = match self.finder.find_in_line(text) {
            Found::Probe(probe, at) if text.len() - at == probe_len => (probe, at),
            Found::Foreign => return self.notice(receiver, text),
            _ => {
                self.clients[receiver].tally.faults.malformed += 1;
                return;
            }
        };
        if probe.kind == Kind::Hello {
            self.clients[receiver].heard_roll_call = true;
            return;
        }
        let sender = usize::from(probe.sender);
        if sender == receiver {
            self.echoes += 1;
            return;
        }
        let sent = self.clients.get(sender).map_or(0, |client| client.under_way.sent());
        let tally = &mut self.clients[receiver].tally;
        let from = tally.next(sender);
        if !tally.note(probe.sender, probe.seq, Prefix::of(&line[..at]), sent) {
            return;
        }
        let to = tally.next(sender);
        self.arrived += 1;
        self.shapes[sender] = Some(Shape::of(line, at, probe_len));
        self.reached(sender, receiver, from, to, now);
    }

    /// A line without a probe. Once the load has begun, it is a stray unless the server sent lines like it before.
    fn notice(&mut self, receiver: usize, text: &[u8]) {
        self.clients[receiver].last_notice = text.to_vec();
        let form = text.iter().copied().filter(|byte| !byte.is_ascii_digit()).collect();
        if self.sent == 0 {
            self.notices.insert(form);
        } else if !self.notices.contains(&form) {
            self.strays.note(text);
        }
    }

    /// A sender's lines have reached one more client.
    fn reached(&mut self, sender: usize, receiver: usize, from: u32, to: u32, now: Duration) {
        if receiver >= self.scenario.clients {
            return;
        }
        let client = &mut self.clients[sender];
        let before = client.under_way.count();
        let is_measured = |line: &SentLine| self.measured.contains(&line.to_be_sent);
        let nanos = |since: Duration| now.saturating_sub(since).as_nanos() as u64;
        // An auto-resizing histogram takes every value.
        for (line, count) in client.under_way.between(from, to) {
            if is_measured(&line) {
                let _ = self.receivers[receiver].record_n(nanos(line.to_be_sent), count);
            }
        }
        client.under_way.reached(from, to, |line| {
            if is_measured(&line) {
                let _ = self.latency.record(nanos(line.to_be_sent));
                let _ = self.service.record(nanos(line.sent));
            }
        });
        if client.under_way.count() < before && !std::mem::replace(&mut client.dirty, true) {
            self.dirty.push(sender);
        }
    }

    fn close(&mut self, number: usize, end: &End) {
        let client = &mut self.clients[number];
        client.closed = true;
        if self.troubles.len() < TROUBLES_MAX {
            self.troubles.push(messages::trouble(number, end, &client.last_notice));
        }
    }
}

/// Reads the usage in a separate thread: for a server with hundreds of threads that takes longer than a round trip.
fn usage_meanwhile(pid: u32) -> JoinHandle<Usage> {
    thread::spawn(move || Usage::of(pid))
}
