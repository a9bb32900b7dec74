//! Output: the effects, the two ways to write, and the end of the turn.

use super::*;
use std::io::IoSlice;

/// A walk over all connections, in the order of their keys, that offers each what it has not read of the turn's log.
#[derive(Default)]
pub(super) struct Walk {
    /// The next key to look at.
    next: usize,
    /// Where the log ended when the walk began.
    log_end: u64,
}

impl Connections {
    /// The next effect in the common case, which is a write from the log. On `None`, call [`Connections::poll_effect`].
    #[inline]
    pub(crate) fn next_flush(&mut self) -> Option<Id> {
        if self.effects.is_empty() && self.dirty.is_empty() { self.walk() } else { None }
    }

    /// The next effect; `None` when there is none, or when a connection has to be evicted first.
    pub(crate) fn poll_effect(&mut self) -> Option<Effect> {
        if let Some(effect) = self.effects.pop_front() {
            return Some(effect);
        }
        if self.dirty.is_empty() && self.is_walked() && !self.are_encrypted() {
            return None;
        }
        loop {
            // Before any of them is written to: what is in flight then would keep the rest waiting.
            if let Some(id) = self.next_unencrypted() {
                if self.keep(id) {
                    return None;
                }
                continue;
            }
            if let Some(effect) = self.next_dirty().or_else(|| self.walk().map(Effect::Flush)) {
                return Some(effect);
            }
            // The walk stands at its end, or at a connection whose socket cannot take its unread bytes now.
            let (id, _) = self.table.at(self.walk.next)?;
            self.walk.next += 1;
            if self.keep(id) {
                return None;
            }
        }
    }

    /// A flush for a connection with bytes in its outbox that its socket may take.
    fn next_dirty(&mut self) -> Option<Effect> {
        while let Some(id) = self.dirty.pop() {
            let Some(connection) = self.table.get(id) else { continue };
            if !connection.is_open() && connection.outbox.is_empty() {
                // There was no last word for it: its handshake did not end.
                self.close(id);
                return self.effects.pop_front();
            }
            let has_some = !connection.outbox.is_clear() || self.log.has_unread(&connection.place);
            if has_some && connection.outbox.may_be_written() {
                return Some(Effect::Flush(id));
            }
        }
        None
    }

    /// Walks on to a connection with unread bytes in the log, and returns it if its socket may take them. If not, the
    /// walk stops at that connection. The walk ends when all connections were visited and the log has not grown
    /// meanwhile.
    #[inline]
    fn walk(&mut self) -> Option<Id> {
        loop {
            while self.walk.next < self.table.end() {
                if let Some((id, connection)) = self.table.at(self.walk.next)
                    && self.log.has_unread(&connection.place)
                {
                    if !connection.outbox.may_be_written() {
                        return None;
                    }
                    self.walk.next += 1;
                    return Some(id);
                }
                self.walk.next += 1;
            }
            if self.walk.log_end == self.log.end() {
                return None;
            }
            self.walk = Walk { next: 0, log_end: self.log.end() };
        }
    }

    /// Whether the walk has ended.
    fn is_walked(&self) -> bool {
        self.walk.next >= self.table.end() && self.walk.log_end == self.log.end()
    }

    /// The next encrypted connection that has not read all of the log: that has to be encrypted into its outbox.
    fn next_unencrypted(&mut self) -> Option<Id> {
        if !self.are_encrypted() {
            return None;
        }
        loop {
            while self.encrypted_walk.next < self.table.end() {
                let key = self.encrypted_walk.next;
                self.encrypted_walk.next += 1;
                if let Some((id, connection)) = self.table.at(key)
                    && self.log.has_unread(connection.read_to())
                {
                    return Some(id);
                }
            }
            if self.encrypted_walk.log_end == self.log.end() {
                return None;
            }
            self.encrypted_walk = Walk { next: 0, log_end: self.log.end() };
        }
    }

    /// Copies to a connection's outbox what its socket cannot take now. Returns whether a connection has to be evicted
    /// for that.
    #[inline(never)]
    fn keep(&mut self, id: Id) -> bool {
        if self.catch_up(id) {
            self.dirty.insert(id);
        }
        self.judge(id)
    }

    /// Whether [`Connections::poll_effect`] may have something to return.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.effects.is_empty() || !self.dirty.is_empty() || !self.log.is_empty()
    }

    /// The outbox of a connection, and its part of the log before and after its own lines.
    #[inline]
    pub(crate) fn gather(&self, id: Id) -> [IoSlice<'_>; 3] {
        match self.table.get(id) {
            // While bytes are in flight, these would overtake them.
            Some(connection) if !connection.outbox.is_in_flight() => {
                let (before, after) = self.log.unread(&connection.place);
                [IoSlice::new(connection.outbox.waiting()), IoSlice::new(before), IoSlice::new(after)]
            }
            _ => [IoSlice::new(&[]); 3],
        }
    }

    /// A write was tried, and the socket took `taken` bytes. Returns whether that was all of the log and the outbox was
    /// empty, so that nothing has to be kept: the common case. If not, call [`Connections::wrote_in_part`].
    #[inline]
    pub(crate) fn wrote_all(&mut self, id: Id, taken: usize) -> bool {
        let Some(connection) = self.table.get_mut(id) else { return true };
        let is_all = connection.outbox.is_clear() && taken == self.log.unread_len(&connection.place);
        if is_all {
            self.log.read_all(&mut connection.place);
        }
        is_all
    }

    /// A write was tried, and the socket took `taken` bytes; the rest is kept. A connection may have to be evicted for
    /// that.
    #[cold]
    pub(crate) fn wrote_in_part(&mut self, id: Id, taken: usize) {
        let Some(connection) = self.table.get_mut(id) else { return };
        if connection.outbox.is_in_flight() {
            return; // Nothing was gathered.
        }
        let at = self.at;
        let before = connection.outbox.held();
        let from_outbox = taken.min(connection.outbox.waiting().len());
        connection.outbox.consume(from_outbox);
        let mut from_log = taken - from_outbox;
        let (first, second) = self.log.unread(&connection.place);
        for part in [first, second] {
            let skip = from_log.min(part.len());
            from_log -= skip;
            connection.outbox.push(&part[skip..], at);
        }
        self.log.read_all(&mut connection.place);
        // Not more than was gathered.
        connection.outbox.note_write(taken - from_log, at);
        self.queued = self.queued - before + connection.outbox.held();
        self.after_write(id);
    }

    /// Whether a connection's socket did not take all of the last write.
    pub(crate) fn is_full(&self, id: Id) -> bool {
        self.table.get(id).is_some_and(|connection| connection.outbox.is_blocked())
    }

    /// All that a connection has not got, for a writer: its outbox, and its part of the log. `None` if there is
    /// nothing, or if an earlier flight is not accounted for.
    pub(crate) fn carry_off(&mut self, id: Id) -> Option<Flight> {
        let at = self.at;
        let connection = self.table.get_mut(id).filter(|connection| !connection.outbox.is_in_flight())?;
        let from_log = self.log.unread_len(&connection.place);
        if connection.outbox.is_empty() && from_log == 0 {
            return None;
        }
        let share = self.log.share_unread(&connection.place);
        self.log.read_all(&mut connection.place);
        self.lent += from_log;
        Some(Flight::new(connection.outbox.carry_off(from_log, at), share))
    }

    /// The socket took `taken` more of the bytes that were carried off. A connection may have to be evicted after that.
    pub(crate) fn carried(&mut self, id: Id, taken: usize) {
        let at = self.at;
        let Some(connection) = self.table.get_mut(id).filter(|it| it.outbox.is_in_flight()) else { return };
        let before = connection.outbox.held();
        self.lent -= connection.outbox.lent();
        connection.outbox.settle_flight(taken, at);
        self.queued = self.queued - before + connection.outbox.held();
        self.after_write(id);
    }

    /// A socket takes bytes again.
    pub(crate) fn writable(&mut self, id: Id) {
        if let Some(connection) = self.table.get_mut(id)
            && connection.outbox.is_blocked()
        {
            connection.outbox.unblock();
            self.dirty.insert(id);
        }
    }

    /// The connections with pending bytes, each with the number of bytes that are not accounted for as written.
    pub(crate) fn pending(&self) -> impl Iterator<Item = (Id, usize)> {
        let pending = |it: &Connection| it.outbox.len() + self.log.unread_len(&it.place);
        self.table.iter().map(move |(id, it)| (id, pending(it))).filter(|(_, bytes)| *bytes > 0)
    }

    /// A connection that has not got all of the log.
    fn left_out(&mut self) -> Option<Id> {
        let plain = self.table.iter().find(|(_, connection)| self.log.has_unread(&connection.place)).map(|(id, _)| id);
        plain.or_else(|| self.next_unencrypted())
    }

    /// Forgets the turn's log, and keeps it for connections that were not written to. Returns `false` when a connection
    /// has to be evicted first; then call it again.
    #[inline]
    #[must_use]
    pub(crate) fn end_turn(&mut self) -> bool {
        if self.log.is_empty() {
            return true;
        }
        // There are none if the driver has polled all effects and carried them out.
        while let Some(id) = self.left_out() {
            if self.keep(id) {
                return false;
            }
        }
        self.log.clear();
        true
    }
}
