//! Properties that hold for random scripts: the hub is compared with the reference model.

use super::script::{
    HOSTS, LINE_MAX, OPERATOR, Step, assert_closes_lawfully, assert_lawful, assert_same, pieces, play, whole,
};
use super::sim::{ROOMY, STYLES};
use crate::chat::Limits;
use crate::chat::limits::WHY_CHARS_MAX;
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;

fn line() -> impl Strategy<Value = Vec<u8>> {
    let nick = prop_oneof![Just("ana"), Just("Ana"), Just("beto"), Just("be\u{442}o"), Just("guest1"), Just("guest2")];
    let command = prop_oneof![
        nick.clone().prop_map(|nick| format!(":nick {nick}")),
        nick.prop_map(|nick| format!(":msg {nick} psst")),
        Just(":me waves".to_string()),
        Just(":who".to_string()),
        Just(":help".to_string()),
        Just(":q".to_string()),
        Just(":q now".to_string()),
        Just(":qit".to_string()),
        Just("::q".to_string()),
        Just(":)".to_string()),
        Just(" ".to_string()),
    ];
    let text = prop_oneof![
        6 => "[a-zñ ]{1,12}".prop_map(String::into_bytes),
        6 => command.prop_map(String::into_bytes),
        3 => order().prop_map(String::into_bytes),
        2 => vec(any::<u8>(), 0..20),
        1 => (LINE_MAX - 2..LINE_MAX + 3).prop_map(|len| vec![b'x'; len]),
        1 => (LINE_MAX - 2..LINE_MAX + 3).prop_map(|len| "ñ".repeat(len / 2).into_bytes()),
    ];
    let end = prop_oneof![8 => Just(&b"\n"[..]), 1 => Just(&b"\r\n"[..]), 1 => Just(&b""[..])];
    (text, end).prop_map(|(text, end)| [&text[..], end].concat())
}

/// What those in charge order, and how they come to be.
fn order() -> impl Strategy<Value = String> {
    let who =
        prop_oneof![Just("ana"), Just("beto"), Just("guest1"), Just("guest2"), Just("#1"), Just("#3"), Just("#x")];
    let addr = prop_oneof![Just("127.0.0.1"), Just("127.0.0.2"), Just("::ffff:127.0.0.3"), Just("somewhere")];
    let minutes = prop_oneof![Just(""), Just(" 1"), Just(" 2"), Just(" soon")];
    prop_oneof![
        4 => Just(format!(":op {OPERATOR}")),
        1 => Just(":op guess".to_string()),
        2 => who.clone().prop_map(|who| format!(":kick {who}")),
        1 => who.clone().prop_map(|who| format!(":kick {who}  says too much")),
        1 => who.clone().prop_map(|who| format!(":kick {who} {}", "x".repeat(WHY_CHARS_MAX + 1))),
        3 => (who.clone(), minutes.clone()).prop_map(|(who, minutes)| format!(":mute {who}{minutes}")),
        2 => who.clone().prop_map(|who| format!(":unmute {who}")),
        1 => (who, minutes.clone()).prop_map(|(who, minutes)| format!(":ban {who}{minutes}")),
        2 => (addr.clone(), minutes).prop_map(|(addr, minutes)| format!(":ban {addr}{minutes}")),
        2 => addr.prop_map(|addr| format!(":unban {addr}")),
        1 => prop_oneof![Just(":bans"), Just(":who"), Just(":help"), Just(":say tea"), Just(":say")].prop_map(str::to_owned),
    ]
}

/// The same for the server's own terminal. The server is seldom stopped: nothing happens after that.
fn operated() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => order(),
        1 => prop_oneof![Just(":stop"), Just(":stop for today")].prop_map(str::to_owned),
        1 => "[a-z:]{0,5}",
    ]
    .prop_map(Step::Operate)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => vec(line(), 1..5).prop_map(|lines| lines.concat()),
        1 => (900usize..1100).prop_map(|len| vec![b'x'; len]),
    ]
}

fn room() -> impl Strategy<Value = usize> {
    prop_oneof![2 => Just(ROOMY), 1 => 0usize..400]
}

/// Steps without waits, so that the result does not depend on timing.
fn timeless() -> impl Strategy<Value = Vec<Step>> {
    let who = 0usize..20;
    let step = prop_oneof![
        4 => (0..HOSTS, room()).prop_map(|(host, room)| Step::Come { host, room, replay: 0 }),
        12 => (who.clone(), bytes()).prop_map(|(who, bytes)| Step::Send(who, bytes)),
        1 => who.clone().prop_map(Step::End),
        1 => who.clone().prop_map(Step::Lose),
        4 => (who.clone(), 1usize..300).prop_map(|(who, bytes)| Step::Take(who, bytes)),
        6 => (who, 0usize..300).prop_map(|(who, bytes)| Step::Write(who, bytes)),
        4 => Just(Step::Turn),
    ];
    vec(step, 1..60)
}

/// Steps with long outboxes, slow sockets and waits.
fn pressing() -> impl Strategy<Value = Vec<Step>> {
    let who = 0usize..8;
    let room = prop_oneof![1 => Just(ROOMY), 2 => 0usize..200 << 10];
    let some = prop_oneof![Just(1usize), 0usize..200 << 10, 400usize << 10..2 << 20];
    let time = prop_oneof![4 => 0u64..120, 2 => 120u64..1500, 1 => 1500u64..31_000];
    let step = prop_oneof![
        3 => (0..HOSTS, room, 0usize..1500).prop_map(|(host, room, replay)| Step::Come { host, room, replay }),
        8 => (who.clone(), bytes()).prop_map(|(who, bytes)| Step::Send(who, bytes)),
        1 => who.clone().prop_map(Step::End),
        1 => who.clone().prop_map(Step::Lose),
        4 => (who.clone(), some.clone()).prop_map(|(who, bytes)| Step::Take(who, bytes)),
        4 => (who, some).prop_map(|(who, bytes)| Step::Write(who, bytes)),
        3 => Just(Step::Turn),
        4 => time.prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
    ];
    vec(step, 1..40)
}

/// Steps with many orders, and with waits in which mutes, bans and wrong passwords are over.
fn governed() -> impl Strategy<Value = Vec<Step>> {
    let who = 0usize..8;
    let time = prop_oneof![3 => 0u64..12_000, 1 => 50_000u64..70_000, 1 => Just(60_000u64)];
    let ordered = order().prop_map(|order| format!("{order}\n").into_bytes());
    let step = prop_oneof![
        3 => (0..HOSTS).prop_map(|host| Step::Come { host, room: ROOMY, replay: 0 }),
        6 => (who.clone(), vec(line(), 1..3)).prop_map(|(who, lines)| Step::Send(who, lines.concat())),
        6 => (who.clone(), ordered).prop_map(|(who, order)| Step::Send(who, order)),
        6 => operated(),
        1 => who.prop_map(Step::End),
        2 => Just(Step::Turn),
        4 => time.prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
    ];
    vec(step, 1..60)
}

fn limits() -> Limits {
    Limits { clients_max: 4, line_max: LINE_MAX, ..Limits::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn everybody_gets_their_part_of_one_order(script in timeless()) {
        let [one, other] = STYLES.map(|style| play(&script, style, &limits(), whole));
        assert_same(&one, &other);
        for sim in [one, other] {
            assert_lawful(&sim);
            assert_closes_lawfully(sim);
        }
    }

    #[test]
    fn those_in_charge_are_obeyed(script in governed()) {
        let limits = Limits { line_max: 4 * LINE_MAX, ..limits() };
        let [one, other] = STYLES.map(|style| play(&script, style, &limits, whole));
        assert_same(&one, &other);
        for sim in [one, other] {
            assert_lawful(&sim);
            assert_closes_lawfully(sim);
        }
    }

    #[test]
    fn a_split_changes_nothing(script in timeless(), sizes in vec(1usize..9, 1..20)) {
        for style in STYLES {
            assert_same(&play(&script, style, &limits(), whole), &play(&script, style, &limits(), |bytes| pieces(bytes, &sizes)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn pressure_takes_nothing_from_those_who_stay(script in pressing()) {
        for style in STYLES {
            let sim = play(&script, style, &limits(), whole);
            assert_lawful(&sim);
            assert_closes_lawfully(sim);
        }
    }
}
