//! The units that `tertulia unit` prints.

use crate::common::process::*;
use crate::common::*;
use crate::each_driver;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

#[track_caller]
fn unit(flags: &[&str]) -> String {
    let ended = run(tertulia().arg("unit").args(flags));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{flags:?}");
    ended.stdout
}

#[track_caller]
fn stdout_of(command: &mut Command) -> String {
    let ended = run(command);
    assert_eq!(ended.code, Some(0), "{command:?}: {}{}", ended.stdout, ended.stderr);
    ended.stdout
}

/// The system calls of a set such as @process, and of the sets in it.
fn calls_of(set: &str) -> BTreeSet<String> {
    if !set.starts_with('@') {
        return [set.to_owned()].into();
    }
    let text = stdout_of(Command::new("systemd-analyze").args(["--no-pager", "syscall-filter", set]));
    let members = text.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| !line.starts_with('#'));
    members.flat_map(calls_of).collect()
}

/// The system calls that a unit permits.
fn permitted(unit: &str) -> BTreeSet<String> {
    let mut calls = BTreeSet::new();
    for filter in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let sets = filter.trim_start_matches('~').split(' ').flat_map(calls_of);
        if filter.starts_with('~') {
            let denied: BTreeSet<_> = sets.collect();
            calls.retain(|call| !denied.contains(call));
        } else {
            calls.extend(sets);
        }
    }
    calls
}

each_driver! {
    fn the_unit_names_the_program_the_mode_and_the_address(mode) {
        let text = unit(&["--mode", mode]);
        let command = format!("\nExecStart={} serve --quiet --mode {mode}\n", env!("CARGO_BIN_EXE_tertulia"));
        assert!(text.contains(&command), "{text}");
        let text = unit(&["unix:/run/tertulia/chat.sock", "--mode", mode, "--program", "/usr/bin/tertulia"]);
        let command = format!("\nExecStart=/usr/bin/tertulia serve --quiet --mode {mode} unix:/run/tertulia/chat.sock\n");
        assert!(text.contains(&command), "{text}");
        assert_eq!(text.contains("~@privileged @resources @aio"), mode != "uring");
    }

    #[ignore = "needs strace and systemd-analyze"]
    fn the_server_makes_only_calls_that_its_unit_permits(mode) {
        let dir = Dir::new();
        let file = |name| dir.file(name).to_str().expect("a path").to_owned();
        let (calls, socket) = (file("calls"), format!("unix:{}", file("chat.sock")));
        fs::write(file("op"), "sesamo\n").expect("our file");
        let mut command = Command::new("strace");
        // With -D the process that we know is the server's.
        command.args(["-D", "-f", "-qq", "-o", &calls, env!("CARGO_BIN_EXE_tertulia"), "serve", "localhost:0", "--mode", mode]);
        command.args(["--listen", &socket, "--history", &file("history"), "--bans", &file("bans")]);
        command.args(["--operator-password-file", &file("op"), "--rate", "100", "--idle", "30"]);
        command.env("LC_ALL", "C").env("NOTIFY_SOCKET", file("notify")).env("WATCHDOG_USEC", "200000");
        let mut server = Server::of(command);
        let [mut ana, mut beto, cleo] = server.join_all(["ana", "beto", "cleo"]);
        cleo.resets();
        ana.notice("cleo (#3) is gone");
        let line = "x".repeat(1000);
        for _ in 0..20 {
            ana.says(&line);
            beto.sees(&format!("<ana> {line}"));
        }
        ana.says(":op sesamo");
        ana.notice("in charge");
        ana.says(":ban 192.0.2.1");
        server.signal("HUP");
        ana.says("on we go");
        beto.sees("<ana> on we go");
        drop(beto);
        ana.notice("beto (#2) is gone");
        server.stop();
        let traced = until("the trace is complete", || {
            let text = fs::read_to_string(&calls).unwrap_or_default();
            text.contains("exit_group(0").then_some(text)
        });
        let name = |line: &str| Some(line.split_once(' ')?.1.trim_start().split_once('(')?.0.to_owned());
        let made: BTreeSet<String> = traced.lines().filter_map(name).filter(|name| !name.contains(' ')).collect();
        assert!(made.contains("accept4") || made.contains("io_uring_enter"), "{made:?}");
        let permitted = permitted(&unit(&["--mode", mode]));
        let denied: Vec<_> = made.difference(&permitted).collect();
        assert!(denied.is_empty(), "{denied:?}");
    }

    #[ignore = "needs systemd-analyze"]
    fn systemd_understands_the_units_and_finds_them_well_closed(mode) {
        let dir = Dir::new();
        let (service, socket) = (dir.file("tertulia.service"), dir.file("tertulia.socket"));
        fs::write(&service, unit(&["--mode", mode])).expect("our file");
        fs::write(&socket, unit(&["--socket"])).expect("our file");
        // The manual's pages that it names come with the package.
        let ended = run(Command::new("systemd-analyze").args(["verify", "--man=no"]).args([&service, &socket]));
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        let analysis = ["--no-pager", "security", "--offline=true", "--threshold=20"];
        assert!(stdout_of(Command::new("systemd-analyze").args(analysis).arg(&service)).contains(" OK "));
    }
}

#[test]
fn the_socket_is_where_the_server_would_listen() {
    assert!(unit(&["--socket"]).contains("\nListenStream=127.0.0.1:8889\n"));
    assert!(unit(&["--socket", "[::]:99"]).contains("\nListenStream=[::]:99\n"));
    assert!(unit(&["--socket", "unix:/run/chat.sock"]).contains("\nListenStream=/run/chat.sock\nSocketMode=0660\n"));
    let ended = run(tertulia().args(["unit", "--socket", "chat.example:99"]));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("chat.example") && ended.stderr.contains("127.0.0.1:8889"), "{}", ended.stderr);
}

#[test]
fn its_comments_are_in_the_languages_of_the_program() {
    assert!(unit(&["--lang", "es"]).contains("# Ajustes, una variable por línea"));
    assert!(unit(&[]).contains("# Settings, one variable a line"));
}
