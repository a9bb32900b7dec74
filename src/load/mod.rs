//! A load generator for any chat that relays a line to the other clients.
//!
//! It plays all clients in one thread, as an event loop of its own, checks every line at every receiver, and knows nothing of
//! what is inside the server. In reading order:
//!
//! * [`scenario`]: who talks, how fast, how long;
//! * [`timetable`]: when lines are to be sent, if not when others have come;
//! * [`alarm`]: how the generator wakes up for it;
//! * [`shape`]: how the next line is known without looking for anything in it;
//! * [`tally`]: what a receiver got, and what it should have got;
//! * [`under_way`]: whom a line has reached;
//! * [`load_client`]: one of the clients;
//! * [`generator`]: the loop that plays them all;
//! * [`outcome`]: what they bring home;
//! * [`usage`]: what the server's process used meanwhile;
//! * [`system_calls`]: how often it asked the kernel;
//! * [`host`]: where it was measured.

pub(crate) mod alarm;
pub(crate) mod generator;
pub(crate) mod host;
pub(crate) mod load_client;
pub(crate) mod outcome;
pub(crate) mod scenario;
pub(crate) mod shape;
pub(crate) mod system_calls;
pub(crate) mod tally;
pub(crate) mod timetable;
pub(crate) mod under_way;
pub(crate) mod usage;

pub use crate::harness::Eol;
pub use generator::run;
pub use outcome::Outcome;
pub use scenario::{Pace, Scenario};
pub use tally::Faults;
pub use usage::Usage;
