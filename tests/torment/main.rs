//! The torments against servers with known faults: they find the fault, and find none in a healthy server.
#![cfg(feature = "torment")]

#[path = "../common/mod.rs"]
mod common;

mod class;
mod command;
mod faults;
#[cfg(feature = "gallery")]
mod gallery;
mod healthy;
mod logins;
mod others;
mod own;
mod replays;
mod rows;

use common::*;
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

/// A command that starts `tertulia` with these arguments.
fn own_command(words: &[&str]) -> Vec<String> {
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
    [vec!["env".to_owned()], options, words].concat()
}

/// Runs a command for each torment.
fn started_by(command: Vec<String>) -> Target {
    Target::Started(Launcher::of_words(command).expect("{port} in it"))
}

/// Starts `tertulia` with these arguments for each torment.
fn started(words: &[&str]) -> Target {
    started_by(own_command(words))
}

/// A limit that is never reached.
const ENDLESS: Duration = Duration::from_secs(1200);

/// Twice the default times, no limit, and no repeats.
fn patient() -> Settings {
    Settings { time: 2.0, limit: ENDLESS, runs_max: 1, ..Settings::default() }
}

/// The value of an environment variable.
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect(variable))
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
