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
//!
//! With `serve --room` the room is on several servers. What members do goes to a log that all servers read, and happens when it comes
//! back: see `link`.
//!
//! # What it withstands
//!
//! The tests hold every driver to this; each point is a conversation in `tests/conformance`.
//!
//! * **Bytes**: lines cut anywhere, many in one segment, split characters, endless lines, bad UTF-8, telnet's
//!   negotiation.
//! * **Screens**: escape sequences, control and bidi characters, piles of accents. Nothing that a client sends moves
//!   the cursor of another client, the console or a log. Names that look alike, in small letters or in capitals, are
//!   refused.
//! * **Text that hides**: a line that shows nothing is not said, and invisible characters are removed where they join
//!   no letters or emoji. At most 17 columns in a row are blank, so blanks do not push text past the right margin,
//!   where it would look like another line. `tertulia join` also indents all rows of a line but the first; with `nc`
//!   the terminal wraps long lines as it likes.
//! * **Other protocols**: a browser, a TLS client or an SSH client is told that this is a chat, and is turned away. No web
//!   page can speak in the room, and nobody in the room learns that a stranger was there.
//! * **Listeners on the network**, with TLS: what is said cannot be read or changed on the way. A handshake takes no seat and no number,
//!   has 10 seconds, and a storm of them is answered one by one. Whoever speaks plain text is told so in plain text.
//! * **Guests without the password**, where the room has one: they have no seat and no number, nobody learns of them, and nothing
//!   that they send is recorded. Wrong passwords slow down their address, and nobody else.
//! * **Slow readers**: a client that does not read is disconnected with the reason; a client that only reads slowly
//!   loses nothing. A flood is paced to the slowest client that still reads.
//! * **Selfish members**: only those wait for a slow reader who say much. Each member has an allowance of 8 KiB, which
//!   comes back at up to 32 KiB a second; what its commands bring it or others counts, too. Within it a member is heard
//!   at once, whoever floods. Answers and whispers hold back nobody but their author. A member that has to wait may
//!   leave: `:q`, an end-of-file and a reset count at once, after what it said before.
//! * **Troublemakers**: whoever is in charge mutes them, shows them out, or bans their addresses. The password for that can be
//!   tried three times from an address, and then once in 10 seconds; it is not recorded anywhere.
//! * **Failures**, in a room on several servers: a server that ends, is cut off or stands still, and a log that is away, refuses what
//!   is appended or loses its end. All servers tell the same lines in one order, each once. What the log has lost is told.
//! * **Large rooms**: with more than 256 members, arrivals and departures are shown on the console only. Sent to
//!   everybody they would be millions of lines.
//!
//! Memory is bounded whatever the clients do: an outbox of at most 8 MiB each, and 64 MiB for all outboxes, incomplete
//! lines and lines that wait. A member that is idle has no buffers at all; with TLS it takes some 8 KiB, and an incomplete record up to
//! 18 KiB more.

mod bans;
mod connections;
mod counters;
mod door;
mod effect;
pub mod hub;
mod id;
mod idle;
pub mod limits;
#[cfg(feature = "link")]
pub(crate) mod link;
mod newcomers;
mod peer;
pub(crate) mod rate;
mod reason;
mod room;
mod secret;
#[cfg(any(test, feature = "fuzz"))]
mod tests;
mod tries;

pub use crate::text::Lang;
pub use connections::{Flight, Protocol, Tls, line, sanitize};
pub use counters::{Counters, Gauges};
pub use effect::Effect;
pub use hub::{Hub, Interest, Permit, Replay};
pub use id::Id;
pub use limits::{Framing, Limits};
pub use peer::{Origin, Peer};
pub use reason::{Reason, Refusal};
pub(crate) use room::{charge, command, messages, nick, transcript};
pub use secret::{SECRET_MAX, Secret};
#[cfg(any(test, feature = "fuzz"))]
pub use tests::fuzz;
pub use transcript::{Event, Transcript};
