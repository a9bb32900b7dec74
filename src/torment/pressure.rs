//! Torments with members that take more than their share, while polite ones say little. Only the former may wait.

use super::arena::Arena;
use super::cause::Cause;
use super::failure::{Failure, Outcome, fault};
use super::floods::QUEUED;
use super::messages;
use super::messages::floods as words;
use crate::harness::{Crowd, Flood, Kind, Probe, Reading, SHORT_LEN, Waited, proc};
use crate::text::Bilingual;
use std::ops::{Range, RangeInclusive};
use std::time::{Duration, Instant};

pub(crate) fn selfish_reader(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    let pressure = Pressure { greedy: vec![(words::ASKS, Some(1.6e6))], floods: requests };
    pressure.try_twice(arena, crowd)
}

pub(crate) fn whisperers(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    const WHISPERER: (Bilingual, Option<f64>) = (words::WHISPERS, Some(400.0 * 1024.0));
    let pressure = Pressure { greedy: vec![WHISPERER, WHISPERER], floods: whispers };
    pressure.try_twice(arena, crowd)
}

pub(crate) fn polite_beside_flood(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    let pressure = Pressure {
        greedy: vec![(words::FLOODS, None), (words::READS_SLOWLY, Some(400.0 * 1024.0))],
        floods: |arena, crowd, who| Ok(vec![Flood::Always(crowd.members[who].filler(arena.baseline.line_len))]),
    };
    pressure.try_twice(arena, crowd)
}

/// How many polite clients there are, if there are as many seats.
const POLITE: usize = 5;
const POLITE_MIN: usize = 2;
/// The polite clients send a line after each pause. Milliseconds.
const PAUSE_MS: RangeInclusive<u64> = 20..=40;
/// The greedy clients begin this much earlier, so that the kernel's buffers are full when the others talk.
const ALONE: Duration = Duration::from_millis(500);
/// How long the others talk, and how long if lines look late.
const TOGETHER: Duration = Duration::from_millis(600);
const TOGETHER_ON: Duration = Duration::from_millis(1500);
/// A line looks late if it takes longer than this.
const LOOKS_LATE: Duration = Duration::from_millis(60);
/// A polite client's line is late if it takes longer than this, and [`LATE_TIMES`] times as long as without the pressure.
const LATE: Duration = Duration::from_secs(1);
/// The same for half of the lines: a busy machine delays some of them, but not half.
const LATE_MEDIAN: Duration = Duration::from_millis(150);
const LATE_TIMES: u32 = 50;
/// A receive buffer that fills quickly. Bytes.
const NARROW: usize = 32 << 10;
/// With more memory than this the torment ends early, before the machine suffers. Bytes.
const GROWTH_MAX: u64 = 256 << 20;
/// A server that wants less than this share of a processor could serve the polite clients, but waits for something.
const BUSY_SHARE: f64 = 0.5;

/// If our own clients wait for the server for less than this share of the time, they may be what is slow.
const IDLE_SHARE: f64 = 0.3;

/// What the greedy clients do. In the crowd they come after the polite ones.
struct Pressure {
    /// What each greedy client is called, and how many bytes it reads a second; `None` if it reads all at once.
    greedy: Vec<(Bilingual, Option<f64>)>,
    /// Learns what the first greedy clients, from this one on, send without pause.
    floods: fn(&mut Arena, &mut Crowd, usize) -> Result<Vec<Flood>, Failure>,
}

impl Pressure {
    /// A late line may be caused by a busy machine, so a fault must be seen twice.
    fn try_twice(&self, arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
        match self.try_once(arena, crowd) {
            Err(Failure::Fault { .. }) => {
                crowd.leave();
                arena.remarks.clear();
                self.try_once(arena, crowd)
            }
            other => other,
        }
    }

    fn try_once(&self, arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
        let polite = self.gather(arena, crowd)?;
        let quiet = Spread::of(crowd.round_trips(20)).unwrap_or_default();
        let floods = (self.floods)(arena, crowd, polite)?;
        let mut talk = Talk { polite, said: Vec::new(), unheard: 0 };
        let causes = self.press(arena, crowd, floods, &mut talk);
        let waited = crowd.wait_while_it_moves(|crowd| talk.missing(crowd, 0..crowd.count()) == 0);
        self.judge(arena, crowd, &Course { talk, quiet, waited, causes })?;
        self.remark_on_the_closed(arena, crowd, polite);
        Ok(())
    }

    /// Lets the polite clients in, and then the greedy ones. Returns how many are polite.
    fn gather(&self, arena: &mut Arena, crowd: &mut Crowd) -> Result<usize, Failure> {
        let polite = POLITE.min(arena.baseline.seats.saturating_sub(self.greedy.len()));
        if polite < POLITE_MIN {
            return Err(Failure::Skip(messages::needs_seats(POLITE_MIN + self.greedy.len(), arena.baseline.seats)));
        }
        *crowd = arena.guests(polite)?;
        for (_, rate) in &self.greedy {
            arena.join_within(crowd, arena.patience(), rate.map(|_| NARROW))?;
        }
        Ok(polite)
    }

    /// The polite clients talk beside the greedy ones, until the time is over or the server closes one. Then all read
    /// at once. Returns why lines are late, if they are.
    fn press(&self, arena: &mut Arena, crowd: &mut Crowd, floods: Vec<Flood>, talk: &mut Talk) -> Causes {
        let before = Before::now(arena, crowd);
        let greedy = &mut crowd.members[talk.polite..];
        for (client, (_, rate)) in greedy.iter_mut().zip(&self.greedy) {
            client.reading = rate.map_or(Reading::Eagerly, Reading::at);
        }
        for (client, flood) in greedy.iter_mut().zip(floods) {
            client.start_flood(flood);
        }
        crowd.go_on(arena.scaled(ALONE));
        let mut together = TOGETHER;
        while before.at.elapsed() < arena.scaled(ALONE + together)
            && before.growth(arena) < GROWTH_MAX
            && crowd.members.iter().all(|client| client.is_open())
        {
            talk.go_on(crowd);
            if talk.waits(crowd) > LOOKS_LATE {
                together = TOGETHER_ON;
            }
            crowd.go_on(Duration::from_millis(arena.random.u64(PAUSE_MS)));
        }
        for client in &mut crowd.members {
            client.end_flood();
            client.reading = Reading::Eagerly;
        }
        before.causes_of_waiting(arena, crowd)
    }

    /// A server may have a limit for those that ask for much or read slowly.
    fn remark_on_the_closed(&self, arena: &mut Arena, crowd: &Crowd, polite: usize) {
        let small = words::POLITE;
        let names = (0..polite).map(|_| &small).chain(self.greedy.iter().map(|(name, _)| name));
        for (client, name) in crowd.members.iter().zip(names).filter(|(client, _)| !client.is_open()) {
            arena.remark(words::disconnected(name, client.receiver.total));
        }
    }

    fn judge(&self, arena: &Arena, crowd: &mut Crowd, course: &Course) -> Outcome {
        let (talk, polite) = (&course.talk, 0..course.talk.polite);
        let late = |seen: Bilingual| match course.causes {
            Some(causes) => fault(causes, seen),
            None => Failure::Skip(words::our_clients_were_slower(&seen)),
        };
        if course.causes.is_some() && crowd.members[polite.clone()].iter().any(|client| !client.is_open()) {
            return Err(fault(&[Cause::WouldBlockIsAnError, Cause::ErrorEndsFanOut], words::POLITE_CLOSED));
        }
        let missing = talk.missing(crowd, polite);
        if missing > 0 && course.waited == Waited::Moving {
            return Err(late(words::polite_late(missing)));
        }
        if missing > 0 {
            return Err(lost(crowd, missing));
        }
        let (quiet, times) = (course.quiet, Spread::of(talk.times(crowd)).unwrap_or_default());
        let limit = |least| arena.scaled(least).max(quiet.worst * LATE_TIMES);
        if times.worst > limit(LATE) || times.median > limit(LATE_MEDIAN) {
            return Err(late(words::polite_slow((times.median, times.worst), (quiet.median, quiet.worst))));
        }
        match talk.missing(crowd, 0..crowd.count()) {
            0 => Ok(()),
            missing => {
                Err(fault(&[Cause::DroppedWhenFull, Cause::ShortWriteDropped], words::polite_lost_to_some(missing)))
            }
        }
    }
}

/// The failure when nothing moves any more and lines are missing.
fn lost(crowd: &mut Crowd, missing: usize) -> Failure {
    let last = crowd.says(0);
    if !crowd.hears(1, last) {
        return Failure::Silence(words::SILENT_FOR_GOOD);
    }
    fault(
        &[Cause::Loses, Cause::ShortWriteDropped, Cause::DroppedWhenFull, Cause::FramingByRead],
        words::polite_lost(missing),
    )
}

/// The likely causes if lines are late. `None` if the clients here were slower than the server: then it is not to blame.
type Causes = Option<&'static [Cause]>;

/// What was seen.
struct Course {
    talk: Talk,
    /// How long lines took before the pressure.
    quiet: Spread,
    /// How the wait for the rest ended.
    waited: Waited,
    causes: Causes,
}

/// The lines of the polite clients, which are the first of the crowd.
struct Talk {
    polite: usize,
    said: Vec<(Probe, Instant)>,
    /// The first line that has not arrived yet, as far as it was looked.
    unheard: usize,
}

impl Talk {
    /// The next polite client sends a line.
    fn go_on(&mut self, crowd: &mut Crowd) {
        let probe = crowd.says(self.said.len() % self.polite);
        self.said.push((probe, Instant::now()));
    }

    /// When a line arrived at the polite client that spoke next.
    fn arrival(&self, crowd: &Crowd, line: usize) -> Option<Instant> {
        let (probe, _) = self.said.get(line)?;
        Some(crowd.members[(line + 1) % self.polite].receiver.arrival(*probe)?.at)
    }

    /// For how long the oldest line that has not arrived has been under way.
    fn waits(&mut self, crowd: &Crowd) -> Duration {
        while self.arrival(crowd, self.unheard).is_some() {
            self.unheard += 1;
        }
        self.said.get(self.unheard).map_or(Duration::ZERO, |(_, at)| at.elapsed())
    }

    /// How long each line took.
    fn times(&self, crowd: &Crowd) -> Vec<Duration> {
        let lines = self.said.iter().enumerate();
        lines.filter_map(|(i, (_, at))| Some(self.arrival(crowd, i)?.saturating_duration_since(*at))).collect()
    }

    /// How many lines some of these clients lack, of those that are still connected.
    fn missing(&self, crowd: &Crowd, who: Range<usize>) -> usize {
        let open = || who.clone().filter(|&who| crowd.members[who].is_open());
        let lacks =
            |who: usize, probe: Probe| crowd.members[who].number() != probe.sender && !crowd.has_heard(who, probe);
        self.said.iter().filter(|(probe, _)| open().any(|who| lacks(who, *probe))).count()
    }
}

/// The median and the worst of some times.
#[derive(Clone, Copy, Default)]
struct Spread {
    median: Duration,
    worst: Duration,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Option<Spread> {
        times.sort();
        Some(Spread { median: *times.get(times.len() / 2)?, worst: *times.last()? })
    }
}

/// The state before the pressure.
struct Before {
    at: Instant,
    memory: Option<u64>,
    wanted: Option<Duration>,
    /// Of our own clients.
    idle: Duration,
}

impl Before {
    fn now(arena: &Arena, crowd: &Crowd) -> Before {
        Before { at: Instant::now(), memory: arena.memory(), wanted: wanted(arena), idle: crowd.idle }
    }

    /// By how much the server's memory has grown. Bytes.
    fn growth(&self, arena: &Arena) -> u64 {
        self.memory.zip(arena.memory()).map_or(0, |(before, now)| now.saturating_sub(before))
    }

    /// Why lines are late, the likeliest cause first.
    fn causes_of_waiting(&self, arena: &Arena, crowd: &Crowd) -> Causes {
        let wants = self.wanted.zip(wanted(arena)).map_or(Duration::ZERO, |(before, now)| now.saturating_sub(before));
        let elapsed = self.at.elapsed();
        let share = |time: Duration| time.as_secs_f64() / elapsed.as_secs_f64();
        likely_causes(share(crowd.idle - self.idle), self.growth(arena), share(wants))
    }
}

/// The likely causes if lines are late: from the share of the time in which our own clients waited, by how many bytes the
/// server's memory has grown, and which share of a processor it wanted.
fn likely_causes(idle: f64, growth: u64, wanted: f64) -> Causes {
    if idle < IDLE_SHARE {
        None
    } else if growth > QUEUED {
        Some(&[Cause::UnboundedQueue, Cause::Unfair, Cause::PausesEverybody])
    } else if wanted > BUSY_SHARE {
        Some(&[Cause::Unfair, Cause::PausesEverybody, Cause::UnboundedQueue])
    } else {
        Some(&[Cause::PausesEverybody, Cause::BlockingWrite, Cause::LockAcrossWrite, Cause::Unfair])
    }
}

/// A busy machine may leave the server less of a processor than it wants.
fn wanted(arena: &Arena) -> Option<Duration> {
    Some(arena.ask(proc::appetite)?.wanted)
}

/// What a client may ask of a server. `:help` is ours.
const REQUESTS: [&str; 7] = [":help", ":who", "/help", "/who", "/list", "help", "HELP"];
/// What a private line may look like.
const PRIVATELY: [&str; 5] =
    [":msg NICK TEXT", "/msg NICK TEXT", "/w NICK TEXT", "/tell NICK TEXT", "PRIVMSG NICK :TEXT"];
/// How long to wait for an answer, and then for what others get. Slow servers get more.
const ANSWER: Duration = Duration::from_millis(150);
const SETTLED: Duration = Duration::from_millis(40);

/// The first of the usual requests that is answered to its sender alone, by more than was sent.
fn requests(arena: &mut Arena, crowd: &mut Crowd, who: usize) -> Result<Vec<Flood>, Failure> {
    let lines = REQUESTS.map(|request| [request.as_bytes(), arena.settings.eol.bytes()].concat());
    match lines.into_iter().find(|line| is_answered_alone(arena, crowd, who, line)) {
        Some(line) => Ok(vec![Flood::Always(line)]),
        None => Err(Failure::Skip(words::nothing_to_ask(&REQUESTS.join(", ")))),
    }
}

fn is_answered_alone(arena: &Arena, crowd: &mut Crowd, who: usize, line: &[u8]) -> bool {
    let before: Vec<u64> = crowd.members.iter().map(|client| client.receiver.total).collect();
    let got = |crowd: &Crowd, i: usize| crowd.members[i].receiver.total - before[i];
    let is_answered = |crowd: &Crowd| got(crowd, who) > line.len() as u64;
    let others_got = |crowd: &Crowd| (0..crowd.count()).any(|i| i != who && got(crowd, i) > 0);
    crowd.members[who].push(line);
    crowd.wait(answer(arena), |crowd| is_answered(crowd) || others_got(crowd));
    crowd.go_on(arena.scaled(SETTLED));
    is_answered(crowd) && !others_got(crowd)
}

/// Two private lines, from the first client to the next and back, in the first of the usual forms that is delivered to
/// nobody else.
fn whispers(arena: &mut Arena, crowd: &mut Crowd, first: usize) -> Result<Vec<Flood>, Failure> {
    let pair = [first, first + 1];
    let (Some(one), Some(other)) = (nick_of(crowd, pair[0]), nick_of(crowd, pair[1])) else {
        return Err(Failure::Skip(words::NO_NAMES));
    };
    let form = PRIVATELY.into_iter().find(|form| is_private(arena, crowd, pair, &opening(form, &other)));
    let Some(form) = form else {
        return Err(Failure::Skip(words::no_private_lines(&PRIVATELY.join(", "))));
    };
    Ok(vec![long_line(arena, opening(form, &other)), long_line(arena, opening(form, &one))])
}

/// A line that begins with this, without pause. It is not a probe: our clients would take too long to
/// check as many as a server can relay.
fn long_line(arena: &Arena, opening: String) -> Flood {
    let mut line = opening.into_bytes();
    line.resize(arena.baseline.line_len.max(line.len() + 1), b'x');
    line.extend_from_slice(arena.settings.eol.bytes());
    Flood::Always(line)
}

/// What stands before the text.
fn opening(form: &str, nick: &str) -> String {
    form.replace("NICK", nick).replace("TEXT", "")
}

/// What a client is called, learned from a line of it.
fn nick_of(crowd: &mut Crowd, who: usize) -> Option<String> {
    let line = crowd.says(who);
    crowd.hears(0, line).then(|| nick_in(&crowd.members[0].receiver.last_prefix()?))?
}

/// The first word of a prefix that is not a number. A number may be a time.
fn nick_in(prefix: &str) -> Option<String> {
    let mut words = prefix.split(|c: char| !c.is_alphanumeric() && !['_', '-'].contains(&c));
    words.find(|word| word.contains(char::is_alphabetic)).map(String::from)
}

/// Whether a line with this beginning gets from one client to another and to nobody else.
fn is_private(arena: &Arena, crowd: &mut Crowd, [from, to]: [usize; 2], opening: &str) -> bool {
    let (probe, line) = crowd.members[from].line(Kind::Line, SHORT_LEN);
    crowd.members[from].push(&[opening.as_bytes(), &line].concat());
    crowd.wait(answer(arena), |crowd| crowd.has_heard(to, probe));
    crowd.go_on(arena.scaled(SETTLED));
    (0..crowd.count()).all(|who| who == from || crowd.has_heard(who, probe) == (who == to))
}

fn answer(arena: &Arena) -> Duration {
    arena.scaled(ANSWER).max(arena.baseline.round_trip * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_a_server_is_told_from_a_server_that_works() {
        let first = |idle, growth, wanted| Some(likely_causes(idle, growth, wanted)?[0]);
        assert_eq!(first(0.9, 0, 0.1), Some(Cause::PausesEverybody));
        assert_eq!(first(0.9, 0, 0.9), Some(Cause::Unfair));
        assert_eq!(first(0.9, QUEUED + 1, 0.9), Some(Cause::UnboundedQueue));
        // Our own clients never waited, so they may be what is slow.
        assert_eq!(first(0.1, QUEUED + 1, 0.9), None);
    }

    #[test]
    fn a_nick_is_found_among_punctuation_and_times() {
        for prefix in
            ["<ana_1> ", "[12:00:07] ana_1: ", "ana_1 says: ", "* ana_1 ", ":ana_1!x@host PRIVMSG #chat :", "#3 ana_1 "]
        {
            assert_eq!(nick_in(prefix).as_deref(), Some("ana_1"), "{prefix}");
        }
        for prefix in ["", "> ", "[12:00] <7> "] {
            assert_eq!(nick_in(prefix), None, "{prefix}");
        }
    }
}
