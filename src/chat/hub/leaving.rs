//! How one leaves: out of the room at once, out of memory when the last word is written.

use super::member::find;
use super::*;

impl Hub {
    /// Takes a member out of the room. What is owed to it may still be written; then it is closed.
    pub(super) fn leave(&mut self, id: Id, reason: Reason) {
        if self.seated(id).is_none() {
            return;
        }
        // What was said while it was in the room is owed to it.
        self.catch_up(id);
        let at = self.at;
        let goodbye = words::notice(self.lang, &Notice::Goodbye(reason));
        let Some(member) = find(&mut self.members, id) else { return };
        let before = member.outbox.len();
        if matches!(reason, Reason::TooSlow(_) | Reason::MemoryFull(_)) {
            member.outbox.cut(at);
        }
        member.outbox.push(&goodbye, at);
        member.outbox.give_time(at.now);
        self.queued = self.queued - before + member.outbox.len();
        member.leaving = Some((at.now, reason));
        member.cursor = u64::MAX;
        member.input = LineDecoder::default();
        let (nick, was_paused) = (Box::<str>::from(member.name.nick()), member.paused);
        if !member.lagging {
            member.lagging = true;
            self.lagging.push(id);
        }

        self.seats_taken -= 1;
        self.nicks.remove(&nick::look(&nick));
        self.update_blocking(id);
        if was_paused {
            // Its reader may be waiting, and has to see that it is over.
            self.paused.retain(|paused| *paused != id);
            self.resume(id);
        }
        self.mark_dirty(id);
        if self.seats_taken < ANNOUNCE_MAX {
            let text = words::notice(self.lang, &Notice::Left(Who { nick: &nick, id }, reason));
            self.log.bytes.extend_from_slice(&text);
        }
        let (seats_taken, seats) = (self.seats_taken, self.limits.clients_max);
        self.note(Event::Left { id, nick: &nick, reason, seats_taken, seats });
    }

    /// Tells the driver to close a connection, and forgets it.
    pub(super) fn close(&mut self, id: Id) {
        if let Some((_, reason)) = self.get(id).and_then(|member| member.leaving) {
            self.effects.push_back(Effect::Close(id, reason));
            self.forget(id);
        }
    }

    pub(super) fn forget(&mut self, id: Id) {
        if let Some(slot) = self.members.get_mut(id.key)
            && let Some(member) = slot.take_if(|member| member.id == id)
        {
            self.queued -= member.outbox.len();
        }
    }
}
