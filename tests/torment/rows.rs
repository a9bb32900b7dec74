//! Judges many servers: each row is a server, and what must be found in it.
//!
//! ```console
//! $ cargo test --release --features gallery --test torment -- --ignored rows_of
//! ```
//!
//! Torments that tell are tried on each server. With `TERTULIA_ALL_TORMENTS=causes` all are tried on one server of each cause,
//! and with `TERTULIA_ALL_TORMENTS=1` on every server, which takes a quarter of an hour. `TERTULIA_TORMENT_ROWS=leaks` judges
//! the rows alone whose names contain this, and `TERTULIA_TORMENT_SEED=7` makes other random choices. Whatever the seed, the
//! same must be found.

use super::*;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// A server, and what must be found in it.
pub struct Row {
    pub name: String,
    command: Vec<String>,
    pub settings: Settings,
    /// Torments that show its fault, or that must be passed.
    pub torments: &'static [&'static str],
    pub expected: Expected,
}

/// What must be found in a server.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// This cause, and no other.
    Only(Cause),
    /// Nothing to blame it for.
    NoFault,
    /// Nothing to blame it for, and nothing that could not be tried.
    AllPassed,
}

impl Row {
    pub fn new(name: String, command: Vec<String>, torments: &'static [&'static str], expected: Expected) -> Row {
        // A failure is not repeated: whatever is judged wrongly is judged again.
        let settings =
            Settings { seed: number("TERTULIA_TORMENT_SEED").unwrap_or(1), runs_max: 1, ..Settings::default() };
        Row { name, command, settings, torments, expected }
    }

    /// Whether all torments are tried on it.
    fn gets_all(&self) -> bool {
        match (std::env::var("TERTULIA_ALL_TORMENTS").as_deref(), self.expected) {
            (Err(_), _) => false,
            (Ok("causes"), Expected::Only(cause)) => first_of_each_cause().get(&cause) == Some(&self.name),
            (Ok("causes"), _) => false,
            (Ok(_), _) => true,
        }
    }

    /// What is found instead, if anything.
    fn is_judged_wrongly(&self) -> Option<String> {
        let chosen = if self.gets_all() { TORMENTS.iter().collect() } else { torments(self.torments) };
        let begin = Instant::now();
        let findings = match torment::run(&started_by(self.command.clone()), &chosen, &self.settings, &mut |_| {}) {
            Ok(findings) => findings,
            Err(why) => return Some(format!("{}: {}", self.name, why.en)),
        };
        let causes: Vec<Cause> = torment::diagnose(&findings).into_iter().map(|(cause, _)| cause).collect();
        let untried = findings.iter().filter(|finding| finding.took.is_zero()).count();
        let in_short = format!("{causes:?}, {untried} of {} untried", findings.len());
        tell(&format!("{:36}{:3} s  {in_short}", self.name, begin.elapsed().as_secs()));
        let is_right = match self.expected {
            Expected::Only(cause) => causes == [cause],
            Expected::NoFault => causes.is_empty(),
            Expected::AllPassed => findings.iter().all(|finding| finding.verdict == Verdict::Pass),
        };
        let telling = findings.iter().filter(|finding| finding.verdict != Verdict::Pass);
        let telling = telling.map(|f| format!("\n    {:?} {:?} {:?} {}", f.torment, f.verdict, f.causes, f.seen.en));
        (!is_right).then(|| format!("{}: {causes:?}, not {:?}{}", self.name, self.expected, String::from_iter(telling)))
    }
}

/// Judges all rows, and those once more that are judged wrongly: a busy machine may hide a fault, or make one.
#[track_caller]
pub fn check_all(rows: Vec<Row>) {
    let part = std::env::var("TERTULIA_TORMENT_ROWS").unwrap_or_default();
    let left = Mutex::new(rows.into_iter().filter(|row| row.name.contains(&part)));
    let doubtful = Mutex::new(Vec::new());
    let work = || {
        let next = || left.lock().expect("nobody panics here").next();
        while let Some(row) = next() {
            let _place = places(1);
            if let Some(wrong) = row.is_judged_wrongly() {
                tell(&format!("judged once more: {wrong}"));
                doubtful.lock().expect("nobody panics here").push(row);
            }
        }
    };
    std::thread::scope(|scope| (0..PLACES).for_each(|_| drop(scope.spawn(work))));
    let doubtful = doubtful.into_inner().expect("nobody panics here");
    let _alone = places(PLACES);
    let wrong: Vec<String> = doubtful.iter().filter_map(Row::is_judged_wrongly).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Prints it even if the test is passed.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Servers that are judged at once. Most torments wait; but a server without processor time would be too slow to show its
/// fault.
const PLACES: usize = 3;
static FREE: (Mutex<usize>, Condvar) = (Mutex::new(PLACES), Condvar::new());

pub struct Places(usize);

/// Waits until so many places are free, and takes them.
fn places(count: usize) -> Places {
    let free = FREE.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut free = FREE.1.wait_while(free, |free| *free < count).unwrap_or_else(PoisonError::into_inner);
    *free -= count;
    Places(count)
}

impl Drop for Places {
    fn drop(&mut self) {
        *FREE.0.lock().unwrap_or_else(PoisonError::into_inner) += self.0;
        FREE.1.notify_all();
    }
}

/// For tests that keep the machine busy themselves: no server is judged meanwhile.
pub fn alone() -> Places {
    places(PLACES)
}

/// The name of a server for each cause.
fn first_of_each_cause() -> BTreeMap<Cause, String> {
    let rows = faults::rows();
    #[cfg(feature = "gallery")]
    let rows = rows.into_iter().chain(gallery::rows());
    let mut first = BTreeMap::new();
    for row in rows {
        if let Expected::Only(cause) = row.expected {
            first.entry(cause).or_insert(row.name);
        }
    }
    first
}

#[test]
#[cfg(feature = "gallery")]
fn each_cause_has_a_server() {
    let shown: Vec<String> = first_of_each_cause().keys().map(|cause| format!("{cause:?}")).collect();
    // The list of all causes is the enum's own source, so that a new one cannot be forgotten here.
    let source = include_str!("../../src/torment/cause.rs");
    let (_, rest) = source.split_once("pub enum Cause {").expect("the enum");
    let (variants, _) = rest.split_once("\n}").expect("its end");
    let causes: Vec<&str> = variants.lines().filter_map(|line| line.trim().strip_suffix(',')).collect();
    assert!(causes.len() > 40, "{causes:?}");
    for cause in causes {
        assert!(shown.iter().any(|name| name == cause), "{cause}");
    }
}
