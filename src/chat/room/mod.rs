//! The half of the chat that handles people: who is in the room, their names, what they say and what they get.
//!
//! * [`conversation`]: the room itself. It turns lines into messages, notices and answers;
//! * [`command`]: what a line asks for;
//! * [`charge`]: what somebody in charge orders;
//! * `linked`: a room on several servers. What members do goes to a log, and happens when it comes back;
//! * [`nick`]: which names are allowed, and which look too much alike;
//! * [`members`]: who is in the room;
//! * [`messages`]: every text of the server;
//! * [`transcript`]: the events, for the console and the history.
//!
//! It hands what is said to the [connections](super::connections) as bytes, and knows nothing of full sockets.

pub(crate) mod charge;
pub(crate) mod command;
mod conversation;
#[cfg_attr(not(feature = "link"), path = "not_linked.rs")]
mod linked;
mod members;
pub(crate) mod messages;
pub(crate) mod nick;
pub(crate) mod transcript;

pub(super) use conversation::Room;
#[cfg(feature = "link")]
pub(super) use linked::{Linked, Outcome};
