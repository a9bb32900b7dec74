//! What becomes of the bytes of an encrypted connection: they are decrypted, and handled as those of any other. The codec is in
//! [`connections`](crate::chat::connections).

use super::Hub;
use crate::chat::connections::Heard;
use crate::chat::door::Stage;
use crate::chat::{Id, Reason, Refusal};

impl Hub {
    /// Handles what a client with an encrypted connection sent.
    #[cold]
    pub(super) fn receive_encrypted(&mut self, id: Id, bytes: &[u8]) {
        if !self.connections.is_encrypted(id) {
            return self.receive_plain(id, bytes);
        }
        let heard = self.connections.decrypt(id, bytes);
        self.take_in(id, heard);
        self.shake_hands();
    }

    /// Answers the first messages of clients, as many as the rate permits. Returns whether there were any.
    pub(super) fn shake_hands(&mut self) -> bool {
        let mut were_any = false;
        while let Some((id, heard)) = self.connections.next_handshake() {
            self.take_in(id, heard);
            were_any = true;
        }
        were_any
    }

    fn take_in(&mut self, id: Id, heard: Heard) {
        if heard.is_ready {
            self.know(id);
        }
        if !heard.plain.is_empty() {
            self.receive_plain(id, &heard.plain);
        }
        if heard.is_unencrypted() {
            self.refuse_unencrypted(id);
        } else if heard.failure.is_some() {
            self.lose(id);
        } else if heard.has_ended {
            self.connections.note_end(id);
            self.end_if_all_is_said(id);
        }
    }

    /// A client's handshake has ended.
    fn know(&mut self, id: Id) {
        match &mut self.door {
            Some(door) if door.is_locked() => door.expect_password(id, self.connections.now()),
            _ => self.let_in(id),
        }
    }

    /// A client does not speak TLS, and is told so.
    pub(super) fn refuse_unencrypted(&mut self, id: Id) {
        self.connections.give_up_encryption(id);
        self.leave(self.known(id), Reason::Refused(Refusal::Unencrypted));
    }

    /// An encrypted connection has ended without saying so, or its bytes were changed on the way: that is an end like a reset.
    pub(super) fn lose(&mut self, id: Id) {
        let reason = match self.door.as_ref().and_then(|door| door.stage(id)) {
            Some(Stage::Handshake) => Reason::Refused(Refusal::Handshake),
            _ => Reason::Lost,
        };
        self.leave(self.known(id), reason);
    }

    /// A client that sends nothing more leaves when nothing that it said is held back.
    pub(super) fn end_if_all_is_said(&mut self, id: Id) {
        if self.connections.has_ended(id) && !self.holds_back(id) {
            self.end(id);
        }
    }
}
