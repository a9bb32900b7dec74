//! The figures that a load gives, and how much they vary.

use crate::load::Outcome;
use crate::load::rounds::Duel;
use crate::page::{Point, Steps};
use crate::text::numbers::{self, Format};
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
    pub threads: Option<f64>,
    pub connections_per_second: Option<f64>,
    /// Every line arrived once and in order.
    pub flawless: bool,
    /// The load generator had no time left: the server may be better than this.
    pub generator_is_the_limit: bool,
}

impl Figures {
    pub(crate) fn of(outcome: &Outcome) -> Figures {
        let quantile = |q| Some(outcome.latency.value_at_quantile(q) as f64).filter(|_| !outcome.latency.is_empty());
        Figures {
            round_trip: quantile(0.5),
            round_trip_p99: quantile(0.99),
            deliveries_per_second: Some(outcome.deliveries_per_second()),
            cpu_per_delivery: outcome.cpu_per_delivery(),
            memory_per_client: outcome.memory_per_client.map(|bytes| bytes as f64),
            threads: outcome.usage.and_then(|usage| usage.threads).map(|threads| threads as f64),
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
            Metric::Threads => figures.threads,
            Metric::Connections => figures.connections_per_second,
        }
    }

    /// A figure of which more is better.
    fn score(self, figures: &Figures) -> Option<f64> {
        let value = self.get(figures)?;
        Some(if self.more_is_better() { value } else { 1.0 / value }).filter(|score| score.is_finite())
    }

    pub(crate) fn more_is_better(self) -> bool {
        matches!(self, Metric::Deliveries | Metric::Connections)
    }

    pub(crate) fn steps(self) -> Steps {
        if self == Metric::Memory { Steps::Binary } else { Steps::Decimal }
    }

    pub(crate) fn format(self) -> Format {
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

/// What the rounds say about the drivers. `times` is a ratio of medians.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Verdict {
    /// Each of the leaders is better than each of the others, and the last of them by this factor than the best of those.
    Better { leaders: Vec<usize>, times: f64 },
    /// The best and the worst median are too near to each other to matter.
    Close,
    /// The medians differ, and not every round agrees.
    Unclear { best: usize, worst: usize, times: f64, rounds: usize },
}

/// Compares what two measurements scored in the same rounds.
pub(crate) fn duel(metric: Metric, first: &[Figures], second: &[Figures]) -> Option<Duel> {
    let scores = |rounds: &[Figures]| -> Vec<_> { rounds.iter().map(|figures| metric.score(figures)).collect() };
    Duel::of(&scores(first), &scores(second))
}

impl Row {
    pub(crate) fn values(&self, mode: usize, metric: Metric) -> Vec<f64> {
        self.modes[mode].iter().filter_map(|figures| metric.get(figures)).collect()
    }

    pub(crate) fn spread(&self, mode: usize, metric: Metric) -> Option<Spread> {
        let Point { low, y: median, high, .. } = Point::of(0.0, self.values(mode, metric))?;
        Some(Spread { low, median, high })
    }

    /// `None` unless at least two drivers were measured. If the drivers fall apart at several places, the widest gap counts.
    pub(crate) fn verdict(&self, metric: Metric) -> Option<Verdict> {
        let duel = |first: usize, second: usize| duel(metric, &self.modes[first], &self.modes[second]);
        let wins = |first, second| duel(first, second).is_some_and(|duel| duel.is_won());
        let ranked = self.ranked(metric);
        let (&[best, ..], &[.., worst]) = (&ranked[..], &ranked[..]) else { return None };
        let whole = duel(best, worst).filter(|_| best != worst)?;
        let gap = |at: usize| {
            let (leaders, others) = ranked.split_at(at);
            let is_clear = leaders.iter().all(|leader| others.iter().all(|other| wins(*leader, *other)));
            duel(leaders[at - 1], others[0]).filter(|_| is_clear).map(|duel| (at, duel.times))
        };
        let widest = (1..ranked.len()).filter_map(gap).max_by(|(_, a), (_, b)| a.total_cmp(b));
        Some(match widest {
            Some((at, times)) => {
                let mut leaders = ranked[..at].to_vec();
                leaders.sort();
                Verdict::Better { leaders, times }
            }
            None if whole.is_close() => Verdict::Close,
            None => Verdict::Unclear { best, worst, times: whole.times, rounds: whole.rounds },
        })
    }

    /// The drivers that were measured, the best median first.
    fn ranked(&self, metric: Metric) -> Vec<usize> {
        let median = |mode: usize| {
            let scores = self.modes[mode].iter().filter_map(|figures| metric.score(figures));
            Some((mode, Point::of(0.0, scores)?.y))
        };
        let mut ranked: Vec<(usize, f64)> = (0..self.modes.len()).filter_map(median).collect();
        ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        ranked.into_iter().map(|(mode, _)| mode).collect()
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

    fn better(leaders: &[usize], times: f64) -> Option<Verdict> {
        Some(Verdict::Better { leaders: leaders.to_vec(), times })
    }

    #[test]
    fn who_is_better_in_every_round_leads() {
        let row = row([1.0, 3.0, 2.0], [6.0, 4.0, 5.0]);
        assert_eq!(row.verdict(Metric::RoundTrip), better(&[0], 2.5));
        assert_eq!(row.verdict(Metric::Deliveries), better(&[1], 2.5));
        assert_eq!(row.verdict(Metric::Memory), None);
    }

    #[test]
    fn a_round_that_disagrees_leaves_it_open_and_the_factor_is_told() {
        let row = row([1.0, 4.5, 2.0], [6.0, 4.0, 5.0]);
        let open = Verdict::Unclear { best: 0, worst: 1, times: 2.5, rounds: 3 };
        assert_eq!(row.verdict(Metric::RoundTrip), Some(open));
    }

    #[test]
    fn less_than_a_tenth_is_no_finding() {
        assert_eq!(row([10.0, 11.0, 12.0], [10.1, 11.1, 12.1]).verdict(Metric::Deliveries), Some(Verdict::Close));
    }

    #[test]
    fn of_three_two_may_lead_and_each_must_be_better_than_the_third() {
        let mut row = row([1.0, 3.0, 2.0], [6.0, 4.0, 5.0]);
        row.modes.push(row.modes[0].clone());
        assert_eq!(row.verdict(Metric::RoundTrip), better(&[0, 2], 2.5));
        assert_eq!(row.verdict(Metric::Deliveries), better(&[1], 2.5));
        // One round that disagrees is enough: then the last one does not lead.
        row.modes[2][1].round_trip = Some(9.0);
        assert_eq!(row.verdict(Metric::RoundTrip), Some(Verdict::Unclear { best: 0, worst: 1, times: 2.5, rounds: 3 }));
    }

    #[test]
    fn the_widest_gap_counts() {
        let mut row = row([10.0, 10.0, 10.0], [8.0, 8.0, 8.0]);
        row.modes.push(row.modes[0].iter().map(|_| Figures { round_trip: Some(40.0), ..Figures::default() }).collect());
        assert_eq!(row.verdict(Metric::RoundTrip), better(&[0, 1], 4.0));
    }
}
