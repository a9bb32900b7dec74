//! What stands in the place of [`tls`](super::tls) in a build without TLS: a type without values, so that nothing is done with it.

use super::dice::Dice;

/// No client has one in this build.
pub(super) struct Session {
    pub unread: Vec<u8>,
    never: crate::chat::Tls,
}

impl Session {
    pub(super) fn is_sound(&self) -> bool {
        match self.never {}
    }
    pub(super) fn may_be_lost(&self) -> bool {
        match self.never {}
    }
    pub(super) fn is_changed(&self) -> bool {
        match self.never {}
    }
    pub(super) fn is_obscure(&self) -> bool {
        match self.never {}
    }
    pub(super) fn is_handshaking(&self) -> bool {
        match self.never {}
    }
    pub(super) fn has_said_the_end(&self) -> bool {
        match self.never {}
    }
    pub(super) fn was_told_the_end(&self) -> bool {
        match self.never {}
    }
    pub(super) fn encrypt(&mut self, _: &[u8]) {
        match self.never {}
    }
    pub(super) fn says_the_end(&mut self) -> bool {
        match self.never {}
    }
    pub(super) fn next_piece(&mut self, _: &mut Dice) -> Option<Vec<u8>> {
        match self.never {}
    }
    pub(super) fn has_to_wait(&mut self) -> bool {
        match self.never {}
    }
    pub(super) fn goes_on(&mut self) -> bool {
        match self.never {}
    }
    pub(super) fn decrypt(&mut self, _: &[u8]) {
        match self.never {}
    }
}
