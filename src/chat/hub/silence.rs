//! What becomes of members that say nothing: the rule is in [`idle`](crate::chat::idle).

use super::Hub;
use crate::chat::Reason;
use crate::chat::idle::Verdict;
use crate::chat::messages::Notice;

impl Hub {
    /// Members that say nothing are warned, and later disconnected. Returns whether there were any.
    pub(super) fn dismiss_idle(&mut self) -> bool {
        let now = self.connections.now();
        if self.idle.deadline().is_none_or(|at| at > now) {
            return false;
        }
        let mut were_any = false;
        for (id, verdict) in self.idle.over(now) {
            // Those that have left are forgotten here. Whoever has lines that are held back has said something.
            if !self.connections.is_open(id) {
                self.idle.forget(id);
                continue;
            }
            if self.holds_back(id) {
                self.idle.hear(id, now);
                continue;
            }
            match verdict {
                Verdict::Warn(left) => self.room.tell(&mut self.connections, id, &Notice::Idle(left)),
                Verdict::Leave(limit) => {
                    self.idle.forget(id);
                    self.leave(id, Reason::Idle(limit));
                }
            }
            were_any = true;
        }
        self.idle.look_ahead();
        were_any
    }
}
