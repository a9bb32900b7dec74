//! The result of a load.

use super::tally::Faults;
use super::usage::Usage;
use hdrhistogram::Histogram;
use std::time::Duration;

/// Less processor time than this is too inexact to be divided by deliveries.
const CPU_TOLD: Duration = Duration::from_millis(50);

/// The result of a load.
#[derive(Debug)]
pub struct Outcome {
    /// The time measured: less than the scenario's duration if the server closed connections.
    pub elapsed: Duration,
    /// Lines sent while measured.
    pub sent: u64,
    /// Lines received while measured, by all receivers together.
    pub delivered: u64,
    /// From when a line was due until the last client had it. Nanoseconds.
    pub latency: Histogram<u64>,
    /// The same from just before a line was written; equal to `latency` in a closed loop. Nanoseconds.
    pub service: Histogram<u64>,
    /// Faults of the whole run, including the warm-up.
    pub faults: Faults,
    /// Lines that came back to their own sender.
    pub echoes: u64,
    /// What went wrong with connections, in sentences.
    pub troubles: Vec<String>,
    /// The share of a core that the generator used, from 0 to 1, without the time that it polled without sleeping.
    pub generator_busy: f64,
    /// What the server used while measured.
    pub usage: Option<Usage>,
    /// System calls of the server for one delivery, counted after the rest was measured.
    pub system_calls_per_delivery: Option<f64>,
    /// Growth of the server's resident memory while the clients connected, for each of them. Bytes.
    pub memory_per_client: Option<u64>,
}

impl Outcome {
    /// Lines that arrived at a client, per second, all clients together.
    pub fn deliveries_per_second(&self) -> f64 {
        self.delivered as f64 / self.elapsed.as_secs_f64()
    }

    /// Whether each line reached each receiver once, in order and whole.
    pub fn is_flawless(&self) -> bool {
        !self.faults.any() && self.troubles.is_empty()
    }

    /// Processor time of the server for one delivery. Nanoseconds. `None` if it is too little to be exact: the system
    /// counts in hundredths of a second.
    pub fn cpu_per_delivery(&self) -> Option<f64> {
        let cpu = self.usage?.cpu?;
        (self.delivered > 0 && cpu >= CPU_TOLD).then(|| cpu.as_nanos() as f64 / self.delivered as f64)
    }

    /// Whether the figures are the generator's own limit rather than the server's.
    pub fn generator_is_the_limit(&self) -> bool {
        self.generator_busy > 0.95
    }
}
