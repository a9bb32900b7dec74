//! Where a server is tormented: it makes clients, knows what is normal for this server, and reaches the server's process if
//! that was started here.

use super::client::{Client, SHORT};
use super::crowd::Crowd;
use super::finding::Blow;
use super::kernel;
use super::mark::{Kind, Mark, Nonce};
use super::server::{Launcher, Server, Usage};
use super::{Knowledge, Settings};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long one waits for what must come, on a server that answers at once.
const PATIENCE: Duration = Duration::from_secs(3);
/// And so many of a quiet server's round trips, up to a limit: one who waits for each verdict waits for all of them.
const PATIENCE_ROUND_TRIPS: u32 = 40;
const PATIENCE_MAX: Duration = Duration::from_secs(8);
/// How long the kernel may take to connect us; a SYN that is lost is sent again after a second.
const CONNECT: Duration = Duration::from_secs(4);
/// The first is to be accepted before another comes, so that each makes an event of its own. Most often it takes no time.
const FIRST_ALONE: Duration = Duration::from_millis(500);
/// A server that uses more than this share of a processor while nobody says anything spins ...
const SPIN_SHARE: f64 = 0.12;
/// ... and one that uses less than this sleeps. Between them it is seen how much is to be had on a busy machine.
const SLEEP_SHARE: f64 = 0.03;
const SPIN_BESIDE: Duration = Duration::from_millis(400);
/// It is looked at three times, each time longer: what is left from before takes an end.
const SPIN_LOOKS: [Duration; 3] = [Duration::from_millis(150), Duration::from_millis(400), Duration::from_millis(1000)];

/// Names that were given.
static LOGINS: AtomicU32 = AtomicU32::new(1);

pub struct Ring<'a> {
    pub settings: &'a Settings,
    pub known: Knowledge,
    pub addr: SocketAddr,
    /// If it was started here.
    pub server: Option<Server>,
    pub launcher: Option<&'a Launcher>,
    pub random: Random,
    /// One is only half as patient.
    pub is_hurried: bool,
    /// What is worth a word and is no fault.
    pub remarks: Vec<String>,
    nonce: Nonce,
    numbers: u16,
}

impl<'a> Ring<'a> {
    pub fn new(settings: &'a Settings, known: Knowledge, addr: SocketAddr, seed: u64) -> Ring<'a> {
        let mut random = Random::new(seed);
        let nonce = [(); 4].map(|()| b'a' + random.below(26) as u8);
        Ring {
            settings,
            known,
            addr,
            server: None,
            launcher: None,
            random,
            is_hurried: false,
            remarks: Vec::new(),
            nonce,
            numbers: 0,
        }
    }

    /// A time, scaled by `--time`.
    pub fn scaled(&self, time: Duration) -> Duration {
        time.mul_f64(self.settings.time)
    }

    /// How long one waits for what must come.
    pub fn patience(&self) -> Duration {
        let patience = if self.is_hurried { PATIENCE / 2 } else { PATIENCE };
        self.scaled(patience).max((self.known.round_trip * PATIENCE_ROUND_TRIPS).min(self.scaled(PATIENCE_MAX)))
    }

    pub fn remark(&mut self, text: impl Into<String>) {
        self.remarks.push(text.into());
    }

    pub fn usage(&self) -> Option<Usage> {
        self.server.as_ref().and_then(Server::usage)
    }

    /// What happens while the server stands still, if it is ours, and comes to it all at once.
    pub fn frozen<T>(&mut self, happens: impl FnOnce(&mut Ring<'a>) -> T) -> T {
        if let Some(server) = &self.server {
            server.freeze();
        }
        let result = happens(self);
        if let Some(server) = &self.server {
            server.thaw();
        }
        result
    }

    // Clients.

    /// A connection that has said nothing yet.
    pub fn bare(&mut self, limit: Duration, receive_buffer: Option<usize>) -> io::Result<Client> {
        let number = self.numbers % 4096;
        self.numbers += 1;
        Client::connect(self.addr, limit, receive_buffer, (number, self.nonce, self.settings.eol.bytes()))
    }

    /// A connection that has said its login line, if there is one.
    pub fn connect(&mut self) -> io::Result<Client> {
        let mut client = self.bare(CONNECT, None)?;
        self.login(&mut client);
        Ok(client)
    }

    pub fn login(&self, client: &mut Client) {
        if let Some(login) = &self.settings.login {
            // Not the client's own number, which begins anew in each ring: a name may be taken for a while after its owner left.
            let number = LOGINS.fetch_add(1, Ordering::Relaxed);
            let line = login.replace("{n}", &number.to_string());
            client.push(&[line.as_bytes(), self.settings.eol.bytes()].concat());
        }
    }

    /// So many clients, who have heard the first and been heard by it; fewer if there are not as many seats.
    pub fn guests(&mut self, wanted: usize) -> Result<Crowd, Blow> {
        let wanted = wanted.min(self.known.seats);
        let first = self.connect().map_err(|e| Blow::Silence(cannot_connect(&e)))?;
        let mut crowd = Crowd::new(vec![first], self.patience());
        let addr = self.addr;
        crowd.wait(FIRST_ALONE, |crowd| {
            crowd.members[0].ear.total > 0 || kernel::not_accepted(addr).is_some_and(|count| count == 0)
        });
        while crowd.count() < wanted {
            self.join(&mut crowd)?;
        }
        Ok(crowd)
    }

    /// One more, whom somebody has heard and who has heard somebody. Its place in the crowd is the last.
    pub fn join(&mut self, crowd: &mut Crowd) -> Result<(), Blow> {
        self.join_within(crowd, self.patience(), None)
    }

    pub fn join_within(
        &mut self,
        crowd: &mut Crowd,
        limit: Duration,
        receive_buffer: Option<usize>,
    ) -> Result<(), Blow> {
        let begin = Instant::now();
        loop {
            let mut client =
                self.bare(CONNECT.min(limit), receive_buffer).map_err(|e| Blow::Silence(cannot_connect(&e)))?;
            self.login(&mut client);
            crowd.members.push(client);
            let newcomer = crowd.count() - 1;
            match acquaint(crowd, &[0, newcomer], limit.saturating_sub(begin.elapsed())) {
                Ok(()) => return Ok(()),
                // It may be full of those who have just left.
                Err(Stranger::Closed(who)) if who == newcomer && begin.elapsed() < limit => {
                    crowd.members.pop();
                    crowd.go_on(Duration::from_millis(30));
                }
                Err(stranger) => {
                    let newcomer = crowd.members.pop();
                    let heard = newcomer.map_or(String::new(), |client| client.ear.excerpt());
                    return Err(Blow::Silence(stranger.in_words(&heard)));
                }
            }
        }
    }

    // Health.

    /// Two newcomers talk to each other.
    pub fn probe(&mut self, crowd: &mut Crowd) -> Result<(), Blow> {
        *crowd = self.guests(2)?;
        for who in 0..crowd.count() {
            let mark = crowd.says(who);
            if let Some((deaf, _)) = crowd.all_hear(&[0, 1], &[mark]) {
                let heard = crowd.members[deaf].ear.excerpt();
                return Err(Blow::Silence(format!(
                    "two newcomers do not hear each other; the last heard is \"{heard}\""
                )));
            }
        }
        Ok(())
    }

    /// How much of a processor it uses while nobody says anything, in words, if it spins.
    pub fn spins(&self) -> Option<String> {
        let mut share = 0.0;
        for look in SPIN_LOOKS {
            let (before, begin) = (self.usage()?.cpu, Instant::now());
            std::thread::sleep(look);
            share = self.usage()?.cpu.saturating_sub(before).as_secs_f64() / begin.elapsed().as_secs_f64();
            if share < SLEEP_SHARE || (share < SPIN_SHARE && !self.spins_as_we_do()) {
                return None;
            }
        }
        Some(format!("it uses {:.0} % of a processor while nobody says anything", share * 100.0))
    }

    /// Whether it gets about as much of the processor as somebody who spins beside it: a busy machine leaves little to both.
    fn spins_as_we_do(&self) -> bool {
        let cpu = || self.usage().map_or(Duration::ZERO, |usage| usage.cpu);
        let (before, ours_before, begin) = (cpu(), thread_cpu(), Instant::now());
        while begin.elapsed() < SPIN_BESIDE {
            std::hint::spin_loop();
        }
        cpu().saturating_sub(before) * 3 > thread_cpu().saturating_sub(ours_before)
    }
}

/// Processor time of this thread.
fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Why two do not hear each other.
#[derive(Debug)]
pub enum Stranger {
    Closed(usize),
    Unheard { by: usize, who: usize },
}

impl Stranger {
    fn in_words(&self, heard: &str) -> String {
        let heard = if heard.is_empty() {
            "; nothing was sent to it".into()
        } else {
            format!("; what it heard ends with \"{heard}\"")
        };
        match self {
            Stranger::Closed(0) => format!("one who was inside was closed when another came{heard}"),
            Stranger::Closed(_) => format!("a newcomer was closed{heard}"),
            Stranger::Unheard { by: 0, .. } => format!("nobody hears a newcomer{heard}"),
            Stranger::Unheard { .. } => format!("a newcomer hears nobody{heard}"),
        }
    }
}

/// Lets some of a crowd say hello until all of them have heard each other.
///
/// One after the other, the last one first: a server is to be met, and what it does when several speak at once, or one while
/// another comes in, is looked at elsewhere.
pub fn acquaint(crowd: &mut Crowd, who: &[usize], limit: Duration) -> Result<(), Stranger> {
    let begin = Instant::now();
    let mut pause = Duration::from_millis(60);
    loop {
        for &i in who.iter().rev() {
            if unheard_by(crowd, i, who).is_none() {
                continue;
            }
            crowd.members[i].say(Kind::Hello, SHORT);
            let next = pause.min(limit.saturating_sub(begin.elapsed()));
            crowd.wait(next, |crowd| {
                unheard_by(crowd, i, who).is_none() || who.iter().any(|&i| !crowd.members[i].is_open())
            });
            if let Some(&closed) = who.iter().find(|&&i| !crowd.members[i].is_open()) {
                return Err(Stranger::Closed(closed));
            }
        }
        match who.iter().find_map(|&i| Some((unheard_by(crowd, i, who)?, i))) {
            None => return Ok(()),
            Some((by, who)) if begin.elapsed() >= limit => return Err(Stranger::Unheard { by, who }),
            // A line that was said before the other came was not heard by it; a server that asks for a name took the first.
            Some(_) => pause = (pause * 2).min(Duration::from_millis(500)),
        }
    }
}

/// The first of some who has not heard anything of one of them.
fn unheard_by(crowd: &Crowd, one: usize, who: &[usize]) -> Option<usize> {
    let number = crowd.members[one].number;
    who.iter().copied().find(|&by| by != one && !crowd.members[by].ear.knows(number))
}

pub fn cannot_connect(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "nobody listens any more: connection refused".into(),
        ErrorKind::TimedOut => "a newcomer is not even connected: the kernel's queue of the listener is full".into(),
        _ => format!("a newcomer cannot connect: {error}"),
    }
}

/// A line in words, for what is told of it.
pub fn named(mark: Mark) -> String {
    format!("line {} of client {}", mark.seq, mark.sender)
}

/// Numbers that the seed decides (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        (self.draw() >> 11) % end
    }
}
