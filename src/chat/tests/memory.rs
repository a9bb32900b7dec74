//! The limit for all outboxes together: who goes when memory is short, and how much one turn may say.

use super::conversations::{TestRoom, long_lines};
use crate::chat::limits::*;
use crate::chat::{Effect, Hub, Id, Lang, Reason, nick};
use std::time::Instant;

/// Enough seats for the outboxes of the members to exceed the limit for all outboxes.
fn many_seats() -> Limits {
    Limits { clients_max: 100, ..Limits::default() }
}

#[test]
fn when_memory_is_short_the_longest_goes() {
    for room in TestRoom::each(many_seats()) {
        let [ana] = room.welcomes(["ana"]);
        let stuck = |kib: usize| {
            let id = room.sim().come_in(0, &long_lines(kib)).expect("there is a seat");
            room.sim().turn();
            id
        };
        let longest = stuck(1000);
        let others: Vec<Id> = (0..71).map(|_| stuck(900)).collect();
        assert!(room.sim().hub.is_seated(longest));
        stuck(900);
        let Some((_, Reason::MemoryFull(waiting))) = room.sim().client(longest).left else { panic!("it stayed") };
        assert!(waiting >= 1000 << 10);
        assert!(ana.is_here() && others.iter().all(|id| room.sim().hub.is_seated(*id)));
        assert!(room.queued() <= MEMORY_MAX);
    }
}

#[test]
fn answers_count_when_memory_is_short() {
    for room in TestRoom::each(many_seats()) {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        let longest = room.sim().come_in(0, &long_lines(1000)).expect("there is a seat");
        while room.queued() + (900 << 10) < MEMORY_MAX - (40 << 10) {
            room.sim().come_in(0, &long_lines(900));
            room.sim().turn();
        }
        let left = MEMORY_MAX - room.queued() - (40 << 10);
        room.sim().come_in(0, &vec![b'\n'; left]);
        room.sim().turn();
        assert!(room.sim().hub.is_seated(longest));
        ana.stops_reading();
        ana.sends(&b":help\n".repeat(READ_MAX / 6 / 4));
        assert_eq!(room.sim().told.iter().filter(|line| line.contains("memory is short")).count(), 1);
        assert!(!room.sim().hub.is_seated(longest) && ana.is_here() && beto.is_here());
    }
}

#[test]
fn incomplete_lines_count_when_memory_is_short() {
    let limits = Limits { line_max: 64 << 10, clients_max: 2000, ..Limits::default() };
    let mut hub = Hub::new(limits, Lang::En, Instant::now());
    let mut gone = 0;
    for key in 0..MEMORY_MAX / (60 << 10) + 10 {
        let id = hub.connect(key, ([127, 0, 0, 1], 4000).into()).expect("there is a seat");
        hub.permit(id).expect("nobody has to wait").receive(&[b'x'; 60 << 10]);
        while let Some(effect) = hub.poll_effect() {
            match effect {
                Effect::Flush(id) => {
                    let len = hub.gather(id).iter().map(|bytes| bytes.len()).sum();
                    assert!(!hub.wrote(id, len), "all is taken");
                }
                Effect::Close(_, reason) => {
                    assert!(matches!(reason, Reason::MemoryFull(bytes) if bytes >= 60 << 10), "{reason:?}");
                    gone += 1;
                }
                effect @ (Effect::Resume(_) | Effect::Stop | Effect::Dial(_)) => panic!("{effect:?}"),
            }
        }
        hub.end_turn();
        assert!(hub.connections.memory() <= MEMORY_MAX);
    }
    assert!((1..=20).contains(&gone), "{gone} had to go");
    hub.assert_consistent();
}

/// Clients come and quit without reading, until only this many bytes of memory are free.
fn leave_unread(room: &TestRoom, free: usize) {
    let comes_and_quits = |earlier: &[u8]| {
        let id = room.sim().come_in(0, earlier).expect("there is a seat");
        room.sim().send(id, b":q\n");
        room.sim().turn();
    };
    for _ in 0..64 {
        comes_and_quits(&long_lines(1000));
    }
    let left = MEMORY_MAX - room.queued();
    comes_and_quits(&vec![b'\n'; left - free]);
}

#[test]
fn those_who_left_without_reading_push_nobody_out() {
    for room in TestRoom::each(many_seats()) {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        leave_unread(&room, 1500);
        beto.has_read();
        let line = "x".repeat(1000);
        ana.sends(format!(":msg beto {line}\n").repeat(2).as_bytes());
        beto.sees(&format!("[ana -> you] {line}"));
        beto.sees(&format!("[ana -> you] {line}"));
        beto.sees_nothing();
        assert!(ana.is_here() && beto.is_here());
    }
}

#[test]
fn a_turn_says_no_more_than_a_driver_can_hold() {
    let room = &TestRoom::each_by_default()[0];
    let [ana, beto] = room.welcomes(["ana", "beto"]);
    beto.stops_reading();
    let said = ana.says_a_turn_full();
    assert!((TURN_MAX..TURN_MAX + 2048).contains(&said), "{said}");
}

#[test]
fn the_most_that_one_read_can_say_is_what_is_reckoned_with() {
    let room = &TestRoom::each_by_default()[0];
    let nick = |letter: char| letter.to_string().repeat(NICK_CHARS_MAX);
    let long = ('\u{10000}'..).map(nick).find(|nick| nick::check(nick, 1).is_ok()).expect("there are such letters");
    let [ana] = room.welcomes([&*long]);
    // The shortest lines possible, of a byte that becomes three.
    let mut sim = room.sim();
    sim.send(ana.id, &b"\x80\n".repeat(READ_MAX / 2));
    assert_eq!(sim.hub.connections.log.len(), READ_SAID_MAX);
    sim.turn();
}

#[test]
fn a_turn_says_no_more_than_all_outboxes_hold() {
    let room = &TestRoom::each(many_seats())[0];
    let [ana] = room.welcomes(["ana"]);
    (1..100).for_each(|_| {
        room.sim().come_in(0, b"");
    });
    ana.says_a_turn_full();
    assert!(room.sim().is_at_ease(), "nobody has to go for it");
    let queued = room.queued();
    assert!(queued <= MEMORY_MAX && queued > MEMORY_MAX / 10 * 9, "{queued}");
}

#[test]
fn a_turn_may_say_something_however_short_memory_is() {
    let room = &TestRoom::each(many_seats())[0];
    let [ana, beto] = room.welcomes(["ana", "beto"]);
    leave_unread(room, 1500);
    let said = ana.says_a_turn_full();
    assert!(said > 10 << 10, "{said}");
    // All of it was taken, so no outbox had to hold it.
    assert!(beto.is_here() && room.queued() <= MEMORY_MAX);
}

/// The output of a turn is lent to the writers of all members at once. Together it may exceed the limit for all
/// outboxes, by one read.
#[test]
fn what_is_carried_off_of_a_full_turn_costs_nobody_the_seat() {
    const MEMBERS: usize = 100;
    let mut hub = Hub::new(many_seats(), Lang::En, Instant::now());
    let peer = ([127, 0, 0, 1], 4000).into();
    let ids: Vec<Id> = (0..MEMBERS).filter_map(|key| hub.connect(key, peer)).collect();
    hub.welcome_newcomers();
    let carry_all_off = |hub: &mut Hub| {
        let mut flights = Vec::new();
        while let Some(effect) = hub.poll_effect() {
            match effect {
                Effect::Flush(id) => flights.extend(hub.carry_off(id).map(|flight| (id, flight))),
                effect => panic!("{effect:?}"),
            }
        }
        hub.end_turn();
        flights
    };
    for (id, greeting) in carry_all_off(&mut hub) {
        hub.carried(id, greeting.len());
    }
    while hub.turn_has_room() {
        hub.permit(ids[0]).expect("nobody has to wait").receive(&long_lines(READ_MAX >> 10));
    }
    let flights = carry_all_off(&mut hub);
    let lent: usize = flights.iter().map(|(_, flight)| flight.len()).sum();
    assert!(flights.len() == MEMBERS - 1 && lent > MEMORY_MAX, "{lent} bytes are lent");
    hub.assert_consistent();
    for (id, flight) in flights {
        hub.carried(id, flight.len());
    }
    assert!(ids.iter().all(|id| hub.is_seated(*id)));
    hub.assert_consistent();
}
