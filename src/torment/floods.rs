//! Torments with clients that send as fast as they can.

use super::arena::{Arena, too_slow};
use super::cause::Cause;
use super::failure::{Outcome, doubt, fault};
use super::framing::split;
use super::messages;
use super::messages::floods as words;
use crate::harness::{Crowd, Flood, Probe, TestClient, Waited};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::HashMap;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The most lines that each client sends.
const LINES: u32 = 4000;
const LINE_LEN: usize = 120;

pub(crate) fn flood_all(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(6)?;
    let len = arena.len(LINE_LEN);
    for client in &mut crowd.members {
        client.start_flood(Flood::Probes { lines: LINES, len });
    }
    let flooding = arena.scaled(Duration::from_millis(1200));
    crowd.wait(flooding, |crowd| crowd.members.iter().all(|client| client.has_said_all()));
    crowd.members.iter_mut().for_each(|client| client.end_flood());
    // After the last line of a sender, none of its earlier lines arrives.
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
            return Err(doubt(&[Cause::WouldBlockIsAnError, Cause::ErrorEndsFanOut], words::ALL_CLOSED));
        }
        // The server may limit how fast a client sends, or how far behind it reads.
        arena.remark(words::some_closed(closed, crowd.count()));
    }
    let tally = FloodTally::of(crowd).unwrap_or_default();
    let mangled: usize = crowd.members.iter().map(|client| client.receiver.mangled).sum();
    if mangled > 0 {
        let text = crowd.members.iter().find_map(|client| client.receiver.first_mangled.clone()).unwrap_or_default();
        let causes: &[Cause] = match split(arena, crowd) {
            Ok(Some(_)) => &[Cause::FramingByRead],
            _ if arena.baseline.thread_each => {
                &[Cause::InterleavedWrites, Cause::ShortWriteDropped, Cause::FramingByRead]
            }
            _ => &[Cause::ShortWriteDropped, Cause::InterleavedWrites, Cause::FramingByRead],
        };
        return Err(fault(causes, words::damaged(mangled, &text)));
    }
    // Lines that come twice end the wait early, so others may still be under way.
    if tally.double > 0 {
        return Err(fault(&[Cause::Duplicates], words::twice(tally.double, tally.due)));
    }
    if tally.missing > 0 && waited == Waited::Moving {
        return Err(too_slow(tally.due - tally.missing, tally.due));
    }
    if tally.missing > 0 {
        let seen = words::missing(tally.missing, tally.due);
        let heard = |crowd: &Crowd| crowd.members.iter().map(|client| client.receiver.flood.len()).sum();
        return Err(match arena.left_unread(crowd, heard) {
            Some(left) => fault(arena.why_unread(), messages::both(&seen, &left)),
            None => {
                fault(&[Cause::Loses, Cause::ShortWriteDropped, Cause::DroppedWhenFull, Cause::FramingByRead], seen)
            }
        });
    }
    if tally.reordered > 0 {
        return Err(fault(&[Cause::Reorders], words::reordered(tally.reordered, tally.due)));
    }
    match other_order(crowd) {
        Some(count) => Err(doubt(&[Cause::NoOneOrder], words::other_order(count))),
        None => Ok(()),
    }
}

/// Whether as many lines have arrived as were sent; which ones is not checked.
fn all_came(crowd: &Crowd) -> bool {
    let said: usize = open(crowd).map(|client| client.flooded() as usize).sum();
    open(crowd).all(|client| {
        let came = client.receiver.flood.iter().filter(|(sender, _)| *sender != client.number()).count();
        came >= said - client.flooded() as usize
    })
}

/// Clients that were not closed. The server may not have read all that a closed client sent.
fn open(crowd: &Crowd) -> impl Iterator<Item = &TestClient> {
    crowd.members.iter().filter(|client| client.is_open())
}

/// What all clients have received of a flood, compared with what was sent.
#[derive(Clone, Copy, Default, Debug)]
struct FloodTally {
    due: usize,
    missing: usize,
    double: usize,
    reordered: usize,
}

impl FloodTally {
    /// `None` if all clients were closed.
    fn of(crowd: &Crowd) -> Option<FloodTally> {
        let said: HashMap<u16, usize> =
            open(crowd).map(|client| (client.number(), client.flooded() as usize)).collect();
        if said.is_empty() {
            return None;
        }
        let mut tally = FloodTally::default();
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

/// The number of places where two clients received the same lines in different orders, for the first such pair.
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

/// How long the flood lasts, and how long if lines look late: a server that makes them wait until the flood ends shows
/// that only in a long one.
const FLOODING: Duration = Duration::from_millis(1200);
const FLOODING_ON: Duration = Duration::from_secs(4);
/// A line looks late if it takes longer than this, and [`LOOKS_LATE_TIMES`] times as long as without the flood.
const LOOKS_LATE: Duration = Duration::from_millis(250);
const LOOKS_LATE_TIMES: u32 = 10;
/// During a flood a line is late if it takes longer than this, and [`LATE_TIMES`] times as long as without the flood.
const LATE: Duration = Duration::from_millis(1500);
const LATE_TIMES: u32 = 50;
/// The same for half of the lines: a busy machine delays some of them, but not half.
const LATE_MEDIAN: Duration = Duration::from_millis(200);
/// How often it is tried until it shows something.
const HOSE_RUNS: usize = 4;
/// Bytes that are sent in one write.
const HOSE_LEN: usize = 64 << 10;
/// How long a server may need to relay the rest of a flood that has ended.
const CATCH_UP: Duration = Duration::from_secs(6);
/// Growth of memory that no buffer explains: the flood is queued. Bytes.
pub(crate) const QUEUED: u64 = 32 << 20;

pub(crate) fn firehose(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    let (mut worst, mut late_runs) = (None, 0);
    for _ in 0..HOSE_RUNS {
        crowd.leave();
        *crowd = arena.guests(3)?;
        let mut quiet = crowd.round_trips(12);
        quiet.sort();
        let quiet_max = quiet.last().copied().unwrap_or_default();
        // A busy machine delays a few of them, so the slowest says little.
        let quiet = quiet.get(quiet.len() * 3 / 4).copied().unwrap_or_default();
        let late = arena.scaled(LATE).max(quiet * LATE_TIMES);
        let Beside { mut times, unheard, still_moves, queued } = beside_a_firehose(arena, crowd, quiet);
        let is_closed = crowd.members.iter().any(|client| !client.is_open());
        if is_closed && times.iter().all(|time| *time <= late) {
            if arena.remarks.is_empty() {
                arena.remark(words::BESIDE_A_FLOOD_CLOSED);
            }
            // A server may close whoever floods, or reads too slowly, as ours do if the machine is busy.
            if !crowd.members[2].is_open() {
                return Ok(());
            }
            continue;
        }
        let queue_or_turns: &[Cause] = match queued {
            true => &[Cause::UnboundedQueue, Cause::Unfair],
            false => &[Cause::Unfair, Cause::UnboundedQueue],
        };
        if unheard > 0 && !is_closed && !still_moves {
            return Err(fault(
                &[Cause::Unfair, Cause::ShortWriteDropped, Cause::FramingByRead, Cause::UnboundedQueue, Cause::Loses],
                words::beside_lost(unheard),
            ));
        }
        if unheard > 0 && !is_closed {
            return Err(fault(queue_or_turns, words::beside_late(unheard, arena.scaled(CATCH_UP))));
        }
        times.sort();
        let Some(&p99) = times.get(times.len() * 99 / 100) else { return Ok(()) };
        let late_median = arena.scaled(LATE_MEDIAN).max(quiet * LATE_TIMES);
        if p99 <= late && times[times.len() / 2] <= late_median {
            return Ok(());
        }
        worst = Some((p99, quiet_max, queue_or_turns));
        late_runs += 1;
        // A single late line may be caused by a busy machine.
        if late_runs == 2 {
            break;
        }
    }
    let Some((p99, quiet_max, causes)) = worst else { return Ok(()) };
    Err(fault(causes, words::beside_slow(p99, quiet_max)))
}

/// The times that the lines of client 0 took to client 1 while client 2 sent without pause.
#[derive(Default)]
struct Beside {
    times: Vec<Duration>,
    /// The number of lines that did not arrive.
    unheard: usize,
    /// Client 1 still received something at the end.
    still_moves: bool,
    /// The server's memory has grown with the flood.
    queued: bool,
}

fn beside_a_firehose(arena: &Arena, crowd: &mut Crowd, quiet: Duration) -> Beside {
    let memory = |arena: &Arena| arena.memory().unwrap_or(0);
    let before = memory(arena);
    let line = crowd.members[2].filler(arena.baseline.line_len);
    let lines = line.repeat(HOSE_LEN / line.len());
    let mut pings: Vec<(Probe, Instant)> = Vec::new();
    let is_over = AtomicBool::new(false);
    let Ok(hose) = crowd.members[2].stream.try_clone() else { return Beside::default() };
    std::thread::scope(|scope| {
        scope.spawn(|| pour(&hose, &lines, &is_over));
        ping(arena, crowd, quiet, &mut pings);
        is_over.store(true, Ordering::Relaxed);
    });
    let queued = memory(arena).saturating_sub(before) > QUEUED;
    let (ended, limit) = (Instant::now(), arena.scaled(CATCH_UP));
    crowd.wait_while_it_moves(|crowd| {
        let is_closed = crowd.members.iter().any(|client| !client.is_open());
        is_closed || pings.iter().all(|(probe, _)| crowd.has_heard(1, *probe)) || ended.elapsed() > limit
    });
    let receiver = &crowd.members[1].receiver;
    let times =
        pings.iter().filter_map(|(probe, at)| Some(receiver.arrival(*probe)?.at.saturating_duration_since(*at)));
    let times: Vec<Duration> = times.collect();
    let still_moves = receiver.last_byte.is_some_and(|at| at.elapsed() < Duration::from_millis(500));
    Beside { unheard: pings.len() - times.len(), times, still_moves, queued }
}

/// Sends these lines again and again until it is over. It has a thread of its own, so that the flood has no gap while
/// the other clients read.
fn pour(mut stream: &TcpStream, lines: &[u8], is_over: &AtomicBool) {
    let mut at = 0;
    while !is_over.load(Ordering::Relaxed) {
        match stream.write(&lines[at..]) {
            Ok(len) => at = (at + len) % lines.len(),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                let timeout = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
                let _ = poll(&mut [PollFd::new(stream, PollFlags::OUT)], Some(&timeout));
            }
            // The server has closed it, which the client's own read finds.
            Err(_) => return,
        }
    }
}

/// Client 0 sends lines until the flood ends.
fn ping(arena: &Arena, crowd: &mut Crowd, quiet: Duration, pings: &mut Vec<(Probe, Instant)>) {
    let begin = Instant::now();
    let looks_late = arena.scaled(LOOKS_LATE).max(quiet * LOOKS_LATE_TIMES);
    let (mut flooding, mut unheard) = (arena.scaled(FLOODING), 0);
    while begin.elapsed() < flooding && crowd.members.iter().all(|client| client.is_open()) {
        if pings.last().is_none_or(|(_, at)| at.elapsed() > Duration::from_millis(20)) {
            let probe = crowd.says(0);
            pings.push((probe, Instant::now()));
        }
        crowd.turn(Duration::from_millis(5));
        if pings.get(unheard).is_some_and(|(_, at)| at.elapsed() > looks_late) {
            flooding = arena.scaled(FLOODING_ON);
        }
        while pings.get(unheard).is_some_and(|(probe, _)| crowd.has_heard(1, *probe)) {
            unheard += 1;
        }
    }
}
