//! Test clients that one thread drives: it waits for all of their sockets.

use super::probe::{Kind, Probe};
use super::test_client::{Reading, SHORT_LEN, TestClient};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::time::{Duration, Instant};

/// The longest wait, so that a client that reads at a given rate reads often enough.
const TURN_MAX: Duration = Duration::from_millis(10);

/// How long a leaving client waits for the server to close. Most servers do so at once.
const LEAVING: Duration = Duration::from_millis(60);

/// [`Crowd::wait_while_it_moves`] waits for at most this many times the patience while bytes still move.
const PATIENCE_WHILE_MOVING: u32 = 4;

/// How [`Crowd::wait_while_it_moves`] ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waited {
    Done,
    /// No byte has moved for as long as the patience.
    Still,
    /// It is not done, and bytes still move.
    Moving,
}

pub struct Crowd {
    pub members: Vec<TestClient>,
    /// How long to wait for what must arrive.
    pub patience: Duration,
    /// How long it has waited for its sockets: little, if it is slower than the server.
    pub idle: Duration,
    buffer: Vec<u8>,
}

impl Crowd {
    pub fn new(members: Vec<TestClient>, patience: Duration) -> Crowd {
        Crowd { members, patience, idle: Duration::ZERO, buffer: vec![0; 64 << 10] }
    }

    /// A crowd without members.
    pub fn empty() -> Crowd {
        Crowd::new(Vec::new(), Duration::ZERO)
    }

    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// Waits until a socket is ready, at most `limit`, then reads and writes what is possible.
    pub fn turn(&mut self, limit: Duration) {
        let limit = limit.min(TURN_MAX);
        self.members.iter_mut().for_each(TestClient::go_on_with_login);
        let waiting: Vec<(usize, PollFlags)> =
            self.members.iter().enumerate().filter(|(_, c)| c.is_open()).map(|(i, c)| (i, c.wants())).collect();
        let mut fds: Vec<PollFd> =
            waiting.iter().map(|&(i, wants)| PollFd::new(&self.members[i].stream, wants)).collect();
        let timeout = Timespec::try_from(limit).unwrap_or_default();
        if fds.is_empty() {
            std::thread::sleep(limit);
            return;
        }
        let begin = Instant::now();
        let polled = poll(&mut fds, Some(&timeout));
        self.idle += begin.elapsed();
        if polled.is_err() {
            return;
        }
        let events: Vec<PollFlags> = fds.iter().map(PollFd::revents).collect();
        for ((who, wants), events) in waiting.into_iter().zip(events) {
            let client = &mut self.members[who];
            let broken = events.intersects(PollFlags::ERR | PollFlags::HUP);
            if wants.contains(PollFlags::IN) && (events.contains(PollFlags::IN) || broken) {
                client.read(&mut self.buffer);
            } else if broken {
                client.note_error();
            }
            if events.contains(PollFlags::OUT) {
                client.write();
            }
        }
    }

    /// Drives the clients until `done`, at most `limit`. Returns whether it is done.
    pub fn wait(&mut self, limit: Duration, mut done: impl FnMut(&Crowd) -> bool) -> bool {
        let begin = Instant::now();
        loop {
            if done(self) {
                return true;
            }
            if self.members.iter().all(|client| !client.is_open()) {
                return false;
            }
            // At least one turn, because `done` itself may take longer than the limit.
            self.turn(limit.saturating_sub(begin.elapsed()));
            if begin.elapsed() >= limit {
                return done(self);
            }
        }
    }

    /// Drives the clients for this long.
    pub fn go_on(&mut self, how_long: Duration) {
        self.wait(how_long, |_| false);
    }

    /// A client sends a short line.
    pub fn says(&mut self, who: usize) -> Probe {
        self.members[who].say(Kind::Line, SHORT_LEN)
    }

    pub fn has_heard(&self, who: usize, probe: Probe) -> bool {
        self.members[who].receiver.arrival(probe).is_some()
    }

    /// Waits until a client has received a line, or is closed. Returns whether it has received it.
    pub fn hears(&mut self, who: usize, probe: Probe) -> bool {
        self.wait(self.patience, |crowd| crowd.has_heard(who, probe) || !crowd.members[who].is_open());
        self.has_heard(who, probe)
    }

    /// Waits until each of `who` has received all lines but its own. Returns a client and a line that it lacks, if any.
    pub fn all_hear(&mut self, who: &[usize], probes: &[Probe]) -> Option<(usize, Probe)> {
        let missing = |crowd: &Crowd| {
            let pairs = who.iter().flat_map(|&who| probes.iter().map(move |&probe| (who, probe)));
            let mut pairs = pairs.filter(|&(who, probe)| crowd.members[who].number() != probe.sender);
            pairs.find(|&(who, probe)| !crowd.has_heard(who, probe))
        };
        self.wait(self.patience, |crowd| missing(crowd).is_none_or(|(who, _)| !crowd.members[who].is_open()));
        missing(self)
    }

    /// All clients leave without a reset: each closes its sending direction and waits a moment for the server to close
    /// the other. A connection that is closed with bytes unread, or that is written to later, would send a reset.
    pub fn leave(&mut self) {
        let leaving: Vec<TestClient> = std::mem::take(&mut self.members);
        self.members = leaving.into_iter().filter(|client| client.is_open()).collect();
        for client in &mut self.members {
            client.end_flood();
            client.reading = Reading::Eagerly;
            client.half_close();
        }
        self.wait(LEAVING, |_| false);
        self.members.clear();
    }

    /// One client leaves without a reset.
    pub fn leaves(&mut self, who: usize) {
        self.members[who].half_close();
        self.wait(LEAVING, |crowd| !crowd.members[who].is_open());
        self.members.remove(who);
    }

    /// Removes a client and returns it, still connected.
    pub fn take(&mut self, who: usize) -> TestClient {
        self.members.remove(who)
    }

    /// Waits until `done`, or until no byte has moved for as long as the patience. Ends after several times the
    /// patience even if bytes still move.
    pub fn wait_while_it_moves(&mut self, mut done: impl FnMut(&Crowd) -> bool) -> Waited {
        let moved =
            |crowd: &Crowd| -> u64 { crowd.members.iter().map(|client| client.receiver.total + client.written).sum() };
        let (begin, mut last, mut at) = (Instant::now(), moved(self), Instant::now());
        loop {
            if self.wait(Duration::from_millis(50), &mut done) {
                return Waited::Done;
            }
            let now = moved(self);
            if now != last {
                (last, at) = (now, Instant::now());
            } else if at.elapsed() > self.patience || self.members.iter().all(|client| !client.is_open()) {
                return Waited::Still;
            }
            if begin.elapsed() > self.patience * PATIENCE_WHILE_MOVING {
                return Waited::Moving;
            }
        }
    }

    /// How long a line takes from client 0 to client 1, `count` times; fewer if a line does not arrive.
    pub fn round_trips(&mut self, count: usize) -> Vec<Duration> {
        let mut times = Vec::new();
        while times.len() < count && self.members[..2].iter().all(|client| client.is_open()) {
            let begin = Instant::now();
            let probe = self.says(0);
            if !self.hears(1, probe) {
                break;
            }
            times.push(begin.elapsed());
        }
        times
    }
}
