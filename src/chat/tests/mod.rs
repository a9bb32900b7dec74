//! What is checked about the chat as a whole. Each file of the code has its own tests, too, of what is in it.
//!
//! * [`sim`]: both ways to write, with clients and sockets in memory and a clock that the test moves;
//! * [`conversations`] and [`slow_readers`]: examples, which read like a conversation;
//! * [`misuse`]: calls at the wrong time;
//! * [`model`]: a room that is slow and obviously right, [`script`]: things that happen to a room, and the properties that
//!   hold whatever they are, [`properties`]: random scripts;
//! * [`fuzz`]: any bytes at all, for the targets under `tests/fuzz`.

#[cfg(test)]
mod conversations;
pub mod fuzz;
#[cfg(test)]
mod misuse;
mod model;
#[cfg(test)]
mod properties;
mod script;
mod sim;
#[cfg(test)]
mod slow_readers;
