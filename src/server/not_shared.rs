//! Without the feature `link` every room is on one server.

use crate::chat;

/// There is none.
#[derive(Clone, Debug)]
pub enum Shared {}

impl Shared {
    pub(super) fn share(&self, _: chat::Hub) -> Result<chat::Hub, String> {
        match *self {}
    }
}
