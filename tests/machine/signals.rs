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
