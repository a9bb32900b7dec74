//! What becomes of those at the door: the rule is in [`door`](crate::chat::door).

use super::Hub;
use super::arrivals::asks_for_name;
use super::input::Handled;
use crate::chat::connections::line::Line;
use crate::chat::connections::opening::Opening;
use crate::chat::door::Answer;
use crate::chat::messages::Notice;
use crate::chat::{Id, Peer, Reason, Refusal};

impl Hub {
    /// The id that the hub keeps of a client. It has the number, which the driver's own id may lack.
    #[inline]
    pub(super) fn known(&self, id: Id) -> Id {
        match id.has_number() {
            true => id,
            false => self.connections.known(id),
        }
    }

    /// Handles a line of somebody at the door.
    #[cold]
    pub(super) fn answer(&mut self, id: Id, line: &Line<'_>) -> Handled {
        if self.gets_number_from_log(id) {
            return self.hear_newcomer(id, line);
        }
        self.weigh(id, line);
        // What it is told fills its own outbox, and makes only itself wait.
        self.connections.note_addressed(id);
        if self.connections.is_open(id) { Handled::Answered } else { Handled::Left }
    }

    fn weigh(&mut self, id: Id, line: &Line<'_>) {
        let tried = match line {
            Line::Text(b":q") => return self.leave(id, Reason::Quit),
            Line::Text(b"") => return,
            Line::Text(text @ [b':', ..]) => {
                if let Some(door) = &mut self.door {
                    door.ask(id);
                    if asks_for_name(line) {
                        door.wish(id, text);
                    }
                }
                return self.room.tell(&mut self.connections, id, &Notice::AskPassword);
            }
            Line::Text(text) => *text,
            Line::TooLong(_) | Line::Endless => b"",
        };
        let Some(answer) = self.door.as_mut().and_then(|door| door.answer(id, tried)) else { return };
        if answer != Answer::Right {
            self.connections.note_wrong_try(id);
        }
        match answer {
            Answer::Right => self.let_in(id),
            Answer::Wrong(0) => self.leave(id, Reason::Refused(Refusal::Password)),
            Answer::Wrong(left) => self.room.tell(&mut self.connections, id, &Notice::TriesLeft(left)),
        }
    }

    /// A caller has said all that it has to, and takes a seat if there is one.
    pub(super) fn let_in(&mut self, id: Id) {
        let Some(peer) = self.door.as_ref().and_then(|door| door.peer(id)) else { return };
        if self.charge.bans.keep_out(peer.origin(), self.connections.now()) {
            return self.leave(id, Reason::Refused(Refusal::Banned));
        }
        if self.seats_taken() >= self.limits.clients_max {
            return self.leave(id, Reason::Refused(Refusal::Full));
        }
        let removed = self.door.as_mut().and_then(|door| door.remove(id));
        let id = self.take_seat(id);
        self.connections.come_in(id);
        self.arrive(id, peer);
        if let Some((_, Some(wish))) = removed {
            self.line(id, Line::Text(&wish), &mut Opening::Over);
        }
    }

    /// If the door is full, whoever came first from the most crowded address gives way. So nobody can keep others out by filling it.
    pub(super) fn make_place(&mut self) {
        if self.connections.door_is_full() {
            let is_crowded = |peer: Peer| self.connections.is_crowded(peer.origin());
            if let Some(id) = self.door.as_ref().and_then(|door| door.first(is_crowded)) {
                self.leave_door(id, Reason::Refused(Refusal::Door));
            }
        }
    }

    /// Somebody leaves the door. Nobody in the room learns of it.
    pub(super) fn leave_door(&mut self, id: Id, reason: Reason) {
        let Some((peer, _)) = self.door.as_mut().and_then(|door| door.remove(id)) else { return };
        if !self.connections.is_open(id) {
            // It did not read, and was disconnected.
            return;
        }
        match reason {
            Reason::Foreign(protocol) => self.room.turn_away(&mut self.connections, id, peer, protocol),
            Reason::Refused(why) => self.room.turn_back(&mut self.connections, id, peer, why),
            reason => self.room.leave(&mut self.connections, id, reason),
        }
    }

    /// Those who said nothing for a moment are asked for the password, and those whose time is over are turned away. Returns whether
    /// there were any.
    pub(super) fn attend_door(&mut self) -> bool {
        let now = self.connections.now();
        let mut were_any = false;
        while let Some(id) = self.door.as_mut().and_then(|door| door.pop_unasked(now)) {
            self.room.tell(&mut self.connections, id, &Notice::AskPassword);
            were_any = true;
        }
        while let Some((id, why)) = self.door.as_ref().and_then(|door| door.late(now)) {
            match self.connections.is_silent(id) {
                // Perhaps somebody who waits for a greeting.
                true => self.refuse_unencrypted(id),
                false => self.leave_door(id, Reason::Refused(why)),
            }
            were_any = true;
        }
        were_any
    }
}
