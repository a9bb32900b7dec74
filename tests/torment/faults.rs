//! Servers in Python with one fault each, and the cause that must be named.

use super::common::process::run;
use super::rows::{Expected, Row, check_all};
use super::*;
use std::process::Command;
use std::sync::LazyLock;

/// The interpreter itself: what stands in the path may be a script of a version manager, which starts slower than the servers.
fn interpreter() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| {
        let ended = run(Command::new("python3").args(["-c", "import sys; print(sys.executable)"]));
        ended.stdout.trim().to_owned()
    });
    &PATH
}

/// Where a server of `tests/torment/servers` is.
pub fn script(server: &str) -> String {
    format!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torment/servers/{}"), server)
}

/// A server of `tests/torment/servers` with these words after the port.
pub fn python(words: &str, torments: &'static [&'static str], expected: Expected) -> Row {
    let (server, words) = words.split_once(' ').map_or((words, ""), |(server, rest)| (server, rest));
    let script = script(server);
    let command = [interpreter(), &script, "{port}"].into_iter().chain(words.split_whitespace());
    Row::new(format!("{server} {words}"), command.map(String::from).collect(), torments, expected)
}

/// Torments that connect more than a few clients.
const CROWDED: &[&str] =
    &["burst-connect", "connect-storm", "reset-backlog", "rush-hour", "flood-all", "full-house", "crowd", "churn"];

/// A server and its fault, the cause that must be named, and torments that show it or must be passed.
const FAULTS: &[(&str, Cause, &[&str])] = &[
    ("faults.py busy-loop", Cause::BusyLoop, &["idle", "garbage", "half-close"]),
    ("faults.py trusts-input", Cause::TrustsInput, &["utf8-split", "garbage", "split-line"]),
    ("faults.py spins-after-garbage", Cause::TrustsInput, &["garbage", "half-close", "reset-idle", "idle"]),
    ("faults.py blocking-handshake", Cause::BlockingHandshake, &["silent-newcomer", "reset-backlog", "connect-storm"]),
    ("faults.py ends-at-departure", Cause::ClientErrorEndsServer, &["idle", "split-line", "reset-idle", "names"]),
    ("faults.py sigpipe", Cause::Sigpipe, &["rush-hour", "split-line"]),
    ("faults.py error-ends-fan-out", Cause::ErrorEndsFanOut, &["stale-event", "reset-mid-fanout"]),
    ("faults.py dropped-when-full", Cause::DroppedWhenFull, &["slow-reader", "gulp"]),
    ("faults.py decodes-pieces", Cause::DecodesPieces, &["utf8-split", "garbage"]),
    ("faults.py loses-at-the-end", Cause::LosesAtTheEnd, &["half-close", "split-line"]),
    ("faults.py hang-up-first", Cause::LosesAtTheEnd, &["half-close", "split-line"]),
    ("faults.py unfair", Cause::Unfair, &["firehose", "split-line"]),
    ("faults.py spins-at-the-end", Cause::SpinsAtTheEnd, &["half-close", "reset-idle", "idle"]),
    ("faults.py loses", Cause::Loses, &["gulp", "slow-reader", "names", "half-close"]),
    ("faults.py duplicates", Cause::Duplicates, &["flood-all", "reset-mid-fanout"]),
    ("faults.py reorders", Cause::Reorders, &["flood-all", "two-in-one"]),
    ("faults.py seats-not-freed", Cause::SeatsNotFreed, &["full-house", "churn", "burst-connect", "reset-mid-fanout"]),
    ("faults.py leaks", Cause::Leaks, &["churn", "reset-idle", "names"]),
    ("faults.py accept-not-retried", Cause::AcceptNotRetried, &["no-descriptors", "burst-connect"]),
    ("faults.py descriptor-death", Cause::DescriptorDeath, &["no-descriptors", "burst-connect"]),
    ("faults.py interrupted-is-an-error", Cause::InterruptedIsAnError, &["stop-continue", "burst-connect"]),
    ("faults.py print-ends-server", Cause::PrintEndsServer, &["closed-stdout", "frozen-stdout"]),
    ("faults.py mutes", Cause::Unknown, &["long-line", "split-line"]),
    ("faults.py ignores-sigterm", Cause::IgnoresSigterm, &["terminate"]),
    ("faults.py address-in-use", Cause::AddressInUse, &["restart"]),
    // These show only after a backlog, in a crowd, or now and then.
    ("faults.py watches-writable", Cause::SpinsWhenDrained, &["backlog", "slow-reader", "idle"]),
    ("faults.py forgets-the-rest", Cause::ForgetsTheRest, &["backlog", "gulp"]),
    ("faults.py stale-buffer", Cause::StaleBuffer, &["names", "gulp"]),
    ("faults.py wrong-name", Cause::WrongName, &["names", "two-in-one"]),
    ("faults.py no-name", Cause::WrongName, &["names", "flood-all"]),
    ("faults.py closes-active", Cause::ClosesActive, &["long-lived", "names"]),
    ("faults.py unbounded-line", Cause::UnboundedLine, &["endless-line", "gulp"]),
    ("faults.py table-dies 64", Cause::FixedTable, &["crowd", "full-house"]),
    ("faults.py table-deaf 1024", Cause::FixedTable, &["crowd", "full-house"]),
    ("faults.py table-dies 5", Cause::FixedTable, CROWDED),
    ("faults.py table-deaf 5", Cause::FixedTable, CROWDED),
    ("thread_faults.py shared-unguarded", Cause::SharedUnguarded, &["rush-hour", "split-line"]),
    ("thread_faults.py interleaved-writes", Cause::InterleavedWrites, &["flood-all", "split-line"]),
    ("thread_faults.py no-one-order", Cause::NoOneOrder, &["flood-all", "split-line"]),
    ("thread_faults.py lock-order", Cause::Deadlock, &["flood-all", "rush-hour", "closed-stdout", "stop-continue"]),
];

pub fn rows() -> Vec<Row> {
    FAULTS.iter().map(|(server, cause, torments)| python(server, torments, Expected::Only(*cause))).collect()
}

#[test]
#[ignore = "needs python3"]
fn rows_of_servers_in_python_with_one_fault() {
    check_all(rows());
}
