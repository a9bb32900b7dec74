//! Servers that need a login, that are slow to start, or that listen where nobody expects it.

use super::command::cannot_test;
use super::common::process::{refuses, run};
use super::faults::script;
use super::*;
use std::time::Instant;

/// `tertulia torment` with these options, for a server in Python that gets these arguments.
fn command(options: &[&str], server: &str, words: &[&str]) -> std::process::Command {
    let mut command = tertulia();
    command.args(["torment", "--seed", "7"]).args(options).args(["--", "python3", &script(server)]).args(words);
    command
}

#[test]
#[ignore = "needs python3"]
fn a_server_that_ignores_its_port_is_found_where_it_listens() {
    let begin = Instant::now();
    // Port 0 is any free port.
    let mut command = command(&[], "threads.py", &["0", "{port}"]);
    cannot_test(&mut command, &["should listen on port", "but it listens on port", "tertulia torment :"]);
    assert!(begin.elapsed() < tertulia::harness::START_LIMIT / 2, "{:?}", begin.elapsed());
}

#[test]
#[ignore = "needs python3"]
fn what_a_server_says_to_a_wrong_login_is_shown() {
    for login in [&[][..], &["--login", "NICK {n}"]] {
        cannot_test(&mut command(login, "logins.py", &["{port}", "nick"]), &["ERR bad nick", "--login"]);
    }
}

#[test]
#[ignore = "needs python3"]
fn a_login_waits_for_the_question_if_the_server_throws_away_what_is_typed_ahead() {
    let mut command = command(&["--only", "idle", "--login", r"n{n}\nsecret"], "logins.py", &["{port}", "asks"]);
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}

#[test]
#[ignore = "needs python3"]
fn the_lines_of_a_server_that_speaks_json_are_wrapped() {
    let only = [QUICK, PRESSURE, &["garbage", "flood-all", "slow-reader"]].concat().join(",");
    let options = ["--only", &only, "--login", r#"{"type":"hello","name":"n{n}"}"#];
    let say = ["--say", r#"{"type":"say","text":"{line}"}"#];
    let ended = run(&mut command(&[&options[..], &say].concat(), "json_lines.py", &["{port}"]));
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    cannot_test(&mut command(&options, "json_lines.py", &["{port}"]), &["a line is a JSON object with a type"]);
}

#[test]
#[ignore = "needs python3"]
fn an_irc_server_that_asks_for_an_answer_to_ping_can_be_tormented() {
    let only = "split-line,utf8-split,long-line,garbage,connect-storm,no-descriptors,flood-all,whisperers";
    let ended = run(&mut command(&["--irc", "--only", only], "irc.py", &["{port}"]));
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    // What --irc does, in other flags.
    let login = ["--login", r"NICK t{n}\nUSER t{n} 0 * :t\nJOIN #c", "--say", "PRIVMSG #c :{line}"];
    let ended = run(&mut command(&[&login[..], &["--only", "split-line"]].concat(), "irc.py", &["{port}"]));
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    refuses(&mut command(&["--say", "PRIVMSG #c"], "irc.py", &["{port}"]), &["{line}"]);
}

/// Without servers that start ahead, these torments take 39 seconds.
#[test]
fn servers_that_are_slow_to_start_are_started_ahead() {
    let script = "sleep 3; exec \"$0\" serve --addr 127.0.0.1:$1";
    let words = ["sh", "-c", script, env!("CARGO_BIN_EXE_tertulia"), "{port}"].map(String::from);
    let target = Target::Started(Launcher::of_words(words.into()).expect("{port} in it"));
    let settings = Settings { limit: Duration::from_secs(25), ..patient() };
    let findings = torment(&target, &torments(&QUICK[..12]), &settings);
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Pass), "{findings:#?}");
}
