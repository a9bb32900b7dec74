//! The chat: the conversation, without sockets, threads, clocks or mio.
//!
//! Bytes come in, effects go out. [`hub`] holds the contract with a driver: read it first. Behind it are two halves:
//!
//! * **connections** handle bytes. [`mod@line`] cuts a stream into lines, [`sanitize`] makes them safe for any screen,
//!   and every client has an outbox for what its socket has not taken yet. This half decides which clients have to wait
//!   and which are disconnected. It knows nothing of nicks or messages;
//! * **room** handles people. [`command`] tells a command from a message, [`nick`] decides which names are allowed,
//!   [`messages`] holds every text of the server in English and Spanish, and [`transcript`] is the record of events for
//!   the console and the history. This half hands bytes to the connections, and knows nothing of full sockets.
//!
//! Whoever comes first belongs to the connections alone: the room hears of it when it is known not to speak another protocol. The
//! hub keeps such newcomers. Both halves use the numbers in [`limits`].

mod connections;
mod effect;
pub mod hub;
mod id;
pub mod limits;
mod newcomers;
mod reason;
mod room;
#[cfg(any(test, feature = "fuzz"))]
mod tests;

pub use crate::text::Lang;
pub use connections::{Flight, Protocol, line, sanitize};
pub use effect::Effect;
pub use hub::{Hub, Interest, Permit};
pub use id::Id;
pub use limits::{Framing, Limits};
pub use reason::{Reason, Refusal};
pub(crate) use room::{command, messages, nick, transcript};
#[cfg(any(test, feature = "fuzz"))]
pub use tests::fuzz;
pub use transcript::{Event, Transcript};
