//! A room with a password: who does not know it has no seat, no number, and nobody learns of it.

use super::conversations::{MS, SECOND, TestRoom};
use crate::chat::Peer;
use crate::chat::limits::*;
use crate::chat::{Hub, Id, Lang, Reason, Secret};
use std::time::Instant;

fn with_password() -> Limits {
    Limits { password: Secret::new("sésamo 7"), ..Limits::default() }
}

/// What was said before anybody came.
const EARLIER: &[u8] = b"<eva> I was here before\n";

fn is_here(room: &TestRoom, id: Id) -> bool {
    room.sim().hub.is_seated(id)
}

/// Somebody who knows the password comes in, and is greeted.
fn comes_in(room: &TestRoom) -> Id {
    let id = room.comes(EARLIER);
    room.sends(id, "sésamo 7\n");
    room.waits(OPENING_PATIENCE);
    id
}

const ASKED: &str = "-- this room has a password; type it and press Enter\n";

#[test]
fn who_is_silent_is_asked_and_who_knows_the_password_comes_in() {
    for room in TestRoom::each(with_password()) {
        let ana = room.comes(EARLIER);
        assert_eq!(room.got(ana), "", "a program that sends the password at once is not asked");
        room.waits(OPENING_PATIENCE);
        assert_eq!(room.got(ana), ASKED);
        // Two reads make one line.
        room.sends(ana, "sésa");
        room.sends(ana, "mo 7\r\n");
        room.waits(OPENING_PATIENCE);
        let text = room.got(ana);
        assert!(text.starts_with(&format!("{ASKED}-- welcome to tertulia: you are guest1 (#1)\n")), "{text}");
        assert!(text.ends_with("leaves\n<eva> I was here before\n"), "{text}");

        // The name is taken in the same read, and is the first that the others hear.
        let beto = room.comes(EARLIER);
        room.sends(beto, "sésamo 7\n:nick beto\nhola\n");
        assert!(room.got(beto).starts_with("-- welcome to tertulia: you are guest2 (#2)\n-- here: guest1 (#1)\n"));
        assert!(room.got(ana).ends_with("leaves\n<eva> I was here before\n-- beto (#2) is here\n<beto> hola\n"));
        // So does a name that is asked for too early.
        let carla = room.comes(EARLIER);
        room.sends(carla, ":nick carla\n");
        assert_eq!(room.got(carla), ASKED);
        room.sends(carla, "sésamo 7\n");
        assert!(room.got(beto).ends_with("-- carla (#3) is here\n"));
        room.sends(ana, ":who\n");
        assert!(room.got(ana).ends_with("-- 3 here: guest1 (#1), beto (#2), carla (#3)\n"));
    }
}

#[test]
fn who_is_wrong_three_times_is_turned_away_and_nobody_learns_of_it() {
    for room in TestRoom::each(with_password()) {
        let ana = comes_in(&room);
        let before = room.got(ana);

        let eva = room.comes(EARLIER);
        room.sends(eva, "\n");
        room.sends(eva, "sésamo\n");
        assert_eq!(room.got(eva), "-- that is not the password; you have 2 more tries\n");
        room.sends(eva, "ana\n");
        room.sends(eva, &format!("{}\n", "x".repeat(2000)));
        assert!(room.got(eva).ends_with("one more try\n-- disconnected: that is not the password\n"));
        assert!(!is_here(&room, eva));
        // What comes after that is not read, even if it is right.
        room.sends(eva, "sésamo 7\n");

        // It took no number, and its address has to wait.
        let beto = room.comes(EARLIER);
        room.sends(beto, "sésamo 7\n");
        assert_eq!(room.got(beto), "");
        room.waits(WRONG_TRY_EVERY - MS);
        assert_eq!(room.got(beto), ASKED, "it is asked, because its answer is not read yet");
        room.waits(MS);
        room.waits(OPENING_PATIENCE);
        assert!(room.got(beto).contains("you are guest2 (#2)"));
        assert_eq!(room.got(ana), format!("{before}-- guest2 (#2) is here\n"));
        let told = room.sim().told.join("\n");
        assert!(told.contains("turned away: that is not the password"), "{told}");
        assert!(!told.contains("sésamo") && !told.contains("xxx"), "{told}");
    }
}

#[test]
fn many_that_guess_at_once_are_no_faster_than_one() {
    for room in TestRoom::each(with_password()) {
        let guessers: Vec<Id> = (0..10).map(|_| room.comes(EARLIER)).collect();
        let wrong = |room: &TestRoom| {
            guessers.iter().map(|id| room.got(*id).matches("not the password").count()).sum::<usize>()
        };
        for id in &guessers {
            room.sends(*id, "wrong\n");
        }
        assert_eq!(wrong(&room), WRONG_TRIES_AT_ONCE as usize);
        for more in 1..=4 {
            room.waits(WRONG_TRY_EVERY);
            assert_eq!(wrong(&room), WRONG_TRIES_AT_ONCE as usize + more);
        }
    }
}

#[test]
fn who_does_not_answer_in_time_is_turned_away() {
    for room in TestRoom::each(with_password()) {
        let id = room.comes(EARLIER);
        room.waits(PASSWORD_PATIENCE - SECOND);
        room.sends(id, "sés");
        room.waits(SECOND - MS);
        assert!(is_here(&room, id));
        room.waits(MS);
        assert!(!is_here(&room, id));
        assert_eq!(room.got(id), format!("{ASKED}-- disconnected: no password in time\n"));
    }
}

#[test]
fn who_leaves_at_the_door_is_not_announced() {
    for room in TestRoom::each(with_password()) {
        let [quits, ends, breaks, browses] = [(); 4].map(|()| room.comes(EARLIER));
        room.sends(quits, ":q\n");
        room.sim().end(ends);
        room.sim().turn();
        room.sim().lose(breaks);
        room.sim().turn();
        room.sends(browses, "GET / HTTP/1.1\r\n\r\n");
        room.waits(PASSWORD_PATIENCE);
        assert!(room.got(quits).ends_with("-- goodbye\n"));
        assert!(room.got(browses).starts_with("HTTP/1.1 400 Bad Request\r\n"));
        let told = room.sim().told.join("\n");
        assert!(!told.contains('#'), "{told}");
        let ana = comes_in(&room);
        assert!(room.got(ana).contains("you are guest1 (#1)\n-- nobody else is here yet"));
    }
}

#[test]
fn callers_take_no_seats_and_who_finds_none_is_told() {
    for room in TestRoom::each(Limits { clients_max: 1, ..with_password() }) {
        let [ana, beto] = [(); 2].map(|()| room.comes(EARLIER));
        assert!(room.sim().hub.has_seat());
        room.sends(beto, "sésamo 7\n");
        assert!(!room.sim().hub.has_seat());
        room.sends(ana, "sésamo 7\n");
        assert!(room.got(ana).ends_with("-- the room is full (1 of 1 seats taken); try again later\n"));
        assert!(!is_here(&room, ana) && is_here(&room, beto));
    }
}

/// It would be a way to make members wait without the password.
#[test]
fn who_floods_at_the_door_and_does_not_read_makes_nobody_wait() {
    for line in [":x\n", "\n:help\n", ":q x\n"] {
        for room in TestRoom::each(with_password()) {
            let ana = room.comes(EARLIER);
            room.sends(ana, "sésamo 7\n");
            let eva = room.comes(EARLIER);
            room.sim().client(eva).room = 0;
            for _ in 0..100 {
                room.sends(eva, &line.repeat(READ_MAX / line.len()));
            }
            let sim = room.sim();
            let connections = &sim.hub.connections;
            assert!(connections.paused.contains(eva), "it is read from without end");
            assert!(!connections.some_block() && connections.queued < OUTBOX_HIGH_WATER, "{}", connections.queued);
        }
    }
}

#[test]
fn only_so_many_are_at_the_door() {
    let mut hub = Hub::new(with_password(), Lang::En, Instant::now());
    let from = |addr: usize| Peer::from(([10, 0, (addr >> 8) as u8, addr as u8], 4000));
    for key in 0..CALLERS_PER_ADDRESS {
        assert!(hub.connect(key, from(0)).is_some());
    }
    assert_eq!(hub.connect(CALLERS_PER_ADDRESS, from(0)), None);
    let told = String::from_utf8(hub.refuse(from(0))).expect("our own words");
    assert!(told.starts_with("-- disconnected: too many have not said the password yet"), "{told}");
}

/// However many addresses somebody has to fill the door from, others find a place there.
#[test]
fn of_too_many_at_the_door_the_first_of_the_most_crowded_address_gives_way() {
    let mut hub = Hub::new(with_password(), Lang::En, Instant::now());
    let from = |addr: usize| Peer::from(([10, 0, (addr >> 8) as u8, addr as u8], 4000));
    // Three at one address, and one at each other.
    let callers: Vec<Id> =
        (0..CALLERS_MAX).map(|key| hub.connect(key, from(key.max(4) - 4)).expect("a place")).collect();
    let crowd = &callers[..5];
    let here = |hub: &Hub| crowd.iter().filter(|id| hub.is_seated(**id)).count();
    for (more, gone) in [1, 2, 3, 4].into_iter().enumerate() {
        assert!(hub.connect(CALLERS_MAX + more, from(1000 + more)).is_some());
        assert_eq!(here(&hub), 5 - gone);
        assert!(!hub.is_seated(crowd[more]), "the first goes first");
    }
    // All are alike now: the first of all goes, which is the one that is left of those.
    assert!(hub.connect(CALLERS_MAX + 4, from(2000)).is_some());
    assert_eq!(here(&hub), 0);
    // Nobody gives way to another one from its own address, or to one who is worse.
    assert_eq!(hub.connect(CALLERS_MAX + 5, from(2000)), None);
}

#[test]
fn whoever_is_at_the_door_goes_when_the_room_closes() {
    for room in TestRoom::each(with_password()) {
        let id = room.comes(EARLIER);
        room.sim().hub.close_room();
        room.sim().turn();
        assert!(room.got(id).ends_with("-- the server closes; goodbye\n"));
        room.waits(SECOND);
        assert!(room.sim().hub.is_deserted());
    }
}

#[test]
fn a_read_is_an_answer_with_raw_framing() {
    for room in TestRoom::each(Limits { framing: Framing::Raw, ..with_password() }) {
        let id = room.comes(EARLIER);
        room.sends(id, "sésamo 7");
        room.waits(OPENING_PATIENCE);
        assert!(room.got(id).contains("you are guest1 (#1)"));
    }
}

#[test]
fn a_member_is_told_by_its_number_whatever_the_driver_calls_it() {
    for room in TestRoom::each(with_password()) {
        let wrong = room.comes(EARLIER);
        room.sends(wrong, ":q\n");
        let [ana, beto] = [(); 2].map(|()| room.comes(EARLIER));
        room.sends(ana, "sésamo 7\n");
        room.sends(beto, "sésamo 7\n");
        room.waits(OPENING_PATIENCE);
        room.sim().lose(ana);
        room.sim().turn();
        assert!(room.got(beto).ends_with("-- guest1 (#1) is gone: connection lost\n"));
    }
}

#[test]
fn who_is_evicted_at_the_door_makes_room_at_once() {
    let mut hub = Hub::new(with_password(), Lang::En, Instant::now());
    let peer = |key: usize| Peer::from(([10, 0, 0, (key / CALLERS_PER_ADDRESS) as u8], 4000));
    let callers: Vec<Id> = (0..CALLERS_MAX).map(|key| hub.connect(key, peer(key)).expect("a place")).collect();
    assert!(hub.connect(CALLERS_MAX, peer(0)).is_none(), "the door is full");
    hub.connections.leave(callers[0], Reason::MemoryFull(0), b"");
    assert!(hub.connect(CALLERS_MAX, peer(0)).is_some());
    assert!(callers[1..].iter().all(|id| hub.is_seated(*id)), "nobody else has to go");
}
