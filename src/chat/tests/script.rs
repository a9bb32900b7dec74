//! Scripts of things that happen to a room, and the laws that always hold.

use super::model::Model;
use super::sim::{ROOMY, STYLES, Sim, SimClient, Style, peer_from};
use crate::chat::limits::Limits;
use crate::chat::messages::{self, Notice};
use crate::chat::{Framing, Lang, Reason};
use std::time::Duration;

/// Short, so that scripts reach it.
pub(super) const LINE_MAX: usize = 64;

/// From so many hosts clients come: all have the same part in a room of six, and a ban leaves some.
pub(super) const HOSTS: u8 = 3;

/// The password of those in charge.
pub(super) const OPERATOR: &str = "sesamo";

/// An earlier line. Many of them make a long outbox at little cost.
const EARLIER: &[u8] = &[b'-'; 1023];

/// One step of a script. A client is named by a number, modulo the number of clients that have come.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A client comes from one of [`HOSTS`] hosts. Its socket takes `room` bytes before it reads, and it gets `replay` KiB of earlier
    /// lines.
    Come {
        host: u8,
        room: usize,
        replay: usize,
    },
    Send(usize, Vec<u8>),
    End(usize),
    Lose(usize),
    Take(usize, usize),
    /// A step of a writer thread only.
    Write(usize, usize),
    Turn,
    Wait(Duration),
    /// A line is typed at the server's own terminal.
    Operate(String),
}

/// Plays a script, and then lets every client read all there is.
pub(super) fn play(script: &[Step], style: Style, limits: &Limits, split: impl Fn(&[u8]) -> Vec<&[u8]>) -> Sim {
    let mut sim = Sim::new(style, limits.clone()).with_operator(OPERATOR);
    sim.lazy_writers = true;
    for step in script {
        play_step(&mut sim, step, &split);
    }

    // Every client reads all there is.
    sim.lazy_writers = false;
    sim.turn();
    for id in sim.open().collect::<Vec<_>>() {
        sim.take(id, ROOMY);
    }
    sim.turn();
    let connections = &sim.hub.connections;
    assert_eq!((connections.queued, connections.blockers.len(), connections.paused.len()), (0, 0, 0));
    for (id, connection) in connections.table.iter() {
        assert!(connection.is_open(), "all goodbyes are read, that of {id}, too");
        assert_eq!(connection.outbox.capacity(), 0, "an idle client costs no buffer");
    }
    sim
}

fn play_step(sim: &mut Sim, step: &Step, split: impl Fn(&[u8]) -> Vec<&[u8]>) {
    let named = |sim: &Sim, who: usize| sim.clients.keys().nth(who % sim.clients.len().max(1)).copied();
    match step {
        Step::Come { host, room, replay } => {
            let peer = peer_from(1 + host % HOSTS);
            sim.come_from(peer, *room, &[EARLIER, b"\n"].concat().repeat(*replay));
        }
        Step::Send(who, bytes) => {
            if let Some(id) = named(sim, *who) {
                split(bytes).into_iter().for_each(|piece| sim.send(id, piece));
            }
        }
        Step::End(who) => named(sim, *who).into_iter().for_each(|id| sim.end(id)),
        Step::Lose(who) => named(sim, *who).into_iter().for_each(|id| sim.lose(id)),
        Step::Take(who, bytes) => named(sim, *who).into_iter().for_each(|id| sim.take(id, *bytes)),
        Step::Write(who, bytes) => named(sim, *who).into_iter().for_each(|id| sim.write(id, *bytes)),
        Step::Turn => sim.turn(),
        Step::Wait(time) => sim.wait(*time),
        Step::Operate(line) => sim.operate(line),
    }
}

/// A split into one piece.
pub(super) fn whole(bytes: &[u8]) -> Vec<&[u8]> {
    vec![bytes]
}

// Laws.

/// Checks all laws for one script.
///
/// Both styles of driver, and reads cut into pieces of some size, have the same result unless a client was evicted or
/// had to wait: eviction depends on time, and waiting on the order of the clients.
pub(super) fn assert_all(script: &[Step], limits: &Limits, size: usize) {
    let sims = STYLES.map(|style| play(script, style, limits, whole));
    if limits.framing == Framing::Line {
        for (style, sim) in STYLES.into_iter().zip(&sims) {
            assert_same_if_at_ease(sim, &play(script, style, limits, |bytes| pieces(bytes, &[size])));
        }
    }
    assert_same_if_at_ease(&sims[0], &sims[1]);
    for sim in sims {
        assert_lawful(&sim);
        assert_closes_lawfully(sim);
    }
}

fn assert_same_if_at_ease(one: &Sim, other: &Sim) {
    if one.is_at_ease() && other.is_at_ease() {
        assert_same(one, other);
    }
}

/// Checks that every client got what the model says, and that the transcript is the model's.
pub(super) fn assert_lawful(sim: &Sim) {
    let model = Model::after(&sim.history, sim.start, sim.hub.limits(), sim.operator);
    assert_eq!(sim.told, model.told);
    for (id, client) in &sim.clients {
        let owed = model.owed(*id);
        let got = &client.got;
        assert_printable(got);
        match client.left {
            _ if client.lost => assert!(owed.starts_with(got), "{id}"),
            Some((_, reason @ (Reason::TooSlow(_) | Reason::MemoryFull(_)))) => {
                // A lazy writer is not the client's fault, but looks the same.
                assert!(client.was_full || sim.style == Style::Threaded, "{id} took everything and was thrown out");
                assert_cut(got, &owed, &messages::notice(Lang::En, &Notice::Goodbye(reason)), client.was_given_up());
            }
            Some(_) if client.was_given_up() => assert!(owed.starts_with(got), "{id}"),
            _ => assert!(owed == *got, "{id} got\n{}instead of\n{}", text(got), text(&owed)),
        }
    }
}

/// Checks the same after the room is closed.
pub(super) fn assert_closes_lawfully(mut sim: Sim) {
    sim.close_room();
    sim.turn();
    assert!(sim.hub.is_deserted());
    assert_lawful(&sim);
}

/// Checks that both runs said the same, and that every client that stayed to the end got it.
pub(super) fn assert_same(one: &Sim, other: &Sim) {
    assert_eq!(one.told, other.told);
    for ((id, a), b) in one.clients.iter().zip(other.clients.values()) {
        let is_in_part = |client: &SimClient| client.lost || client.was_given_up();
        assert!(a.got == b.got || is_in_part(a) || is_in_part(b), "{id} got\n{}and\n{}", text(&a.got), text(&b.got));
    }
}

/// Checks that an evicted client got a part, in whole lines, and the reason.
fn assert_cut(got: &[u8], owed: &[u8], goodbye: &[u8], gave_up: bool) {
    let mut owed = owed.strip_suffix(goodbye).expect("a goodbye is the last word");
    let mut got = got;
    while !owed.is_empty() && got.starts_with(first_line(owed)) {
        got = &got[first_line(owed).len()..];
        owed = &owed[first_line(owed).len()..];
    }
    let in_time = got == goodbye;
    let too_late = gave_up && (goodbye.starts_with(got) || first_line(owed).starts_with(got));
    assert!(in_time || too_late, "after a cut: {}", text(got));
}

fn assert_printable(got: &[u8]) {
    let mut rest = got;
    while !rest.is_empty() {
        let line = first_line(rest);
        rest = &rest[line.len()..];
        // A member may be gone in the middle of a line, and so of a character.
        if let Some(line) = line.strip_suffix(b"\n")
            && line != EARLIER
        {
            let line = str::from_utf8(line).expect("output is UTF-8");
            assert!(line.chars().all(|c| !c.is_control() || c == '\t'), "{line:?}");
        }
    }
}

fn first_line(bytes: &[u8]) -> &[u8] {
    let len = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
    &bytes[..len]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A split into pieces of these sizes, used in turn.
pub(super) fn pieces<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*size).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}
