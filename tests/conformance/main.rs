//! The conformance suite for all drivers: what happens to a chat server, and what the server must do.
//!
//! Each test is a conversation with the real program over real sockets, and runs with each driver: over TCP, and where
//! nothing forbids it a second time over a Unix socket.
//!
//! * [`conversation`]: what the server sends and what clients can say to each other;
//! * [`bytes`]: how a stream becomes lines, however it is cut;
//! * [`screens`]: what a terminal must never be shown;
//! * [`lives`]: arrivals and departures, orderly and not;
//! * [`charge`]: members in charge;
//! * `tls`: encrypted connections;
//! * [`pressure`]: clients that do not read, and clients that flood.

#[path = "../common/mod.rs"]
mod common;

mod bytes;
mod charge;
mod conversation;
mod door;
mod lives;
mod pressure;
mod screens;
#[cfg(feature = "tls")]
mod tls;
