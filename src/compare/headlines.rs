//! The three findings that the page shows in large type: how much, how fast, at what cost.

use super::Comparison;
use super::figures::{Metric, Row, Verdict};
use super::messages;
use crate::page::{Bar, Finding, Point};
use crate::text::{Lang, numbers, say};

/// One finding for each question, in this order. What costs most to the one mode and least to the other is the cost.
pub(crate) fn headlines(lang: Lang, comparison: &Comparison) -> Vec<Finding> {
    let costs = [Metric::Memory, Metric::Cpu].map(|metric| (metric, widest(metric, &comparison.sweep)));
    let cost = costs
        .into_iter()
        .filter_map(|(metric, found)| Some((metric, found?)))
        .reduce(|best, next| if weight(&next.1.1) > weight(&best.1.1) { next } else { best });
    let found = [Metric::Deliveries, Metric::RoundTrip]
        .into_iter()
        .filter_map(|metric| Some((metric, widest(metric, &comparison.sweep)?)))
        .chain(cost);
    found.map(|(metric, (row, verdict))| headline(lang, metric, row, verdict, comparison)).collect()
}

/// The number of clients at which the modes differ most. A difference that every round agrees on counts more than any other.
fn widest(metric: Metric, sweep: &[Row]) -> Option<(&Row, Verdict)> {
    let judged = sweep.iter().filter_map(|row| Some((row, row.verdict(metric)?)));
    judged.max_by(|(_, a), (_, b)| weight(a).total_cmp(&weight(b)))
}

fn weight(verdict: &Verdict) -> f64 {
    match verdict {
        Verdict::Better { times, .. } => *times,
        Verdict::Unclear { times, .. } => 1.0 - 1.0 / times,
        Verdict::Close => 0.0,
    }
}

fn headline(lang: Lang, metric: Metric, row: &Row, verdict: Verdict, comparison: &Comparison) -> Finding {
    let times = |times: f64| numbers::fixed(lang, times, 1);
    let large = match &verdict {
        Verdict::Better { times: factor, .. } => format!("{} ×", times(*factor)),
        Verdict::Unclear { times: factor, .. } => format!("{} × ?", times(*factor)),
        Verdict::Close => say!(lang, "< 10 %"; "< 10 %"),
    };
    let bar = |(mode, driver): (usize, &&crate::server::Driver)| {
        let value = Point::of(0.0, row.values(mode, metric))?;
        Some(Bar { name: driver.name.into(), colour: mode, value })
    };
    let sizes = comparison.sweep.iter().filter(|row| row.verdict(metric).is_some()).count();
    let rounds = comparison.plan.rounds;
    let note = match sizes {
        1 => say!(lang, "median and range of {rounds} rounds"; "mediana y extremos de {rounds} rondas"),
        _ => say!(lang,
            "median and range of {rounds} rounds; of {sizes} numbers of clients, the one with the largest difference";
            "mediana y extremos de {rounds} rondas; de {sizes} números de clientes, el de mayor diferencia"),
    };
    Finding {
        title: messages::capital(&messages::metric(lang, metric)),
        large,
        says: messages::with_clients(lang, &comparison.drivers, row.clients, verdict),
        bars: comparison.drivers.iter().enumerate().filter_map(bar).collect(),
        note: format!("{}; {note}", messages::direction(lang, metric)),
        lang,
        format: metric.format(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::figures::Figures;
    use super::*;

    fn row(clients: usize, first: [f64; 3], second: [f64; 3]) -> Row {
        let of =
            |values: [f64; 3]| values.map(|value| Figures { round_trip: Some(value), ..Figures::default() }).to_vec();
        Row { clients, modes: vec![of(first), of(second)] }
    }

    #[test]
    fn what_every_round_agrees_on_is_shown_before_a_larger_difference_that_they_do_not() {
        let clear = row(6, [1.0, 1.0, 1.0], [1.5, 1.5, 1.5]);
        let unclear = row(16, [1.0, 1.0, 9.0], [5.0, 5.0, 5.0]);
        let sweep = [unclear.clone(), clear];
        assert_eq!(widest(Metric::RoundTrip, &sweep).map(|(row, _)| row.clients), Some(6));
        let found = widest(Metric::RoundTrip, &sweep[..1]).map(|(_, verdict)| verdict);
        assert!(matches!(found, Some(Verdict::Unclear { .. })), "{found:?}");
        assert!(widest(Metric::Memory, &sweep).is_none());
    }
}
