//! The result of a load.

use super::tally::Faults;
use super::usage::Usage;
use crate::chat::sanitize::sanitize_text;
use crate::text::Bilingual;
use hdrhistogram::Histogram;
use std::time::Duration;

/// Less processor time than this is too inexact to be divided by deliveries.
const CPU_TOLD: Duration = Duration::from_millis(50);
/// With fewer connections than this, most of the growth is what a server sets up once.
const CONNECTIONS_TOLD: usize = 50;
/// How much of a stray line is shown. Bytes.
const STRAY_SHOWN: usize = 80;

/// Lines that no client has sent, and that differ from the notices that the server sent before the load.
#[derive(Clone, Default, Debug, serde::Serialize)]
pub struct Strays {
    /// At all receivers together.
    pub count: u64,
    /// The first of them, made printable.
    pub first: Option<String>,
}

impl Strays {
    pub(crate) fn note(&mut self, line: &[u8]) {
        self.count += 1;
        let text = || String::from_utf8_lossy(&line[..line.len().min(STRAY_SHOWN)]).into_owned();
        self.first.get_or_insert_with(|| sanitize_text(&text()).into_owned());
    }
}

/// A client as a receiver.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Receiver {
    /// Its number, from 0.
    pub client: usize,
    /// The median latency of the lines that it gets. Nanoseconds.
    pub p50: f64,
}

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
    /// From when a line was due until one of the clients had it, for each client. Nanoseconds.
    pub receivers: Vec<Histogram<u32>>,
    /// Faults of the whole run, including the warm-up.
    pub faults: Faults,
    /// Lines of the whole run that no client has sent.
    pub strays: Strays,
    /// Lines that came back to their own sender.
    pub echoes: u64,
    /// What went wrong with connections.
    pub troubles: Vec<Bilingual>,
    /// The share of a core that the generator used, from 0 to 1, without the time that it polled without sleeping.
    pub generator_busy: f64,
    /// What the server used while measured.
    pub usage: Option<Usage>,
    /// System calls of the server for one delivery, counted after the rest was measured.
    pub system_calls_per_delivery: Option<f64>,
    /// Growth of the server's memory that belongs to no file while the clients connected, for each of them. Bytes. `None`
    /// if there are fewer than fifty.
    pub memory_per_client: Option<u64>,
}

impl Outcome {
    /// Lines that arrived at a client, per second, all clients together.
    pub fn deliveries_per_second(&self) -> f64 {
        self.delivered as f64 / self.elapsed.as_secs_f64()
    }

    /// The client that gets its lines latest, and the one in the middle. `None` if nothing was measured.
    pub fn worst_and_median_receiver(&self) -> Option<(Receiver, Receiver)> {
        let receivers = self.receivers.iter().enumerate().filter(|(_, latency)| !latency.is_empty());
        let mut receivers: Vec<Receiver> = receivers
            .map(|(client, latency)| Receiver { client, p50: latency.value_at_quantile(0.5) as f64 })
            .collect();
        receivers.sort_by(|a, b| a.p50.total_cmp(&b.p50));
        Some((*receivers.last()?, receivers[receivers.len() / 2]))
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

    /// What each of these connections has added to the server's memory. `None` if they are too few to tell.
    pub(super) fn memory_of_each(grown: u64, connections: usize) -> Option<u64> {
        (connections >= CONNECTIONS_TOLD).then(|| grown / connections as u64)
    }

    /// Whether the figures are the generator's own limit rather than the server's.
    pub fn generator_is_the_limit(&self) -> bool {
        self.generator_busy > 0.95
    }
}
