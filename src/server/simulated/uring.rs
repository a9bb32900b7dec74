//! The uring driver on the simulated kernel.

#[allow(clippy::duplicate_mod, reason = "that is the point")]
#[path = "../drivers/uring.rs"]
mod driver;

use super::{ACCEPT_RETRY, WhenFull, hub, lingering, listener, net, records, ring};
use std::io;

type Service = super::Service<Vec<ring::Listener>>;

fn run(service: super::Service<net::Bound>) -> io::Result<()> {
    driver::run(service.with_listeners(vec![ring::Listener::new()]))
}

super::one_thread::schedules!(run, ["complete before the cancel", "end of a receive", "late cancel", "no buffer"]);
