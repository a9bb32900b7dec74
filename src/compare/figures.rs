//! The figures that a load gives, and how much they vary.

use crate::load::{Outcome, Scenario};
use crate::text::numbers;
use serde::Serialize;

/// The figures of one run. `None` if a figure does not apply, or if the system does not report it.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    /// From the sending of a line until its last receiver has it: the median and the 99th percentile. Nanoseconds.
    pub round_trip: Option<f64>,
    pub round_trip_p99: Option<f64>,
    pub deliveries_per_second: Option<f64>,
    /// Nanoseconds.
    pub cpu_per_delivery: Option<f64>,
    /// Bytes.
    pub memory_per_client: Option<f64>,
    pub threads_per_client: Option<f64>,
    pub connections_per_second: Option<f64>,
    /// Every line arrived once and in order.
    pub flawless: bool,
    /// The load generator had no time left: the server may be better than this.
    pub generator_is_the_limit: bool,
}

impl Figures {
    pub(crate) fn of(outcome: &Outcome, scenario: &Scenario) -> Figures {
        let quantile = |q| Some(outcome.latency.value_at_quantile(q) as f64).filter(|_| !outcome.latency.is_empty());
        let connections = scenario.connections() as f64;
        Figures {
            round_trip: quantile(0.5),
            round_trip_p99: quantile(0.99),
            deliveries_per_second: Some(outcome.deliveries_per_second()),
            cpu_per_delivery: outcome.cpu_per_delivery(),
            memory_per_client: outcome.memory_per_client.map(|bytes| bytes as f64),
            threads_per_client: outcome.usage.and_then(|usage| usage.threads).map(|n| n as f64 / connections),
            connections_per_second: None,
            flawless: outcome.is_flawless(),
            generator_is_the_limit: outcome.generator_is_the_limit(),
        }
    }
}

/// The same load on each driver, round by round.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub clients: usize,
    /// By driver.
    pub modes: Vec<Vec<Figures>>,
}

/// A figure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Metric {
    RoundTrip,
    RoundTripP99,
    Deliveries,
    Cpu,
    Memory,
    Threads,
    Connections,
}

impl Metric {
    pub(crate) fn get(self, figures: &Figures) -> Option<f64> {
        match self {
            Metric::RoundTrip => figures.round_trip,
            Metric::RoundTripP99 => figures.round_trip_p99,
            Metric::Deliveries => figures.deliveries_per_second,
            Metric::Cpu => figures.cpu_per_delivery,
            Metric::Memory => figures.memory_per_client,
            Metric::Threads => figures.threads_per_client,
            Metric::Connections => figures.connections_per_second,
        }
    }

    pub(crate) fn more_is_better(self) -> bool {
        matches!(self, Metric::Deliveries | Metric::Connections)
    }

    pub(crate) fn format(self) -> fn(f64) -> String {
        match self {
            Metric::RoundTrip | Metric::RoundTripP99 | Metric::Cpu => numbers::nanos,
            Metric::Memory => numbers::bytes,
            Metric::Deliveries | Metric::Connections | Metric::Threads => numbers::count,
        }
    }
}

/// The range and the median of a figure in several rounds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

/// Which drivers are better than the others.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Verdict {
    /// Those that no other driver beats. A driver beats another if its worst round is better than the other's best.
    pub leaders: Vec<usize>,
    /// The ratio between the best median and that of the best beaten driver, or, if none is beaten, the worst median.
    pub times: f64,
    /// No driver is beaten: the rounds do not distinguish them.
    pub is_tie: bool,
}

impl Row {
    pub(crate) fn values(&self, mode: usize, metric: Metric) -> Vec<f64> {
        self.modes[mode].iter().filter_map(|figures| metric.get(figures)).collect()
    }

    pub(crate) fn spread(&self, mode: usize, metric: Metric) -> Option<Spread> {
        let mut values = self.values(mode, metric);
        values.sort_by(f64::total_cmp);
        let (low, high) = (*values.first()?, *values.last()?);
        Some(Spread { low, median: values[values.len() / 2], high })
    }

    /// `None` unless at least two drivers were measured.
    pub(crate) fn verdict(&self, metric: Metric) -> Option<Verdict> {
        let spreads: Vec<_> =
            (0..self.modes.len()).filter_map(|mode| Some((mode, self.spread(mode, metric)?))).collect();
        if spreads.len() < 2 {
            return None;
        }
        let beats = |a: &Spread, b: &Spread| if metric.more_is_better() { a.low > b.high } else { a.high < b.low };
        let is_beaten = |spread: &Spread| spreads.iter().any(|(_, other)| beats(other, spread));
        let (beaten, leading): (Vec<_>, Vec<_>) = spreads.iter().partition(|(_, spread)| is_beaten(spread));
        let order = |a: &f64, b: &f64| if metric.more_is_better() { b.total_cmp(a) } else { a.total_cmp(b) };
        let medians = |of: &[&(usize, Spread)]| -> Vec<f64> {
            let mut medians: Vec<f64> = of.iter().map(|(_, spread)| spread.median).collect();
            medians.sort_by(order);
            medians
        };
        let (best, others) = (medians(&leading), medians(&beaten));
        let (first, next) = (*best.first()?, *others.first().or(best.last())?);
        let leaders = leading.iter().map(|(mode, _)| *mode).collect();
        Some(Verdict { leaders, times: first.max(next) / first.min(next), is_tie: beaten.is_empty() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(epoll: [f64; 3], threaded: [f64; 3]) -> Row {
        let of = |values: [f64; 3]| {
            let of =
                |value| Figures { round_trip: Some(value), deliveries_per_second: Some(value), ..Figures::default() };
            values.map(of).to_vec()
        };
        Row { clients: 6, modes: vec![of(epoll), of(threaded)] }
    }

    fn leaders(row: &Row, metric: Metric) -> Option<Vec<usize>> {
        row.verdict(metric).map(|verdict| verdict.leaders)
    }

    #[test]
    fn who_is_better_in_every_round_leads() {
        let row = row([1.0, 3.0, 2.0], [6.0, 4.0, 5.0]);
        assert_eq!(row.verdict(Metric::RoundTrip), Some(Verdict { leaders: vec![0], times: 2.5, is_tie: false }));
        assert_eq!(leaders(&row, Metric::Deliveries), Some(vec![1]));
        assert_eq!(row.verdict(Metric::Memory), None);
    }

    #[test]
    fn rounds_that_overlap_are_a_tie() {
        let row = row([1.0, 4.5, 2.0], [6.0, 4.0, 5.0]);
        assert!(row.verdict(Metric::RoundTrip).is_some_and(|verdict| verdict.is_tie && verdict.leaders == [0, 1]));
    }

    #[test]
    fn of_three_two_may_lead() {
        let mut row = row([1.0, 3.0, 2.0], [6.0, 4.0, 5.0]);
        row.modes.push(row.modes[0].clone());
        assert_eq!(row.verdict(Metric::RoundTrip), Some(Verdict { leaders: vec![0, 2], times: 2.5, is_tie: false }));
        assert_eq!(leaders(&row, Metric::Deliveries), Some(vec![1]));
    }
}
