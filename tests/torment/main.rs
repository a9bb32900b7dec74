//! The torments against servers with known faults: they find the fault, and find none in a healthy server.
#![cfg(feature = "torment")]

#[path = "../common/mod.rs"]
mod common;

mod class;
mod command;
#[cfg(feature = "gallery")]
mod gallery;
mod healthy;
mod logins;
mod missed;
mod others;
mod own;
mod replays;
mod verdicts;

use common::*;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tertulia::harness::Launcher;
use tertulia::torment::{self, Cause, Finding, Settings, TORMENTS, Target, Torment, Verdict};

/// Torments that take less than a second each.
const QUICK: &[&str] = &[
    "idle",
    "own-line",
    "split-line",
    "two-in-one",
    "byte-by-byte",
    "utf8-split",
    "gulp",
    "long-line",
    "endless-line",
    "burst-connect",
    "connect-storm",
    "silent-newcomer",
    "reset-idle",
    "reset-backlog",
    "reset-mid-fanout",
    "rush-hour",
    "half-close",
    "stale-event",
    "vanish",
    "backlog",
    "names",
    "crowd",
    "no-descriptors",
    "stop-continue",
    "closed-stdout",
    "terminate",
    "restart",
];

/// Torments in which a few members take more than their share.
const PRESSURE: &[&str] = &["selfish-reader", "whisperers", "polite-beside-flood"];

fn torments(names: &[&str]) -> Vec<&'static Torment> {
    let all: Vec<_> = TORMENTS.iter().filter(|torment| names.contains(&torment.name)).collect();
    assert_eq!(all.len(), names.len(), "a torment's name has changed");
    all
}

/// Tests hold this while they judge several servers for minutes. Only one such test runs at a time, or a server that has no
/// processor time left would be too slow to show its fault.
fn alone() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::new(());
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts `tertulia` with these arguments for each torment.
fn started(words: &[&str]) -> Target {
    let own = tertulia();
    // In English, and without the tester's settings.
    let mut options: Vec<String> = own
        .get_envs()
        .filter(|(_, v)| v.is_none())
        .flat_map(|(name, _)| ["-u".to_owned(), name.to_string_lossy().into_owned()])
        .collect();
    let set =
        own.get_envs().filter_map(|(name, v)| Some(format!("{}={}", name.to_string_lossy(), v?.to_string_lossy())));
    options.extend(set);
    let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    words.insert(0, env!("CARGO_BIN_EXE_tertulia").into());
    let command = [vec!["env".to_owned()], options, words].concat();
    Target::Started(Launcher::of_words(command).expect("{port} in it"))
}

/// Twice the default times, a limit that is never reached, and no repeats.
fn patient() -> Settings {
    Settings { time: 2.0, limit: Duration::from_secs(1200), runs_max: 1, ..Settings::default() }
}

fn torment(target: &Target, torments: &[&'static Torment], settings: &Settings) -> Vec<Finding> {
    torment::run(target, torments, settings, &mut |_| {}).expect("it can be tormented")
}

#[track_caller]
fn has_no_faults(findings: &[Finding]) {
    let blamed: Vec<_> =
        findings.iter().filter(|finding| matches!(finding.verdict, Verdict::Fail | Verdict::Doubtful)).collect();
    assert!(blamed.is_empty(), "{blamed:#?}");
    assert!(findings.iter().any(|finding| finding.verdict == Verdict::Pass));
}
