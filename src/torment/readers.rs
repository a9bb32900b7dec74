//! Who reads slowly, hardly, or not at all, while others flood.

use super::acquaint::acquaint;
use super::arena::{Arena, RUNTIME};
use super::cause::Cause;
use super::failure::{Failure, Outcome, fault, proven};
use crate::harness::{Crowd, Flood, Probe, Reading};
use std::time::{Duration, Instant};

const FLOODER: usize = 0;
const TALKER: usize = 1;
/// Who does not hear anybody for so long is frozen. Servers that hold everybody back for a moment are not.
const FROZEN: Duration = Duration::from_secs(4);
/// When who did not read reads on, the others go on within this, if it was for that.
const FREED: Duration = Duration::from_millis(1500);
const PING_EVERY: Duration = Duration::from_millis(40);
/// A receive buffer that fills at once. Bytes.
const NARROW: usize = 4 << 10;
/// What is owed to one who does not read, until a queue that grows with it has shown itself; and as much again if it seems
/// to. The kernel's own buffers hold some MiB.
const OWED: u64 = 24 << 20;
const OWED_LEAST: u64 = 6 << 20;
const OWED_SUSPICIOUS: u64 = 96 << 20;
const OWED_COLLECTED: u64 = 384 << 20;

pub fn stuck_reader(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    beside(arena, crowd, Reading::Never)
}

pub fn trickle_reader(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    beside(arena, crowd, Reading::Slowly { per_second: 2048.0, since: Instant::now(), taken: 0.0 })
}

/// Lines that somebody says to see when they are heard.
struct Pings {
    said: Vec<(Probe, Instant)>,
    /// The first that has not been heard yet.
    unheard: usize,
    hearer: usize,
}

impl Pings {
    fn new(hearer: usize) -> Pings {
        Pings { said: Vec::new(), unheard: 0, hearer }
    }

    fn go_on(&mut self, crowd: &mut Crowd) {
        if self.said.last().is_none_or(|(_, at)| at.elapsed() > PING_EVERY) && crowd.members[TALKER].is_open() {
            let probe = crowd.says(TALKER);
            self.said.push((probe, Instant::now()));
        }
        while let Some(&(probe, _)) = self.said.get(self.unheard)
            && crowd.has_heard(self.hearer, probe)
        {
            self.unheard += 1;
        }
    }

    /// How long the oldest that is not heard yet has been on its way.
    fn waits(&self) -> Duration {
        self.said.get(self.unheard).map_or(Duration::ZERO, |(_, at)| at.elapsed())
    }
}

/// A pair talks and one floods beside somebody who reads in such a way.
fn beside(arena: &mut Arena, crowd: &mut Crowd, reading: Reading) -> Outcome {
    let bad = with_one_more(arena, crowd, NARROW)?;
    crowd.members[bad].reading = reading;
    let what = if reading == Reading::Never { "does not read" } else { "reads 2 KiB a second" };
    let mut queue = Queue::new(arena.memory());
    let mut pings = Pings::new(FLOODER);
    crowd.members[FLOODER].start_flood(Flood { lines: u32::MAX, len: arena.baseline.line_len });
    let begin = Instant::now();
    let (heard, taken) = (crowd.members[TALKER].receiver.total, crowd.members[bad].receiver.total);
    let owed = |crowd: &Crowd| {
        (crowd.members[TALKER].receiver.total - heard).saturating_sub(crowd.members[bad].receiver.total - taken)
    };
    let frozen = arena.scaled(FROZEN);
    while !queue.has_shown_itself(owed(crowd), begin.elapsed().div_f64(arena.settings.time)) {
        crowd.turn(Duration::from_millis(5));
        pings.go_on(crowd);
        if pings.waits() > frozen {
            return Err(everybody_waits(arena, crowd, bad, what, &pings));
        }
        if !crowd.members[FLOODER].is_open() || !crowd.members[TALKER].is_open() {
            break;
        }
        queue.look(owed(crowd), arena);
        // Only what is new counts.
        crowd.members.iter_mut().for_each(|client| client.receiver.forget_flood());
    }
    let queue_failure = queue.fault(what);
    crowd.members[FLOODER].end_flood();
    while pings.unheard < pings.said.len() && crowd.members[FLOODER].is_open() && crowd.members[TALKER].is_open() {
        crowd.turn(Duration::from_millis(5));
        if pings.waits() > frozen {
            return Err(match queue_failure {
                Some(failure) => failure,
                None => everybody_waits(arena, crowd, bad, what, &pings),
            });
        }
        pings.go_on(crowd);
        if begin.elapsed() > frozen * 4 {
            break;
        }
    }
    if !crowd.members[TALKER].is_open() {
        return Err(fault(
            &[Cause::WouldBlockIsAnError, Cause::ErrorEndsFanOut],
            format!("while one {what}, another who talked now and then was closed"),
        ));
    }
    if !crowd.members[FLOODER].is_open() {
        arena.remark(format!("while one {what}, the one who floods is closed"));
        return Ok(());
    }
    if let Some(failure) = queue_failure {
        return Err(failure);
    }
    the_flooder_is_heard(crowd, bad, what, begin, frozen * 4)?;
    if owed(crowd) < OWED_LEAST && queue.still_moved() {
        let mib = owed(crowd) as f64 / f64::from(1 << 20);
        return Err(Failure::Skip(format!("it relays too slowly: {mib:.1} MiB in the time; --time gives more")));
    }
    Ok(())
}

/// Where each client has a thread it may be the flooder's alone that waits: the kernel takes short lines of others for a long
/// time after it has refused a long one.
fn the_flooder_is_heard(crowd: &mut Crowd, bad: usize, what: &str, since: Instant, limit: Duration) -> Outcome {
    let last = crowd.says(FLOODER);
    let (patience, mut told, mut at) = (crowd.patience, 0, Instant::now());
    // While the talker is told something, the rest of the flood is on its way.
    let waits = |crowd: &Crowd| {
        !crowd.has_heard(TALKER, last) && crowd.members[FLOODER].is_open() && crowd.members[TALKER].is_open()
    };
    while waits(crowd) && at.elapsed() < patience && since.elapsed() < limit {
        crowd.turn(Duration::from_millis(10));
        if crowd.members[TALKER].receiver.total > told {
            (told, at) = (crowd.members[TALKER].receiver.total, Instant::now());
        }
    }
    if !waits(crowd) || at.elapsed() < patience {
        return Ok(());
    }
    let told = crowd.members[TALKER].receiver.total;
    crowd.members[bad].reading = Reading::Eagerly;
    match crowd.wait(FREED, |crowd| crowd.members[TALKER].receiver.total > told) {
        true => Err(proven(
            &[Cause::BlockingWrite, Cause::LockAcrossWrite],
            format!("while one {what}, nothing more came from the one who had flooded; when it read on, it did"),
        )),
        false => Ok(()),
    }
}

/// Two or three, and as the last one somebody with a buffer of its own size.
fn with_one_more(arena: &mut Arena, crowd: &mut Crowd, receive_buffer: usize) -> Result<usize, Failure> {
    *crowd = arena.guests((arena.baseline.seats - 1).clamp(2, 3))?;
    let patience = arena.patience();
    arena.join_within(crowd, patience, Some(receive_buffer))?;
    Ok(crowd.count() - 1)
}

/// Nobody has heard a ping for too long. Whether one who comes now is heard tells a lock from a write.
fn everybody_waits(arena: &mut Arena, crowd: &mut Crowd, bad: usize, what: &str, pings: &Pings) -> Failure {
    let waited = pings.waits().as_secs_f64();
    crowd.members[FLOODER].end_flood();
    // One that is only far behind with the flood goes on telling it.
    crowd.go_on(Duration::from_millis(300));
    let told = crowd.members[TALKER].receiver.total;
    crowd.go_on(Duration::from_millis(300));
    if crowd.members[TALKER].receiver.total > told {
        return fault(
            &[Cause::UnboundedQueue, Cause::Unfair],
            format!(
                "while one flooded and another {what}, a line was not heard for {waited:.1} s, and the flood went on"
            ),
        );
    }
    let mut newcomer_is_heard = true;
    if arena.baseline.thread_each && arena.baseline.seats > crowd.count() {
        newcomer_is_heard = match arena.connect() {
            Ok(newcomer) => {
                crowd.members.push(newcomer);
                let newcomer = crowd.count() - 1;
                let number = crowd.members[newcomer].number();
                let _ = acquaint(crowd, &[FLOODER, newcomer], Duration::from_millis(500));
                crowd.members[FLOODER].receiver.knows(number)
            }
            Err(_) => false,
        };
    }
    // It reads on, and that frees them: by no reset, for some do not survive that either.
    let before = pings.unheard;
    crowd.members[bad].reading = Reading::Eagerly;
    let waits = pings.said.get(before).map(|&(probe, _)| probe);
    let freed = crowd.wait(FREED, |crowd| waits.is_none_or(|probe| crowd.has_heard(FLOODER, probe)));
    if arena.server.as_mut().is_some_and(|server| server.ended().is_some()) {
        return Failure::Silence("nobody hears anybody".into());
    }
    let freed = if freed { "; when it read on, all went on" } else { "" };
    let seen = format!("while one {what}, nobody else heard anybody for {waited:.1} s{freed}");
    let causes: &[Cause] = match (arena.baseline.thread_each, newcomer_is_heard) {
        (true, false) => &[Cause::LockAcrossWrite],
        (true, true) => &[Cause::BlockingWrite, Cause::LockAcrossWrite],
        (false, _) => &[Cause::BlockingWrite],
    };
    proven(causes, seen)
}

/// Watches the server's memory while more and more is owed to somebody.
struct Queue {
    before: Option<u64>,
    looked: Instant,
    /// What was owed, and how much its memory had grown. Bytes.
    grown: Vec<(u64, u64)>,
}

impl Queue {
    fn new(before: Option<u64>) -> Queue {
        Queue { before, looked: Instant::now(), grown: Vec::new() }
    }

    fn look(&mut self, owed: u64, arena: &Arena) {
        if self.looked.elapsed() > Duration::from_millis(50) {
            self.looked = Instant::now();
            let grown = self.before.zip(arena.memory()).map_or(0, |(before, now)| now.saturating_sub(before));
            self.grown.push((owed, grown));
        }
    }

    /// More was relayed in the last half second.
    fn still_moved(&self) -> bool {
        let Some(&(now, _)) = self.grown.last() else { return true };
        let then = self.grown.iter().rev().nth(10);
        then.is_none_or(|&(then, _)| now > then)
    }

    fn is_collected(&self) -> bool {
        self.before > Some(RUNTIME)
    }

    fn is_suspicious(&self) -> bool {
        self.grown.last().is_some_and(|&(owed, grown)| grown > 4 << 20 && grown * 3 > owed)
    }

    /// Enough has been owed, or there is no more time.
    fn has_shown_itself(&self, owed: u64, elapsed: Duration) -> bool {
        let (goal, seconds) = match (self.is_suspicious(), self.is_collected()) {
            (false, _) if owed < OWED_LEAST && self.still_moved() => (OWED, 7),
            (false, _) => (OWED, 3),
            (true, false) => (OWED_SUSPICIOUS, 6),
            (true, true) => (OWED_COLLECTED, 8),
        };
        owed > goal || elapsed > Duration::from_secs(seconds)
    }

    fn fault(&self, what: &str) -> Option<Failure> {
        let &(owed, grown) = self.grown.last()?;
        let least = if self.is_collected() { 96 << 20 } else { 20 << 20 };
        // And it grew to the last: what it takes once is no queue.
        let &(owed_half, grown_half) = self.grown.iter().find(|(at, _)| *at > owed / 2)?;
        let still_grows = (grown.saturating_sub(grown_half)) * 2 > owed.saturating_sub(owed_half);
        (grown > least && grown * 2 > owed && still_grows).then(|| {
            proven(
                &[Cause::UnboundedQueue],
                format!(
                    "while one {what}, the server's memory grew with what was owed to it: {} MiB for {} MiB",
                    grown >> 20,
                    owed >> 20
                ),
            )
        })
    }
}

/// Bytes of the flood that come at once to a slow reader: more than the kernel keeps for it.
const SLOW_FLOOD: usize = 6 << 20;
/// And then: several times what it reads. Bytes a second.
const SLOW_FLOOD_RATE: f64 = 8e6;
const SLICE: Duration = Duration::from_millis(20);
/// A few hellos that one of two has heard before it was counted, and the other after. Bytes.
const NOT_OF_THE_FLOOD: u64 = 8 << 10;

pub fn slow_reader(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    let slow = with_one_more(arena, crowd, 8 << 10)?;
    let len = arena.baseline.line_len;
    crowd.members[slow].reading = Reading::Slowly { per_second: 2e6, since: Instant::now(), taken: 0.0 };
    let before = [TALKER, slow].map(|who| crowd.members[who].receiver.total);
    // At once what fills the kernel's buffers; then again and again more than the other reads, so that its socket is full at
    // many different places of a line.
    crowd.members[FLOODER].start_flood(Flood { lines: (SLOW_FLOOD / (len + 1)) as u32, len });
    let begin = Instant::now();
    let slowly = arena.scaled(Duration::from_millis(1500));
    let is_over = |crowd: &Crowd| !crowd.members[slow].is_open() || !crowd.members[FLOODER].is_open();
    while begin.elapsed() < slowly && !crowd.wait(SLICE, is_over) {
        if crowd.members[FLOODER].has_said_all() {
            let bytes = SLOW_FLOOD_RATE * SLICE.as_secs_f64();
            crowd.members[FLOODER].start_flood(Flood { lines: (bytes / (len + 1) as f64) as u32, len });
        }
    }
    // Then it catches up.
    crowd.members[FLOODER].end_flood();
    crowd.members[slow].reading = Reading::Eagerly;
    let said = crowd.members[FLOODER].flooded();
    // Who has heard the last line hears nothing more of what is before it.
    let last = crowd.says(FLOODER);
    let is_done = |crowd: &Crowd, who: usize| crowd.has_heard(who, last) || !crowd.members[who].is_open();
    crowd.wait_while_it_moves(|crowd| (is_done(crowd, TALKER) && is_done(crowd, slow)) || begin.elapsed() > slowly * 8);
    if !crowd.members[FLOODER].is_open() {
        arena.remark("while one reads slowly, the one who floods is closed");
        return Ok(());
    }
    let (eager, receiver) = (&crowd.members[TALKER].receiver, &crowd.members[slow].receiver);
    let gap = receiver.flood.windows(2).find(|pair| pair[1].1 != pair[0].1 + 1);
    let is_open = crowd.members[slow].is_open();
    if eager.mangled > 0 {
        let text = eager.first_mangled.clone().unwrap_or_default();
        // The same was said to both: who got less was robbed, however lines are cut.
        let less = (eager.total - before[0]).saturating_sub(receiver.total - before[1]);
        if is_open && less > NOT_OF_THE_FLOOD {
            return Err(fault(
                &[Cause::ShortWriteDropped],
                format!("one who reads 2 MB a second got {} KiB less than one who reads eagerly", less.div_ceil(1024)),
            ));
        }
        return Err(fault(
            &[Cause::InterleavedWrites, Cause::FramingByRead, Cause::ShortWriteDropped],
            format!("lines came cut, also to one who reads eagerly: \"{text}\""),
        ));
    }
    let lacks = eager.flood.len().saturating_sub(receiver.flood.len());
    if receiver.mangled > 0 && (is_open || gap.is_some()) {
        let text = receiver.first_mangled.clone().unwrap_or_default();
        return Err(fault(
            &[Cause::ShortWriteDropped],
            format!(
                "one who reads 2 MB a second lacks {lacks} of {said} lines and got pieces of {} others: \"{text}\"",
                receiver.mangled
            ),
        ));
    }
    if gap.is_some() || (is_open && lacks > 0) {
        return Err(fault(
            &[Cause::DroppedWhenFull, Cause::ShortWriteDropped],
            format!("one who reads 2 MB a second lacks {lacks} of {said} lines, and was not told"),
        ));
    }
    if !is_open {
        arena.remark(format!("one who reads 2 MB a second is disconnected after {} KiB", receiver.total >> 10));
    }
    Ok(())
}
