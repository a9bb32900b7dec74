//! The arena: what a torment works with. It holds the server, its process if it was started here, its baseline, new
//! clients, and the checks of its health.

use super::acquaint::{Unacquainted, acquaint};
use super::baseline::Baseline;
use super::cause::Cause;
use super::failure::Failure;
use super::messages;
use super::settings::Settings;
use crate::harness::{Crowd, Identity, Launcher, Nonce, ServerProcess, TestClient, Wrapping, probe, proc};
use crate::text::Bilingual;
use fastrand::Rng;
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The timeout for what must arrive, from a server that answers at once.
const PATIENCE: Duration = Duration::from_secs(3);
/// A slow server gets this many of its own round trips, up to a limit, so that a run ends.
const PATIENCE_ROUND_TRIPS: u32 = 40;
const PATIENCE_MAX: Duration = Duration::from_secs(8);
/// How long connecting may take. A SYN that is lost is sent again after a second.
const CONNECT: Duration = Duration::from_secs(4);
/// How long to wait until the first client is accepted, so that the second causes an event of its own.
const FIRST_ALONE: Duration = Duration::from_millis(500);
/// A process with more memory than this before it has served any client has a garbage collector. Bytes.
pub(crate) const COLLECTOR_MEMORY_MIN: u64 = 20 << 20;
/// A server that uses more than this share of a processor while nobody sends anything is in a busy loop.
const SPIN_SHARE: f64 = 0.12;
/// A server that uses less than this sleeps. Between the two shares it is compared with a busy loop of our own, because
/// a busy machine leaves little to both.
const SLEEP_SHARE: f64 = 0.03;
/// A server in a busy loop wants a processor for more than this share of the time, and its threads sleep no more often
/// than this meanwhile. One that wakes up now and then sleeps each time.
const HUNGRY_SHARE: f64 = 0.8;
const SLEEPS_MAX: u64 = 2;
const SPIN_BESIDE: Duration = Duration::from_millis(400);
/// It is measured three times, each time for longer, so that work left from before can end.
const SPIN_LOOKS: [Duration; 3] = [Duration::from_millis(150), Duration::from_millis(400), Duration::from_millis(1000)];

/// The next login's number.
static LOGINS: AtomicU32 = AtomicU32::new(1);

pub struct Arena<'a> {
    pub settings: &'a Settings,
    pub baseline: Baseline,
    pub addr: SocketAddr,
    /// The server's process, if it was started here.
    pub server: Option<ServerProcess>,
    pub launcher: Option<&'a Launcher<'static>>,
    pub random: Rng,
    /// The timeouts are halved.
    pub is_hurried: bool,
    /// The server is not known to take SIGSTOP and SIGCONT for an error.
    pub may_freeze: bool,
    /// The server is not known to end when clients leave that have done nothing.
    pub survives_departures: bool,
    /// The size of the segments that new clients take. The smaller they are, the less the kernel holds for a client that
    /// does not read. Bytes.
    pub segment: Option<u32>,
    /// Set when the torments beside this one are over; `None` if there are none.
    pub is_over: Option<Arc<AtomicBool>>,
    /// A new client could not exchange lines with the others.
    pub has_strangers: bool,
    /// Observations that are not faults.
    pub remarks: Vec<Bilingual>,
    nonce: Nonce,
    numbers: u16,
}

impl<'a> Arena<'a> {
    pub fn new(settings: &'a Settings, baseline: Baseline, addr: SocketAddr, seed: u64) -> Arena<'a> {
        let mut random = Rng::with_seed(seed);
        let nonce = probe::nonce(&mut random);
        Arena {
            settings,
            baseline,
            addr,
            server: None,
            launcher: None,
            random,
            is_hurried: false,
            may_freeze: true,
            survives_departures: true,
            segment: None,
            is_over: None,
            has_strangers: false,
            remarks: Vec::new(),
            nonce,
            numbers: 0,
        }
    }

    /// A time, multiplied by `--time`.
    pub fn scaled(&self, time: Duration) -> Duration {
        time.mul_f64(self.settings.time)
    }

    /// The timeout for what must arrive.
    pub fn patience(&self) -> Duration {
        let patience = if self.is_hurried { PATIENCE / 2 } else { PATIENCE };
        self.scaled(patience).max((self.baseline.round_trip * PATIENCE_ROUND_TRIPS).min(self.scaled(PATIENCE_MAX)))
    }

    /// The length of a line, in bytes, that the server relays whole: `wanted` if it does.
    pub fn len(&self, wanted: usize) -> usize {
        wanted.min(self.baseline.line_len)
    }

    pub fn remark(&mut self, text: Bilingual) {
        self.remarks.push(text);
    }

    /// Asks the kernel about the server's process, if it was started here. `tells` gets its id.
    pub fn ask<T>(&self, tells: impl FnOnce(u32) -> Option<T>) -> Option<T> {
        tells(self.server.as_ref()?.pid())
    }

    /// Memory of the server's process that belongs to no file. Bytes.
    pub fn memory(&self) -> Option<u64> {
        self.ask(proc::private_memory)
    }

    /// Stops the server's process while `happens` runs, if it was started here and survives that: all that is done then
    /// reaches it in one batch.
    pub fn frozen<T>(&mut self, happens: impl FnOnce(&mut Arena<'a>) -> T) -> T {
        if let (Some(server), true) = (&self.server, self.may_freeze) {
            server.freeze();
        }
        let result = happens(self);
        if let (Some(server), true) = (&self.server, self.may_freeze) {
            server.thaw();
        }
        result
    }

    // Clients.

    /// A connection that has sent nothing yet.
    pub fn bare(&mut self, limit: Duration, receive_buffer: Option<usize>) -> io::Result<TestClient> {
        let number = self.numbers;
        self.numbers = number.wrapping_add(1);
        let identity = Identity { number, nonce: self.nonce, eol: self.settings.eol };
        let mut client = TestClient::connect(self.addr, limit, self.segment, receive_buffer, identity)?;
        client.login = LOGINS.fetch_add(1, Ordering::Relaxed);
        if let Some(say) = &self.settings.say {
            let say = numbered(say, &client);
            let (before, after) = say.split_once("{line}").unwrap_or((&say, ""));
            client.wrapping = Wrapping { before: before.into(), after: after.into() };
        }
        Ok(client)
    }

    /// A connection that has sent its login, if there is one.
    pub fn connect(&mut self) -> io::Result<TestClient> {
        let mut client = self.bare(CONNECT, None)?;
        self.login(&mut client);
        Ok(client)
    }

    pub fn login(&self, client: &mut TestClient) {
        let Some(login) = &self.settings.login else { return };
        let login = numbered(login, client);
        let lines = login.lines().map(|line| [line.as_bytes(), self.settings.eol.bytes()].concat());
        client.log_in(lines, self.baseline.login_pace);
    }

    /// `wanted` clients, each of which has exchanged lines with the first; fewer if there are not as many seats.
    pub fn guests(&mut self, wanted: usize) -> Result<Crowd, Failure> {
        let wanted = wanted.min(self.baseline.seats);
        let end = Instant::now() + self.patience();
        let mut crowd = self.first_guest()?;
        while crowd.count() < wanted {
            match self.join(&mut crowd) {
                // The seats of clients that have just left may not be free yet, so the first one may have got none.
                Err(_) if crowd.count() == 1 && !crowd.members[0].is_open() && Instant::now() < end => {
                    crowd = self.first_guest()?;
                }
                result => result?,
            }
        }
        Ok(crowd)
    }

    fn first_guest(&mut self) -> Result<Crowd, Failure> {
        let first = self.connect().map_err(|e| Failure::Silence(messages::cannot_connect(&e)))?;
        let mut crowd = Crowd::new(vec![first], self.patience());
        let addr = self.addr;
        crowd.wait(FIRST_ALONE, |crowd| {
            crowd.members[0].receiver.total > 0 || proc::not_accepted(addr).is_some_and(|count| count == 0)
        });
        Ok(crowd)
    }

    /// Adds a client to the end of the crowd and lets it exchange lines with the first.
    pub fn join(&mut self, crowd: &mut Crowd) -> Result<(), Failure> {
        self.join_within(crowd, self.patience(), None)
    }

    pub fn join_within(
        &mut self,
        crowd: &mut Crowd,
        limit: Duration,
        receive_buffer: Option<usize>,
    ) -> Result<(), Failure> {
        let begin = Instant::now();
        let mut refused = None;
        loop {
            let mut client = self
                .bare(CONNECT.min(limit), receive_buffer)
                .map_err(|e| Failure::Silence(messages::cannot_connect(&e)))?;
            self.login(&mut client);
            crowd.members.push(client);
            let newcomer = crowd.count() - 1;
            let heard = |crowd: &Crowd, who: usize| crowd.members[who].receiver.excerpt();
            match acquaint(crowd, &[0, newcomer], limit.saturating_sub(begin.elapsed())) {
                Ok(()) => return Ok(()),
                // The seats of clients that have just left may not be free yet.
                Err(Unacquainted::Closed(who)) if who == newcomer && begin.elapsed() < limit => {
                    refused = Some(heard(crowd, newcomer));
                    crowd.members.pop();
                    crowd.go_on(Duration::from_millis(30));
                }
                Err(unacquainted) => {
                    let (why, heard) = match (unacquainted, refused) {
                        // There was no time left for the last attempt.
                        (Unacquainted::Unheard { .. }, Some(heard)) => (Unacquainted::Closed(newcomer), heard),
                        (Unacquainted::Closed(who), _) => (Unacquainted::Closed(who), heard(crowd, who)),
                        (unheard, None) => (unheard, heard(crowd, newcomer)),
                    };
                    crowd.members.pop();
                    self.has_strangers = true;
                    return Err(Failure::Silence(messages::unacquainted(&why, &heard)));
                }
            }
        }
    }

    // Health.

    /// Whether two new clients can talk to each other.
    pub fn check_health(&mut self, crowd: &mut Crowd) -> Result<(), Failure> {
        *crowd = self.guests(2)?;
        for who in 0..crowd.count() {
            // A single line that is lost is left to torments.
            let is_deaf = |crowd: &mut Crowd| {
                let probe = crowd.says(who);
                crowd.all_hear(&[0, 1], &[probe])
            };
            if let Some((deaf, _)) = is_deaf(crowd).and_then(|_| is_deaf(crowd)) {
                let heard = crowd.members[deaf].receiver.excerpt();
                return Err(Failure::Silence(messages::newcomers_do_not_talk(&heard)));
            }
        }
        Ok(())
    }

    /// Describes how much of a processor the server uses while nobody sends anything, if it is in a busy loop.
    pub fn spins(&self) -> Option<Bilingual> {
        let mut share = 0.0;
        for look in SPIN_LOOKS {
            let (before, appetite, begin) = (self.ask(proc::status)?.cpu, self.ask(proc::appetite), Instant::now());
            std::thread::sleep(look);
            let elapsed = begin.elapsed().as_secs_f64();
            share = self.ask(proc::status)?.cpu.saturating_sub(before).as_secs_f64() / elapsed;
            // A busy machine may leave a busy loop without a processor for so long.
            let never_sleeps = appetite.zip(self.ask(proc::appetite)).is_some_and(|(before, now)| {
                let slept = now.sleeps.saturating_sub(before.sleeps);
                (now.wanted.saturating_sub(before.wanted)).as_secs_f64() > HUNGRY_SHARE * elapsed && slept <= SLEEPS_MAX
            });
            if !never_sleeps && (share < SLEEP_SHARE || (share < SPIN_SHARE && !self.spins_as_we_do())) {
                return None;
            }
        }
        Some(messages::spins(share))
    }

    /// Whether it gets about as much of the processor as a busy loop of our own.
    fn spins_as_we_do(&self) -> bool {
        let cpu = || self.ask(proc::status).map_or(Duration::ZERO, |status| status.cpu);
        let (before, ours_before, begin) = (cpu(), proc::thread_cpu(), Instant::now());
        while begin.elapsed() < SPIN_BESIDE {
            std::hint::spin_loop();
        }
        cpu().saturating_sub(before) * 3 > proc::thread_cpu().saturating_sub(ours_before)
    }

    /// Call it when nothing arrives any more. Describes what the server has left unread although it could read it, if
    /// anything.
    pub fn left_unread(&self, crowd: &mut Crowd, heard: impl Fn(&Crowd) -> usize) -> Option<Bilingual> {
        let unread =
            crowd.members.iter().filter_map(|client| proc::unread(self.addr, client.stream.local_addr().ok()?));
        let unread: u32 = unread.sum();
        if unread > 0 {
            return Some(messages::left_unread(unread));
        }
        // Where the kernel does not report unread bytes: what was left is read when each client sends another line.
        let before = heard(crowd);
        for who in 0..crowd.count() {
            crowd.says(who);
        }
        crowd.go_on(Duration::from_secs(1));
        let more = heard(crowd).saturating_sub(before);
        (more > 0).then(|| messages::arrived_later(more))
    }

    /// The causes if it leaves bytes unread for ever. A thread for each client needs no event to go on reading, so it
    /// waits for something else.
    pub fn why_unread(&self) -> &'static [Cause] {
        if self.baseline.thread_each {
            &[Cause::BlockingWrite, Cause::LockAcrossWrite]
        } else {
            &[Cause::OneReadPerEdge]
        }
    }

    /// `count` clients connect and leave before they send anything.
    pub fn storm(&self, count: usize, leaving: Leaving) {
        let sockets: Vec<Socket> = (0..count)
            .filter_map(|_| {
                let socket = Socket::new(Domain::for_address(self.addr), Type::STREAM, None).ok()?;
                socket.set_nonblocking(true).ok()?;
                // Returns EINPROGRESS.
                let _ = socket.connect(&self.addr.into());
                Some(socket)
            })
            .collect();
        for (i, socket) in sockets.into_iter().enumerate() {
            if leaving == Leaving::SomeByReset && i % 2 == 1 {
                let _ = socket.set_linger(Some(Duration::ZERO));
            }
        }
    }
}

/// A text in which `{n}` stands for the number of a client's login.
fn numbered(text: &str, client: &TestClient) -> String {
    text.replace("{n}", &client.login.to_string())
}

/// How the clients of a storm leave.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    ByFin,
    /// Every second one by a reset.
    SomeByReset,
}

/// The failure of a server that relays only a few lines a second. It is not blamed for lines that are still to come.
pub(crate) fn too_slow(came: usize, due: usize) -> Failure {
    Failure::Skip(messages::too_slow(came, due))
}
