//! One suite for both drivers: what the world does to a chat server, and what must come of it.
//!
//! Each test is a conversation with the real program over real sockets, and is held twice: once with the event loop, once
//! with a thread per client.
//!
//! * [`conversation`]: what the server says and what people can say to each other;
//! * [`bytes`]: how a stream becomes lines, however it is cut;
//! * [`screens`]: what a terminal must never be shown;
//! * [`lives`]: coming and going, in good order and in bad;
//! * [`pressure`]: those who do not read, and those who do not stop.

#[path = "../common/mod.rs"]
mod common;

mod bytes;
mod conversation;
mod lives;
mod pressure;
mod screens;
