//! What is normal for a server: found out before it is tormented, so that it is blamed for nothing that is its way.

use super::arena::Arena;
use super::baseline::Baseline;
use super::failure::Failure;
use super::settings::{Settings, Target};
use crate::harness::{Crowd, Eol, Kind, SHORT, START, Stdout, proc};
use std::time::{Duration, Instant};

/// More seats than this are of no use to a torment.
const SEATS: usize = 8;
const LINE_LENS: [usize; 3] = [900, 400, 200];
const ROUND_TRIPS: usize = 20;
/// Who may speak once a second is heard after this.
const UNHURRIED: Duration = Duration::from_millis(1200);
/// A server that fails at the first meeting may do so by chance: two threads that met at the wrong moment.
const MEETINGS: usize = 2;

/// Why it is not known what is normal.
enum Stop {
    /// It makes no sense to go on. What to tell.
    For(String),
    /// Another meeting may be better. What to tell if none is.
    Again(String),
    /// The same; and if none is, the torments will show it, with what is known by now.
    Closes(Baseline),
}

/// Finds out what is normal for a server, before it is tormented.
pub fn calibrate(target: &Target, settings: &Settings) -> Result<Baseline, String> {
    let mut last = Err(String::new());
    for _ in 0..MEETINGS {
        match meet(target, settings) {
            Ok(baseline) => return Ok(baseline),
            Err(Stop::For(why)) => return Err(why),
            Err(Stop::Again(why)) => last = Err(why),
            Err(Stop::Closes(baseline)) => last = Ok(baseline),
        }
    }
    last
}

fn meet(target: &Target, settings: &Settings) -> Result<Baseline, Stop> {
    let unknown = Baseline {
        seats: SEATS,
        line_len: SHORT,
        thread_each: false,
        round_trip: Duration::ZERO,
        admission: Duration::ZERO,
        start: Duration::ZERO,
    };
    let begin = Instant::now();
    let (addr, server) = match target {
        Target::Started(launcher) => {
            let server = launcher.start(Stdout::Nowhere, START).map_err(Stop::For)?;
            (server.addr, Some(server))
        }
        Target::Running(addr) => (*addr, None),
    };
    let mut baseline = Baseline { start: begin.elapsed(), ..unknown };
    let mut arena = Arena::new(settings, unknown, addr, settings.seed);
    arena.server = server;
    let before = arena.ask(proc::status);
    let mut crowd = match arena.guests(2) {
        Ok(crowd) => crowd,
        Err(failure) => return Err(stranger(&mut arena, failure)),
    };
    // Seats: as many as let somebody in within a moment. The third must get in, and may take its time.
    let moment = arena.patience().min(Duration::from_millis(1500));
    let mut admissions = Vec::new();
    let mut refusal = String::new();
    while crowd.count() < SEATS {
        let begin = Instant::now();
        let patience = if crowd.count() < 3 { arena.patience() } else { moment };
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
        return Err(Stop::Closes(Baseline { seats: SEATS, ..baseline }));
    }
    if baseline.seats < 3 {
        return Err(Stop::For(format!(
            "only two clients can talk, and a torment needs three at least; a third one came: {refusal}. \
             Give it more seats, if that is why"
        )));
    }
    if let (Some(before), Some(now)) = (before, arena.ask(proc::status)) {
        // A runtime may start or end some of its own meanwhile.
        baseline.thread_each = (now.threads.saturating_sub(before.threads)) * 5 >= crowd.count() * 4;
    }
    let mut times = crowd.round_trips(ROUND_TRIPS);
    if times.len() < ROUND_TRIPS {
        return Err(does_not_relay(&mut arena, &mut crowd));
    }
    times.sort();
    baseline.round_trip = times[ROUND_TRIPS * 3 / 4];
    // Who says a line that is too long may be closed: another tries the next.
    for (talker, len) in (0..baseline.seats - 1).cycle().zip(LINE_LENS) {
        if relays(&mut crowd, talker, len) {
            baseline.line_len = len;
            break;
        }
    }
    crowd.leave();
    Ok(baseline)
}

/// Two have met, and then a line of one did not get to the other.
fn does_not_relay(arena: &mut Arena, crowd: &mut Crowd) -> Stop {
    let heard = crowd.members[0].receiver.excerpt();
    let closed = crowd.members[..2].iter().any(|client| !client.is_open());
    if !closed {
        crowd.go_on(arena.scaled(UNHURRIED));
        let probe = crowd.says(0);
        if !crowd.hears(1, probe) {
            return Stop::Again(format!("two clients hear each other at first, and then no more{}", its_words(arena)));
        }
    }
    let what =
        if closed { "who says one line after the other is closed" } else { "lines that follow fast are not relayed" };
    let why = format!(
        "{what}; the last it heard is \"{heard}\"{}. If that is a rule of the house (so many lines a second), lift it: \
         torments talk fast",
        its_words(arena)
    );
    if closed { Stop::Again(why) } else { Stop::For(why) }
}

/// What the server says of it, if it was started here.
fn its_words(arena: &mut Arena) -> String {
    match arena.server.as_ref().and_then(|server| server.words_so_far()) {
        Some(words) => format!("; it wrote: {words}"),
        None => String::new(),
    }
}

/// Whether it relays a line of so many bytes whole.
fn relays(crowd: &mut Crowd, talker: usize, len: usize) -> bool {
    let reader = crowd.count() - 1;
    let probe = crowd.members[talker].say(Kind::Line, len);
    // What comes after it tells that it does not come.
    let after = crowd.says(talker);
    let patience = crowd.patience;
    crowd.wait(patience, |crowd| crowd.has_heard(reader, after) || !crowd.members[talker].is_open());
    crowd.has_heard(reader, probe)
}

/// Why two cannot talk, and what to try.
fn stranger(arena: &mut Arena, failure: Failure) -> Stop {
    let addr = arena.addr;
    match &mut arena.server {
        Some(server) => {
            if let Some(ended) = server.ends_within(Duration::from_millis(200)) {
                let words = server.last_words().unwrap_or_default();
                return Stop::For(format!(
                    "the server ended when two clients came and talked: {ended}; its last words: {words}"
                ));
            }
        }
        None if std::net::TcpStream::connect(addr).is_err() => {
            return Stop::For(format!(
                "nobody listens on {addr}; start the server first, or here: tertulia torment -- COMMAND {{port}}"
            ));
        }
        None => {}
    }
    let seen = if let Failure::Silence(seen) = failure { seen } else { "nobody is heard".into() };
    if arena.settings.eol == Eol::Lf && hears_lines_that_end_in_crlf(arena) {
        return Stop::For(format!(
            "no line that ends in LF gets from one client to another: {seen}; lines that end in CR LF do: say --eol crlf"
        ));
    }
    Stop::For(format!(
        "no line of one client gets to another: {seen}{}. Is it a chat? It may want a login first \
         (--login 'nick {{n}}')",
        its_words(arena)
    ))
}

fn hears_lines_that_end_in_crlf(arena: &Arena) -> bool {
    let settings = Settings { eol: Eol::CrLf, ..arena.settings.clone() };
    Arena::new(&settings, arena.baseline, arena.addr, settings.seed).guests(2).is_ok()
}
