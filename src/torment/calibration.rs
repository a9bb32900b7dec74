//! The calibration: it measures a server's baseline before the torments.

use super::arena::Arena;
use super::baseline::{Baseline, SEATS, WaitingThreads};
use super::failure::Failure;
use super::messages::{self, start as words};
use super::settings::{Settings, Source};
use crate::harness::{Crowd, Eol, Kind, LoginPace, START_LIMIT, Stdout, proc};
use crate::text::Bilingual;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const LINE_LENS: [usize; 5] = [900, 400, 200, 120, 60];
const ROUND_TRIPS: usize = 20;
/// After this pause a server that allows one line a second relays again.
const UNHURRIED: Duration = Duration::from_millis(1200);
/// A line that takes this long was made to wait, if others arrive at once.
const MADE_TO_WAIT: Duration = Duration::from_millis(400);
/// A server may fail at the first attempt by chance: by a race of two threads.
const MEETINGS: usize = 2;

/// Why there is no complete baseline.
enum Stop {
    /// Another attempt makes no sense. Holds the message.
    For(Bilingual),
    /// Another attempt may succeed. Holds the message if none does.
    Again(Bilingual),
    /// The server closed a client. Another attempt may succeed; if none does, the torments run with what was measured.
    Closes(Baseline),
    /// The server ended when one more client than this connected. Another attempt succeeds with fewer.
    Fewer(usize),
    /// Another attempt succeeds if the login is sent at this pace.
    Login(LoginPace),
}

/// Measures a server's baseline. The error is one line for the user.
pub(crate) fn calibrate(source: &mut Source, settings: &Settings) -> Result<Baseline, Bilingual> {
    let mut last = Err(Bilingual::default());
    let (mut meetings, mut login_pace, mut seats_max) = (0, LoginPace::AtOnce, SEATS);
    while meetings < MEETINGS {
        meetings += 1;
        match meet(source, settings, login_pace, seats_max) {
            Ok(baseline) => return Ok(baseline),
            Err(Stop::For(why)) => return Err(why),
            Err(Stop::Again(why)) => last = Err(why),
            Err(Stop::Closes(baseline)) => last = Ok(baseline),
            Err(Stop::Fewer(seats)) => (meetings, seats_max) = (0, seats),
            Err(Stop::Login(pace)) => (meetings, login_pace) = (0, pace),
        }
    }
    last
}

fn meet(source: &mut Source, settings: &Settings, login_pace: LoginPace, seats_max: usize) -> Result<Baseline, Stop> {
    let unknown = Baseline { login_pace, ..Baseline::unknown() };
    let begin = Instant::now();
    let (addr, server) = match source {
        Source::Started(pool) => {
            let server = pool.take(Stdout::Nowhere, START_LIMIT).map_err(Stop::For)?;
            (server.addr, Some(server))
        }
        Source::Running(addr) => (*addr, None),
    };
    let mut baseline = Baseline { start: begin.elapsed(), ..unknown };
    let mut arena = Arena::new(settings, unknown, addr, settings.seed);
    arena.server = server;
    let (before, alone) = (arena.ask(proc::status), arena.ask(proc::sleepers));
    let mut crowd = match arena.guests(2) {
        Ok(crowd) => crowd,
        Err(failure) => return Err(stranger(&mut arena, failure)),
    };
    // Seats: clients are added as long as each is let in quickly. The third must get in, but may take long.
    let moment = Duration::from_millis(1500);
    let mut admissions = Vec::new();
    let mut refusal = Bilingual::default();
    while crowd.count() < seats_max {
        let begin = Instant::now();
        let usual = admissions.iter().max().copied().unwrap_or_default();
        let patience = if crowd.count() < 3 { arena.patience() } else { moment.max(usual * 2).min(arena.patience()) };
        match arena.join_within(&mut crowd, patience, None) {
            Ok(()) => admissions.push(begin.elapsed()),
            Err(Failure::Silence(seen)) => {
                refusal = seen;
                break;
            }
            Err(_) => break,
        }
    }
    baseline.seats = crowd.count();
    admissions.sort();
    baseline.admission = admissions.get(admissions.len() / 2).copied().unwrap_or_default();
    if crowd.members.iter().any(|client| !client.is_open()) {
        let ended = arena.server.as_mut().and_then(|server| server.ends_within(Duration::from_millis(200)));
        if ended.is_some() && baseline.seats >= 3 {
            return Err(Stop::Fewer(baseline.seats));
        }
        return Err(Stop::Closes(Baseline { seats: SEATS, ..baseline }));
    }
    if baseline.seats < 3 {
        return Err(Stop::For(words::only_two_seats(&refusal)));
    }
    if let (Some(before), Some(now)) = (before, arena.ask(proc::status)) {
        // A runtime may start or end threads of its own meanwhile, so four of five are enough.
        baseline.thread_each = (now.threads.saturating_sub(before.threads)) * 5 >= crowd.count() * 4;
    }
    baseline.waiting_threads = alone.zip(arena.ask(proc::sleepers)).map(|(alone, all)| WaitingThreads {
        alone: alone.for_threads,
        each: all.for_threads.saturating_sub(alone.for_threads).div_ceil(crowd.count()),
    });
    let mut times = crowd.round_trips(ROUND_TRIPS);
    if times.len() < ROUND_TRIPS {
        return Err(does_not_relay(&mut arena, &mut crowd));
    }
    baseline.lines_per_second = lines_per_second(&times, &mut crowd);
    times.sort();
    baseline.round_trip = times[ROUND_TRIPS * 3 / 4];
    // The sender of a line that is too long may be closed, so another client sends the next line.
    for (talker, len) in (0..baseline.seats - 1).cycle().zip(LINE_LENS) {
        if relays(&mut crowd, talker, len) {
            baseline.line_len = len;
            break;
        }
    }
    crowd.leave();
    Ok(baseline)
}

/// The rate at which the server takes lines from one client, if it lets lines wait now and then that mostly arrive at
/// once. A busy machine may do that by chance, but not again and again.
fn lines_per_second(times: &[Duration], crowd: &mut Crowd) -> Option<f64> {
    let waits = |times: &[Duration]| {
        let long = times.iter().filter(|time| **time > MADE_TO_WAIT).count();
        long > 0 && long < times.len() / 2
    };
    if !waits(times) {
        return None;
    }
    let more = crowd.round_trips(ROUND_TRIPS);
    let elapsed: Duration = more.iter().sum();
    waits(&more).then(|| more.len() as f64 / elapsed.as_secs_f64())
}

/// The failure when two clients have met and then a line did not arrive.
fn does_not_relay(arena: &mut Arena, crowd: &mut Crowd) -> Stop {
    let heard = crowd.members[0].receiver.excerpt();
    let closed = crowd.members[..2].iter().any(|client| !client.is_open());
    if !closed {
        crowd.go_on(arena.scaled(UNHURRIED));
        let probe = crowd.says(0);
        if !crowd.hears(1, probe) {
            return Stop::Again(with_its_message(arena, words::stops_relaying()));
        }
    }
    // A line may also be late because the machine is busy.
    Stop::Again(with_its_message(arena, words::is_limited(closed, &heard)))
}

/// Adds the error that the server wrote to stderr, if it was started here.
fn with_its_message(arena: &Arena, seen: Bilingual) -> Bilingual {
    match arena.server.as_ref().and_then(|server| server.message_so_far()) {
        Some(message) => messages::it_wrote(&seen, &message),
        None => seen,
    }
}

/// Whether the server relays a line of `len` bytes intact.
fn relays(crowd: &mut Crowd, talker: usize, len: usize) -> bool {
    let reader = crowd.count() - 1;
    let probe = crowd.members[talker].say(Kind::Line, len);
    // If a later line has arrived, this one will not.
    let after = crowd.says(talker);
    let patience = crowd.patience;
    crowd.wait(patience, |crowd| crowd.has_heard(reader, after) || !crowd.members[talker].is_open());
    crowd.has_heard(reader, probe)
}

/// Why two clients cannot talk, and what to try.
fn stranger(arena: &mut Arena, failure: Failure) -> Stop {
    let addr = arena.addr;
    match &mut arena.server {
        Some(server) => {
            if let Some(ended) = server.ends_within(Duration::from_millis(200)) {
                let message = server.last_message().unwrap_or_default();
                return Stop::For(words::ended(ended, &message));
            }
        }
        None if std::net::TcpStream::connect(addr).is_err() => {
            return Stop::For(words::nobody_listens(addr));
        }
        None => {}
    }
    let seen = if let Failure::Silence(seen) = failure { seen } else { messages::NO_LINES };
    let (settings, baseline) = (arena.settings, arena.baseline);
    let step_by_step = Baseline { login_pace: LoginPace::StepByStep(None), ..baseline };
    if settings.login.is_some()
        && baseline.login_pace == LoginPace::AtOnce
        && let Some(crowd) = two_talk(addr, settings, step_by_step)
    {
        return Stop::Login(LoginPace::StepByStep(Some(crowd.members[0].learned_of_login())));
    }
    let crlf = Settings { eol: Eol::CrLf, ..settings.clone() };
    if settings.eol == Eol::Lf && two_talk(addr, &crlf, baseline).is_some() {
        return Stop::For(words::needs_crlf(&seen));
    }
    Stop::For(words::is_it_a_chat(&with_its_message(arena, seen), arena.settings.login.as_deref()))
}

/// Two clients that can talk with other settings.
fn two_talk(addr: SocketAddr, settings: &Settings, baseline: Baseline) -> Option<Crowd> {
    let mut arena = Arena::new(settings, baseline, addr, settings.seed);
    arena.is_hurried = true;
    arena.guests(2).ok()
}
