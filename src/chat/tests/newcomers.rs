//! When a newcomer is greeted and announced, and that nobody learns of strangers.

use super::conversations::TestRoom;
use super::sim::ROOMY;
use crate::chat::limits::{NICK_PATIENCE, OPENING_EVERY, OPENING_PATIENCE, OPENINGS_AT_ONCE};
use crate::chat::{Id, Limits};
use std::time::Duration;

/// A client comes, and the driver has not waited yet.
fn comes(room: &TestRoom) -> Id {
    let id = room.sim().come(ROOMY, b"").expect("there is a seat");
    room.sim().turn();
    id
}

fn sends(room: &TestRoom, id: Id, text: &str) {
    room.sim().send(id, text.as_bytes());
    room.sim().turn();
}

fn got(room: &TestRoom, id: Id) -> String {
    String::from_utf8(room.sim().client(id).got.clone()).expect("text")
}

#[test]
fn a_silent_newcomer_is_greeted_and_announced_after_a_moment() {
    for room in TestRoom::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        let id = comes(&room);
        room.waits(OPENING_PATIENCE - Duration::from_millis(1));
        assert_eq!(got(&room, id), "");
        ana.sees_nothing();
        room.waits(Duration::from_millis(1));
        assert!(got(&room, id).starts_with("-- welcome"));
        ana.sees("-- guest2 (#2) is here");
    }
}

#[test]
fn a_newcomer_that_speaks_is_announced_before_its_line() {
    for room in TestRoom::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        let id = comes(&room);
        sends(&room, id, "hola\n");
        assert!(got(&room, id).starts_with("-- welcome"));
        ana.sees("-- guest2 (#2) is here");
        ana.sees("<guest2> hola");
    }
}

#[test]
fn a_newcomer_misses_no_line_that_is_said_after_it_came() {
    for room in TestRoom::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        let id = comes(&room);
        ana.says("hola");
        assert!(got(&room, id).ends_with("leaves\n<ana> hola\n"));
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
            let id = comes(&room);
            sends(&room, id, hello);
            room.waits(OPENING_PATIENCE);
            let text = got(&room, id);
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
        let id = comes(&room);
        sends(&room, id, ":nick beto\n");
        assert!(got(&room, id).ends_with("leaves\n-- you are now beto\n"));
        ana.sees("-- beto (#2) is here");
        room.waits(NICK_PATIENCE);
        ana.sees_nothing();
    }
}

#[test]
fn whoever_leaves_because_its_name_is_taken_was_never_announced() {
    for room in TestRoom::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        let id = comes(&room);
        sends(&room, id, ":nick ana\n");
        assert!(got(&room, id).contains("-- ana is taken"));
        let other = comes(&room);
        room.waits(OPENING_PATIENCE);
        ana.sees("-- guest3 (#3) is here");
        assert!(got(&room, other).contains("-- here: ana (#1)\n"), "it is not listed");
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
        let (silent, speaks) = (comes(&room), comes(&room));
        sends(&room, silent, ":nick ana\n");
        ana.sees("-- guest3 (#3) is here");
        room.waits(NICK_PATIENCE);
        ana.sees("-- guest2 (#2) is here");
        sends(&room, speaks, ":who\n");
        assert!(got(&room, speaks).ends_with("-- 3 here: ana (#1), guest2 (#2), guest3 (#3)\n"));
    }
}

#[test]
fn a_crowd_is_not_kept_waiting() {
    for room in TestRoom::each(Limits { clients_max: 100, ..Limits::default() }) {
        let crowd: Vec<Id> = (0..=OPENINGS_AT_ONCE).map(|_| comes(&room)).collect();
        let greeted = crowd.iter().filter(|id| !got(&room, **id).is_empty()).count();
        assert_eq!(greeted, 1, "only one too many is greeted at once");
        room.waits(OPENING_EVERY);
        let [next, another] = [comes(&room), comes(&room)];
        assert!(got(&room, next).is_empty() && !got(&room, another).is_empty());
    }
}

#[test]
fn a_visit_without_a_word_is_announced() {
    for room in TestRoom::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        let id = comes(&room);
        room.sim().end(id);
        room.sim().turn();
        ana.sees("-- guest2 (#2) is here");
        ana.sees("-- guest2 (#2) is gone: hung up");
    }
}
