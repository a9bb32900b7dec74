//! Newcomers: they have a seat, and the others have not heard of them yet.
//!
//! Programs that speak another protocol connect, too: browsers, scanners, ssh. Their first bytes show it: see
//! [`opening`](super::connections::opening). So a newcomer is greeted and announced with its first line, or when it has been silent
//! for [`OPENING_PATIENCE`], which a person does not notice. A stranger is turned away before that, and nobody in the room learns
//! that it was there.
//!
//! A newcomer whose first line asks for a name is announced under that name. If the name is taken, it is greeted, but it has a
//! moment more before it is announced: it may leave.

use super::id::Id;
use super::limits::{NICK_PATIENCE, OPENING_EVERY, OPENING_PATIENCE, OPENINGS_AT_ONCE};
use super::rate::{Account, Rate};
use crate::chat::peer::Peer;
use std::collections::VecDeque;
use std::time::Instant;

/// How many wait.
const WAITS: Rate = Rate { at_once: OPENINGS_AT_ONCE, every: OPENING_EVERY };

/// All newcomers.
pub(super) struct Newcomers {
    /// In the order in which they came.
    queue: VecDeque<Newcomer>,
    waits: Account,
}

pub(super) struct Newcomer {
    pub id: Id,
    /// When it is announced at the latest.
    until: Instant,
    /// `None` if it is greeted.
    pub arrival: Option<Arrival>,
}

/// What the room has to know when a newcomer enters.
pub(super) struct Arrival {
    pub peer: Peer,
    /// The earlier messages that it gets. Nothing was said since: everybody enters before a line is said.
    pub replay: Vec<u8>,
}

impl Newcomers {
    pub(super) fn new(now: Instant) -> Newcomers {
        Newcomers { queue: VecDeque::new(), waits: Account::new(now) }
    }

    /// Whether one that comes at the time `now` is to wait. In a crowd not everybody does: if clients come one after the other, each
    /// when the one before is greeted, the waits would add up.
    pub(super) fn may_wait(&mut self, now: Instant) -> bool {
        self.waits.pay(WAITS, now)
    }

    /// A client came at the time `now`.
    pub(super) fn push(&mut self, id: Id, now: Instant, arrival: Arrival) {
        self.queue.push_back(Newcomer { id, until: now + OPENING_PATIENCE, arrival: Some(arrival) });
    }

    /// A newcomer that was greeted at the time `now` has asked for a name, and may leave if it does not get it.
    pub(super) fn push_greeted(&mut self, id: Id, now: Instant) {
        self.queue.push_back(Newcomer { id, until: now + NICK_PATIENCE, arrival: None });
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Removes the first one.
    pub(super) fn pop(&mut self) -> Option<Newcomer> {
        self.queue.pop_front()
    }

    /// Removes one whose time is over by `now`.
    pub(super) fn pop_over(&mut self, now: Instant) -> Option<Newcomer> {
        let at = self.queue.iter().position(|newcomer| newcomer.until <= now)?;
        self.queue.remove(at)
    }

    /// Removes this one.
    pub(super) fn remove(&mut self, id: Id) -> Option<Newcomer> {
        let at = self.queue.iter().position(|newcomer| newcomer.id == id)?;
        self.queue.remove(at)
    }

    /// When this one is announced at the latest.
    pub(super) fn until(&self, id: Id) -> Option<Instant> {
        self.queue.iter().find(|newcomer| newcomer.id == id).map(|newcomer| newcomer.until)
    }

    /// Whether this one is not greeted.
    #[cfg(any(test, feature = "fuzz"))]
    pub(super) fn is_outside(&self, id: Id) -> bool {
        self.queue.iter().any(|newcomer| newcomer.id == id && newcomer.arrival.is_some())
    }

    /// When the first one is announced at the latest.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.queue.iter().map(|newcomer| newcomer.until).min()
    }
}
