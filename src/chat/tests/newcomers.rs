//! When a newcomer is greeted and announced, and that nobody learns of strangers.

use super::conversations::TestRoom;
use crate::chat::limits::{NICK_PATIENCE, OPENING_EVERY, OPENING_PATIENCE, OPENINGS_AT_ONCE};
use crate::chat::{Id, Limits};
use std::time::Duration;

#[test]
fn a_silent_newcomer_is_greeted_and_announced_after_a_moment() {
    for room in TestRoom::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        let id = room.comes(b"");
        room.waits(OPENING_PATIENCE - Duration::from_millis(1));
        assert_eq!(room.got(id), "");
        ana.sees_nothing();
        room.waits(Duration::from_millis(1));
        assert!(room.got(id).starts_with("-- welcome"));
        ana.sees("-- guest2 (#2) is here");
    }
}

#[test]
fn a_newcomer_that_speaks_is_announced_before_its_line() {
    for room in TestRoom::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        let id = room.comes(b"");
        room.sends(id, "hola\n");
        assert!(room.got(id).starts_with("-- welcome"));
        ana.sees("-- guest2 (#2) is here");
        ana.sees("<guest2> hola");
    }
}

#[test]
fn a_newcomer_misses_no_line_that_is_said_after_it_came() {
    for room in TestRoom::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        let id = room.comes(b"");
        ana.says("hola");
        assert!(room.got(id).ends_with("leaves\n<ana> hola\n"));
        ana.sees("-- guest2 (#2) is here");
    }
}

#[test]
fn nobody_learns_of_a_stranger() {
    for (hello, answer, protocol) in [
        ("POST / HTTP/1.1\r\nHost: x\r\n\r\nhola\n", "HTTP/1.1 400 Bad Request\r\n", "HTTP"),
        ("SSH-2.0-OpenSSH_10.0\r\n", "-- disconnected: ", "SSH"),
        ("\u{16}\u{3}\u{1}\n", "-- disconnected: ", "TLS"),
    ] {
        for room in TestRoom::each_by_default() {
            let [ana] = room.welcomes(["ana"]);
            let id = room.comes(b"");
            room.sends(id, hello);
            room.waits(OPENING_PATIENCE);
            let text = room.got(id);
            assert!(text.starts_with(answer) && text.contains(protocol), "{text}");
            assert!(room.sim().client(id).closed.is_some());
            ana.sees_nothing();
            let told = room.sim().told.last().cloned().expect("it is on the console");
            assert!(told.contains("turned away") && told.contains(protocol), "{told}");
        }
    }
}

#[test]
fn a_newcomer_that_asks_for_a_name_is_announced_by_it() {
    for room in TestRoom::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        let id = room.comes(b"");
        room.sends(id, ":nick beto\n");
        assert!(room.got(id).ends_with("leaves\n-- you are now beto\n"));
        ana.sees("-- beto (#2) is here");
        room.waits(NICK_PATIENCE);
        ana.sees_nothing();
    }
}

#[test]
fn whoever_leaves_because_its_name_is_taken_was_never_announced() {
    for room in TestRoom::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        let id = room.comes(b"");
        room.sends(id, ":nick ana\n");
        assert!(room.got(id).contains("-- ana is taken"));
        let other = room.comes(b"");
        room.waits(OPENING_PATIENCE);
        ana.sees("-- guest3 (#3) is here");
        assert!(room.got(other).contains("-- here: ana (#1)\n"), "it is not listed");
        room.sim().end(id);
        room.waits(NICK_PATIENCE);
        ana.sees_nothing();
        assert_eq!(room.sim().told.iter().filter(|line| line.starts_with("#2 ")).count(), 2, "came and left");
    }
}

#[test]
fn whoever_stays_though_its_name_is_taken_is_announced() {
    for room in TestRoom::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        let (silent, speaks) = (room.comes(b""), room.comes(b""));
        room.sends(silent, ":nick ana\n");
        ana.sees("-- guest3 (#3) is here");
        room.waits(NICK_PATIENCE);
        ana.sees("-- guest2 (#2) is here");
        room.sends(speaks, ":who\n");
        assert!(room.got(speaks).ends_with("-- 3 here: ana (#1), guest2 (#2), guest3 (#3)\n"));
    }
}

#[test]
fn a_crowd_is_not_kept_waiting() {
    for room in TestRoom::each(Limits { clients_max: 100, ..Limits::default() }) {
        let crowd: Vec<Id> = (0..=OPENINGS_AT_ONCE).map(|_| room.comes(b"")).collect();
        let greeted = crowd.iter().filter(|id| !room.got(**id).is_empty()).count();
        assert_eq!(greeted, 1, "only one too many is greeted at once");
        room.waits(OPENING_EVERY);
        let [next, another] = [room.comes(b""), room.comes(b"")];
        assert!(room.got(next).is_empty() && !room.got(another).is_empty());
    }
}

#[test]
fn a_visit_without_a_word_is_announced() {
    for room in TestRoom::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        let id = room.comes(b"");
        room.sim().end(id);
        room.sim().turn();
        ana.sees("-- guest2 (#2) is here");
        ana.sees("-- guest2 (#2) is gone: hung up");
    }
}
