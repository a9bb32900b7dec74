//! Backpressure: which clients have to wait for others, which are disconnected because they do not read, and the timers
//! for both.

use super::*;
use crate::chat::limits::{ALLOWANCE_LEAST, ALLOWANCE_MEMORY_MAX, MEMORY_MAX, PRIVATE_SHARE, TURN_MAX};

impl Connections {
    // Time.

    /// Sets the time to `now`, but never back.
    pub(crate) fn tick(&mut self, now: Instant) {
        let now = now.max(self.at.now);
        self.at = Conditions::new(now, self.open);
        self.check_memory();
        // An allowance may have come back.
        self.resume();
        if self.timers.is_empty() {
            return;
        }
        for id in self.timers.iter().collect::<Vec<_>>() {
            let Some(connection) = self.table.get_mut(id) else { continue };
            if connection.deadline().is_some_and(|at| at <= now) {
                if !connection.is_open() {
                    self.close(id);
                    continue;
                }
                // Whether it takes bytes is found out by trying, not by waiting for an event: a socket is reported
                // writable when a third of its buffer is free, and a slow reader may need longer than a stall's time
                // for that.
                connection.outbox.unblock();
                self.dirty.insert(id);
            }
            self.update_blocking(id);
        }
    }

    /// When [`Connections::tick`] has to be called at the latest, if nothing else happens.
    pub(crate) fn first_timer(&self) -> Option<Instant> {
        let timers = self.timers.iter().filter_map(|id| self.table.get(id)?.deadline());
        let allowances = self.paused.iter().filter_map(|id| self.resumed_by(id));
        timers.chain(allowances).min()
    }

    // Evictions.

    /// Updates a connection after a write.
    pub(super) fn after_write(&mut self, id: Id) {
        self.check_memory();
        self.stop_waiting_for(id);
        let Some(connection) = self.table.get_mut(id) else { return };
        if connection.outbox.is_empty() {
            if connection.is_open() {
                self.timers.remove(id);
                self.update_blocking(id);
            } else {
                self.close(id);
            }
            return;
        }
        self.timers.insert(id);
        self.update_blocking(id);
        self.judge(id);
    }

    /// Returns whether a connection has to be evicted: this one because it does not read, or any because memory is
    /// short.
    pub(super) fn judge(&mut self, id: Id) -> bool {
        if self.table.get(id).is_some_and(|connection| connection.is_hopeless(self.at.now)) {
            self.hopeless = Some(id);
        }
        self.must_evict()
    }

    /// Whether [`Connections::next_eviction`] returns a connection.
    #[inline]
    pub(crate) fn must_evict(&self) -> bool {
        self.hopeless.is_some() || self.memory() > MEMORY_MAX
    }

    /// A connection that has to be evicted, and why. [`Connections::leave`] must be called for it before the next one
    /// is asked for.
    ///
    /// When memory is short, these are the connections that take most of it, until all together are within the
    /// limit. The outboxes of connections that are leaving, and bytes that a writer has carried off, cannot be cut:
    /// such connections are closed at once.
    pub(crate) fn next_eviction(&mut self) -> Option<(Id, Reason)> {
        if let Some(id) = self.hopeless.take()
            && let Some(connection) = self.table.get(id).filter(|connection| connection.is_open())
        {
            return Some((self.known(id), Reason::TooSlow(connection.outbox.len())));
        }
        while self.memory() > MEMORY_MAX {
            let (id, largest) = self.table.iter().max_by_key(|(_, connection)| connection.memory())?;
            if largest.is_open() {
                return Some((id, Reason::MemoryFull(largest.memory())));
            }
            self.close(id);
        }
        None
    }

    // Waiting.

    /// Whether there is a connection with an outbox above the high-water mark.
    #[inline]
    pub(crate) fn some_block(&self) -> bool {
        !self.blockers.is_empty()
    }

    /// Whether others cannot keep up with a connection, so that its allowance counts: a connection other than itself has an outbox
    /// above the high-water mark; or it has filled an outbox up to the private mark, its own or that of one that it whispers to.
    pub(crate) fn is_paced(&self, id: Id) -> bool {
        self.blockers.len() > usize::from(self.blockers.contains(id))
            || self
                .table
                .get(id)
                .and_then(|connection| connection.fills.as_deref())
                .is_some_and(|filled| self.is_above_private_mark(*filled))
    }

    /// Whether the input of a connection is held back: others cannot keep up with it, and it has used up its allowance; it
    /// sends more lines than the rate permits; or it has to wait for the log.
    pub(in crate::chat) fn must_wait(&self, id: Id) -> bool {
        let Some(connection) = self.table.get(id).filter(|connection| connection.is_open()) else { return false };
        let ready_at = connection.allowance.ready_at(self.least_spent(), self.open);
        let has_allowance = !self.memory_is_short && ready_at.is_some_and(|at| at <= self.at.now);
        let is_fast = self.throttle.ready_at(id).is_some_and(|at| at > self.at.now);
        is_fast || (!has_allowance && self.is_paced(id)) || connection.waits_for_log || self.log_is_full
    }

    /// Whether connections may have to wait although the others keep up: a rate is set, or there is a log.
    #[inline]
    pub(crate) fn has_rate(&self) -> bool {
        self.throttle.has_rate() || self.has_log
    }

    /// A line of a connection was handled: it counts for the rate.
    pub(crate) fn count_line(&mut self, id: Id) {
        self.throttle.count(id, self.at.now);
    }

    /// Takes off a connection's allowance what it has caused.
    pub(crate) fn spend(&mut self, id: Id, bytes: usize) {
        if let Some(connection) = self.table.get_mut(id) {
            connection.allowance.spend(bytes, self.at.now, self.open);
        }
    }

    /// Notes whose outbox a connection fills: that of the one that its last line addressed.
    pub(crate) fn note_addressed(&mut self, id: Id) {
        let Some(addressed) = self.addressed.take().filter(|addressed| self.is_above_private_mark(*addressed)) else {
            return;
        };
        if let Some(connection) = self.table.get_mut(id) {
            connection.fills = Some(Box::new(addressed));
        }
    }

    fn is_above_private_mark(&self, id: Id) -> bool {
        let private_mark = self.at.high_water / PRIVATE_SHARE;
        self.table.get(id).is_some_and(|connection| connection.is_open() && connection.outbox.held() > private_mark)
    }

    /// Keeps input of an open connection until it may be said. An [`Effect::Resume`] tells when.
    pub(crate) fn hold_back(&mut self, id: Id, input: &[u8]) {
        let Some(connection) = self.table.get_mut(id).filter(|connection| connection.is_open()) else { return };
        connection.held_back.extend_from_slice(input);
        self.unhandled += input.len();
        self.pause(id);
    }

    fn pause(&mut self, id: Id) {
        let filled = self.table.get(id).and_then(|connection| connection.fills.as_deref().copied());
        if let Some(filled) = filled.and_then(|filled| self.table.get_mut(filled)) {
            filled.is_waited_for = true;
        }
        self.paused.insert(id);
    }

    /// Whether input of a connection is held back.
    #[inline]
    pub(crate) fn holds_back(&self, id: Id) -> bool {
        // The first test is for the common case.
        self.unhandled > 0 && self.table.get(id).is_some_and(|connection| !connection.held_back.is_empty())
    }

    /// Takes out what is held back of a connection, if it need not wait any more. If it must, it is resumed later.
    pub(crate) fn release(&mut self, id: Id) -> Option<Vec<u8>> {
        self.check_memory();
        if self.must_wait(id) {
            self.pause(id);
            return None;
        }
        let connection = self.table.get_mut(id)?;
        self.paused.remove(id);
        let input = std::mem::take(&mut connection.held_back);
        self.unhandled -= input.len();
        Some(input)
    }

    /// The part of an allowance that has to be left for a connection to go on. Less would be a wake-up for a few bytes. Bytes.
    pub(crate) fn least_spent(&self) -> usize {
        ALLOWANCE_LEAST.min(Allowance::most(self.open))
    }

    /// Whether a connection has input that is held back, and was not resumed yet.
    pub(crate) fn is_paused(&self, id: Id) -> bool {
        self.paused.contains(id)
    }

    /// The number of connections that are paused.
    pub(crate) fn paused(&self) -> usize {
        self.paused.len()
    }

    /// When a paused connection is resumed at the latest: its allowance is large enough then, and the rate permits a line.
    /// `None` for one that is not paused, or that has to wait until the others keep up or something has come back from the log.
    pub(crate) fn resumed_by(&self, id: Id) -> Option<Instant> {
        let connection = self.table.get(id).filter(|_| self.is_paused(id))?;
        if connection.waits_for_log || self.log_is_full {
            return None;
        }
        let by_rate = self.throttle.ready_at(id);
        if by_rate.is_some() && !self.is_paced(id) {
            return by_rate;
        }
        let by_allowance = connection.allowance.ready_at(self.least_spent(), self.open);
        // Without the first there is no time: it waits until the others keep up.
        by_allowance.filter(|_| !self.memory_is_short).map(|at| by_rate.map_or(at, |by_rate| at.max(by_rate)))
    }

    /// Memory that all connections take: their outboxes, and their input that has not been handled. Bytes.
    pub(in crate::chat) fn memory(&self) -> usize {
        self.queued + self.unhandled
    }

    /// Notes whether memory is short. When it is not any more, allowances count again.
    pub(super) fn check_memory(&mut self) {
        let is_short = self.memory() > ALLOWANCE_MEMORY_MAX;
        if std::mem::replace(&mut self.memory_is_short, is_short) && !is_short {
            self.resume();
        }
    }

    /// Resumes those that have filled a connection's outbox, if it is below the private mark.
    fn stop_waiting_for(&mut self, id: Id) {
        let is_below = !self.is_above_private_mark(id);
        let Some(connection) = self.table.get_mut(id).filter(|connection| connection.is_waited_for && is_below) else {
            return;
        };
        connection.is_waited_for = false;
        self.resume();
    }

    pub(super) fn update_blocking(&mut self, id: Id) {
        let at = self.at;
        let is_blocking = self
            .table
            .get(id)
            .is_some_and(|connection| connection.is_open() && connection.outbox.holds_others_back(at));
        if is_blocking {
            self.blockers.insert(id);
        } else if self.blockers.remove(id) {
            self.resume();
        }
    }

    /// Resumes the connections that need not wait any more, in the order in which they were paused.
    pub(super) fn resume(&mut self) {
        if self.paused.is_empty() {
            return;
        }
        let resumed: Vec<Id> = self.paused.iter().filter(|id| !self.must_wait(*id)).collect();
        for id in resumed {
            self.paused.remove(id);
            self.effects.push_back(Effect::Resume(id));
        }
    }

    /// Whether another client may be read from in this turn: all outboxes could take what was said so far, even if no
    /// socket takes a byte of it, nor of the bytes that are lent.
    pub(crate) fn turn_has_room(&self) -> bool {
        const LEAST: usize = 16 << 10;
        let (said, room) = (self.log.len(), MEMORY_MAX.saturating_sub(self.memory() + self.lent));
        said < LEAST || (said < TURN_MAX && said * self.open < room)
    }
}
