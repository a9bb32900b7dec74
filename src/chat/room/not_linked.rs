//! Without the feature `link` every room is on one server, and has no log.

use super::conversation::Room;
use crate::chat::connections::Connections;
use crate::chat::id::Id;
use crate::chat::reason::Reason;

/// There is none.
pub(in crate::chat) enum Linked {}

/// What is never asked of a room without a log.
impl Room {
    pub(super) fn ask_to_leave(&mut self, _: Id, _: Reason, _: &str) {}

    pub(super) fn ask_to_say(&mut self, _: Id, _: &str) {}

    pub(super) fn ask_to_act(&mut self, _: Id, _: &str) {}

    pub(super) fn ask_to_whisper(&mut self, _: Id, _: Id, _: &str) {}

    pub(super) fn ask_for_name(&mut self, _: &mut Connections, _: Id, _: &str) {}

    pub(super) fn ask_for_charge(&mut self, _: Id) {}

    pub(super) fn expected(&self) -> [Id; 0] {
        []
    }

    pub(super) fn count_here(&self) -> usize {
        self.count()
    }
}
