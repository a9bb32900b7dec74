//! The limits for each member and each address: the rate of lines, the time without a word, and the members of an address.

use super::conversations::{Guest, MS, SECOND, TestRoom};
use super::sim;
use crate::chat::Peer;
use crate::chat::limits::*;
use crate::chat::{Hub, Lang, Reason};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

#[test]
fn who_sends_more_lines_than_the_rate_is_read_later_and_loses_nothing() {
    let rate = NonZeroU32::new(5);
    for framing in [Framing::Line, Framing::Raw] {
        for room in TestRoom::each(Limits { rate, framing, ..Limits::default() }) {
            let [ana, beto, carla] = [(); 3].map(|()| room.greets(b""));
            [&ana, &beto, &carla].into_iter().for_each(Guest::has_read);
            let lines: Vec<String> = (0..12).map(|number| format!("line {number}")).collect();
            match framing {
                Framing::Line => ana.sends(lines.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes()),
                Framing::Raw => lines.iter().for_each(|line| ana.says(line)),
            }
            lines[..5].iter().for_each(|line| beto.sees(&format!("<guest1> {line}")));
            beto.sees_nothing();
            assert!(ana.is_paused() && !beto.is_paused());
            beto.says("I may speak");
            ana.sees("<guest2> I may speak");
            for line in &lines[5..] {
                room.waits(SECOND / 5 - MS);
                beto.sees_nothing();
                room.waits(MS);
                beto.sees(&format!("<guest1> {line}"));
            }
            assert!(!ana.is_paused());
            room.waits(SECOND);
            ana.ends_its_stream();
            beto.sees("-- guest1 (#1) is gone: hung up");
        }
    }
}

#[test]
fn only_so_many_from_one_address_take_a_seat() {
    let mut hub = Hub::new(Limits { per_address: Some(2), ..Limits::default() }, Lang::En, Instant::now());
    let from = |addr: [u8; 4]| Peer::from((addr, 4000));
    let (home, other) = (from([127, 0, 0, 1]), from([10, 0, 0, 1]));
    let ana = hub.connect(0, home).expect("there is a seat");
    hub.connect(1, home).expect("there is a seat");
    assert_eq!(hub.connect(2, home), None);
    let told = String::from_utf8(hub.refuse(home)).expect("our own words");
    assert!(told.starts_with("-- there are as many here from your address as are permitted"), "{told}");
    hub.connect(2, other).expect("another address");
    hub.receive_end(ana);
    hub.connect(3, home).expect("one has left");
    assert_eq!(hub.connect(4, home), None);
}

#[test]
fn who_says_nothing_for_long_is_warned_and_its_seat_becomes_free() {
    const MINUTE: Duration = Duration::from_secs(60);
    for room in TestRoom::each(Limits { idle: Some(10 * MINUTE), ..Limits::default() }) {
        let [ana, beto] = [(); 2].map(|()| room.greets(b""));
        [&ana, &beto].into_iter().for_each(Guest::has_read);
        room.waits(5 * MINUTE);
        beto.says("hola");
        ana.sees("<guest2> hola");
        room.waits(4 * MINUTE - MS);
        ana.sees_nothing();
        room.waits(MS);
        ana.sees("-- say something within 60 s, or your seat is given to somebody else");
        ana.says("I am here");
        beto.sees("<guest1> I am here");
        room.waits(5 * MINUTE);
        beto.sees("-- say something within 60 s, or your seat is given to somebody else");
        // Half a line is something, too.
        room.waits(MINUTE - MS);
        ana.sends(b"half a ");
        room.waits(MS);
        beto.sees("-- disconnected: said nothing for 10 min");
        ana.sees("-- guest2 (#2) is gone: said nothing for 10 min");
        assert_eq!(beto.left_because(), Some(Reason::Idle(10 * MINUTE)));
        room.waits(9 * MINUTE);
        ana.sees("-- say something within 60 s, or your seat is given to somebody else");
        ana.says(":q");
        room.waits(20 * MINUTE);
        assert_eq!(room.sim().hub.next_deadline(), None);
    }
}

#[test]
fn what_a_client_sent_that_is_gone_does_not_count_for_the_one_that_has_its_key_now() {
    let (start, limit) = (Instant::now(), Duration::from_secs(600));
    let mut hub = Hub::new(Limits { idle: Some(limit), ..Limits::default() }, Lang::En, start);
    let ana = hub.connect(0, sim::peer()).expect("there is a seat");
    hub.disconnect(ana, Reason::Lost);
    let beto = hub.connect(0, sim::peer()).expect("there is a seat");
    hub.receive_ahead(ana, b"late\n");
    for time in [limit - SECOND, limit] {
        assert!(hub.is_seated(beto));
        hub.tick(start + time);
    }
    assert!(!hub.is_seated(beto));
}
