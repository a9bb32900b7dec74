//! Arrivals and departures, orderly and not.

use crate::common::*;
use crate::{each_driver, each_driver_and_socket};
use tertulia::server::DRIVERS;

/// Checks that each client that came while these lines were read has left or is one of the `staying`, and that none has
/// left twice.
#[track_caller]
fn each_arrival_has_one_leaving(lines: &[String], staying: usize) {
    let who = |end: &str| {
        let mut who: Vec<_> = lines.iter().filter_map(|line| Some(line.split_once(end)?.0)).collect();
        who.sort_unstable();
        who
    };
    let (came, gone) = (who(" is here"), who(" is gone"));
    let stayed: Vec<_> = came.iter().filter(|came| !gone.contains(came)).collect();
    assert_eq!(stayed.len(), staying, "{lines:#?}");
    assert!(gone.windows(2).all(|two| two[0] != two[1]), "gone twice: {lines:#?}");
    assert!(gone.iter().all(|gone| came.contains(gone)), "gone and never come: {lines:#?}");
}

/// Waits until the console has shown that `of` clients have come, and that all but `staying` have left.
#[track_caller]
fn stay(server: &Server, staying: usize, of: usize) {
    until(&format!("{staying} of {of} stay"), || {
        let text = server.console.text();
        let (came, gone) = (text.matches(" arrived from ").count(), text.matches(" is gone: ").count());
        (came == of && gone == of - staying).then_some(())
    });
}

each_driver_and_socket! {
    /// One edge may stand for many connections.
    #[cfg_attr(not(target_os = "linux"), ignore = "looks into /proc")]
    fn a_burst_of_connects_between_two_polls_is_all_served(mode) {
        let server = Server::with(mode, &["--max-clients", "64"]);
        let burst: Vec<Client> = server.frozen(|| (0..64).map(|_| server.connect()).collect());
        let mut burst: Vec<_> = burst.into_iter().map(Client::greeted).collect();
        let (first, others) = burst.split_first_mut().expect("64");
        first.says("hola");
        for other in others {
            other.sees("<guest1> hola");
        }
    }

    #[cfg_attr(not(target_os = "linux"), ignore = "looks into /proc")]
    fn who_breaks_off_before_being_accepted_harms_nobody(mode) {
        let server = Server::with(mode, &["--max-clients", "64"]);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        let healthy = server.frozen(|| {
            [(); 4].map(|()| {
                (0..4).for_each(|_| server.connect().resets());
                drop(server.connect());
                server.connect()
            })
        });
        let mut healthy: Vec<_> = healthy.into_iter().map(Client::greeted).collect();
        stay(&server, 6, 26);
        ana.says("hola");
        each_arrival_has_one_leaving(&beto.lines_to("<ana> hola"), healthy.len());
        for client in &mut healthy {
            client.sees("<ana> hola");
        }
        healthy[0].says("still here");
        ana.sees(&format!("<{}> still here", healthy[0].nick));
    }

    #[cfg_attr(not(target_os = "linux"), ignore = "looks into /proc")]
    fn a_receiver_that_dies_in_the_middle_of_a_fan_out_costs_the_others_nothing(mode) {
        let server = Server::start(mode);
        let mut ana = server.join_as("ana");
        let mut eva = server.join_as("eva");
        for number in (4..=22).step_by(2) {
            // Between the two others in the order of arrival, so also in the order of the writes.
            let beto = server.join();
            let mut zoe = server.join_as("zoe");
            eva.notice("is now zoe ");
            server.frozen(|| {
                ana.sends(b"one\ntwo\n");
                beto.resets();
            });
            ana.says("three");
            for other in [&mut eva, &mut zoe] {
                other.sees("<ana> one");
                other.sees("<ana> two");
                other.sees("<ana> three");
            }
            zoe.says(":q");
            stay(&server, 2, number);
        }
    }

    /// `nc -N` sends its input, shuts down its write side, and reads on.
    fn a_half_close_after_sending_delivers_everything_and_then_leaves(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        let lines: String = (0..1000).map(|i| format!("{i}\n")).collect();
        ana.sends(lines.as_bytes());
        ana.hangs_up();
        for i in 0..1000 {
            beto.reads(&format!("<ana> {i}"));
        }
        beto.reads("-- ana (#1) is gone: hung up");
        ana.reads("-- goodbye");
        assert_eq!(ana.line(), None);
    }

    /// A client that half-closes may still have much pending output, and gets time to read it.
    fn who_half_closes_gets_what_was_said_before(mode) {
        let server = Server::start(mode);
        let mut ana = server.join_narrow("ana", 4 << 10);
        let mut beto = server.join_as("beto");
        ana.notice("is now beto ");
        let text = "x".repeat(1000);
        for i in 0..500 {
            beto.says(&format!("{i} {text}"));
        }
        beto.says(":msg beto all is said");
        beto.sees("[beto -> you] all is said");
        ana.says("I have to go");
        ana.hangs_up();
        beto.sees("<ana> I have to go");
        for i in 0..500 {
            ana.reads(&format!("<beto> {i} {text}"));
        }
        ana.reads("-- goodbye");
        assert_eq!(ana.line(), None);
    }

    #[cfg_attr(not(target_os = "linux"), ignore = "looks into /proc")]
    fn two_thousand_come_and_go_and_leave_no_trace(mode) {
        come_and_go(mode, 2_000);
    }

    #[ignore = "takes a minute; run it after a change to how connections end"]
    fn a_hundred_thousand_come_and_go_and_leave_no_trace(mode) {
        // With the default driver all of them; the others show the same by fewer, or it would take five minutes.
        come_and_go(mode, if mode == DRIVERS[0].name { 100_000 } else { 20_000 });
    }
}

// A Unix socket sends no RST.
each_driver! {
    fn who_breaks_off_while_others_write_to_it_ends_itself_and_nothing_else(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto, mut cleo, mut dora] = server.join_all(["ana", "beto", "cleo", "dora"]);
        let lines = |from: usize| -> String { (from..from + 1000).map(|i| format!("{i}\n")).collect() };
        ana.sends(lines(0).as_bytes());
        cleo.reads("<ana> 0");
        cleo.resets();
        ana.sends(lines(1000).as_bytes());
        for other in [&mut beto, &mut dora] {
            let lines = other.lines_to("<ana> 1999");
            let (notices, said): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.starts_with("-- "));
            assert!(said.iter().enumerate().all(|(i, line)| *line == format!("<ana> {i}")), "{said:?}");
            assert_eq!(said.len(), 1999);
            let told = match notices.len() {
                0 => other.line().expect("a notice"),
                _ => notices.concat(),
            };
            assert_eq!(told, "-- cleo (#3) is gone: connection lost");
        }
        beto.says("hola");
        dora.reads("<beto> hola");
        ana.sees("<beto> hola");
    }

    /// Two clients die in one batch and their keys are taken again at once: events for the dead must not reach the new
    /// clients.
    #[cfg_attr(not(target_os = "linux"), ignore = "looks into /proc")]
    fn a_stale_event_touches_nobody(mode) {
        let server = Server::with(mode, &["--max-clients", "3", "--when-full", "wait"]);
        let mut cleo = server.join_as("cleo");
        let (mut ana, mut beto) = (server.join(), server.join());
        cleo.notice("guest3 (#3) is here");
        for number in (4..24).step_by(2) {
            let (mut next_ana, mut next_beto) = server.frozen(|| {
                ana.says("my last");
                ana.resets();
                beto.resets();
                (server.connect(), server.connect())
            });
            next_ana.reads(&format!("-- welcome to tertulia: you are guest{number} (#{number})"));
            next_beto.reads(&format!("-- welcome to tertulia: you are guest{0} (#{0})", number + 1));
            next_ana.says("hola");
            next_beto.sees(&format!("<guest{number}> hola"));
            next_beto.says("end");
            let lines = cleo.lines_to(&format!("<guest{}> end", number + 1));
            for gone in [number - 2, number - 1] {
                // The kernel reports a reset once, and it may report it to a write.
                let told = format!("-- guest{gone} (#{gone}) is gone: connection lost");
                assert_eq!(lines.iter().filter(|line| line.starts_with(&told)).count(), 1, "{told} in {lines:#?}");
            }
            assert_eq!(lines.iter().filter(|line| line.contains(" is gone")).count(), 2, "{lines:#?}");
            (ana, beto) = (next_ana, next_beto);
        }
    }

    #[cfg_attr(not(target_os = "linux"), ignore = "looks into /proc")]
    fn who_breaks_off_in_the_middle_of_a_line_leaves_once(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto, mut cleo] = server.join_all(["ana", "beto", "cleo"]);
        ana.sends(b"whole\nhal");
        ana.is_read();
        ana.resets();
        beto.reads("<ana> whole");
        beto.reads("-- ana (#1) is gone: connection lost");
        server.console.shows("#1 ana is gone: connection lost (2 of 6 seats)");
        cleo.says("hola");
        beto.reads("<cleo> hola");
    }
}

fn come_and_go(mode: &str, times: usize) {
    let server = Server::with(mode, &["--when-full", "wait"]);
    let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
    let (descriptors, threads) = (server.descriptors(), server.threads());
    let mut memory = 0;
    for time in 1..=times {
        let mut guest = server.connect();
        guest.notice("welcome");
        match time % 4 {
            0 => {
                guest.says(":q");
                guest.rest();
            }
            1 => guest.hangs_up(),
            2 => guest.resets(),
            _ => drop(guest),
        }
        if time % 500 == 0 {
            // The console only counts so many silent visits.
            until("the two are alone", || {
                ana.says(":who");
                ana.notice(" here: ").starts_with("-- 2 here: ").then_some(())
            });
            ana.says("all gone?");
            let lines = beto.lines_to("<ana> all gone?");
            assert_eq!(lines.len(), 1000);
            each_arrival_has_one_leaving(&lines, 0);
            beto.says("all gone.");
            ana.sees("<beto> all gone.");
        }
        if time == 500 {
            memory = server.memory_peak();
        }
    }
    until("all descriptors are given back", || (server.descriptors() == descriptors).then_some(()));
    // Some threads may have started since, and stay: perhaps a writer for each client that stays.
    until("all threads have ended", || (server.threads() <= threads + 8).then_some(()));
    let grown = server.memory_peak() - memory;
    assert!(grown < 4 << 10, "{grown} KiB more for {times} who came and went");
}
