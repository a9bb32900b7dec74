//! Torments with clients that read slowly or not at all while others flood.

use super::acquaint::acquaint;
use super::arena::{Arena, COLLECTOR_MEMORY_MIN, too_slow};
use super::arrivals::Arrivals;
use super::cause::Cause;
use super::deadlock::deadlock;
use super::failure::{Failure, Outcome, fault, proven};
use super::messages;
use super::messages::floods::{self as words, BadReader};
use crate::harness::{Crowd, Flood, Probe, Reading, Waited};
use std::time::{Duration, Instant};

const FLOODER: usize = 0;
const TALKER: usize = 1;
/// The chat is frozen if no line arrives for this long. A server may make senders wait for a moment.
const FROZEN: Duration = Duration::from_secs(4);
/// If the client that did not read was the cause, the others go on within this time after it reads again.
const FREED: Duration = Duration::from_millis(1500);
const PING_EVERY: Duration = Duration::from_millis(40);
/// A receive buffer that fills quickly. Bytes.
const NARROW: usize = 4 << 10;
/// The number of bytes that must be pending for the client that does not read before a queue without a limit can be
/// seen, and more if one is suspected. The kernel's buffers hold some MiB. Bytes.
const PENDING: u64 = 24 << 20;
const PENDING_LEAST: u64 = 6 << 20;
const PENDING_SUSPICIOUS: u64 = 96 << 20;
const PENDING_COLLECTED: u64 = 384 << 20;
/// Memory that has grown by less shows no queue. Bytes.
const GROWN: u64 = 20 << 20;

pub(crate) fn stuck_reader(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    beside(arena, crowd, Reading::Never, BadReader::Never)
}

pub(crate) fn trickle_reader(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    beside(arena, crowd, Reading::at(2048.0), BadReader::Trickle)
}

/// Lines that are sent to measure the time until they arrive.
struct Pings {
    said: Vec<(Probe, Instant)>,
    /// The index of the first line after the last one that has arrived. Lines before that are late or lost, but the chat
    /// is not frozen.
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
        let hearer = self.hearer;
        self.look(|probe| crowd.has_heard(hearer, probe));
    }

    fn look(&mut self, has_heard: impl Fn(Probe) -> bool) {
        let newest = self.said[self.unheard..].iter().rposition(|(probe, _)| has_heard(*probe));
        self.unheard += newest.map_or(0, |newest| newest + 1);
    }

    /// For how long no line has arrived that was under way.
    fn waits(&self) -> Duration {
        self.said.get(self.unheard).map_or(Duration::ZERO, |(_, at)| at.elapsed())
    }
}

/// One client floods and one talks, beside a client that reads as `reading` tells.
fn beside(arena: &mut Arena, crowd: &mut Crowd, reading: Reading, what: BadReader) -> Outcome {
    let bad = with_one_more(arena, crowd, NARROW)?;
    crowd.members[bad].reading = reading;
    let mut queue = QueueWatch::new(arena.memory());
    let mut pings = Pings::new(FLOODER);
    crowd.members[FLOODER].start_flood(Flood::Probes { lines: u32::MAX, len: arena.baseline.line_len });
    let begin = Instant::now();
    let (heard, taken) = (crowd.members[TALKER].receiver.total, crowd.members[bad].receiver.total);
    let pending = |crowd: &Crowd| {
        (crowd.members[TALKER].receiver.total - heard).saturating_sub(crowd.members[bad].receiver.total - taken)
    };
    let frozen = arena.scaled(FROZEN);
    while !queue.has_shown_itself(pending(crowd), begin.elapsed().div_f64(arena.settings.time)) {
        crowd.turn(Duration::from_millis(5));
        pings.go_on(crowd);
        if pings.waits() > frozen {
            return Err(everybody_waits(arena, crowd, bad, what, &pings));
        }
        if !crowd.members[FLOODER].is_open() || !crowd.members[TALKER].is_open() {
            break;
        }
        queue.look(pending(crowd), arena);
        // Only new lines matter; the memory of earlier ones would grow.
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
        return Err(fault(&[Cause::WouldBlockIsAnError, Cause::ErrorEndsFanOut], words::talker_closed(what)));
    }
    if !crowd.members[FLOODER].is_open() {
        arena.remark(words::flooder_closed(what));
        return Ok(());
    }
    if let Some(failure) = queue_failure {
        if !grows_without(arena, crowd, bad) {
            return Err(failure);
        }
        arena.remark(words::KEEPS_ALL_LINES);
        return Ok(());
    }
    the_flooder_is_heard(crowd, bad, what, begin, frozen * 4)?;
    if pending(crowd) < PENDING_LEAST && queue.still_moved() {
        let mib = pending(crowd) as f64 / f64::from(1 << 20);
        return Err(Failure::Skip(messages::too_slow_for_mib(mib)));
    }
    Ok(())
}

/// Whether memory grows as much when the client that does not read has left. Then the server keeps all lines, as a
/// history, and not those that are pending for one client.
fn grows_without(arena: &Arena, crowd: &mut Crowd, bad: usize) -> bool {
    crowd.take(bad).reset();
    crowd.go_on(Duration::from_millis(200));
    let heard = crowd.members[TALKER].receiver.total;
    let before = arena.memory();
    crowd.members[FLOODER].start_flood(Flood::Probes { lines: u32::MAX, len: arena.baseline.line_len });
    let (begin, limit) = (Instant::now(), arena.scaled(Duration::from_secs(3)));
    let relayed = |crowd: &Crowd| crowd.members[TALKER].receiver.total - heard;
    while relayed(crowd) < PENDING && begin.elapsed() < limit && crowd.members[FLOODER].is_open() {
        crowd.turn(Duration::from_millis(5));
        crowd.members.iter_mut().for_each(|client| client.receiver.forget_flood());
    }
    crowd.members[FLOODER].end_flood();
    let grown = before.zip(arena.memory()).map_or(0, |(before, now)| now.saturating_sub(before));
    relayed(crowd) > PENDING_LEAST && grown * 2 > relayed(crowd)
}

/// With a thread for each client only the flooder's thread may block: the kernel still takes short lines of others long
/// after it has refused a long one.
fn the_flooder_is_heard(crowd: &mut Crowd, bad: usize, what: BadReader, since: Instant, limit: Duration) -> Outcome {
    let last = crowd.says(FLOODER);
    let (patience, mut told, mut at) = (crowd.patience, 0, Instant::now());
    // While the talker receives something, the rest of the flood is under way.
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
        true => Err(proven(&[Cause::BlockingWrite, Cause::LockAcrossWrite], words::flooder_waits(what))),
        false => Ok(()),
    }
}

/// Two or three clients, and a last one with a receive buffer of `receive_buffer` bytes.
fn with_one_more(arena: &mut Arena, crowd: &mut Crowd, receive_buffer: usize) -> Result<usize, Failure> {
    *crowd = arena.guests((arena.baseline.seats - 1).clamp(2, 3))?;
    let patience = arena.patience();
    arena.join_within(crowd, patience, Some(receive_buffer))?;
    Ok(crowd.count() - 1)
}

/// The failure when no ping has arrived for too long. If a new client can still talk, the cause is a blocking write and
/// not a lock.
fn everybody_waits(arena: &mut Arena, crowd: &mut Crowd, bad: usize, what: BadReader, pings: &Pings) -> Failure {
    let waited = pings.waits();
    crowd.members[FLOODER].end_flood();
    // A server that is only far behind goes on relaying the flood.
    crowd.go_on(Duration::from_millis(300));
    let told = crowd.members[TALKER].receiver.total;
    crowd.go_on(Duration::from_millis(300));
    if crowd.members[TALKER].receiver.total > told {
        return fault(&[Cause::UnboundedQueue, Cause::Unfair], words::line_behind_flood(what, waited));
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
    // The client reads again, which releases the others. It does not reset, because some servers would not survive
    // that.
    let before = pings.unheard;
    crowd.members[bad].reading = Reading::Eagerly;
    let waits = pings.said.get(before).map(|&(probe, _)| probe);
    let freed = crowd.wait(FREED, |crowd| waits.is_none_or(|probe| crowd.has_heard(FLOODER, probe)));
    if arena.server.as_mut().is_some_and(|server| server.ended().is_some()) {
        return Failure::Silence(messages::NO_LINES);
    }
    let seen = words::everybody_waits(what, waited, freed);
    if let Some(deadlock) = deadlock(arena, crowd).filter(|_| !freed) {
        return proven(&[Cause::Deadlock], messages::both(&seen, &deadlock));
    }
    let causes: &[Cause] = match (arena.baseline.thread_each, newcomer_is_heard) {
        (true, false) => &[Cause::LockAcrossWrite],
        (true, true) => &[Cause::BlockingWrite, Cause::LockAcrossWrite],
        (false, _) => &[Cause::BlockingWrite],
    };
    proven(causes, seen)
}

/// Watches the server's memory while more and more bytes are pending for a client.
struct QueueWatch {
    before: Option<u64>,
    looked: Instant,
    /// Pairs of pending bytes and the growth of memory, in the order of time. Bytes.
    grown: Vec<(u64, u64)>,
}

impl QueueWatch {
    fn new(before: Option<u64>) -> QueueWatch {
        QueueWatch { before, looked: Instant::now(), grown: Vec::new() }
    }

    fn look(&mut self, pending: u64, arena: &Arena) {
        if self.looked.elapsed() > Duration::from_millis(50) {
            self.looked = Instant::now();
            let grown = self.before.zip(arena.memory()).map_or(0, |(before, now)| now.saturating_sub(before));
            self.grown.push((pending, grown));
        }
    }

    /// Something was relayed in the last half second.
    fn still_moved(&self) -> bool {
        let Some(&(now, _)) = self.grown.last() else { return true };
        let then = self.grown.iter().rev().nth(10);
        then.is_none_or(|&(then, _)| now > then)
    }

    fn is_collected(&self) -> bool {
        self.before > Some(COLLECTOR_MEMORY_MIN)
    }

    fn is_suspicious(&self) -> bool {
        self.grown.last().is_some_and(|&(pending, grown)| grown > 4 << 20 && grown * 3 > pending)
    }

    /// Whether enough bytes are pending, or the time is over.
    fn has_shown_itself(&self, pending: u64, elapsed: Duration) -> bool {
        let (goal, seconds) = match (self.is_suspicious(), self.is_collected()) {
            (false, _) if pending < PENDING_LEAST && self.still_moved() => (PENDING, 7),
            (false, _) => (PENDING, 3),
            // A busy machine needs longer until enough is pending.
            (true, false) if self.grown.last().is_some_and(|(_, grown)| *grown < GROWN) && self.still_moved() => {
                (PENDING_SUSPICIOUS, 12)
            }
            (true, false) => (PENDING_SUSPICIOUS, 6),
            (true, true) => (PENDING_COLLECTED, 8),
        };
        pending > goal || elapsed > Duration::from_secs(seconds)
    }

    fn fault(&self, what: BadReader) -> Option<Failure> {
        let &(pending, grown) = self.grown.last()?;
        let least = if self.is_collected() { 96 << 20 } else { GROWN };
        // It must also have grown to the end: memory that is allocated once is not a queue.
        let &(pending_half, grown_half) = self.grown.iter().find(|(at, _)| *at > pending / 2)?;
        let still_grows = (grown.saturating_sub(grown_half)) * 2 > pending.saturating_sub(pending_half);
        (grown > least && grown * 2 > pending && still_grows)
            .then(|| proven(&[Cause::UnboundedQueue], words::queue_grows(what, grown, pending)))
    }
}

/// The bytes that are sent to a slow reader at first: more than the kernel's buffers hold.
const SLOW_FLOOD: usize = 6 << 20;
/// What is sent after that: several times the speed of the reader. Bytes per second.
const SLOW_FLOOD_RATE: f64 = 8e6;
/// How fast the slow reader reads at most. Bytes per second.
const SLOW_RATE: f64 = 2e6;
/// It reads this much slower than the server relays, or nothing would ever be pending for it on a slow machine.
const SLOWER: f64 = 4.0;
/// How long the server's own speed is measured.
const MEASURED: Duration = Duration::from_millis(300);
/// If the number of pending bytes grows by less than this in this time, the kernel's buffers are full. Bytes.
const GROWTH_MIN: u64 = 128 << 10;
const FULL: Duration = Duration::from_millis(400);
const SLICE: Duration = Duration::from_millis(20);
/// A few hellos may have reached one client before counting began, and the other one after. Bytes.
const NOT_OF_THE_FLOOD: u64 = 8 << 10;

pub(crate) fn slow_reader(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    let slow = with_one_more(arena, crowd, 8 << 10)?;
    let len = arena.baseline.line_len;
    crowd.members[slow].reading = Reading::at(SLOW_RATE);
    let before = [TALKER, slow].map(|who| crowd.members[who].receiver.total);
    // The first flood fills the kernel's buffers. Later ones exceed again and again what the slow client reads, so that
    // its socket becomes full at many different places of a line.
    crowd.members[FLOODER].start_flood(Flood::Probes { lines: (SLOW_FLOOD / (len + 1)) as u32, len });
    let begin = Instant::now();
    let (slowly, measured) = (arena.scaled(Duration::from_millis(1500)), arena.scaled(MEASURED));
    let mut backlog = BacklogWatch { full: arena.scaled(FULL), most: 0, grew: begin };
    let is_over = |crowd: &Crowd| !crowd.members[slow].is_open() || !crowd.members[FLOODER].is_open();
    let mut is_too_fast = true;
    while begin.elapsed() < slowly || backlog.grows() && begin.elapsed() < slowly * 4 {
        if crowd.wait(SLICE, is_over) {
            break;
        }
        let [relayed, read] =
            [(TALKER, before[0]), (slow, before[1])].map(|(who, at)| crowd.members[who].receiver.total - at);
        backlog.look(relayed.saturating_sub(read));
        if is_too_fast && begin.elapsed() > measured {
            is_too_fast = false;
            let rate = relayed as f64 / begin.elapsed().as_secs_f64() / SLOWER;
            crowd.members[slow].reading = Reading::at(rate.min(SLOW_RATE));
        }
        if crowd.members[FLOODER].has_said_all() {
            let bytes = SLOW_FLOOD_RATE * SLICE.as_secs_f64();
            crowd.members[FLOODER].start_flood(Flood::Probes { lines: (bytes / (len + 1) as f64) as u32, len });
        }
    }
    let was_never_full = backlog.grows() && !is_over(crowd);
    // Then the slow reader catches up.
    crowd.members[FLOODER].end_flood();
    crowd.members[slow].reading = Reading::Eagerly;
    let said = crowd.members[FLOODER].flooded();
    // After the last line no earlier one arrives.
    let last = crowd.says(FLOODER);
    let is_done = |crowd: &Crowd, who: usize| crowd.has_heard(who, last) || !crowd.members[who].is_open();
    let all_done = |crowd: &Crowd| is_done(crowd, TALKER) && is_done(crowd, slow);
    let waited = crowd.wait_while_it_moves(|crowd| all_done(crowd) || begin.elapsed() > slowly * 8);
    let is_cut_short = waited != Waited::Still && !all_done(crowd);
    if !crowd.members[FLOODER].is_open() {
        arena.remark(words::FLOODER_CLOSED);
        return Ok(());
    }
    let (eager, receiver) = (&crowd.members[TALKER].receiver, &crowd.members[slow].receiver);
    let has_gap = |flood: &[(u16, u32)]| flood.windows(2).any(|pair| pair[1].1 != pair[0].1 + 1);
    let gap = has_gap(&receiver.flood);
    let is_open = crowd.members[slow].is_open();
    if eager.mangled > 0 {
        let text = eager.first_mangled.clone().unwrap_or_default();
        // Both should get the same number of bytes, however lines are cut.
        let less = (eager.total - before[0]).saturating_sub(receiver.total - before[1]);
        if is_open && less > NOT_OF_THE_FLOOD {
            return Err(fault(&[Cause::ShortWriteDropped], words::slow_got_less(less)));
        }
        return Err(fault(
            &[Cause::InterleavedWrites, Cause::FramingByRead, Cause::ShortWriteDropped],
            words::all_damaged(&text),
        ));
    }
    let lacks = eager.flood.len().saturating_sub(receiver.flood.len());
    if receiver.mangled > 0 && (is_open || gap) {
        let text = receiver.first_mangled.clone().unwrap_or_default();
        return Err(fault(&[Cause::ShortWriteDropped], words::slow_got_pieces(lacks, said, receiver.mangled, &text)));
    }
    let arrivals = Arrivals::of(&eager.flood);
    if arrivals.double > 0 {
        return Err(fault(&[Cause::Duplicates], words::twice(arrivals.double, said as usize)));
    }
    if arrivals.reordered > 0 && !arrivals.has_gaps {
        return Err(fault(&[Cause::Reorders], words::reordered(arrivals.reordered, said as usize)));
    }
    if arrivals.has_gaps {
        // Everybody lacks lines, so the slow reading is not the cause.
        return Err(fault(&[Cause::Loses], words::ALL_HAVE_GAPS));
    }
    if !gap && is_cut_short {
        return Err(too_slow(receiver.flood.len(), said as usize));
    }
    if gap || (is_open && lacks > 0) {
        return Err(fault(&[Cause::DroppedWhenFull, Cause::ShortWriteDropped], words::slow_has_gap(lacks, said)));
    }
    if !is_open {
        arena.remark(words::slow_disconnected(receiver.total));
    }
    if was_never_full {
        return Err(Failure::Skip(messages::too_slow_for_mib(backlog.most as f64 / f64::from(1 << 20))));
    }
    Ok(())
}

/// Watches how many bytes are pending for the slow reader, until the server has nowhere to put more.
struct BacklogWatch {
    full: Duration,
    most: u64,
    /// When there were more than ever before.
    grew: Instant,
}

impl BacklogWatch {
    fn look(&mut self, pending: u64) {
        if pending > self.most + GROWTH_MIN {
            (self.most, self.grew) = (pending, Instant::now());
        }
    }

    /// Whether the kernel's buffers may still take more. A server that makes senders wait stops growing early.
    fn grows(&self) -> bool {
        self.grew.elapsed() < self.full && self.most < SLOW_FLOOD as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Kind;

    #[test]
    fn a_chat_that_has_lost_a_line_is_not_frozen() {
        let probe = |seq: u32| Probe { kind: Kind::Line, sender: 1, seq };
        let ago = |ms: u64| Instant::now().checked_sub(Duration::from_millis(ms)).expect("the machine runs for longer");
        let mut pings = Pings::new(FLOODER);
        pings.said = vec![(probe(0), ago(9000)), (probe(1), ago(8000)), (probe(2), ago(7000)), (probe(3), ago(10))];
        pings.look(|probe| probe.seq == 0);
        assert!(pings.waits() > FROZEN);
        // Line 1 is lost.
        pings.look(|probe| [0, 2].contains(&probe.seq));
        assert!(pings.waits() < FROZEN);
        pings.look(|_| true);
        assert_eq!(pings.waits(), Duration::ZERO);
    }
}
