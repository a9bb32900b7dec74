//! Plays a talk of six clients on a server that records its steps. They talk first in turn, then all at once.

use super::messages;
use super::server::{self, LIMIT};
use crate::harness::{Crowd, Kind, Probe, SHORT_LEN};
use crate::load::Usage;
use crate::text::Bilingual;
use crate::trace::chrome::{self, Trace};
use crate::trace::ledger::Event;
use crate::trace::step::Step;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

const PEOPLE: usize = NAMES.len();
const NAMES: [&str; 6] = ["ana", "beto", "cleo", "dani", "eva", "fede"];
/// Lines that each client sends in turn.
const TURNS: usize = 3;
/// The pause before a line, so that all threads sleep in between.
const PAUSE: Duration = Duration::from_millis(15);
/// Lines that each client sends when all send at once.
const AT_ONCE: usize = 2;
/// How long the server may take to write its trace.
const END: Duration = Duration::from_secs(5);

/// What a server did in a talk.
pub(crate) struct Talk {
    pub trace: Trace,
    pub per_line: PerLine,
}

/// Averages for a line that is sent while nobody else sends.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct PerLine {
    pub lines: usize,
    /// By their Linux names.
    pub system_calls: BTreeMap<String, f64>,
    /// How often a sleeping thread was woken.
    pub wake_ups: f64,
    /// As the kernel counts them. `None` if it does not report them.
    pub context_switches: Option<f64>,
    pub locks: f64,
    pub lock_waits: f64,
    /// From when a thread woke until the last receiver's socket had the line: the median, and the bounds of the middle
    /// half. Microseconds.
    pub micros: f64,
    pub micros_middle_half: (f64, f64),
}

impl Talk {
    pub(crate) fn play(mode: &str) -> Result<Talk, Bilingual> {
        let file = std::env::temp_dir().join(format!("tertulia-compare-{}-{mode}.json", std::process::id()));
        let result = play(mode, &file);
        let _ = std::fs::remove_file(&file);
        result
    }
}

fn play(mode: &str, file: &std::path::Path) -> Result<Talk, Bilingual> {
    let failed = |e: std::io::Error| messages::talk_failed(mode, &e);
    let server = server::with_console(mode, PEOPLE, &["--trace", &file.to_string_lossy()])?;
    let mut people = Crowd::new(Vec::new(), LIMIT);
    for number in 0..PEOPLE {
        people.members.push(server::connect(&server, number as u16, None).map_err(failed)?);
        server::greet(&mut people).map_err(failed)?;
    }
    for (number, name) in NAMES.iter().enumerate() {
        people.members[number].receiver.watch_for(b"you are now ");
        people.members[number].push(format!(":nick {name}\n").as_bytes());
        if !people.wait(LIMIT, |people| people.members[number].receiver.has_seen_it()) {
            return Err(failed(std::io::ErrorKind::TimedOut.into()));
        }
    }
    std::thread::sleep(PAUSE);

    let before = Usage::of(server.pid());
    for _ in 0..TURNS {
        for speaker in 0..PEOPLE {
            let line = people.says(speaker);
            hear(&mut people, &[line]).map_err(failed)?;
            std::thread::sleep(PAUSE);
        }
    }
    let used = Usage::of(server.pid()) - before;

    let mut said = Vec::new();
    for client in &mut people.members {
        let lines = [(); AT_ONCE].map(|()| client.line(Kind::Line, SHORT_LEN));
        client.push(&lines.each_ref().map(|(_, line)| &line[..]).concat());
        said.extend(lines.map(|(probe, _)| probe));
    }
    hear(&mut people, &said).map_err(failed)?;
    std::thread::sleep(PAUSE);
    server.stop(END);

    let trace = chrome::read(file)?;
    let mut per_line = PerLine::of(&trace);
    let switches = used.switches_voluntary.zip(used.switches_involuntary);
    per_line.context_switches =
        switches.map(|(voluntary, involuntary)| (voluntary + involuntary) as f64 / lines() as f64);
    Ok(Talk { trace, per_line })
}

/// The number of lines that are sent one after the other.
fn lines() -> usize {
    TURNS * PEOPLE
}

/// Waits until these lines have reached all clients but their senders.
fn hear(people: &mut Crowd, lines: &[Probe]) -> std::io::Result<()> {
    let everybody: Vec<usize> = (0..PEOPLE).collect();
    match people.all_hear(&everybody, lines) {
        None => Ok(()),
        Some(_) => Err(std::io::ErrorKind::TimedOut.into()),
    }
}

impl PerLine {
    /// Counts the steps of the lines that were sent one after the other, from the first of them to the line after them.
    fn of(trace: &Trace) -> PerLine {
        let told = |event: &&Event| event.message.is_some() && event.cause.is_some_and(|client| client > 0);
        // Everybody takes a name first.
        let told: Vec<&Event> = trace.events.iter().filter(told).skip(PEOPLE).collect();
        let (Some(first), Some(after)) = (told.first(), told.get(lines())) else { return PerLine::default() };
        // The step that woke the server for the first line counts; the one for the line after them does not.
        let woke = |told: &Event| {
            let before = trace.events.iter().filter(|event| event.track == told.track && event.end <= told.begin);
            before.filter(|event| event.step.sleeps()).map(|event| event.end).max().unwrap_or(0)
        };
        let (from, to) = (woke(first), woke(after));
        let count = lines() as f64;
        let mut per_line = PerLine { lines: lines(), ..PerLine::default() };
        let mut times = Vec::new();
        let mut begun: BTreeMap<u64, u64> = BTreeMap::new();
        for event in trace.events.iter().filter(|event| event.end >= from && event.end < to) {
            if let Some((call, times)) = event.system_calls() {
                *per_line.system_calls.entry(call.to_owned()).or_default() += times as f64 / count;
            }
            let looked_only = matches!(event.step, Step::Wait { may_sleep: false, .. });
            if event.step.sleeps() && !looked_only {
                per_line.wake_ups += 1.0 / count;
            }
            if let Step::Lock { waited } = event.step {
                per_line.locks += 1.0 / count;
                per_line.lock_waits += f64::from(u8::from(waited)) / count;
            }
            if let Some(message) = event.message {
                begun.insert(message, woke(event));
            }
            for message in &event.completes {
                times.extend(begun.get(message).map(|begun| (event.end - begun) as f64 / 1e3));
            }
        }
        times.sort_by(f64::total_cmp);
        let part = |quarter: usize| times.get(times.len() * quarter / 4).copied().unwrap_or_default();
        per_line.micros = part(2);
        per_line.micros_middle_half = (part(1), part(3));
        per_line
    }

    pub(crate) fn calls(&self) -> f64 {
        self.system_calls.values().sum()
    }
}
