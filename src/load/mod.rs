//! A load generator for any chat that relays a line to the other clients.
//!
//! It plays all clients in one thread, as an event loop of its own, checks every line at every receiver, and knows
//! nothing of what is inside the server. In reading order:
//!
//! * [`scenario`]: who talks, how fast, how long;
//! * [`timetable`]: when lines are to be sent in an open loop;
//! * [`alarm`]: wakes the generator when a line is due;
//! * [`shape`]: compares the next line with an earlier one, instead of parsing it;
//! * [`prefix`]: what a server puts before a line;
//! * [`tally`]: what a receiver got, and what it should have got;
//! * [`under_way`]: how many receivers have not got a line yet;
//! * [`load_client`]: one of the clients;
//! * [`generator`]: the loop that plays them all;
//! * [`outcome`]: the result;
//! * [`messages`]: what is said to the user, in English and Spanish;
//! * [`rounds`]: the rule by which rounds tell two servers apart;
//! * [`usage`]: what the server's process used meanwhile;
//! * [`system_calls`]: counts its system calls.

pub(crate) mod alarm;
pub(crate) mod generator;
pub(crate) mod load_client;
pub(crate) mod messages;
pub(crate) mod outcome;
pub(crate) mod prefix;
pub(crate) mod rounds;
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
