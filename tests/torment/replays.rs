//! The scripts that show a failure without us.

use super::common::process::run;
use super::verdicts::script;
use super::*;
use std::process::Command;
use tertulia::harness::{START_LIMIT, Stdout};

/// Runs the script of a torment against a server. Returns its exit code and what it printed.
fn played(name: &str, target: &Target) -> (Option<i32>, String) {
    let Target::Started(launcher) = target else { panic!("it is to be started") };
    let server = launcher.start(Stdout::Nowhere, START_LIMIT).expect("it listens");
    let dir = common::process::Dir::new();
    let file = dir.file("script.py");
    let printed = run(tertulia().args(["torment", "--replay", name]));
    std::fs::write(&file, printed.stdout).expect("our directory");
    let ended = run(Command::new("python3").arg(file).arg(server.addr.port().to_string()));
    (ended.code, ended.stdout + &ended.stderr)
}

#[test]
#[ignore = "needs python3"]
fn our_own_server_passes_each_script() {
    for name in torment::replays::names() {
        let (code, text) = played(name, &started(&["serve", "127.0.0.1:{port}"]));
        assert_eq!(code, Some(0), "{name}: {text}");
    }
}

#[test]
#[ignore = "needs python3"]
fn a_script_shows_the_fault() {
    for (name, fault) in [("utf8-split", "decodes-pieces"), ("half-close", "loses-at-the-end")] {
        let server = ["python3", &script("loop.py"), "{port}", fault].map(String::from);
        let (code, text) = played(name, &Target::Started(Launcher::of_words(server.to_vec()).expect("{port} in it")));
        assert_eq!(code, Some(1), "{name}: {text}");
        assert!(text.contains("FAIL"), "{text}");
    }
}

#[test]
fn a_torment_without_a_script_says_which_have_one() {
    let ended = run(tertulia().args(["torment", "--replay", "idle"]));
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("split-line"), "{}", ended.stderr);
    let login = ["torment", "--replay", "split-line", "--login", r"NICK n{n}\nUSER x", "--eol", "crlf"];
    let script = run(tertulia().args(login)).stdout;
    assert!(script.contains(r#"LOGIN, SAY, EOL = ["NICK n{n}", "USER x"], "{line}", b"\r\n""#), "{script}");
}
