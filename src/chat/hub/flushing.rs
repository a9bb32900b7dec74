//! What was said goes out: the effects, what to write to whom, and the end of the turn. Parts 3 and 4 of the contract.

use super::member::find;
use super::*;
use std::io::IoSlice;

impl Hub {
    // 3. What to do.

    /// The next thing to do; `None` when there is nothing more. Asked again then, it returns `None` again.
    #[must_use = "an effect that is not carried out leaves a client unwritten, unread or open"]
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if let Some(effect) = self.effects.pop_front() {
            return Some(effect);
        }
        while let Some(id) = self.dirty.pop_front() {
            let Some(member) = find(&mut self.members, id) else { continue };
            member.dirty = false;
            if member.outbox.may_be_written() && !(member.outbox.is_clear() && self.log.pending(member) == 0) {
                return Some(Effect::Flush(id));
            }
        }
        loop {
            while let Some(slot) = self.members.get(self.sweep) {
                self.sweep += 1;
                let Some(member) = slot.as_ref().filter(|member| self.log.pending(member) > 0) else { continue };
                let id = member.id;
                if member.outbox.may_be_written() {
                    self.left_out |= self.offered != NOBODY;
                    self.offered = id.key;
                    return Some(Effect::Flush(id));
                }
                self.keep(id);
            }
            if self.is_swept() {
                return None;
            }
            self.swept_to = self.log.end();
            self.sweep = 0;
        }
    }

    /// Keeps for a member what its socket would not take now.
    #[inline(never)]
    fn keep(&mut self, id: Id) {
        if self.catch_up(id) {
            self.mark_dirty(id);
        }
        self.judge(id);
    }

    /// Whether everybody has got all of the turn's log, or will have when the effects are carried out.
    fn is_swept(&self) -> bool {
        self.sweep >= self.members.len() && self.swept_to == self.log.end()
    }

    /// Whether [`Hub::poll_effect`] has something to do, as far as can be told without doing it.
    pub(super) fn is_dirty(&self) -> bool {
        !self.effects.is_empty() || !self.dirty.is_empty() || !self.log.bytes.is_empty()
    }

    /// The direct way: what to write to a client, in one gathered write. These are its outbox, and the turn's log before and
    /// after the client's own lines. All are empty for a client that is gone, or while bytes are carried off for it: what is
    /// written now would overtake them.
    #[must_use = "the bytes are to be written"]
    pub fn gather(&self, id: Id) -> [IoSlice<'_>; 3] {
        match self.get(id) {
            Some(member) if !member.outbox.is_in_flight() => {
                let (before, after) = self.log.less_own(member);
                [IoSlice::new(member.outbox.waiting()), IoSlice::new(before), IoSlice::new(after)]
            }
            _ => [IoSlice::new(&[]); 3],
        }
    }

    /// Of what [`Hub::gather`] returned, the socket took the first `taken` bytes and would not take more. A number beyond what
    /// was returned counts as all of it. Returns whether the socket is full: then wait for it to be writable, and call
    /// [`Hub::writable`].
    #[must_use = "a full socket has to be watched until it is writable"]
    pub fn wrote(&mut self, id: Id, taken: usize) -> bool {
        let Some(member) = find(&mut self.members, id) else { return false };
        if self.offered == id.key {
            self.offered = NOBODY;
        }
        if member.outbox.is_clear() && taken == self.log.pending(member) {
            // The common case: it took all of the turn's log, and nothing has to be kept.
            member.cursor = self.log.end();
            return false;
        }
        self.wrote_in_part(id, taken);
        self.get(id).is_some_and(|member| member.outbox.is_blocked())
    }

    #[cold]
    fn wrote_in_part(&mut self, id: Id, taken: usize) {
        let Some(member) = find(&mut self.members, id) else { return };
        if member.outbox.is_in_flight() {
            return; // Nothing was gathered.
        }
        let at = self.at;
        let before = member.outbox.len();
        let from_outbox = taken.min(member.outbox.waiting().len());
        member.outbox.consume(from_outbox);
        let mut from_log = taken - from_outbox;
        let (first, second) = self.log.less_own(member);
        for part in [first, second] {
            let skip = from_log.min(part.len());
            from_log -= skip;
            member.outbox.push(&part[skip..], at);
        }
        member.cursor = member.cursor.max(self.log.end());
        member.outbox.note_write(taken, at);
        self.queued = self.queued - before + member.outbox.len();
        self.after_write(id);
    }

    /// The detached way: takes all that is to be written to a client, its outbox and its part of the turn's log. The driver
    /// owes an account of all these bytes by [`Hub::carried`]; when it is complete, call this again: no [`Effect::Flush`]
    /// tells of what was added meanwhile.
    ///
    /// `None` when there is nothing to write, when an earlier call is not accounted for yet (two writers would mix up the
    /// order), or when the client is gone.
    #[must_use = "the bytes are gone from the hub and have to be written"]
    pub fn carry_off(&mut self, id: Id) -> Option<Vec<u8>> {
        if self.get(id)?.outbox.is_in_flight() {
            return None;
        }
        if self.offered == id.key {
            self.offered = NOBODY;
        }
        if self.catch_up(id) {
            self.judge(id);
        }
        self.get_mut(id)?.outbox.carry_off()
    }

    /// Of the bytes that were carried off for a client, its socket took `taken` more. A number beyond those counts as all of
    /// them; when none are carried off, nothing happens. Zero is worth telling, too, several times in [`STALL_AFTER`]: it is
    /// how the hub learns that a client does not read. No deadline wakes the driver for it.
    pub fn carried(&mut self, id: Id, taken: usize) {
        let at = self.at;
        let Some(member) = find(&mut self.members, id).filter(|member| member.outbox.is_in_flight()) else { return };
        let before = member.outbox.len();
        member.outbox.settle_flight(taken, at);
        self.queued = self.queued - before + member.outbox.len();
        self.after_write(id);
    }

    /// A client's socket takes bytes again. Ignored for one that was not full.
    pub fn writable(&mut self, id: Id) {
        if let Some(member) = self.get_mut(id)
            && member.outbox.is_blocked()
        {
            member.outbox.unblock();
            self.mark_dirty(id);
        }
    }

    /// The clients that have not got everything yet, each with the number of bytes that are not accounted for as written.
    pub fn pending(&self) -> impl Iterator<Item = (Id, usize)> {
        let pending = |member: &Member| (member.id, member.outbox.len() + self.log.pending(member));
        self.members.iter().flatten().map(pending).filter(|(_, bytes)| *bytes > 0)
    }

    // 4. The end of the turn.

    /// Forgets what was said in this turn. Called before [`Hub::poll_effect`] has returned `None`, it copies what was said to
    /// the outboxes of those that have not got it; then there are effects again.
    pub fn end_turn(&mut self) {
        if self.log.bytes.is_empty() {
            return;
        }
        // After the last effect there is nothing to copy, if all were carried out.
        if std::mem::take(&mut self.left_out) || self.offered != NOBODY {
            self.offered = NOBODY;
            self.sweep = 0;
        }
        while !self.is_swept() {
            let end = self.log.end();
            for key in 0..self.members.len() {
                if let Some(id) = self.members[key].as_ref().map(|member| member.id) {
                    self.keep(id);
                }
            }
            // Who went for being too slow has added a notice that those before it have not got.
            (self.sweep, self.swept_to) = (usize::MAX, end);
        }
        self.log.base = self.log.end();
        self.log.bytes.clear();
    }
}
