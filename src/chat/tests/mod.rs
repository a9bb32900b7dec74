//! The tests of the chat as a whole. Each file of the code also has tests of its own.
//!
//! * [`sim`]: both ways to write, with clients and sockets in memory and a clock that the test moves;
//! * [`conversations`], [`slow_readers`], [`mod@door`], [`throttle`], [`charge`] and [`memory`]: examples that read like a
//!   conversation;
//! * `linked`: rooms on several servers;
//! * [`misuse`]: calls at the wrong time;
//! * [`model`]: a reference room, slow and simple; [`script`]: things that happen to a room, and the properties that
//!   always hold; [`properties`]: random scripts;
//! * [`fuzz`]: any bytes at all, for the targets under `tests/fuzz`.

#[cfg(test)]
mod charge;
#[cfg(test)]
mod conversations;
#[cfg(test)]
mod door;
pub mod fuzz;
#[cfg(all(test, feature = "link"))]
mod linked;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod misuse;
mod model;
#[cfg(test)]
mod newcomers;
#[cfg(test)]
mod properties;
mod script;
mod sim;
#[cfg(test)]
mod slow_readers;
#[cfg(test)]
mod throttle;
#[cfg(all(test, feature = "tls"))]
mod tls;
