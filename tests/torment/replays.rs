//! The scripts that show a failure without us.

use super::common::process::{Dir, run};
use super::faults::script;
use super::rows::alone;
use super::*;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Mutex;
use tertulia::harness::{START_LIMIT, Stdout};

/// Runs the script of a torment with these words behind the port. Returns its exit code and what it printed.
fn played(name: &str, port: u16, words: &[String]) -> (Option<i32>, String) {
    let dir = Dir::new();
    let file = dir.file("script.py");
    std::fs::write(&file, run(tertulia().args(["torment", "--replay", name])).stdout).expect("our directory");
    let ended = run(Command::new("python3").arg(file).arg(port.to_string()).args(words));
    (ended.code, ended.stdout + &ended.stderr)
}

/// Lets a script start a server.
fn played_with(name: &str, command: &[&str]) -> (Option<i32>, String) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("bound").port();
    drop(free);
    let command = command.iter().map(|word| word.replace("{port}", &port.to_string()));
    played(name, port, &[vec!["--".to_owned()], command.collect()].concat())
}

/// Checks them four at a time: they mostly wait. What is wrong is played again alone, because scripts disturb each other, and some
/// faults are a matter of chance.
#[track_caller]
fn all_have<T: Sync>(items: &[T], code: i32, play: impl Fn(&T) -> (Option<i32>, String) + Sync) {
    const AGAIN: usize = 3;
    let _alone = alone();
    let next = Mutex::new(items.iter());
    let is_wrong = |item: &&T| play(item).0 != Some(code);
    let wrong = || {
        let next = || next.lock().expect("nobody panics").next();
        std::iter::from_fn(next).filter(is_wrong).collect::<Vec<_>>()
    };
    let mut wrong = std::thread::scope(|scope| {
        let others = [(); 3].map(|()| scope.spawn(wrong));
        let wrong = wrong();
        others.into_iter().fold(wrong, |wrong, other| [wrong, other.join().expect("it does not panic")].concat())
    });
    for _ in 1..AGAIN {
        wrong.retain(is_wrong);
    }
    let wrong: Vec<_> = wrong.into_iter().map(play).filter(|(ended, _)| *ended != Some(code)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
#[ignore = "needs python3"]
fn our_own_server_passes_each_script() {
    all_have(TORMENTS, 0, |torment| {
        let (code, text) = played_with(torment.name, &[env!("CARGO_BIN_EXE_tertulia"), "serve", "127.0.0.1:{port}"]);
        (code, format!("{}: {text}", torment.name))
    });
}

#[test]
#[ignore = "needs python3"]
fn a_script_talks_with_a_server_that_runs_already() {
    let Target::Started(launcher) = started(&["serve", "127.0.0.1:{port}"]) else { panic!("it is to be started") };
    let server = launcher.start(Stdout::Nowhere, START_LIMIT).expect("it listens");
    let (code, text) = played("split-line", server.addr.port(), &["127.0.0.1".into()]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = played("idle", server.addr.port(), &[]);
    assert!(code == Some(1) && text.contains("PORT -- COMMAND"), "{text}");
}

/// Scripts, and servers that must fail them: a script of `tests/torment/servers` and its faults, or an exhibit.
const FAULTY: &[(&[&str], &[&str])] = &[
    (&["idle"], &["faults.py", "busy-loop"]),
    (&["own-line"], &["faults.py", "duplicates"]),
    (&["utf8-split"], &["faults.py", "decodes-pieces"]),
    (&["garbage"], &["faults.py", "trusts-input"]),
    (&["garbage"], &["faults.py", "spins-after-garbage"]),
    (&["stop-continue"], &["faults.py", "interrupted-is-an-error"]),
    (&["long-line"], &["faults.py", "mutes"]),
    (&["silent-newcomer"], &["faults.py", "blocking-handshake"]),
    (&["half-close"], &["faults.py", "loses-at-the-end"]),
    (&["no-descriptors"], &["faults.py", "descriptor-death"]),
    (&["closed-stdout"], &["faults.py", "print-ends-server"]),
    (&["slow-reader"], &["faults.py", "dropped-when-full"]),
    (&["flood-all"], &["faults.py", "reorders"]),
    (&["full-house"], &["faults.py", "seats-not-freed"]),
    (&["churn"], &["faults.py", "leaks"]),
    (&["firehose"], &["faults.py", "unfair"]),
    (&["rush-hour"], &["thread_faults.py", "shared-unguarded"]),
    (&["flood-all"], &["thread_faults.py", "no-one-order"]),
    (&["terminate"], &["faults.py", "ignores-sigterm"]),
    (&["restart"], &["faults.py", "address-in-use"]),
    (&["names"], &["faults.py", "stale-buffer"]),
    (&["names"], &["faults.py", "wrong-name"]),
    (&["crowd"], &["faults.py", "table-dies", "64"]),
    (&["backlog"], &["faults.py", "watches-writable"]),
    (&["long-lived"], &["faults.py", "closes-active"]),
    #[cfg(feature = "gallery")]
    (&["split-line", "two-in-one", "byte-by-byte"], &["framing-by-recv"]),
    #[cfg(feature = "gallery")]
    (&["connect-storm", "reset-idle", "reset-mid-fanout"], &["error-ends-server"]),
    #[cfg(feature = "gallery")]
    (&["gulp"], &["one-read"]),
    #[cfg(feature = "gallery")]
    (&["endless-line"], &["unbounded-line"]),
    #[cfg(feature = "gallery")]
    (&["frozen-stdout"], &["blocking-print"]),
    #[cfg(feature = "gallery")]
    (&["burst-connect", "reset-backlog"], &["one-accept"]),
    #[cfg(feature = "gallery")]
    (&["stuck-reader", "vanish"], &["blocking-write"]),
    #[cfg(feature = "gallery")]
    (&["trickle-reader"], &["write-all"]),
    #[cfg(feature = "gallery")]
    (&["selfish-reader", "whisperers", "polite-beside-flood"], &["pauses-everybody"]),
    #[cfg(feature = "gallery")]
    (&["stale-event"], &["stale-token"]),
];

#[test]
#[ignore = "needs python3"]
fn each_script_shows_a_fault() {
    let pairs: Vec<_> =
        FAULTY.iter().flat_map(|(names, server)| names.iter().map(move |name| (*name, *server))).collect();
    #[cfg(feature = "gallery")]
    for torment in TORMENTS {
        assert!(pairs.iter().any(|(name, _)| *name == torment.name), "{}", torment.name);
    }
    all_have(&pairs, 1, |(name, server)| {
        let file = script(server[0]);
        let (code, text) = match server[0].ends_with(".py") {
            true => played_with(name, &[&["python3", &file, "{port}"], &server[1..]].concat()),
            false => played_with(name, &[env!("CARGO_BIN_EXE_tertulia"), "gallery", server[0], "127.0.0.1:{port}"]),
        };
        let text = format!("{name} with {server:?}: {text}");
        // An exception of the script shows nothing.
        (code.filter(|_| text.contains("FAIL")), text)
    });
}

#[test]
fn a_script_speaks_as_the_server_needs_it() {
    let login = ["torment", "--replay", "split-line", "--login", r"NICK n{n}\nUSER x", "--eol", "crlf"];
    let script = run(tertulia().args(login)).stdout;
    assert!(script.contains(r#"LOGIN, SAY, EOL = ["NICK n{n}", "USER x"], "{line}", b"\r\n""#), "{script}");
}
