//! Tests with signals: the server is told to end, once and twice, or is stopped and continued.

use crate::common::process::*;
use crate::common::*;
use crate::each_driver;
use std::time::{Duration, Instant};

each_driver! {
    fn a_stop_is_told_to_the_members_and_to_the_records(mode) {
        for signal in ["TERM", "INT"] {
            let dir = Dir::new();
            let history = dir.file("history.jsonl");
            let mut server = Server::with(mode, &["--history", history.to_str().expect("a path")]);
            let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
            ana.says("last words");
            beto.sees("<ana> last words");
            server.signal(signal);
            for member in [&mut ana, &mut beto] {
                member.notice("the server closes; goodbye");
                member.is_closed();
            }
            assert_eq!(wait_for(&mut server.child).code(), Some(0), "after SIG{signal}");
            assert!(server.console.whole().contains("closing"));
            assert_eq!(server.diagnostics.whole(), "");
            let history = std::fs::read_to_string(history).expect("a history");
            assert!(history.contains("last words") && history.ends_with('\n'), "{history}");
        }
    }

    /// As a program that rotates logs does: `mv`, and `kill -HUP`.
    fn after_sighup_the_history_goes_on_in_a_new_file_and_no_line_is_lost(mode) {
        let dir = Dir::new();
        let (history, moved) = (dir.file("history.jsonl"), dir.file("history.jsonl.1"));
        let mut server = Server::with(mode, &["-v", "--history", history.to_str().expect("a path")]);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        let mut say = |text: &str| {
            ana.says(text);
            beto.sees(&format!("<ana> {text}"));
        };
        for n in 0..20 {
            say(&format!("line {n}"));
        }
        std::fs::rename(&history, &moved).expect("our file");
        server.signal("HUP");
        server.diagnostics.shows("history.jsonl is opened again");
        for n in 20..40 {
            say(&format!("line {n}"));
        }
        assert!(server.stop().success());
        let [old, new] = [&moved, &history].map(|path| std::fs::read_to_string(path).expect("a history"));
        assert!(old.contains("line 19\"") && new.contains("line 20\""), "{old}---\n{new}");
        let text = old + &new;
        let said: Vec<_> = text.lines().filter_map(|line| line.split("\"text\":\"line ").nth(1)?.split('"').next()).collect();
        assert_eq!(said, (0..40).map(|n| n.to_string()).collect::<Vec<_>>());
    }

    fn if_the_history_cannot_be_opened_again_the_old_file_is_kept(mode) {
        let dir = Dir::new();
        let (place, moved) = (dir.file("place"), dir.file("moved"));
        std::fs::create_dir(&place).expect("our directory");
        let history = place.join("history.jsonl");
        let mut server = Server::with(mode, &["--history", history.to_str().expect("a path")]);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        std::fs::rename(&place, &moved).expect("our directory");
        server.signal("HUP");
        server.diagnostics.shows("the old file is kept: ");
        ana.says("on we go");
        beto.sees("<ana> on we go");
        assert!(server.stop().success());
        let history = std::fs::read_to_string(moved.join("history.jsonl")).expect("a history");
        assert!(history.contains("on we go"), "{history}");
    }

    fn without_terminal_and_history_sighup_has_no_effect(mode) {
        let mut server = Server::with(mode, &["-v"]);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        server.signal("HUP");
        server.diagnostics.shows("SIGHUP has no effect");
        ana.says("on we go");
        beto.sees("<ana> on we go");
        assert!(server.stop().success());
    }

    fn after_sigusr1_the_server_prints_what_it_counts(mode) {
        let server = Server::with(mode, &["--max-clients", "3"]);
        let [mut ana, mut beto, mut cleo] = server.join_all(["ana", "beto", "cleo"]);
        assert!(server.connect().rest().concat().contains("full"));
        ana.says("hola");
        beto.sees("<ana> hola");
        cleo.sees("<ana> hola");
        beto.says(":msg ana hi");
        ana.sees("[beto -> you] hi");
        cleo.says(":q");
        ana.notice("cleo (#3) is gone");
        server.signal("USR1");
        let row = |name: &str| server.diagnostics.shows(name).trim_start_matches(name).trim().to_owned();
        assert_eq!(row("members"), "2 of 3 seats");
        assert_eq!(row("lines"), "2");
        assert_eq!(row("deliveries"), "3");
        // With io_uring, what the kernel took is known only when the next event comes.
        assert!(row("pending").ends_with(" B"), "{}", row("pending"));
        assert_eq!(row("paused"), "0");
        assert_eq!(row("refused"), "1: full 1");
        assert_eq!(row("have left"), "1: quit 1");
        assert!(row("turns").contains("on average"), "{}", row("turns"));
        ana.says("on we go");
        beto.sees("<ana> on we go");
    }

    fn a_server_that_says_that_it_listens_can_be_stopped_at_once(mode) {
        for _ in 0..10 {
            let mut server = Server::start(mode);
            let begin = Instant::now();
            assert_eq!(server.stop().code(), Some(0));
            assert!(begin.elapsed() < Duration::from_millis(1900), "it waited for nobody: {:?}", begin.elapsed());
        }
    }
}

#[cfg(target_os = "linux")]
mod on_linux {
    use super::*;
    use crate::common::kernel::*;

    each_driver! {
        fn what_is_owed_to_a_member_is_written_before_the_end(mode) {
            let mut server = Server::start(mode);
            let mut ana = server.join_as("ana");
            let (mut beto, said) = overfed(&server, &mut ana);
            server.signal("TERM");
            ana.notice("the server closes");
            let lines = beto.rest();
            assert_eq!(lines.iter().filter(|line| line.starts_with("<ana> ")).count(), said);
            assert_eq!(lines.last().map(String::as_str), Some("-- the server closes; goodbye"));
            assert_eq!(wait_for(&mut server.child).code(), Some(0));
        }

        fn a_member_that_never_reads_does_not_keep_the_server_from_ending(mode) {
            let mut server = Server::start(mode);
            let mut ana = server.join_as("ana");
            let (_stuck, _) = overfed(&server, &mut ana);
            server.signal("TERM");
            let begin = Instant::now();
            ana.notice("the server closes");
            assert_eq!(wait_for(&mut server.child).code(), Some(0));
            // Two seconds, and the time that a busy machine takes.
            assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        }

        fn a_second_signal_ends_the_server_at_once(mode) {
            for (first, second) in [("TERM", "TERM"), ("INT", "TERM")] {
                let mut server = Server::start(mode);
                let mut ana = server.join_as("ana");
                let (_stuck, _) = overfed(&server, &mut ana);
                let begin = Instant::now();
                server.signal(first);
                ana.notice("the server closes");
                server.signal(second);
                let status = wait_for(&mut server.child);
                assert!(begin.elapsed() < Duration::from_millis(1900), "not before its patience: {:?}", begin.elapsed());
                assert_eq!(status.code(), Some(0));
            }
        }

        /// The terminal may tell it twice, as the kernel and as the shell.
        fn when_its_terminal_is_closed_the_server_says_goodbye(mode) {
            let (person, program) = terminal();
            let mut command = tertulia();
            command.args(["serve", "--addr", "127.0.0.1:0", "--mode", mode]);
            let copy = program.try_clone().expect("a descriptor");
            let mut server = start_unheard(command.stdout(program).stderr(copy));
            let mut ana = server.join_as("ana");
            drop((command, person));
            server.signal("HUP");
            server.signal("HUP");
            ana.notice("the server closes; goodbye");
            ana.is_closed();
            assert_eq!(wait_for(&mut server.child).code(), Some(0));
        }

        fn a_second_signal_does_not_wait_for_a_disk_that_hangs(mode) {
            let dir = Dir::new();
            let path = dir.file("history.fifo");
            assert!(std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo runs").success());
            // Both ends, so that no open blocks.
            let pipe = std::fs::OpenOptions::new().read(true).write(true).open(&path).expect("our pipe");
            let mut server = Server::with(mode, &["--history", path.to_str().expect("a path")]);
            let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
            for n in 0..100 {
                ana.says(&format!("{n} {}", "x".repeat(1000)));
            }
            ana.says("the last");
            beto.lines_to("<ana> the last");
            server.signal("TERM");
            let begin = Instant::now();
            beto.notice("the server closes");
            beto.is_closed();
            server.signal("TERM");
            assert_eq!(wait_for(&mut server.child).code(), Some(0));
            assert!(begin.elapsed() < Duration::from_millis(900), "not before its patience: {:?}", begin.elapsed());
            drop(pipe);
        }

        fn a_server_that_was_frozen_goes_on(mode) {
            let mut server = Server::start(mode);
            let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
            for round in 0..5 {
                server.signal("STOP");
                until("the server is frozen", || (state(server.pid()) == "T").then_some(()));
                ana.says(&format!("round {round}"));
                let mut cleo = server.connect();
                server.signal("CONT");
                beto.sees(&format!("<ana> round {round}"));
                cleo.notice("welcome");
                cleo.says(":q");
                cleo.rest();
            }
            assert!(server.lives());
        }
    }
}
