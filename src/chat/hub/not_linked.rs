//! Without the feature `link` every room is on one server.

use super::{Handled, Hub};
use crate::chat::charge::Order;
use crate::chat::connections::line::Line;
use crate::chat::peer::Peer;
use crate::chat::{Id, Reason};
use std::time::Instant;

/// There is none.
pub(super) enum Upstream {}

impl Hub {
    #[inline(always)]
    pub(super) fn is_linked(&self) -> bool {
        false
    }

    #[inline(always)]
    pub(super) fn receive_upstream(&mut self, _: Id, _: &[u8]) -> bool {
        false
    }

    pub(super) fn lose_upstream(&mut self, _: Id) -> bool {
        false
    }

    pub(super) fn tick_link(&mut self) -> bool {
        false
    }

    pub(super) fn append_turn(&mut self) -> bool {
        false
    }

    /// Returns `None`: no effect has asked for a connection.
    #[must_use = "everything else about the connection is told by its id"]
    pub fn dialled(&mut self, _: usize) -> Option<Id> {
        None
    }

    /// Ignored: no effect has asked for a connection.
    pub fn not_dialled(&mut self) {}

    /// When the next turn has to begin because of the log of a room on several servers. There is none.
    pub fn link_deadline(&self) -> Option<Instant> {
        None
    }

    pub(super) fn leave_room(&mut self) {}

    pub(super) fn gets_number_from_log(&self, _: Id) -> bool {
        false
    }

    pub(super) fn let_enter(&mut self, _: Id, _: Peer) {}

    pub(super) fn hear_newcomer(&mut self, id: Id, _: &Line<'_>) -> Handled {
        self.leave(id, Reason::Lost);
        Handled::Left
    }

    pub(super) fn forward(&mut self, _: Option<Id>, _: &str, _: &Order<'_>) -> Option<String> {
        None
    }
}
