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

/// Starts a server with the environment of a unit, and writes its system calls into the file `calls`.
fn traced(mode: &str, dir: &Dir, flags: &[&str]) -> Server {
    let mut command = Command::new("strace");
    // With -D the process that we know is the server's.
    command.args(["-D", "-f", "-qq", "-o"]).arg(dir.file("calls")).arg(env!("CARGO_BIN_EXE_tertulia"));
    command.args([
        "serve",
        "localhost:0",
        "--mode",
        mode,
        "--listen",
        &format!("unix:{}", dir.file("chat.sock").display()),
    ]);
    command.args(flags).env("LC_ALL", "C").env("STATE_DIRECTORY", dir.file("state"));
    command.env("NOTIFY_SOCKET", dir.file("notify")).env("WATCHDOG_USEC", "200000");
    Server::of(command)
}

/// Checks that the unit of a mode permits all that a traced server did.
#[track_caller]
fn is_permitted(mode: &str, dir: &Dir) {
    let traced = until("the trace is complete", || {
        let text = fs::read_to_string(dir.file("calls")).unwrap_or_default();
        text.contains("exit_group(0").then_some(text)
    });
    let calls = traced.lines().filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('));
    let calls: Vec<_> = calls.filter(|(name, _)| !name.contains(' ')).collect();
    let made: BTreeSet<String> = calls.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert!(made.contains("accept4") || made.contains("io_uring_enter"), "{made:?}");
    let unit = unit(&["--mode", mode]);
    let permitted = permitted(&unit);
    let denied: Vec<_> = made.difference(&permitted).collect();
    assert!(denied.is_empty(), "{denied:?}");

    // MemoryDenyWriteExecute, and RestrictAddressFamilies.
    let families =
        unit.lines().find_map(|line| line.strip_prefix("RestrictAddressFamilies=")).expect("some are permitted");
    let families: Vec<_> = families.split(' ').collect();
    for (name, arguments) in calls {
        assert!(name != "mprotect" || !arguments.contains("PROT_EXEC"), "{arguments}");
        assert!(!arguments.contains("PROT_WRITE|PROT_EXEC"), "{name}({arguments}");
        let family = arguments.split([',', ')']).next().unwrap_or_default();
        assert!(name != "socket" || families.contains(&family), "{name}({arguments}");
    }
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
        let path = |name| dir.file(name).to_str().expect("a path").to_owned();
        fs::write(path("op"), "sesamo\n").expect("our file");
        let flags = ["--history", &path("history"), "--bans", &path("bans"), "--operator-password-file", &path("op"),
            "--rate", "100", "--idle", "30"];
        let mut server = traced(mode, &dir, &flags);
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
        is_permitted(mode, &dir);
    }

    #[cfg(feature = "tls")]
    #[ignore = "needs strace and systemd-analyze"]
    fn so_it_does_with_tls(mode) {
        use crate::common::tls::TlsClient;
        let dir = Dir::new();
        let mut server = traced(mode, &dir, &["-v", "--tls"]);
        let mut ana = TlsClient::join(&server, "ana");
        let mut beto = TlsClient::join(&server, "beto");
        beto.says("hola");
        ana.reads("<beto> hola");
        server.signal("HUP");
        server.diagnostics.shows("newcomers get the certificate");
        ana.says(":q");
        beto.reads("-- ana (#1) is gone");
        server.stop();
        is_permitted(mode, &dir);
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
