//! *tertulia*: a group chat over TCP, carried by two ways of waiting.
//!
//! In reading order:
//!
//! * [`chat`]: what is said. Lines, names, commands, the room; no sockets, no threads, no clocks;
//! * [`server`]: how bytes move. The two drivers, `event_loop` and `threaded`: lay them side by side;
//! * `client`: what `tertulia join` is;
//! * [`cli`]: flags, turned into the above.

pub mod chat;
pub mod cli;
#[cfg(feature = "join")]
pub mod client;
#[cfg(feature = "bench")]
pub mod load;
pub mod server;
