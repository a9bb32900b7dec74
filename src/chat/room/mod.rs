//! The half of the chat that knows people: who is in the room, what they are called, what they say and what they are told.
//!
//! * [`conversation`]: the room itself. Lines become messages, notices and answers;
//! * [`command`]: what a line asks for;
//! * [`nick`]: which names may be worn, and which are too alike;
//! * [`messages`]: every text that the server says;
//! * [`transcript`]: what happened, for the console and the history.
//!
//! It hands what is said to the [connections](super::connections), as bytes, and knows nothing of sockets that are full.

pub(crate) mod command;
mod conversation;
pub(crate) mod messages;
pub(crate) mod nick;
pub(crate) mod transcript;

pub(super) use conversation::Room;
