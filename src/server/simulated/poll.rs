//! The poll driver on the simulated kernel.

#[allow(clippy::duplicate_mod, reason = "that is the point")]
#[path = "../drivers/poll.rs"]
mod driver;

use super::{ACCEPT_RETRY, WhenFull, hub, lingering, listener, net, records};

type Service = super::Service<net::Bound>;

super::one_thread::schedules!(driver::run, ["interrupted read", "spurious event"]);
