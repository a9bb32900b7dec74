//! *tertulia*: a group chat over TCP, carried by several ways of waiting.
//!
//! Read these pages with `cargo doc --no-deps --document-private-items --open`. In reading order:
//!
//! * [`chat`]: what is said. Lines, names, commands, the room; no sockets, no threads, no clocks;
//! * [`server`]: how bytes move. The drivers, a file each: lay them side by side;
//! * [`trace`]: the steps that a driver takes, recorded, narrated and drawn;
//! * `client`: what `tertulia join` is;
//! * `harness`: what the instruments share: lines that can be checked, test clients, the launcher of servers, /proc;
//! * `host`: the command and the machine, which every page names;
//! * `load`: what `tertulia bench` measures with; it knows nothing of what is inside a server;
//! * `page`: how it is shown in a browser; it knows nothing of what is measured;
//! * `compare`: all drivers, side by side on one page;
//! * `torment`: clients that misbehave, and why servers fail;
//! * [`cli`]: flags, turned into the above;
//! * [`text`]: what all of these use: languages, and numbers for people.

// Private rooms have doors, too: the pages are for whoever reads the code.
#![allow(rustdoc::private_intra_doc_links)]
#![warn(missing_docs, unreachable_pub)]
// What one feature alone uses is unused without it. The default build, which has all but the gallery, is the one to judge.
#![cfg_attr(
    not(all(feature = "join", feature = "compare", feature = "torment", feature = "extras")),
    allow(dead_code, unused_imports, unreachable_pub)
)]

pub mod chat;
pub mod cli;
#[cfg(feature = "join")]
pub(crate) mod client;
#[cfg(feature = "compare")]
pub(crate) mod compare;
#[cfg(feature = "harness")]
pub mod harness;
#[cfg(any(feature = "bench", feature = "trace"))]
pub mod host;
#[cfg(feature = "bench")]
pub mod load;
#[cfg(feature = "bench")]
pub(crate) mod page;
pub mod server;
pub mod text;
#[cfg(feature = "torment")]
pub mod torment;
pub mod trace;
