//! Backpressure: which clients have to wait for others, which are disconnected because they do not read, and the timers
//! for both.

use super::*;
use crate::chat::limits::{ALLOWANCE_READ, ALLOWANCE_TOTAL_MAX, OUTBOX_TOTAL_MAX, TURN_MAX};

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
        let Some(connection) = self.table.get_mut(id) else { return };
        if connection.outbox.is_empty() {
            connection.self_fed = false;
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
        self.hopeless.is_some() || self.queued > OUTBOX_TOTAL_MAX
    }

    /// A connection that has to be evicted, and why. [`Connections::leave`] must be called for it before the next one
    /// is asked for.
    ///
    /// When memory is short, these are the connections with the longest outboxes, until all together are within the
    /// limit. The outboxes of connections that are leaving, and bytes that a writer has carried off, cannot be cut:
    /// such connections are closed at once.
    pub(crate) fn next_eviction(&mut self) -> Option<(Id, Reason)> {
        if let Some(id) = self.hopeless.take()
            && let Some(connection) = self.table.get(id).filter(|connection| connection.is_open())
        {
            return Some((id, Reason::TooSlow(connection.outbox.len())));
        }
        while self.queued > OUTBOX_TOTAL_MAX {
            let (id, longest) = self.table.iter().max_by_key(|(_, connection)| connection.outbox.held())?;
            if longest.is_open() {
                return Some((id, Reason::MemoryFull(longest.outbox.len())));
            }
            self.close(id);
        }
        None
    }

    // Waiting.

    /// Whether a connection may not hand over this many bytes now. If so, an [`Effect::Resume`] reports when it may.
    #[inline]
    pub(crate) fn pause(&mut self, id: Id, bytes: impl FnOnce(&Connections) -> usize) -> bool {
        !self.blockers.is_empty() && self.pause_while_some_block(id, bytes(self))
    }

    fn pause_while_some_block(&mut self, id: Id, bytes: usize) -> bool {
        self.check_memory();
        let Some(connection) = self.table.get_mut(id) else { return false };
        connection.wanted = bytes;
        let waits = self.must_wait(id);
        if waits {
            self.paused.insert(id);
        }
        waits
    }

    /// The least that a driver is told to read. Bytes.
    pub(crate) fn least_read(&self) -> usize {
        ALLOWANCE_READ.min(Allowance::most(self.open))
    }

    /// Whether a connection was paused and has not been resumed yet.
    pub(crate) fn is_paused(&self, id: Id) -> bool {
        self.paused.contains(id)
    }

    /// When a paused connection is resumed at the latest: its allowance is large enough then. `None` for one that is not
    /// paused, or that has to wait until the others keep up.
    pub(crate) fn resumed_by(&self, id: Id) -> Option<Instant> {
        let connection = self.table.get(id).filter(|_| self.is_paused(id) && !self.memory_is_short)?;
        connection.allowance.ready_at(connection.wanted, self.open)
    }

    /// Whether a connection must wait: it has used up its allowance, and others cannot keep up, or it requests more output
    /// than it reads.
    pub(in crate::chat) fn must_wait(&self, id: Id) -> bool {
        let Some(connection) = self.table.get(id).filter(|connection| connection.is_open()) else { return false };
        let ready_at = connection.allowance.ready_at(connection.wanted, self.open);
        if !self.memory_is_short && ready_at.is_some_and(|at| at <= self.at.now) {
            return false;
        }
        let is_blocking = self.blockers.contains(id);
        let others = self.blockers.len() - usize::from(is_blocking);
        others > 0 || (connection.self_fed && is_blocking)
    }

    /// Notes whether memory is short. When it is not any more, allowances count again.
    pub(super) fn check_memory(&mut self) {
        let is_short = self.queued > ALLOWANCE_TOTAL_MAX;
        if std::mem::replace(&mut self.memory_is_short, is_short) && !is_short {
            self.resume();
        }
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
        let (said, room) = (self.log.len(), OUTBOX_TOTAL_MAX.saturating_sub(self.queued + self.lent));
        said < LEAST || (said < TURN_MAX && said * self.open < room)
    }
}
