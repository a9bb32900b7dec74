//! How much is measured.

use crate::load::Scenario;
use serde::Serialize;
use std::time::Duration;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Plan {
    /// Numbers of clients, upwards.
    pub clients: Vec<usize>,
    pub rounds: usize,
    /// What is measured in one round, and the warm-up before that.
    pub duration: Duration,
    pub warm_up: Duration,
    /// Silent ones, in the scene of that name.
    pub crowd: usize,
    /// Connections that come at once.
    pub storm: usize,
}

impl Plan {
    /// Everybody talks, and says the next line when the last has reached all.
    pub(crate) fn scenario(&self, clients: usize) -> Scenario {
        Scenario { clients, talkers: clients, duration: self.duration, warm_up: self.warm_up, ..Scenario::default() }
    }
}
