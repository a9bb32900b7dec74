//! The outbox: what a member's socket has not taken yet, and the limits on its length and age.
//!
//! A write may be short because the peer's receive buffer and our send buffer are full. The rest waits here. Its
//! length, and the time since the last byte was taken, decide whether the other members wait for this one
//! (backpressure) or whether it is disconnected.

use crate::chat::limits::*;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// The time and the limits with which an outbox is checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    pub now: Instant,
    /// Above this the others wait for the outbox's member. Bytes.
    pub high_water: usize,
    /// Below this they no longer wait. Bytes.
    pub low_water: usize,
}

impl Conditions {
    /// The conditions in a room with this many members. In a large room the marks are lower, because all outboxes
    /// together have a limit.
    pub(crate) fn new(now: Instant, members: usize) -> Conditions {
        let high_water = share(members).min(OUTBOX_HIGH_WATER);
        Conditions { now, high_water, low_water: high_water / 2 }
    }
}

/// Bytes for one member, in order. Holds memory only while it holds bytes.
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    /// The number of bytes at the start of `bytes` that have been taken already.
    head: usize,
    /// Bytes that a writer has carried off and not accounted for yet.
    in_flight: usize,
    /// The part of `in_flight` that comes from the turn's log. All writers share its memory, and no socket has refused
    /// it yet, so it counts against the limits only once the writer reports that it was not taken.
    lent: usize,
    /// The last write was short: the socket is full until it is reported writable.
    blocked: bool,
    /// When the last byte was taken, or when the first one began to wait.
    taken_at: Instant,
    /// From when the high-water mark is passed until the outbox is below the low-water mark. Most outboxes never need it.
    above: Option<Box<Above>>,
}

/// What is known of an outbox above the high-water mark.
struct Above {
    since: Instant,
    /// Bytes taken since then.
    taken: usize,
    /// Since when no byte was taken, if that has been for [`STALL_AFTER`].
    stalled_since: Option<Instant>,
    /// When the last write was tried.
    tried_at: Instant,
}

impl Outbox {
    pub(crate) fn new(now: Instant) -> Outbox {
        Outbox { bytes: Vec::new(), head: 0, in_flight: 0, lent: 0, blocked: false, taken_at: now, above: None }
    }

    /// Bytes not taken yet, including those in flight.
    pub(crate) fn len(&self) -> usize {
        self.waiting().len() + self.in_flight
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that count against the limits: all but those that are lent.
    pub(crate) fn held(&self) -> usize {
        self.len() - self.lent
    }

    /// Bytes of the turn's log that a writer has carried off.
    pub(crate) fn lent(&self) -> usize {
        self.lent
    }

    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether no bytes are pending, so that new bytes may be written without going through the outbox.
    pub(crate) fn is_clear(&self) -> bool {
        self.bytes.is_empty() && self.in_flight == 0
    }

    /// Whether a writer has carried off bytes and not accounted for them.
    pub(crate) fn is_in_flight(&self) -> bool {
        self.in_flight > 0
    }

    /// What is to be written next.
    pub(crate) fn waiting(&self) -> &[u8] {
        &self.bytes[self.head..]
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Whether a write may be tried: none is under way, and the last one was not short.
    pub(crate) fn may_be_written(&self) -> bool {
        !self.blocked && self.in_flight == 0
    }

    /// Whether the senders should wait for this member. Either it is above the mark and still takes bytes, or it is
    /// stalled and its outbox grows faster than allowed.
    pub(crate) fn holds_others_back(&self, at: Conditions) -> bool {
        let Some(above) = &self.above else { return false };
        match above.stalled_since {
            None => true,
            Some(since) => {
                let grown_for = at.now.saturating_duration_since(since).as_millis() as usize;
                self.held() > 2 * at.high_water + STALLED_GROWTH / 1000 * grown_for
            }
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], at: Conditions) {
        if bytes.is_empty() {
            return;
        }
        if self.is_empty() {
            self.taken_at = at.now;
        }
        // Moving the rest to the front pays off once at least half has been taken: amortized, a byte moves once.
        if self.head >= self.bytes.len() - self.head {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
        self.bytes.extend_from_slice(bytes);
        self.measure(at);
    }

    /// A writer that [pushes](Outbox::push) all that it is given.
    pub(crate) fn writer(&mut self, at: Conditions) -> Writer<'_> {
        Writer { outbox: self, at }
    }

    /// Gives all waiting bytes to a writer, together with `lent` bytes of the turn's log. The writer must account for
    /// all of them by [`Outbox::settle_flight`]. Do not call it while bytes are in flight: two writers would mix up the
    /// order.
    pub(crate) fn carry_off(&mut self, lent: usize, at: Conditions) -> Vec<u8> {
        if self.is_empty() {
            self.taken_at = at.now;
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.drain(..std::mem::take(&mut self.head));
        self.in_flight = bytes.len() + lent;
        self.lent = lent;
        bytes
    }

    /// `taken` of the bytes in flight have been taken, or all if they are fewer.
    pub(crate) fn settle_flight(&mut self, taken: usize, at: Conditions) {
        let taken = taken.min(self.in_flight);
        self.in_flight -= taken;
        self.lent = 0;
        self.note_write(taken, at);
        // Bytes added meanwhile have not been offered to the socket, so it has not refused them.
        self.blocked = self.in_flight > 0;
    }

    /// Removes the first `taken` waiting bytes, or all if they are fewer: the socket took them.
    pub(crate) fn consume(&mut self, taken: usize) {
        self.head = self.head.saturating_add(taken).min(self.bytes.len());
        if self.head == self.bytes.len() {
            self.bytes = Vec::new();
            self.head = 0;
        }
    }

    /// A write was tried: the socket took `taken` bytes and not the rest.
    pub(crate) fn note_write(&mut self, taken: usize, at: Conditions) {
        if taken > 0 {
            self.taken_at = at.now;
            if let Some(above) = &mut self.above {
                above.taken += taken;
                above.stalled_since = None;
            }
        }
        self.blocked = !self.is_empty();
        self.measure(at);
        if let Some(above) = &mut self.above {
            above.tried_at = at.now;
            if at.now.saturating_duration_since(self.taken_at) >= STALL_AFTER {
                above.stalled_since.get_or_insert(self.taken_at + STALL_AFTER);
            }
        }
    }

    /// The socket may take bytes again, or it is time to try.
    pub(crate) fn unblock(&mut self) {
        self.blocked = false;
    }

    /// When this outbox has to be checked, if no byte is taken until then. `None` while a write may be tried: then the
    /// result of the write decides, not the time.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if !self.blocked {
            return None;
        }
        let end = self.end_of_patience();
        Some(match &self.above {
            Some(above) if above.stalled_since.is_some() => end.min(above.tried_at + PROBE_EVERY),
            Some(_) => end.min(self.taken_at + STALL_AFTER),
            None => end,
        })
    }

    /// Whether its member must be disconnected. Time counts only against a member whose socket refused bytes: a server
    /// that was itself stopped for a while has to try a write first.
    pub(crate) fn is_hopeless(&self, now: Instant) -> bool {
        let too_late = self.blocked && self.end_of_patience() <= now;
        let is_stalled = self.above.as_ref().is_some_and(|above| above.stalled_since.is_some());
        let too_much = is_stalled && self.len() >= OUTBOX_MAX;
        too_late || too_much
    }

    fn end_of_patience(&self) -> Instant {
        match &self.above {
            None => self.taken_at + PATIENCE_BELOW,
            Some(above) => {
                let earned = Duration::from_secs_f64(above.taken as f64 / READER_RATE as f64);
                self.taken_at.min(above.since + earned) + PATIENCE_ABOVE
            }
        }
    }

    /// Discards the waiting bytes except for the rest of the first line, which may have been taken in part. A last
    /// message follows.
    pub(crate) fn cut(&mut self, at: Conditions) {
        let keep = match self.in_flight {
            0 => memchr::memchr(b'\n', self.waiting()).map_or(0, |at| at + 1),
            _ => 0, // What is in flight ends with a line.
        };
        self.bytes = self.waiting()[..keep].to_vec();
        self.head = 0;
        self.measure(at);
    }

    /// Restarts the timeout.
    pub(crate) fn give_time(&mut self, now: Instant) {
        self.taken_at = now;
    }

    pub(crate) fn taken_at(&self) -> Instant {
        self.taken_at
    }

    fn measure(&mut self, at: Conditions) {
        if self.held() >= at.high_water {
            let above = || Box::new(Above { since: at.now, taken: 0, stalled_since: None, tried_at: at.now });
            self.above.get_or_insert_with(above);
        } else if self.held() < at.low_water {
            self.above = None;
        }
    }
}

/// Writes to an outbox, which takes everything.
pub(crate) struct Writer<'a> {
    outbox: &'a mut Outbox,
    at: Conditions,
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbox.push(bytes, self.at);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const LOW: usize = OUTBOX_HIGH_WATER / 2;

    fn at(now: Instant) -> Conditions {
        Conditions::new(now, 6)
    }

    #[test]
    fn a_member_that_takes_nothing_stalls_and_then_is_hopeless() {
        let start = Instant::now();
        let mut outbox = Outbox::new(start);
        outbox.push(&vec![b'x'; OUTBOX_HIGH_WATER], at(start));
        outbox.note_write(0, at(start));
        assert!(outbox.holds_others_back(at(start)));
        assert_eq!(outbox.deadline(), Some(start + STALL_AFTER));

        let later = start + STALL_AFTER;
        outbox.note_write(0, at(later));
        assert!(!outbox.holds_others_back(at(later)) && !outbox.is_hopeless(later));
        assert_eq!(outbox.deadline(), Some(later + PROBE_EVERY));
        outbox.note_write(0, at(start + PATIENCE_ABOVE - MS));
        assert_eq!(outbox.deadline(), Some(start + PATIENCE_ABOVE));
        assert!(outbox.is_hopeless(start + PATIENCE_ABOVE));

        outbox.push(&vec![b'x'; OUTBOX_MAX - OUTBOX_HIGH_WATER], at(later));
        assert!(outbox.is_hopeless(later), "the maximum is reached");
    }

    #[test]
    fn one_byte_ends_a_stall_but_a_trickle_does_not_save() {
        let start = Instant::now();
        let mut outbox = Outbox::new(start);
        outbox.push(&vec![b'x'; OUTBOX_HIGH_WATER], at(start));
        outbox.note_write(0, at(start));
        outbox.note_write(0, at(start + STALL_AFTER));
        let mut now = start + STALL_AFTER;
        while now < start + PATIENCE_ABOVE {
            assert!(!outbox.is_hopeless(now));
            outbox.consume(1);
            outbox.note_write(1, at(now));
            assert!(outbox.holds_others_back(at(now)));
            now += 50 * MS;
        }
        assert!(outbox.is_hopeless(start + PATIENCE_ABOVE + MS));
    }

    #[test]
    fn below_the_low_mark_all_is_forgiven() {
        let start = Instant::now();
        let mut outbox = Outbox::new(start);
        outbox.push(&vec![b'x'; OUTBOX_HIGH_WATER], at(start));
        outbox.note_write(0, at(start));
        outbox.consume(OUTBOX_HIGH_WATER - LOW + 1);
        outbox.note_write(OUTBOX_HIGH_WATER - LOW + 1, at(start + 50 * MS));
        assert!(!outbox.holds_others_back(at(start + 50 * MS)));
        assert!(!outbox.is_hopeless(start + PATIENCE_BELOW));
        assert!(outbox.is_hopeless(start + 50 * MS + PATIENCE_BELOW));
    }

    #[test]
    fn one_writer_at_a_time() {
        let now = Instant::now();
        let mut outbox = Outbox::new(now);
        outbox.push(b"one\n", at(now));
        assert_eq!(outbox.carry_off(0, at(now)), b"one\n");
        outbox.push(b"two\n", at(now));
        assert!(outbox.is_in_flight() && !outbox.may_be_written(), "the first writer is still under way");
        outbox.settle_flight(3, at(now));
        assert_eq!((outbox.is_in_flight(), outbox.len()), (true, 5));
        outbox.settle_flight(1, at(now));
        assert_eq!(outbox.carry_off(0, at(now)), b"two\n");
    }

    #[test]
    fn who_took_all_that_was_offered_is_not_blamed_for_what_came_meanwhile() {
        let start = Instant::now();
        let mut outbox = Outbox::new(start);
        outbox.push(b"one\n", at(start));
        assert_eq!(outbox.carry_off(0, at(start)), b"one\n");
        outbox.push(&vec![b'x'; OUTBOX_HIGH_WATER], at(start));
        let later = start + PATIENCE_ABOVE;
        outbox.settle_flight(4, at(later));
        assert!(!outbox.is_blocked() && !outbox.is_hopeless(later), "the writer was slow, not the member");
    }

    #[test]
    fn what_was_taken_is_forgotten_though_there_is_always_more() {
        let now = Instant::now();
        let mut outbox = Outbox::new(now);
        outbox.push(&[b'x'; 1000], at(now));
        for _ in 0..100 {
            outbox.push(&[b'x'; 1000], at(now));
            outbox.consume(1000);
        }
        assert!((1000..5000).contains(&outbox.capacity()), "{} bytes are kept", outbox.capacity());
    }

    #[test]
    fn a_cut_leaves_whole_lines() {
        let now = Instant::now();
        let mut outbox = Outbox::new(now);
        outbox.push(b"first\nsecond\n", at(now));
        outbox.consume(3);
        outbox.cut(at(now));
        assert_eq!(outbox.waiting(), b"st\n");
    }
}
