//! What is said: the conversation, without sockets, threads, clocks or mio.
//!
//! Bytes come in, effects go out. In reading order:
//!
//! * [`mod@line`] cuts a byte stream into lines, bounded;
//! * [`sanitize`] makes any bytes safe for any screen;
//! * [`command`] tells a command from a message;
//! * [`nick`] says which names may be worn, and which are too alike;
//! * [`words`] holds every text the server says, in English and Spanish;
//! * [`outbox`] keeps what a member's socket has not taken yet;
//! * [`limits`] puts a number on everything;
//! * [`transcript`] is what happened, for the console and the history;
//! * [`hub`] is the room itself, and the contract with a driver.

pub mod command;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod hub;
pub mod limits;
pub mod line;
pub mod nick;
pub mod outbox;
pub mod sanitize;
pub mod transcript;
pub mod words;

pub use hub::{Effect, Hub, Id, Permit};
pub use limits::{Framing, Limits};
pub use transcript::{Event, Transcript};
pub use words::{Lang, Reason};
