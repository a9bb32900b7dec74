//! The epoll driver on the simulated kernel.

#[allow(clippy::duplicate_mod, reason = "that is the point")]
#[path = "../drivers/epoll.rs"]
mod driver;

use super::{ACCEPT_RETRY, WhenFull, hub, lingering, listener, net, records};

type Service = super::Service<net::Bound>;

super::one_thread::schedules!(driver::run, ["interrupted read", "spurious event", "more events than fit"]);
