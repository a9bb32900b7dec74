//! Whoever is in charge: what it orders, and what the others see of it.

use super::conversations::{Guest, MS, SECOND, TestRoom};
use super::sim;
use crate::chat::Peer;
use crate::chat::limits::*;
use crate::chat::{Hub, Lang, Reason, Secret, charge};
use std::net::IpAddr;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// Rooms in which members that know the password are in charge.
fn rooms() -> [TestRoom; 2] {
    TestRoom::each_by_default().map(|room| {
        let secret = Secret::new("sésamo 7").expect("it can be typed");
        let now = room.sim().now;
        room.sim().hub = Hub::new(Limits::default(), Lang::En, now).record().with_operator(secret);
        room
    })
}

fn operate(room: &TestRoom, line: &str) -> String {
    let answer = room.sim().hub.operate(line);
    room.sim().turn();
    answer
}

fn told(room: &TestRoom) -> Vec<String> {
    std::mem::take(&mut room.sim().told)
}

#[test]
fn who_knows_the_password_is_in_charge_and_everybody_learns_of_it() {
    for room in rooms() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        ana.says(":op sésamo 7");
        [&ana, &beto].into_iter().for_each(|guest| guest.sees("-- ana (#1) is in charge"));
        beto.says(":who");
        beto.sees("-- 2 here: ana (#1, in charge), beto (#2)");
        ana.says(":who");
        ana.sees("-- 2 here: ana (#1, in charge, 127.0.0.1:4000), beto (#2, 127.0.0.1:4000)");
        ana.says(":op sésamo 7");
        ana.sees("-- you are in charge already");
        let carla = room.greets(b"");
        carla.sees("-- welcome to tertulia: you are guest3 (#3)");
        carla.sees("-- here: ana (#1, in charge), beto (#2)");
        ana.says(":nick eva");
        carla.comes_to("-- ana is now eva (#1)");
        carla.says(":who");
        carla.sees("-- 3 here: eva (#1, in charge), beto (#2), guest3 (#3)");
    }
}

#[test]
fn a_password_is_shown_nowhere_and_guessing_is_slow() {
    for room in rooms() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        for line in [":op guess one", ":OP GUESS TWO", ":op  sésamo 7"] {
            ana.says(line);
            ana.sees("-- that is not the password");
        }
        ana.says(":op sésamo 7");
        ana.sees("-- too many wrong passwords from your address; try again in 10 s");
        beto.says(":op sésamo 7");
        beto.sees("-- too many wrong passwords from your address; try again in 10 s");
        room.waits(10 * SECOND - MS);
        ana.says(":op sésamo 7");
        ana.sees("-- too many wrong passwords from your address; try again in 1 s");
        room.waits(MS);
        ana.says(":op sésamo 7");
        ana.sees("-- ana (#1) is in charge");
        beto.sees("-- ana (#1) is in charge");
        beto.sees_nothing();
        let told = told(&room);
        assert!(told.contains(&"#1 ana tried a wrong password for :op".into()), "{told:?}");
        assert!(!told.iter().any(|line| line.to_lowercase().contains("guess") || line.contains("sésamo")), "{told:?}");
    }
}

#[test]
fn without_an_operators_password_nobody_gets_one_either() {
    for room in TestRoom::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        ana.says(":op sésamo 7");
        ana.sees("-- this server has no password for :op");
        ana.says(":kick beto");
        ana.sees("-- :kick is no command and was not sent; :help lists them, ::kick says it");
        beto.sees_nothing();
        assert!(!told(&room).iter().any(|line| line.contains("sésamo")));
    }
}

#[test]
fn only_the_help_of_those_in_charge_has_their_commands() {
    for room in rooms() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        ana.says(":op sésamo 7");
        ana.says(":help");
        ana.comes_to("-- ::TEXT           say :TEXT");
        ana.sees("-- in charge; WHO is a nick or #N:");
        ana.comes_to("-- :stop [REASON]           end the server");
        let help = operate(&room, ":help");
        assert!(charge::WORDS.iter().all(|word| help.contains(word)), "{help}");
        beto.says(":help");
        beto.comes_to("-- ::TEXT           say :TEXT");
        beto.sees_nothing();
    }
}

#[test]
fn everybody_sees_who_was_shown_out_and_why() {
    for room in rooms() {
        let [ana, beto, carla] = room.welcomes(["ana", "Beto", "carla"]);
        ana.says(":op sésamo 7");
        [&ana, &beto, &carla].into_iter().for_each(Guest::has_read);
        told(&room);
        ana.says(":kick beto  says too much");
        ana.sees("-- Beto (#2) is gone: shown out: says too much");
        carla.sees("-- Beto (#2) is gone: shown out: says too much");
        beto.sees("-- disconnected: shown out: says too much");
        assert_eq!(beto.left_because(), Some(Reason::ShownOut));
        let expected = ["#1 ana, in charge: :kick beto  says too much", "#2 Beto is gone: shown out (2 of 6 seats)"];
        assert_eq!(told(&room), expected);

        assert_eq!(operate(&room, ":kick #3"), "");
        ana.sees("-- carla (#3) is gone: shown out");
        carla.sees("-- disconnected: shown out");
        assert_eq!(told(&room), ["console: :kick #3", "#3 carla is gone: shown out (1 of 6 seats)"]);
        for who in ["#3", "#x", "beto", "#18446744073709551616"] {
            assert_eq!(
                operate(&room, &format!(":kick {who}")),
                format!("nobody here is called {who}; :who lists the names")
            );
        }
        assert!(operate(&room, &format!(":kick ana {}", "x".repeat(201))).contains("at most 200 characters"));
        assert!(ana.is_here() && told(&room).is_empty(), "nothing happened");
    }
}

#[test]
fn nobody_gets_what_a_muted_member_writes() {
    for room in rooms() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        assert_eq!(operate(&room, ":mute beto 5"), "beto (#2) is muted for 5 min");
        beto.sees("-- you are muted for 5 min: nobody gets what you write");
        assert_eq!(operate(&room, ":who"), "2 here: ana (#1, 127.0.0.1:4000), beto (#2, muted, 127.0.0.1:4000)");
        told(&room);
        room.waits(4 * MINUTE);
        for line in ["hola", "::q", ":me waves", ":msg ana psst", ":nick spam", ":)", "ho\u{1b}la"] {
            beto.says(line);
            beto.sees("-- you are muted for 60 s: nobody gets what you write");
        }
        beto.says(":who");
        beto.sees("-- 2 here: ana (#1), beto (#2)");
        ana.sees_nothing();
        assert!(told(&room).is_empty());
        room.waits(MINUTE);
        beto.says("hola");
        ana.sees("<beto> hola");

        assert_eq!(operate(&room, ":mute #2"), "beto (#2) is muted until it leaves");
        beto.sees("-- you are muted: nobody gets what you write");
        room.waits(100 * MINUTE);
        beto.says("hola");
        beto.sees("-- you are muted: nobody gets what you write");
        assert_eq!(operate(&room, ":unmute beto"), "beto (#2) may write again");
        beto.sees("-- you may write again");
        assert_eq!(operate(&room, ":unmute beto"), "beto (#2) is not muted");
        beto.says("hola");
        ana.sees("<beto> hola");
    }
}

#[test]
fn a_banned_address_is_refused_until_the_ban_ends() {
    let start = Instant::now();
    let mut hub = Hub::new(Limits::default(), Lang::En, start);
    let from = |addr: &str| Peer::from((addr.parse::<IpAddr>().expect("an address"), 4000));
    let (there, neighbour) = (from("2001:db8::1"), from("2001:db8::2:0:0:2"));
    let [ana, beto, carla] = [(0, there), (1, neighbour), (2, from("10.0.0.1"))]
        .map(|(key, peer)| hub.connect(key, peer).expect("there is a seat"));
    // The transcript shows it anyway.
    assert_eq!(hub.operate(":ban guest1 5"), "");
    assert!(!hub.is_seated(ana) && !hub.is_seated(beto) && hub.is_seated(carla), "all of the address are shown out");
    for peer in [there, neighbour] {
        assert_eq!(hub.connect(4, peer), None);
        assert_eq!(hub.refuse(peer), b"-- your address is banned here; goodbye\n");
    }
    assert_eq!(hub.operate(":ban 10.0.0.2"), "");
    assert_eq!(hub.operate(":bans"), "banned: 2\n2001:db8::, 5 min more\n10.0.0.2");
    hub.tick(start + 5 * MINUTE - MS);
    assert_eq!(hub.connect(4, there), None);
    hub.tick(start + 5 * MINUTE);
    assert!(hub.connect(4, there).is_some());
    assert_eq!(hub.operate(":unban 10.0.0.2"), "");
    assert_eq!(hub.operate(":bans"), "no address is banned");
    assert_eq!(hub.operate(":unban 10.0.0.2"), "10.0.0.2 is not banned; :bans lists those that are");
    assert!(hub.operate(":unban ana").starts_with("ana is no address"));
    assert!(hub.operate(":ban ana").starts_with("nobody here is called ana"));
    hub.ban(there.origin(), Some(MINUTE));
    assert_eq!(hub.operate(":bans"), "banned: 1\n2001:db8::, 60 s more");
}

#[test]
fn who_is_in_charge_does_not_ban_itself() {
    for room in rooms() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        ana.says(":op sésamo 7");
        ana.has_read();
        ana.says(":ban beto");
        ana.sees("-- 127.0.0.1 is your own address, too, and was not banned");
        assert!(ana.is_here() && beto.is_here());
        assert_eq!(operate(&room, ":ban beto"), "");
        assert_eq!([&ana, &beto].map(Guest::left_because), [Some(Reason::Banned); 2]);
        ana.sees("-- disconnected: its address is banned");
    }
}

#[test]
fn a_notice_is_for_all_and_looks_like_no_other() {
    for room in rooms() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        ana.says(":op sésamo 7");
        [&ana, &beto].into_iter().for_each(Guest::has_read);
        ana.says(":say beto (#2) is gone: left");
        operate(&room, ":say tea\u{1b}[2J");
        for guest in [&ana, &beto] {
            guest.sees("-- attention: beto (#2) is gone: left");
            guest.sees("-- attention: tea[2J");
        }
        assert!(
            told(&room)
                .ends_with(&["#1 ana, in charge: :say beto (#2) is gone: left".into(), "console: :say tea[2J".into()])
        );
    }
}

#[test]
fn whoever_is_in_charge_ends_the_server() {
    for room in rooms() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        ana.says(":op sésamo 7");
        [&ana, &beto].into_iter().for_each(Guest::has_read);
        told(&room);
        ana.says(":stop for today");
        for guest in [&ana, &beto] {
            guest.sees("-- attention: for today");
            guest.comes_to("-- the server closes; goodbye");
            assert_eq!(guest.left_because(), Some(Reason::Closing));
        }
        assert!(room.sim().is_told_to_stop);
        room.sim().hub.close_room();
        room.sim().turn();
        assert_eq!(told(&room).iter().filter(|line| *line == "closing").count(), 1);
    }
}

#[test]
fn the_console_takes_commands_only() {
    let mut hub = Hub::new(Limits::default(), Lang::En, Instant::now());
    hub.connect(0, sim::peer()).expect("there is a seat");
    assert_eq!(hub.operate(":who"), "1 here: guest1 (#1, 127.0.0.1:4000)");
    for line in ["hola", ":me waves", ":q", ":op x", "::q"] {
        assert!(hub.operate(line).starts_with("commands only"), "{line}");
    }
    for line in ["", "  ", "\t"] {
        assert_eq!(hub.operate(line), "");
    }
    assert_eq!(hub.operate(":ban"), "write :ban WHO [MINUTES] or :ban ADDRESS [MINUTES]");
}
