//! *tertulia*: a group chat over TCP, carried by two ways of waiting.
pub mod chat;
