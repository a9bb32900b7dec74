//! The plan of a comparison: how much is measured.

use crate::load::Scenario;
use crate::server::Driver;
use serde::Serialize;
use std::time::Duration;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Plan {
    /// The drivers that are compared, two at least.
    #[serde(skip)]
    pub drivers: Vec<&'static Driver>,
    /// Numbers of clients, in ascending order.
    pub clients: Vec<usize>,
    pub rounds: usize,
    /// The time that is measured in one round, and the warm-up before it.
    pub duration: Duration,
    pub warm_up: Duration,
    /// Nothing but the C10k picture.
    pub c10k_only: bool,
    /// Numbers of silent clients in the C10k picture, in ascending order.
    pub silent: Vec<usize>,
    /// Clients that connect at once in the storm.
    pub storm: usize,
}

impl Plan {
    /// All clients talk. Each sends its next line when its last one has reached all.
    pub(crate) fn scenario(&self, clients: usize) -> Scenario {
        Scenario { clients, talkers: clients, duration: self.duration, warm_up: self.warm_up, ..Scenario::default() }
    }
}
