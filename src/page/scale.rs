//! Maps values to positions on an axis, and chooses its ticks.

use crate::text::Lang;
use crate::text::numbers::Format;

/// How values are mapped to an axis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Equal differences have equal lengths. Begins at 0.
    Linear,
    /// Equal ratios have equal lengths. Values are above 0.
    Log,
    /// Fractions of one. Each further nine has the same length: 0, 0.9, 0.99 ...
    Percentile,
}

/// Which values are round.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Steps {
    /// 1, 2, 5, 10 ...
    Decimal,
    /// 1, 2, 4, 8 ..., for bytes.
    Binary,
}

/// The description of an axis. Its range comes from the values that are drawn.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub label: String,
    pub kind: Kind,
    pub steps: Steps,
    /// How a value is written, and in which language.
    pub format: Format,
    pub lang: Lang,
    /// The values of the ticks. If empty, round values are chosen.
    pub ticks: Vec<f64>,
}

impl Axis {
    pub(crate) fn new(lang: Lang, label: &str, kind: Kind, format: Format) -> Axis {
        Axis { label: label.into(), kind, steps: Steps::Decimal, format, lang, ticks: Vec::new() }
    }

    /// An axis with ticks at these values and no others.
    pub(crate) fn with_ticks(self, ticks: Vec<f64>) -> Axis {
        Axis { ticks, ..self }
    }

    /// The value as the axis writes it.
    pub(super) fn write(&self, value: f64) -> String {
        (self.format)(self.lang, value)
    }

    /// The scale that contains all of these values.
    pub(super) fn scale(&self, values: impl Iterator<Item = f64>) -> Scale {
        let kind = self.kind;
        let values = values.chain(self.ticks.iter().copied()).filter(|&value| kind != Kind::Log || value > 0.0);
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if low > high { (1.0, 10.0) } else { (low, high) };
        let mut ticks = self.ticks.clone();
        if ticks.is_empty() {
            ticks = match (kind, self.steps) {
                (Kind::Linear, steps) => linear_ticks(high, steps),
                (Kind::Log, Steps::Decimal) => log_ticks(low, high),
                (Kind::Log, Steps::Binary) => powers_of_two(low, high),
                (Kind::Percentile, _) => percentile_ticks(high),
            };
        }
        let (mut from, mut to) = match kind {
            Kind::Linear => (0.0, high),
            _ => (place(kind, low), place(kind, high)),
        };
        // Linear and logarithmic ticks that are chosen here enclose the values; others may lie within.
        from = ticks.first().map_or(from, |&tick| place(kind, tick).min(from));
        to = ticks.last().map_or(to, |&tick| place(kind, tick).max(to));
        if to - from < 1e-12 {
            (from, to) = (from - 0.5, to + 0.5);
        }
        Scale { kind, from, to, ticks }
    }
}

/// An axis with a range.
#[derive(Debug)]
pub(super) struct Scale {
    kind: Kind,
    from: f64,
    to: f64,
    pub ticks: Vec<f64>,
}

impl Scale {
    /// The position of a value, from 0 to 1.
    pub(super) fn at(&self, value: f64) -> f64 {
        ((place(self.kind, value) - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }
}

fn place(kind: Kind, value: f64) -> f64 {
    match kind {
        Kind::Linear => value,
        Kind::Log => value.max(f64::MIN_POSITIVE).log10(),
        Kind::Percentile => -(1.0 - value).max(1e-9).log10(),
    }
}

/// About five ticks from 0 on, which enclose the highest value.
fn linear_ticks(high: f64, steps: Steps) -> Vec<f64> {
    let high = if high > 0.0 { high } else { 1.0 };
    let rough = high / 5.0;
    let step = match steps {
        Steps::Binary => rough.log2().ceil().exp2(),
        Steps::Decimal => {
            let power = 10f64.powf(rough.log10().floor());
            let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= rough * 0.999);
            step.unwrap_or(rough)
        }
    };
    (0..=(high / step - 1e-9).ceil() as u32).map(|n| f64::from(n) * step).collect()
}

/// Powers of ten, with 2 and 5, or 3, between them if there is room, from below the lowest to above the highest value.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let steps: &[f64] = match last - first {
        ..=2 => &[1.0, 2.0, 5.0],
        3 => &[1.0, 3.0],
        _ => &[1.0],
    };
    let all: Vec<f64> = (first..=last).flat_map(|n| steps.iter().map(move |step| step * 10f64.powi(n))).collect();
    let from = all.iter().rposition(|tick| *tick <= low * 1.0001).unwrap_or(0);
    let to = all.iter().position(|tick| *tick >= high * 0.9999).unwrap_or(all.len() - 1);
    all[from..=to.max(from)].to_vec()
}

/// At most about eight powers of two, which enclose the values.
fn powers_of_two(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log2().floor() as i32, high.log2().ceil() as i32);
    let every = 1 + (last - first) / 8;
    (0..=(last - first + every - 1) / every).map(|n| f64::from(first + n * every).exp2()).collect()
}

fn percentile_ticks(high: f64) -> Vec<f64> {
    let nines = [0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999];
    nines.into_iter().filter(|tick| *tick <= high).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::numbers;

    #[test]
    fn ticks_are_round_and_enclose_what_is_drawn() {
        assert_eq!(linear_ticks(337_000.0, Steps::Decimal), [0.0, 1e5, 2e5, 3e5, 4e5]);
        assert_eq!(linear_ticks(0.0, Steps::Decimal)[0], 0.0);
        let rounded = |low, high| log_ticks(low, high).into_iter().map(|tick| tick.round()).collect::<Vec<_>>();
        assert_eq!(rounded(61.0, 620.0), [50.0, 100.0, 200.0, 500.0, 1000.0]);
        assert_eq!(rounded(7.0, 90_000.0), [1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0]);
        assert_eq!(rounded(10.0, 10.0), [10.0]);
        assert_eq!(percentile_ticks(0.995), [0.5, 0.9, 0.99]);
        // Bytes.
        assert_eq!(linear_ticks(10_700.0, Steps::Binary), [0.0, 4096.0, 8192.0, 12_288.0]);
        assert_eq!(powers_of_two(700.0, 12_000.0), [512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16_384.0]);
        assert_eq!(powers_of_two(1024.0, 1024.0), [1024.0]);
    }

    #[test]
    fn a_value_lies_between_the_ends_on_every_scale() {
        for (kind, middle) in [(Kind::Linear, 50.0), (Kind::Log, 10.0), (Kind::Percentile, 0.9)] {
            let ends = if kind == Kind::Percentile { [0.0, 0.99] } else { [1.0, 100.0] };
            let scale = Axis::new(Lang::En, "", kind, numbers::count).scale(ends.into_iter());
            assert!((scale.at(middle) - 0.5).abs() < 0.01, "{kind:?} {scale:?}");
            assert_eq!(scale.at(ends[1]), 1.0);
        }
        // A single value has a position, too.
        let scale = Axis::new(Lang::En, "", Kind::Log, numbers::count).scale([10.0].into_iter());
        assert_eq!(scale.at(10.0), 0.5);
    }
}
