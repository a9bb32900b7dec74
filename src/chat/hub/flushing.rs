//! What was said goes out: the effects, what to write to whom, and the end of the turn. Parts 3 and 4 of the contract.

use super::member::find;
use super::*;
use std::io::IoSlice;

impl Hub {
    // 3. What to do.

    /// The next thing to do, until there is none.
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
        self.catch_up(id);
        self.judge(id);
    }

    /// Whether everybody has got all of the turn's log, or will have when the effects are carried out.
    fn is_swept(&self) -> bool {
        self.sweep >= self.members.len() && self.swept_to == self.log.end()
    }

    /// Whether [`Hub::poll_effect`] has something to do, as far as can be told without doing it.
    pub fn is_dirty(&self) -> bool {
        !self.effects.is_empty() || !self.dirty.is_empty() || !self.log.bytes.is_empty()
    }

    /// What to write to a client: its outbox, then the turn's log less its own lines. Gather them in one write.
    pub fn gather(&self, id: Id) -> [IoSlice<'_>; 3] {
        match self.get(id) {
            Some(member) => {
                let (before, after) = self.log.less_own(member);
                [IoSlice::new(member.outbox.waiting()), IoSlice::new(before), IoSlice::new(after)]
            }
            None => [IoSlice::new(&[]); 3],
        }
    }

    /// Of what [`Hub::gather`] returned, the socket took the first `taken` bytes and would not take more. Returns whether it is
    /// full and the driver should wait for it to be writable.
    pub fn wrote(&mut self, id: Id, taken: usize) -> bool {
        let Some(member) = find(&mut self.members, id) else { return false };
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

    /// Hands what waits for a client to a writer, which must account for all of it by [`Hub::carried`] and then ask again:
    /// no [`Effect::Flush`] tells of what was added meanwhile. `None` when nothing waits or another writer is under way.
    pub fn carry_off(&mut self, id: Id) -> Option<Vec<u8>> {
        self.get_mut(id)?.outbox.carry_off()
    }

    /// Of the bytes that were carried off for a client, its socket took `taken` more. Zero is worth telling too, several
    /// times in [`STALL_AFTER`]: that is how the hub learns that a member does not read. No deadline wakes anybody for it.
    pub fn carried(&mut self, id: Id, taken: usize) {
        let at = self.at;
        let Some(member) = find(&mut self.members, id) else { return };
        let before = member.outbox.len();
        member.outbox.settle_flight(taken, at);
        self.queued = self.queued - before + member.outbox.len();
        self.after_write(id);
    }

    /// A client's socket takes bytes again.
    pub fn writable(&mut self, id: Id) {
        if let Some(member) = self.get_mut(id)
            && member.outbox.is_blocked()
        {
            member.outbox.unblock();
            self.mark_dirty(id);
        }
    }

    /// How many bytes are owed to whom, and not yet accounted for as written.
    pub fn owed(&self) -> impl Iterator<Item = (Id, usize)> {
        let owed = |member: &Member| (member.id, member.outbox.len() + self.log.pending(member));
        self.members.iter().flatten().map(owed).filter(|(_, bytes)| *bytes > 0)
    }

    // 4. The end of the turn.

    /// Copies what was said in this turn for those that were not flushed, and forgets it. Somebody may have to go for that:
    /// see [`Hub::is_dirty`] before you wait.
    pub fn end_turn(&mut self) {
        if self.log.bytes.is_empty() {
            return;
        }
        // One who wrote from the log has walked over all of them already.
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
        debug_assert!(self.members.iter().flatten().all(|member| self.log.pending(member) == 0));
        self.log.base = self.log.end();
        self.log.bytes.clear();
    }
}
