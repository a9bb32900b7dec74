//! Conversations with clients that do not read, or not fast enough: which others wait for them, and which are disconnected.

use super::conversations::{MS, SECOND, TestRoom, long_lines};
use super::sim::ROOMY;
use crate::chat::Reason;
use crate::chat::limits::*;

#[test]
fn for_a_stuck_reader_the_others_wait_a_moment_and_it_goes() {
    for room in TestRoom::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        beto.stops_reading();
        ana.floods();
        assert!(ana.is_paused() && !carla.is_paused(), "who says nothing need not wait");
        carla.says("what?");
        assert!(!carla.is_paused(), "nor who says little");
        carla.floods();
        assert!(carla.is_paused());
        ana.says("this is read later");
        ana.has_read();
        carla.has_read();

        room.waits(STALL_AFTER - MS);
        assert!(ana.is_paused() && carla.is_paused());
        room.waits(MS);
        assert!(!ana.is_paused() && !carla.is_paused(), "nobody waits for one who is stalled");
        carla.comes_to("<ana> this is read later");
        carla.says("so it goes");
        assert!(!carla.is_paused());
        ana.comes_to("<carla> so it goes");

        let waiting = beto.waiting();
        room.waits(PATIENCE_ABOVE - STALL_AFTER - MS);
        assert!(beto.is_here());
        room.waits(MS);
        assert_eq!(beto.left_because(), Some(Reason::TooSlow(waiting)));
        ana.sees(&format!("-- beto (#2) is gone: did not read, {} KiB waiting", waiting >> 10));
        assert!(!beto.is_closed(), "it may still read why");
        room.waits(GOODBYE_PATIENCE);
        assert!(beto.is_closed());
        assert!(ana.times_resumed() > 0 && carla.times_resumed() > 0 && room.queued() == 0);
    }
}

#[test]
fn a_stuck_reader_goes_at_the_maximum() {
    for room in TestRoom::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.floods();
        room.waits(STALL_AFTER);
        while beto.is_here() {
            assert!(beto.waiting() < OUTBOX_MAX);
            ana.sends(&long_lines(READ_MAX >> 10));
            if ana.is_paused() {
                room.waits(PROBE_EVERY);
            }
        }
        let Some(Reason::TooSlow(waiting)) = beto.left_because() else { panic!("{:?}", beto.left_because()) };
        assert!((OUTBOX_MAX..OUTBOX_MAX + 2 * READ_MAX).contains(&waiting), "{waiting}");
        let why = format!("did not read, {} KiB waiting", waiting >> 10);
        ana.comes_to(&format!("-- beto (#2) is gone: {why}"));
        beto.reads(ROOMY);
        let got = &beto.client().got;
        assert!(got.ends_with(format!("\n-- disconnected: {why}\n").as_bytes()));
    }
}

#[test]
fn over_one_who_is_stalled_a_flood_does_not_run_at_once() {
    for room in TestRoom::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.floods();
        room.waits(STALL_AFTER);
        for probes in 0..10 {
            assert!(!ana.is_paused());
            ana.floods();
            let may_wait = 2 * OUTBOX_HIGH_WATER + probes * (STALLED_GROWTH / 50);
            assert!((may_wait..may_wait + 2 * READ_MAX).contains(&beto.waiting()), "{} wait", beto.waiting());
            room.waits(PROBE_EVERY);
        }
    }
}

#[test]
fn the_maximum_is_for_private_lines_too() {
    for room in TestRoom::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.floods();
        room.waits(STALL_AFTER);
        for _ in 0..OUTBOX_MAX >> 16 {
            assert!(beto.waiting() < OUTBOX_MAX);
            ana.sends(&[b":msg beto ", &[b'x'; 1000][..], b"\n"].concat().repeat(65));
            if ana.is_paused() {
                room.waits(PROBE_EVERY);
            }
        }
        assert!(matches!(beto.left_because(), Some(Reason::TooSlow(_))), "{} wait", beto.waiting());
    }
}

#[test]
fn a_trickle_does_not_save() {
    for room in TestRoom::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.floods();
        for round in 0..39 {
            room.waits(50 * MS);
            beto.reads(1);
            assert!(beto.is_here() && (ana.is_paused() || round > 30), "its allowance is a debt at first");
        }
        room.waits(51 * MS);
        assert!(matches!(beto.left_because(), Some(Reason::TooSlow(_))));
        assert!(!ana.is_paused());
    }
}

#[test]
fn a_slow_reader_stays_and_senders_are_paced() {
    for room in TestRoom::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        beto.stops_reading();
        // These bytes are in the kernel at first, and are read only when the room has capacity.
        for _ in 0..64 {
            room.sim().send(ana.id, &long_lines(64));
            room.sim().turn();
        }
        ana.says("done");
        let mut longest = 0;
        for _ in 0..120 {
            room.waits(20 * MS);
            beto.reads(40 << 10);
            longest = longest.max(beto.waiting());
        }
        assert!(ana.times_resumed() >= 5, "{}", ana.times_resumed());
        assert!(longest < 2 * OUTBOX_HIGH_WATER, "{longest}");
        beto.reads(ROOMY);
        assert!(beto.is_here());
        assert!(beto.client().got.ends_with(b"<ana> done\n"));
        assert_eq!(beto.client().got.len() - beto.seen.get(), carla.client().got.len() - carla.seen.get());
    }
}

#[test]
fn a_slow_reader_stays_however_many_flood() {
    for room in TestRoom::each_by_default() {
        let [beto, flooders @ ..] = room.welcomes(["beto", "ana", "carla", "dora", "ester", "fede"]);
        beto.stops_reading();
        for _ in 0..400 {
            for flooder in flooders.iter().filter(|flooder| !flooder.is_paused()) {
                flooder.sends(&long_lines(READ_MAX >> 10));
            }
            room.waits(50 * MS);
            beto.reads(300 * 1024 / 20);
            assert!(beto.is_here(), "{} wait", beto.waiting());
        }
    }
}

#[test]
fn one_line_may_wait_for_half_a_minute() {
    for room in TestRoom::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.says("hola");
        room.waits(PATIENCE_BELOW - MS);
        beto.reads(1);
        room.waits(PATIENCE_BELOW - MS);
        assert!(beto.is_here());
        room.waits(MS);
        assert_eq!(beto.left_because(), Some(Reason::TooSlow(10)));
        beto.reads(ROOMY);
        beto.sees("<ana> hola");
        beto.sees("-- disconnected: did not read, 10 bytes waiting");
        beto.sees_nothing();
        assert!(beto.is_closed());
    }
}

#[test]
fn what_is_owed_to_whom_is_known_before_it_is_written_and_until_it_is_taken() {
    for room in TestRoom::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        let owed = || room.sim().hub.pending().collect::<Vec<_>>();
        beto.stops_reading();
        ana.says("hola");
        assert_eq!(owed(), [(beto.id, 11)]);
        beto.reads(5);
        assert_eq!(owed(), [(beto.id, 6)]);
        room.sim().send(ana.id, b"adios\n");
        assert_eq!(owed(), [(beto.id, 6 + 12), (carla.id, 12)]);
    }
}

#[test]
fn a_server_that_slept_blames_nobody() {
    for room in TestRoom::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.says("hola");
        // The server is stopped for an hour, and beto reads meanwhile.
        let mut sim = room.sim();
        sim.client(beto.id).room = ROOMY;
        sim.now += 3600 * SECOND;
        let now = sim.now;
        sim.hub.tick(now);
        sim.send(ana.id, b":msg beto psst\n");
        sim.send(ana.id, b"adios\n");
        sim.turn();
        drop(sim);
        for line in ["<ana> hola", "[ana -> you] psst", "<ana> adios"] {
            beto.sees(line);
        }
        assert!(beto.is_here());
    }
}

#[test]
fn who_asks_for_more_than_it_reads_waits_for_itself() {
    for room in TestRoom::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        ana.stops_reading();
        for _ in 0..6 {
            ana.sends(&b":help\n".repeat(READ_MAX / 6 / 4));
        }
        assert!(ana.is_paused() && ana.waiting() < 2 * OUTBOX_HIGH_WATER, "{} wait", ana.waiting());
    }
}

#[test]
fn one_read_full_of_questions_brings_no_more_answers_than_many_reads() {
    for room in TestRoom::each_by_default() {
        let members = room.welcomes(["ana", "beto", "carla", "dora", "ester", "fede"]);
        let [ana, beto, ..] = &members;
        ana.stops_reading();
        ana.sends(&b":who\n".repeat(READ_MAX / 5));
        let most = OUTBOX_HIGH_WATER / PRIVATE_SHARE + ALLOWANCE + 1000;
        assert!(ana.is_paused() && ana.waiting() < most, "{} wait", ana.waiting());
        ana.reads(ROOMY);
        assert!(!ana.is_paused());
        let answers = ana.client().got.windows(18).filter(|bytes| bytes == b"\n-- 6 here: ana (#").count();
        assert_eq!(answers, READ_MAX / 5, "none is lost");
        beto.sees_nothing();
    }
}

#[test]
fn who_asks_and_does_not_read_goes_in_the_end() {
    for room in TestRoom::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        ana.stops_reading();
        ana.sends(&b":help\n".repeat(READ_MAX / 6));
        room.waits(PATIENCE_BELOW);
        let Some(Reason::TooSlow(waiting)) = ana.left_because() else { panic!("{} wait", ana.waiting()) };
        assert!(waiting < 2 * OUTBOX_HIGH_WATER, "{waiting}");
    }
}

#[test]
fn who_is_held_back_may_leave() {
    for room in TestRoom::each_by_default() {
        let [ana, beto, carla, dora] = room.welcomes(["ana", "beto", "carla", "dora"]);
        beto.stops_reading();
        dora.floods();
        for guest in [&ana, &carla] {
            while !guest.must_wait() {
                guest.sends(&long_lines(1));
            }
            assert!(!guest.is_paused(), "all that it said is said");
        }
        dora.has_read();
        ana.says(":q ");
        dora.comes_to("-- ana (#1) is gone: left");
        carla.ends_its_stream();
        dora.comes_to("-- carla (#3) is gone: hung up");
        assert!(beto.is_here());
    }
}

#[test]
fn who_has_something_to_say_waits_for_a_slow_reader_until_it_is_below_the_low_mark() {
    for room in TestRoom::each_by_default() {
        let [ana, beto, carla, dora] = room.welcomes(["ana", "beto", "carla", "dora"]);
        beto.stops_reading();
        ana.floods();
        carla.says("are you there?");
        assert!(!carla.is_paused(), "it says little");
        carla.sends(&long_lines(ALLOWANCE / 1000 + 1));
        carla.says("and this waits");
        assert!(carla.is_paused() && !dora.is_paused());
        room.waits(MS);
        beto.reads(beto.waiting() - OUTBOX_HIGH_WATER / 2);
        assert!(carla.is_paused(), "until it is below the low mark");
        beto.reads(1);
        assert!(!carla.is_paused() && !ana.is_paused());
    }
}

#[test]
fn who_says_little_is_heard_whoever_floods_and_lags() {
    for room in TestRoom::each_by_default() {
        let [ana, beto, carla, dora] = room.welcomes(["ana", "beto", "carla", "dora"]);
        beto.stops_reading();
        ana.floods();
        dora.has_read();
        for line in 0..PATIENCE_ABOVE.as_millis() / 100 - 1 {
            let text = format!("{line} {}", "x".repeat(500));
            carla.says(&text);
            dora.comes_to(&format!("<carla> {text}"));
            room.waits(100 * MS);
            // So that it is not stalled.
            beto.reads(1);
        }
        assert!(beto.is_here() && carla.times_resumed() == 0);
    }
}

#[test]
fn one_who_floods_answers_or_whispers_holds_nobody_else_back() {
    let whisper = [b":msg beto ", &[b'x'; 1000][..], b"\n"].concat();
    for flood in [b":help\n".repeat(2000), whisper.repeat(60)] {
        for room in TestRoom::each_by_default() {
            let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
            let receiver = if flood.starts_with(b":help") { &ana } else { &beto };
            receiver.stops_reading();
            while !ana.is_paused() {
                ana.sends(&flood);
            }
            for _ in 0..20 {
                receiver.reads(40 << 10);
                carla.says("a line");
                assert!(!carla.is_paused());
                room.waits(20 * MS);
            }
            assert!(receiver.is_here());
            carla.says(":q");
            assert_eq!(carla.left_because(), Some(Reason::Quit));
        }
    }
}

#[test]
fn an_allowance_comes_back_by_the_clock() {
    for room in TestRoom::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        beto.stops_reading();
        ana.floods();
        room.waits(MS);
        carla.sends(&long_lines(ALLOWANCE >> 10));
        carla.sends(&long_lines(1));
        carla.says("and this waits");
        assert!(carla.is_paused());
        beto.reads(1);
        // It may speak again when it has paid for its last line, and as much is left as is read at least.
        room.waits(SECOND * ALLOWANCE_LEAST as u32 / ALLOWANCE_RATE as u32);
        assert!(carla.is_paused());
        room.waits(SECOND * (ALLOWANCE_LEAST + 100) as u32 / ALLOWANCE_RATE as u32);
        assert!(!carla.is_paused() && ana.is_paused() && beto.is_here());
        ana.comes_to("<carla> and this waits");
    }
}

#[test]
fn who_waits_for_two_is_not_woken_for_the_first() {
    for room in TestRoom::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        beto.stops_reading();
        carla.stops_reading();
        ana.floods();
        beto.hangs_up();
        assert_eq!((ana.is_paused(), ana.times_resumed()), (true, 0));
        carla.hangs_up();
        assert_eq!((ana.is_paused(), ana.times_resumed()), (false, 1));
    }
}

#[test]
fn who_is_waited_for_may_speak_itself() {
    for room in TestRoom::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.floods();
        ana.has_read();
        for line in ["one moment", "I am still at the first page"] {
            beto.says(line);
            ana.sees(&format!("<beto> {line}"));
        }
        assert!(ana.is_paused() && !beto.is_paused());
    }
}

#[test]
fn who_leaves_while_it_is_held_back_is_let_go() {
    for room in TestRoom::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        beto.stops_reading();
        ana.floods();
        carla.floods();
        assert!(ana.is_paused() && carla.is_paused());
        carla.has_read();
        ana.hangs_up();
        room.sim().hub.close_room();
        room.sim().turn();
        assert_eq!((ana.times_resumed(), carla.times_resumed()), (1, 1));
        carla.sees("-- ana (#1) is gone: connection lost");
    }
}

#[test]
fn when_the_one_that_is_waited_for_leaves_the_others_go_on() {
    for room in TestRoom::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        beto.stops_reading();
        ana.floods();
        ana.says("last words");
        ana.ends_its_stream();
        assert!(ana.is_paused());
        carla.has_read();
        beto.says(":q");
        carla.sees("-- beto (#2) is gone: left");
        carla.comes_to("<ana> last words");
        carla.sees("-- ana (#1) is gone: hung up");
    }
}

#[test]
fn who_goes_for_being_slow_is_missed_by_all() {
    for room in TestRoom::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        beto.stops_reading();
        ana.floods();
        room.waits(STALL_AFTER);
        for (most, piece) in [(READ_MAX + 4096, READ_MAX >> 10), (1000, 1)] {
            while beto.waiting() < OUTBOX_MAX - most {
                if ana.is_paused() {
                    room.waits(PROBE_EVERY);
                } else {
                    ana.sends(&long_lines(piece));
                }
            }
        }
        // By then the stalled outbox may be this long, and ana may speak again.
        room.waits(100 * MS);
        ana.has_read();
        carla.has_read();
        // The first line is too much for beto, and that is noticed before the third.
        ana.sends(&[&long_lines(1)[..], b":msg beto psst\ntwo\n"].concat());
        carla.sees(&format!("<ana> {}", "x".repeat(1023)));
        carla.sees("-- beto (#2) is gone: did not read, 8192 KiB waiting");
        carla.sees("<ana> two");
        ana.sees("-- beto (#2) is gone: did not read, 8192 KiB waiting");
    }
}
