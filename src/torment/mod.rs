//! The misbehaving clients: what ordinary life does to a chat server, done on purpose.
//!
//! It works on any server that relays a line to the other clients, and knows nothing of what is inside. In reading order:
//!
//! * [`torment`]: the catalogue: what is done, and what a healthy server does;
//! * [`cause`]: the mistakes that servers fail by, with a word for whoever made them;
//! * [`framing`], [`bytes`], [`connections`], [`readers`], [`floods`], [`machine`]: the torments;
//! * [`ring`]: where they take place; [`crowd`], [`client`], [`ear`], [`mark`]: the clients, what they say and hear;
//! * [`server`]: the server's process, if it was started here; [`kernel`]: what is known of sockets;
//! * [`finding`], [`diagnosis`]: what came of it, and what it means;
//! * `gallery` (cargo feature `gallery`): servers that are broken on purpose, one for each classic mistake.
//!
//! A torment blames a server only for what harms those who behave: a freeze, a crash, lines that are lost, doubled or mixed, a
//! processor that spins, memory without limit. How long a line may be, what a full house does and whether a sender hears itself
//! are the server's own choice, and worth a remark at most.

pub mod bytes;
pub mod cause;
pub mod client;
pub mod connections;
pub mod crowd;
pub mod diagnosis;
pub mod ear;
pub mod finding;
pub mod floods;
pub mod framing;
#[cfg(feature = "gallery")]
pub mod gallery;
pub mod kernel;
pub mod machine;
pub mod mark;
pub mod readers;
pub mod ring;
pub mod server;
#[allow(clippy::module_inception)]
pub mod torment;

pub use cause::Cause;
pub use diagnosis::diagnose;
pub use finding::{Finding, Verdict};
pub use torment::{TORMENTS, Torment};

use client::SHORT;
use crowd::Crowd;
use finding::Blow;
use mark::Kind;
use ring::Ring;
use server::{Launcher, Stdout};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What ends a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Eol {
    Lf,
    CrLf,
}

impl Eol {
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Eol::Lf => b"\n",
            Eol::CrLf => b"\r\n",
        }
    }
}

/// What the server is like, and how it is to be tormented.
pub struct Settings {
    pub eol: Eol,
    /// A line that each client says first; `{n}` is its number.
    pub login: Option<String>,
    /// Whether a sender is to hear its own lines; `None` if either is well.
    pub echo: Option<bool>,
    pub seed: u64,
    /// Every time is this many times as long.
    pub time: f64,
    /// No torment is begun after this. 60 s times `time` is what the command takes.
    pub limit: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { eol: Eol::Lf, login: None, echo: None, seed: 1, time: 1.0, limit: Duration::from_secs(60) }
    }
}

/// Whom to torment.
pub enum Target {
    /// A server that runs.
    Running(SocketAddr),
    /// A server that is started, anew for each torment, so that none pays for another.
    Started(Launcher),
}

/// What is normal for this server.
#[derive(Clone, Copy, Debug)]
pub struct Knowledge {
    /// How many clients can be inside at once, as far as it matters here.
    pub seats: usize,
    /// Length of the flood's lines: long ones, if it relays them. Bytes.
    pub line_len: usize,
    /// It has a thread for each client.
    pub thread_each: bool,
    /// The longest round trip when nobody else says anything.
    pub round_trip: Duration,
}

/// More seats than this are of no use to a torment.
const SEATS: usize = 8;
const LINE_LENS: [usize; 3] = [900, 400, 200];

/// Torments a server and tells each finding as it comes. An error is one line: why it could not even begin.
pub fn run(
    target: &Target,
    torments: &[&'static Torment],
    settings: &Settings,
    tell: &mut dyn FnMut(&Finding),
) -> Result<Vec<Finding>, String> {
    let begin = Instant::now();
    let known = get_to_know(target, settings)?;
    let mut findings = Vec::new();
    let mut broken_by = None;
    let mut next = None;
    for (i, &torment) in torments.iter().enumerate() {
        let seed = settings.seed.wrapping_add(1 + i as u64);
        let skipped = |why: String| Finding {
            torment,
            verdict: Verdict::Skipped,
            causes: Vec::new(),
            seen: why,
            remarks: Vec::new(),
            took: Duration::ZERO,
        };
        let finding = if begin.elapsed() > settings.limit {
            skipped("no time was left; --time gives more".into())
        } else if let Some(name) = broken_by {
            skipped(format!("the server has not recovered from {name}"))
        } else {
            match target {
                Target::Running(_) if torment.needs_process => {
                    skipped("it needs the server's process: tertulia torment -- COMMAND starts it".into())
                }
                Target::Running(addr) => {
                    let mut ring = Ring::new(settings, known, *addr, seed);
                    let finding = try_one(&mut ring, torment);
                    if finding.verdict == Verdict::Fail && ring.probe(&mut Crowd::empty()).is_err() {
                        broken_by = Some(torment.name);
                    }
                    finding
                }
                Target::Started(launcher) => {
                    let begun = next.take().map(server::Server::listening);
                    // While this one is tormented the next one starts.
                    next = torments.get(i + 1).and_then(|torment| launcher.begin(torment.stdout).ok());
                    match begun.and_then(Result::ok).map_or_else(|| launcher.start(torment.stdout), Ok) {
                        Ok(server) => {
                            let mut ring = Ring::new(settings, known, server.addr, seed);
                            ring.server = Some(server);
                            ring.launcher = Some(launcher);
                            try_one(&mut ring, torment)
                        }
                        Err(why) => skipped(why),
                    }
                }
            }
        };
        tell(&finding);
        findings.push(finding);
    }
    Ok(findings)
}

/// One torment, and whether the server has survived it.
fn try_one(ring: &mut Ring, torment: &'static Torment) -> Finding {
    let begin = Instant::now();
    let had_process = ring.server.is_some();
    let mut crowd = Crowd::empty();
    let mut is_over = false;
    let outcome = (torment.run)(ring, &mut crowd).and_then(|()| {
        is_over = true;
        crowd.leave();
        match had_process && ring.server.is_none() {
            // It was to end.
            true => Ok(()),
            false => has_survived(ring, torment),
        }
    });
    // It is judged while those are still there who saw it: their leaving may end the server.
    let (verdict, causes, seen) = match outcome {
        Ok(()) => (Verdict::Pass, vec![], String::new()),
        Err(Blow::Skip(why)) => (Verdict::Skipped, vec![], why),
        Err(blow) => judge(ring, torment, blow, is_over),
    };
    crowd.leave();
    Finding { torment, verdict, causes, seen, remarks: std::mem::take(&mut ring.remarks), took: begin.elapsed() }
}

/// Whether newcomers can talk, and nothing spins.
fn has_survived(ring: &mut Ring, torment: &Torment) -> finding::Outcome {
    let mut newcomers = Crowd::empty();
    let outcome = ring.probe(&mut newcomers);
    newcomers.leave();
    outcome.map_err(|blow| match blow {
        Blow::Silence(seen) => Blow::Silence(format!("afterwards {seen}")),
        other => other,
    })?;
    match torment.may_spin.then(|| ring.spins()).flatten() {
        Some(seen) => Err(finding::fault(&[Cause::SpinsAtTheEnd, Cause::BusyLoop], format!("afterwards {seen}"))),
        None => Ok(()),
    }
}

/// What a blow means: if the server is gone, that it is gone.
fn judge(ring: &mut Ring, torment: &Torment, blow: Blow, is_over: bool) -> (Verdict, Vec<Cause>, String) {
    if let Blow::Proven { causes, seen } = blow {
        return (Verdict::Fail, causes, seen);
    }
    // A process that is about to end may have closed its sockets before.
    let ended = ring.server.as_mut().and_then(|server| server.ends_within(Duration::from_millis(200)));
    if let Some(ended) = ended {
        let words = ring.server.as_ref().and_then(|server| server.last_words()).unwrap_or_default();
        let mut causes: Vec<Cause> = torment.if_it_ends.into();
        // A closed stdout raises SIGPIPE and is a broken pipe, too.
        if torment.stdout == Stdout::Nowhere || !words.to_lowercase().contains("pipe") && !ended.by_sigpipe() {
            if ended.by_sigpipe() {
                causes = vec![Cause::Sigpipe];
            } else if let Some(cause) = in_its_own_words(&words) {
                causes = vec![cause];
            }
        }
        if is_over && causes.len() > 1 {
            // It has survived the torment, but not that they left.
            causes.insert(0, Cause::ClientErrorEndsServer);
        } else if !causes.contains(&Cause::ClientErrorEndsServer) && causes.len() > 1 {
            causes.push(Cause::ClientErrorEndsServer);
        }
        let words = if words.is_empty() { words } else { format!("; its last words: {words}") };
        return (Verdict::Fail, causes, format!("the server ended: {ended}{words}"));
    }
    match blow {
        Blow::Fault { causes, seen } | Blow::Proven { causes, seen } => (Verdict::Fail, causes, seen),
        Blow::Doubt { causes, seen } => (Verdict::Doubtful, causes, seen),
        Blow::Silence(seen) if ring.server.is_none() && std::net::TcpStream::connect(ring.addr).is_err() => {
            (Verdict::Fail, torment.if_it_ends.into(), format!("the server is gone: {seen}"))
        }
        Blow::Silence(seen) => {
            let mut causes: Vec<Cause> = torment.if_silent.into();
            if is_over {
                // It has survived the torment, but not that they left.
                causes.extend([Cause::ErrorEndsFanOut, Cause::ClientErrorEndsServer, Cause::BlockingHandshake]);
            }
            (Verdict::Fail, causes, seen)
        }
        Blow::Skip(why) => (Verdict::Skipped, vec![], why),
    }
}

/// What a server's last words tell, if they tell anything.
fn in_its_own_words(words: &str) -> Option<Cause> {
    let words = words.to_lowercase();
    let known: [(Cause, &[&str]); 4] = [
        (Cause::DescriptorDeath, &["too many open files", "emfile"]),
        (Cause::WouldBlockIsAnError, &["temporarily unavailable", "blockingioerror", "wouldblock", "eagain"]),
        (Cause::TrustsInput, &["utf-8", "unicode", "utf8"]),
        (
            Cause::ClientErrorEndsServer,
            &["broken pipe", "brokenpipe", "epipe", "reset by peer", "connectionreset", "econnreset", "not connected"],
        ),
    ];
    known.into_iter().find(|(_, texts)| texts.iter().any(|text| words.contains(text))).map(|(cause, _)| cause)
}

/// Finds out what is normal for a server, before it is tormented.
fn get_to_know(target: &Target, settings: &Settings) -> Result<Knowledge, String> {
    let unknown = Knowledge { seats: SEATS, line_len: SHORT, thread_each: false, round_trip: Duration::ZERO };
    let server = match target {
        Target::Started(launcher) => Some(launcher.start(Stdout::Nowhere)?),
        Target::Running(_) => None,
    };
    let addr = match (target, &server) {
        (Target::Running(addr), _) => *addr,
        (_, Some(server)) => server.addr,
        (_, None) => return Err("there is no server".into()),
    };
    let mut ring = Ring::new(settings, unknown, addr, settings.seed);
    ring.server = server;
    let before = ring.usage();
    let mut crowd = ring.guests(2).map_err(|blow| match blow {
        Blow::Silence(seen) => format!(
            "no line of one client gets to another: {seen}. Is it a chat? It may want a login first \
             (--login 'nick {{n}}'), or lines that end in CR LF (--eol crlf)"
        ),
        _ => "it cannot be tormented".into(),
    })?;
    // Seats: as many as let somebody in within a moment.
    let moment = ring.patience().min(Duration::from_millis(1500));
    while crowd.count() < SEATS && ring.join_within(&mut crowd, moment, None).is_ok() {}
    let mut known = Knowledge { seats: crowd.count(), ..unknown };
    if known.seats < 3 {
        return Err("it takes two clients only, and a torment needs three at least; give it more seats".into());
    }
    if let (Some(before), Some(now)) = (before, ring.usage()) {
        // A runtime may start or end some of its own meanwhile.
        known.thread_each = (now.threads.saturating_sub(before.threads)) * 5 >= crowd.count() * 4;
    }
    known.round_trip = readers::round_trips(&mut crowd, 20).into_iter().max().unwrap_or_default();
    // Who says a line that is too long may be closed: another tries the next.
    for (talker, len) in (0..known.seats - 1).cycle().zip(LINE_LENS) {
        if relays(&mut crowd, talker, len) {
            known.line_len = len;
            break;
        }
    }
    crowd.leave();
    Ok(known)
}

/// Whether it relays a line of so many bytes whole.
fn relays(crowd: &mut Crowd, talker: usize, len: usize) -> bool {
    let reader = crowd.count() - 1;
    let mark = crowd.members[talker].say(Kind::Word, len);
    // What comes after it tells that it does not come.
    let after = crowd.says(talker);
    let patience = crowd.patience;
    crowd.wait(patience, |crowd| crowd.has_heard(reader, after) || !crowd.members[talker].is_open());
    crowd.has_heard(reader, mark)
}
