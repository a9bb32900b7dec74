//! All at once, and one without pause.

use super::arena::{Arena, too_slow};
use super::cause::Cause;
use super::failure::{Outcome, doubt, fault};
use super::framing::split;
use crate::harness::{Crowd, Flood, Kind, Probe, TestClient, Waited};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Of each, at most.
const LINES: u32 = 4000;
const LINE_LEN: usize = 120;

pub fn flood_all(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(6)?;
    let len = LINE_LEN.min(arena.baseline.line_len);
    for client in &mut crowd.members {
        client.start_flood(Flood { lines: LINES, len });
    }
    let flooding = arena.scaled(Duration::from_millis(1200));
    crowd.wait(flooding, |crowd| crowd.members.iter().all(|client| client.has_said_all()));
    crowd.members.iter_mut().for_each(|client| client.end_flood());
    // Who has heard the last line of each hears no more of what is before it.
    let last: Vec<Probe> = (0..crowd.count()).map(|who| crowd.says(who)).collect();
    let waited = crowd.wait_while_it_moves(|crowd| {
        let pairs = open(crowd).flat_map(|client| last.iter().map(move |probe| (client, probe)));
        let is_open = |number| open(crowd).any(|client| client.number() == number);
        let mut pairs = pairs.filter(|(client, probe)| client.number() != probe.sender && is_open(probe.sender));
        all_came(crowd) || pairs.all(|(client, probe)| client.receiver.arrival(*probe).is_some())
    });

    let closed = crowd.members.iter().filter(|client| !client.is_open()).count();
    if closed > 0 {
        if crowd.count() - closed < 2 {
            return Err(doubt(
                &[Cause::WouldBlockIsAnError, Cause::ErrorEndsFanOut],
                "all talked as fast as they could, and read, and were closed",
            ));
        }
        // A rule of the house: nobody talks so fast, or nobody is so far behind.
        arena.remark(format!("when all talk as fast as they can, and read, {closed} of {} are closed", crowd.count()));
    }
    let tally = Tally::of(crowd).unwrap_or_default();
    let mangled: usize = crowd.members.iter().map(|client| client.receiver.mangled).sum();
    if mangled > 0 {
        let text = crowd.members.iter().find_map(|client| client.receiver.first_mangled.clone()).unwrap_or_default();
        let causes: &[Cause] = match split(crowd) {
            Ok(Some(_)) => &[Cause::FramingByRead],
            _ if arena.baseline.thread_each => {
                &[Cause::InterleavedWrites, Cause::ShortWriteDropped, Cause::FramingByRead]
            }
            _ => &[Cause::ShortWriteDropped, Cause::InterleavedWrites, Cause::FramingByRead],
        };
        return Err(fault(
            causes,
            format!("all talked as fast as they could, and {mangled} lines came cut: \"{text}\""),
        ));
    }
    if tally.missing > 0 && waited == Waited::Moving {
        return Err(too_slow(tally.due - tally.missing, tally.due));
    }
    if tally.missing > 0 {
        let seen =
            format!("all talked as fast as they could, and {} of {} lines did not come", tally.missing, tally.due);
        let heard = |crowd: &Crowd| crowd.members.iter().map(|client| client.receiver.flood.len()).sum();
        return Err(match arena.left_unread(crowd, heard) {
            Some(left) => fault(&[Cause::OneReadPerEdge], format!("{seen}; {left}")),
            None => {
                fault(&[Cause::Loses, Cause::ShortWriteDropped, Cause::DroppedWhenFull, Cause::FramingByRead], seen)
            }
        });
    }
    if tally.double > 0 {
        return Err(fault(&[Cause::Duplicates], format!("{} of {} lines came twice", tally.double, tally.due)));
    }
    if tally.reordered > 0 {
        return Err(fault(
            &[Cause::Reorders],
            format!("{} of {} lines came after a later one of the same sender", tally.reordered, tally.due),
        ));
    }
    match other_order(crowd) {
        Some(count) => Err(doubt(
            &[Cause::NoOneOrder],
            format!("all lines came, but the order differs from member to member, {count} times for one pair"),
        )),
        None => Ok(()),
    }
}

/// Whether as many lines have come as are due. It does not look which.
fn all_came(crowd: &Crowd) -> bool {
    let said: usize = open(crowd).map(|client| client.flooded() as usize).sum();
    open(crowd).all(|client| {
        let came = client.receiver.flood.iter().filter(|(sender, _)| *sender != client.number()).count();
        came >= said - client.flooded() as usize
    })
}

/// Those who were not closed. What the others said may not have been read.
fn open(crowd: &Crowd) -> impl Iterator<Item = &TestClient> {
    crowd.members.iter().filter(|client| client.is_open())
}

/// What all have heard of a flood, of what they should have.
#[derive(Clone, Copy, Default, Debug)]
struct Tally {
    due: usize,
    missing: usize,
    double: usize,
    reordered: usize,
}

impl Tally {
    /// `None` if nobody is there any more.
    fn of(crowd: &Crowd) -> Option<Tally> {
        let said: HashMap<u16, usize> =
            open(crowd).map(|client| (client.number(), client.flooded() as usize)).collect();
        if said.is_empty() {
            return None;
        }
        let mut tally = Tally::default();
        for client in open(crowd) {
            let due: usize = said.iter().filter(|(number, _)| **number != client.number()).map(|(_, said)| said).sum();
            tally.due += due;
            let mut heard: HashMap<u16, (Vec<bool>, u32)> = HashMap::new();
            let mut came = 0;
            for &(sender, seq) in client.receiver.flood.iter().filter(|(sender, _)| *sender != client.number()) {
                let Some(&said) = said.get(&sender) else { continue };
                let (seen, last) = heard.entry(sender).or_insert_with(|| (vec![false; said], 0));
                match seen.get_mut(seq as usize) {
                    Some(seen) if !*seen => {
                        *seen = true;
                        came += 1;
                    }
                    _ => tally.double += 1,
                }
                tally.reordered += usize::from(seq < *last);
                *last = seq;
            }
            tally.missing += due - came;
        }
        Some(tally)
    }
}

/// How often two members heard what both heard in different orders; the first pair of which that is so.
fn other_order(crowd: &Crowd) -> Option<usize> {
    let members: Vec<&TestClient> = open(crowd).collect();
    let heard = |who: &'_ TestClient, other: &TestClient| -> Vec<(u16, u32)> {
        let is_theirs = |sender: u16| sender == who.number() || sender == other.number();
        let is_open = |sender: u16| members.iter().any(|client| client.number() == sender);
        let heard = who.receiver.flood.iter().copied();
        heard.filter(|&(sender, _)| is_open(sender) && !is_theirs(sender)).collect()
    };
    members[1..].iter().find_map(|other| {
        let (first, second) = (heard(members[0], other), heard(other, members[0]));
        let differ = first.iter().zip(&second).filter(|(a, b)| a != b).count();
        (differ > 0).then_some(differ)
    })
}

/// A line that takes longer than this beside a flood is late, and one that takes so many times as long as without.
const LATE: Duration = Duration::from_millis(1500);
const LATE_TIMES: u32 = 50;
/// How long a server may be behind with a flood that has ended.
const CATCH_UP: Duration = Duration::from_secs(6);
/// More than buffers hold: what was read from one and not yet told to the others. Bytes.
const QUEUED: u64 = 32 << 20;

pub fn firehose(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    let mut worst = None;
    // What is seen once may be the machine's doing.
    for _ in 0..2 {
        crowd.leave();
        *crowd = arena.guests(3)?;
        let quiet = crowd.round_trips(10).into_iter().max().unwrap_or_default();
        let late = arena.scaled(LATE).max(quiet * LATE_TIMES);
        let Beside { mut times, unheard, still_moves, queued } = beside_a_firehose(arena, crowd);
        if crowd.members.iter().any(|client| !client.is_open()) {
            arena.remark("beside one who sends without pause, somebody is closed");
            return Ok(());
        }
        let queue_or_turns: &[Cause] = match queued {
            true => &[Cause::UnboundedQueue, Cause::Unfair],
            false => &[Cause::Unfair, Cause::UnboundedQueue],
        };
        if unheard > 0 && !still_moves {
            return Err(fault(
                &[Cause::Unfair, Cause::ShortWriteDropped, Cause::FramingByRead, Cause::UnboundedQueue],
                format!("one sent without pause, and {unheard} lines of another were not heard"),
            ));
        }
        if unheard > 0 {
            return Err(fault(
                queue_or_turns,
                format!(
                    "one sent without pause, and {unheard} lines of another were not heard {:.1} s later, when the flood was \
                     still told",
                    arena.scaled(CATCH_UP).as_secs_f64()
                ),
            ));
        }
        times.sort();
        let Some(&p99) = times.get(times.len() * 99 / 100) else { return Ok(()) };
        if p99 <= late {
            return Ok(());
        }
        worst = Some((p99, quiet, queue_or_turns));
    }
    let Some((p99, quiet, causes)) = worst else { return Ok(()) };
    Err(fault(
        causes,
        format!(
            "one sent without pause, and the others' lines took {:.1} s (99th percentile); {:.1} ms at most before",
            p99.as_secs_f64(),
            quiet.as_secs_f64() * 1e3
        ),
    ))
}

/// How long the lines of client 0 took to client 1 while client 2 sent without pause.
struct Beside {
    times: Vec<Duration>,
    /// How many did not come.
    unheard: usize,
    /// Something came to the last.
    still_moves: bool,
    /// The server's memory has grown with the flood.
    queued: bool,
}

fn beside_a_firehose(arena: &Arena, crowd: &mut Crowd) -> Beside {
    let memory = |arena: &Arena| arena.memory().unwrap_or(0);
    let before = memory(arena);
    crowd.members[2].start_flood(Flood { lines: u32::MAX, len: arena.baseline.line_len });
    let begin = Instant::now();
    let mut pings: Vec<(Probe, Instant)> = Vec::new();
    while begin.elapsed() < arena.scaled(Duration::from_millis(1200)) {
        if pings.last().is_none_or(|(_, at)| at.elapsed() > Duration::from_millis(20)) {
            let probe = crowd.members[0].say(Kind::Line, crate::harness::SHORT);
            pings.push((probe, Instant::now()));
        }
        crowd.turn(Duration::from_millis(5));
        crowd.members.iter_mut().for_each(|client| client.receiver.forget_flood());
    }
    crowd.members[2].end_flood();
    let queued = memory(arena).saturating_sub(before) > QUEUED;
    let (ended, limit) = (Instant::now(), arena.scaled(CATCH_UP));
    crowd.wait_while_it_moves(|crowd| {
        pings.iter().all(|(probe, _)| crowd.has_heard(1, *probe)) || ended.elapsed() > limit
    });
    let receiver = &crowd.members[1].receiver;
    let times =
        pings.iter().filter_map(|(probe, at)| Some(receiver.arrival(*probe)?.at.saturating_duration_since(*at)));
    let times: Vec<Duration> = times.collect();
    let still_moves = receiver.last_byte.is_some_and(|at| at.elapsed() < Duration::from_millis(500));
    Beside { unheard: pings.len() - times.len(), times, still_moves, queued }
}
