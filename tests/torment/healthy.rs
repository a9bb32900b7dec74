//! Healthy servers of different kinds are blamed for nothing.

use super::faults::python;
use super::rows::{Expected, Row, check_all};

/// Torments that depend on what becomes of a line.
const LINES: &[&str] = &[
    "stop-continue",
    "split-line",
    "two-in-one",
    "byte-by-byte",
    "utf8-split",
    "gulp",
    "long-line",
    "reset-mid-fanout",
    "half-close",
];
/// Torments that depend on how a server waits.
const WAITING: &[&str] = &["gulp", "half-close", "no-descriptors", "flood-all", "slow-reader", "firehose"];

/// A healthy server with its habit, and torments that blamed such servers, or might.
const SERVERS: &[(&str, &[&str])] = &[
    ("tasks.py", WAITING),
    ("threads.py", WAITING),
    ("table.py", WAITING),
    ("event_loop.py", WAITING),
    ("habits.py prints", &["frozen-stdout", "closed-stdout"]),
    ("habits.py starts-slowly", &["own-line", "restart"]),
    ("habits.py delays", &["gulp", "firehose", "half-close"]),
    ("habits.py remembers", &["stuck-reader"]),
    ("habits.py echoes", LINES),
    ("habits.py cuts", LINES),
    ("habits.py wraps", LINES),
    ("habits.py refuses", LINES),
    ("habits.py prompts", LINES),
    ("habits.py login", LINES),
    ("habits.py history", LINES),
];

#[test]
#[ignore = "needs python3"]
fn rows_of_healthy_servers_in_python() {
    let mut rows = Vec::from_iter(SERVERS.iter().map(|(server, torments)| python(server, torments, Expected::NoFault)));
    for row in rows.iter_mut().filter(|row: &&mut Row| row.name.ends_with(" login")) {
        row.settings.login = Some("login n{n}".into());
    }
    check_all(rows);
}
