//! Servers in Python with known faults, and the causes that must be named.

use super::*;

/// Where a server of `tests/torment/servers` is.
pub fn script(server: &str) -> String {
    format!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torment/servers/{}"), server)
}

/// Starts a server of `tests/torment/servers` for each torment, with these words after the port.
pub fn python(server: &str, words: &[&str]) -> Target {
    let script = script(server);
    let command = [&["python3", &script, "{port}"], words].concat();
    Target::Started(Launcher::of_words(command.into_iter().map(String::from).collect()).expect("{port} in it"))
}

/// A server with one fault, torments that show it or must be passed, and the one cause that must be named. No other
/// cause may be named.
pub struct Case {
    pub server: &'static str,
    /// One or more words.
    pub fault: &'static str,
    pub torments: &'static [&'static str],
    pub cause: Option<Cause>,
}

pub const fn case(server: &'static str, fault: &'static str, cause: Cause, torments: &'static [&'static str]) -> Case {
    Case { server, fault, torments, cause: Some(cause) }
}

const LOOP: &str = "loop.py";
const THREADS: &str = "threads.py";

const CASES: &[Case] = &[
    Case { server: THREADS, fault: "none", torments: &["terminate", "restart", "gulp"], cause: None },
    Case { server: LOOP, fault: "none", torments: &["gulp", "flood-all", "slow-reader", "stuck-reader"], cause: None },
    Case { server: LOOP, fault: "history", torments: &["stuck-reader"], cause: None },
    case(LOOP, "busy-loop", Cause::BusyLoop, &["idle", "garbage", "half-close"]),
    case(LOOP, "trusts-input", Cause::TrustsInput, &["utf8-split", "garbage", "split-line"]),
    case(LOOP, "blocking-handshake", Cause::BlockingHandshake, &["silent-newcomer", "reset-backlog", "connect-storm"]),
    case(LOOP, "sigpipe", Cause::Sigpipe, &["rush-hour", "split-line"]),
    case(LOOP, "error-ends-fan-out", Cause::ErrorEndsFanOut, &["stale-event", "reset-mid-fanout"]),
    case(LOOP, "dropped-when-full", Cause::DroppedWhenFull, &["slow-reader", "gulp"]),
    case(LOOP, "decodes-pieces", Cause::DecodesPieces, &["utf8-split", "garbage"]),
    case(LOOP, "loses-at-the-end", Cause::LosesAtTheEnd, &["half-close", "split-line"]),
    case(LOOP, "hang-up-first", Cause::LosesAtTheEnd, &["half-close", "split-line"]),
    case(LOOP, "unfair", Cause::Unfair, &["firehose", "split-line"]),
    case(LOOP, "spins-at-the-end", Cause::SpinsAtTheEnd, &["half-close", "reset-idle", "idle"]),
    case(LOOP, "loses", Cause::Loses, &["gulp", "slow-reader", "split-line"]),
    case(LOOP, "duplicates", Cause::Duplicates, &["flood-all", "reset-mid-fanout"]),
    case(LOOP, "reorders", Cause::Reorders, &["flood-all", "two-in-one"]),
    case(LOOP, "seats-not-freed", Cause::SeatsNotFreed, &["full-house", "churn", "burst-connect", "reset-mid-fanout"]),
    case(LOOP, "leaks", Cause::Leaks, &["churn", "reset-idle"]),
    case(LOOP, "accept-not-retried", Cause::AcceptNotRetried, &["no-descriptors", "burst-connect"]),
    case(LOOP, "descriptor-death", Cause::DescriptorDeath, &["no-descriptors", "burst-connect"]),
    case(LOOP, "interrupted-is-an-error", Cause::InterruptedIsAnError, &["stop-continue", "burst-connect"]),
    case(LOOP, "print-ends-server", Cause::PrintEndsServer, &["closed-stdout", "frozen-stdout"]),
    case(LOOP, "mutes", Cause::Unknown, &["long-line", "split-line"]),
    case(THREADS, "shared-unguarded", Cause::SharedUnguarded, &["rush-hour", "split-line"]),
    case(THREADS, "interleaved-writes", Cause::InterleavedWrites, &["flood-all", "split-line"]),
    case(THREADS, "no-one-order", Cause::NoOneOrder, &["flood-all", "split-line"]),
    case(THREADS, "ignores-sigterm", Cause::IgnoresSigterm, &["terminate"]),
    case(THREADS, "address-in-use", Cause::AddressInUse, &["restart"]),
];

/// What a case names wrongly, if anything. All torments take minutes, so they run only if this variable is set.
fn wrong(case: &Case) -> Option<String> {
    let torments = match std::env::var_os("TERTULIA_ALL_TORMENTS") {
        Some(_) => TORMENTS.iter().collect(),
        None => torments(case.torments),
    };
    let settings = Settings { limit: Duration::from_secs(1200), ..Settings::default() };
    let findings = torment(&python(case.server, &Vec::from_iter(case.fault.split(' '))), &torments, &settings);
    let causes: Vec<Cause> = torment::diagnose(&findings).into_iter().map(|(cause, _)| cause).collect();
    (causes != Vec::from_iter(case.cause)).then(|| format!("{}: {causes:?} {findings:#?}", case.fault))
}

#[test]
#[ignore = "needs python3"]
fn each_servers_own_cause_is_named_and_no_other() {
    check_all(CASES);
}

#[track_caller]
pub fn check_all(cases: &[Case]) {
    let _alone = alone();
    // Two at a time, so that it takes half as long.
    let (even, odd): (Vec<_>, Vec<_>) = cases.iter().enumerate().partition(|(i, _)| i % 2 == 0);
    let check = |cases: Vec<(usize, &Case)>| cases.iter().filter_map(|(_, case)| wrong(case)).collect::<Vec<_>>();
    let wrong = std::thread::scope(|scope| {
        let odd = scope.spawn(|| check(odd));
        [check(even), odd.join().expect("it does not panic")].concat()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[cfg(feature = "gallery")]
fn each_cause_has_a_server() {
    let mut shown: Vec<Cause> = CASES.iter().chain(missed::CASES).filter_map(|case| case.cause).collect();
    shown.extend(torment::gallery::EXHIBITS.iter().map(|exhibit| exhibit.cause));
    let shown: Vec<String> = shown.iter().map(|cause| format!("{cause:?}")).collect();
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
