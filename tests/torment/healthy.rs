//! Healthy servers of different kinds are blamed for nothing.

use super::verdicts::python;
use super::*;
use std::sync::Mutex;

/// A healthy server with its words, and torments that blamed such servers, or might.
struct Healthy {
    server: &'static str,
    habit: &'static [&'static str],
    torments: &'static [&'static str],
}

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

const fn healthy(habit: &'static [&'static str]) -> Healthy {
    Healthy { server: "healthy/loop.py", habit, torments: LINES }
}

const SERVERS: &[Healthy] = &[
    Healthy { server: "healthy/tasks.py", habit: &[], torments: WAITING },
    Healthy { server: "healthy/queues.py", habit: &[], torments: WAITING },
    Healthy { server: "healthy/table.py", habit: &[], torments: WAITING },
    Healthy { server: "healthy/loop.py", habit: &[], torments: WAITING },
    Healthy { server: "healthy/loop.py", habit: &["prints"], torments: &["frozen-stdout", "closed-stdout"] },
    Healthy { server: "healthy/loop.py", habit: &["starts-slowly"], torments: &["own-line", "restart"] },
    Healthy { server: "healthy/loop.py", habit: &["delays"], torments: &["gulp", "firehose", "half-close"] },
    healthy(&["echoes"]),
    healthy(&["cuts"]),
    healthy(&["wraps"]),
    healthy(&["refuses"]),
    healthy(&["prompts"]),
    healthy(&["login"]),
    healthy(&["history"]),
];

/// Torments all servers, two at a time, and returns what they are blamed for.
fn blamed(torments_of: impl Fn(&Healthy) -> Vec<&'static Torment> + Sync) -> Vec<String> {
    let _alone = alone();
    let (left, blamed) = (Mutex::new(SERVERS.iter()), Mutex::new(Vec::new()));
    let next = || left.lock().expect("nobody panics here").next();
    let work = || {
        while let Some(healthy) = next() {
            let login = (healthy.habit == ["login"]).then(|| "login n{n}".to_owned());
            let settings = Settings { login, limit: Duration::from_secs(1200), ..Settings::default() };
            let findings = torment(&python(healthy.server, healthy.habit), &torments_of(healthy), &settings);
            let findings = findings.iter().filter(|f| matches!(f.verdict, Verdict::Fail | Verdict::Doubtful));
            let texts = findings.map(|finding| format!("{} {:?}: {finding:#?}", healthy.server, healthy.habit));
            blamed.lock().expect("nobody panics here").extend(texts);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    blamed.into_inner().expect("nobody panics here")
}

#[test]
#[ignore = "needs python3"]
fn healthy_servers_are_blamed_for_nothing() {
    let blamed = blamed(|healthy| torments(healthy.torments));
    assert!(blamed.is_empty(), "{}", blamed.join("\n"));
}

/// It takes minutes, so it runs only if this variable is set.
#[test]
#[ignore = "needs python3"]
fn all_torments_blame_healthy_servers_for_nothing() {
    if std::env::var_os("TERTULIA_ALL_TORMENTS").is_some() {
        let blamed = blamed(|_| TORMENTS.iter().collect());
        assert!(blamed.is_empty(), "{}", blamed.join("\n"));
    }
}
