//! Who has to wait for whom, and who has to go because it does not read.

use super::member::find;
use super::*;

impl Hub {
    /// What a write has shown about its member.
    pub(super) fn after_write(&mut self, id: Id) {
        let Some(member) = self.get_mut(id) else { return };
        if member.outbox.is_empty() {
            member.self_fed = false;
            if member.leaving.is_some() {
                return self.close(id);
            }
            if member.blocking {
                self.update_blocking(id);
            }
            return;
        }
        if !member.lagging {
            member.lagging = true;
            self.lagging.push(id);
        }
        self.update_blocking(id);
        self.judge(id);
    }

    /// Disconnects a member that does not read, and whoever has to go when memory is short.
    pub(super) fn judge(&mut self, id: Id) {
        if let Some(member) = self.get(id)
            && member.leaving.is_none()
            && member.outbox.is_hopeless(self.at.now)
        {
            let waiting = member.outbox.len();
            self.leave(id, Reason::TooSlow(waiting));
        }
        self.shed();
    }

    /// Disconnects the members with the longest outboxes until all together are within the limit. Those who are leaving
    /// already, and what a writer has in its hands, cannot be made shorter: they are closed.
    pub(super) fn shed(&mut self) {
        while self.queued > OUTBOX_TOTAL_MAX {
            let Some(longest) = self.members.iter().flatten().max_by_key(|member| member.outbox.len()) else { return };
            let (id, waiting) = (longest.id, longest.outbox.len());
            match longest.leaving {
                None => self.leave(id, Reason::MemoryFull(waiting)),
                Some(_) => self.close(id),
            }
        }
    }

    pub(super) fn update_blocking(&mut self, id: Id) {
        let Some(member) = find(&mut self.members, id) else { return };
        let blocking = member.leaving.is_none() && member.outbox.holds_others_back(self.at);
        if blocking == member.blocking {
            return;
        }
        member.blocking = blocking;
        if blocking {
            self.blockers += 1;
        } else {
            self.blockers -= 1;
            self.resume_who_may();
        }
    }

    /// Whether a member must wait: for others that cannot keep up, or for itself if it asks for more than it reads.
    pub(super) fn must_wait(&self, member: &Member) -> bool {
        if member.leaving.is_some() {
            return false;
        }
        let others = self.blockers - usize::from(member.blocking);
        others > 0 || (member.self_fed && member.blocking)
    }

    pub(super) fn resume_who_may(&mut self) {
        if self.paused.is_empty() {
            return;
        }
        for id in std::mem::take(&mut self.paused) {
            match self.get(id) {
                Some(member) if self.must_wait(member) => self.paused.push(id),
                Some(_) => self.resume(id),
                None => {}
            }
        }
    }

    pub(super) fn resume(&mut self, id: Id) {
        if let Some(member) = self.get_mut(id) {
            member.paused = false;
            self.effects.push_back(Effect::Resume(id));
        }
    }
}
