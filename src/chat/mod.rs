//! What is said: the conversation, without sockets, threads, clocks or mio.
//!
//! Bytes come in, effects go out. [`hub`] holds the contract with a driver: read it first. Behind it are two halves:
//!
//! * **connections**: bytes. [`mod@line`] cuts a stream into lines, [`sanitize`] makes them safe for any screen, and every
//!   client has an outbox for what its socket has not taken yet; who has to wait and who has to go is decided here. It knows
//!   nothing of nicks or messages;
//! * **room**: people. [`command`] tells a command from a message, [`nick`] says which names may be worn, [`messages`] holds
//!   every text that the server says in English and Spanish, and [`transcript`] is what happened, for the console and the
//!   history. It hands bytes to the connections, and knows nothing of sockets that are full.
//!
//! Below both: [`limits`], a number for everything.

mod connections;
mod effect;
pub mod hub;
mod id;
pub mod limits;
mod reason;
mod room;
#[cfg(any(test, feature = "fuzz"))]
mod tests;

pub use crate::text::Lang;
pub use connections::{Flight, line, sanitize};
pub use effect::Effect;
pub use hub::{Hub, Interest, Permit};
pub use id::Id;
pub use limits::{Framing, Limits};
pub use reason::Reason;
pub(crate) use room::{command, messages, nick, transcript};
#[cfg(any(test, feature = "fuzz"))]
pub use tests::fuzz;
pub use transcript::{Event, Transcript};
