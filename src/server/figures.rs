//! The figures of a server that runs, for whoever watches over it: on stderr after SIGUSR1, and for Prometheus.

use super::turns::Turns;
use crate::chat::{Counters, Gauges};
use crate::text::numbers::{bytes, short_nanos};
use crate::text::{Lang, say};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

/// All that is counted.
pub(crate) struct Figures<'a> {
    pub gauges: Gauges,
    pub counters: &'a Counters,
    pub turns: &'a Turns,
}

impl Figures<'_> {
    /// A table for people.
    pub(crate) fn table(&self, lang: Lang) -> String {
        let Figures { gauges: Gauges { members, seats, callers, pending, paused }, counters, turns } = self;
        let time = |time: Duration| short_nanos(lang, time.as_nanos() as u64);
        let mean = time(turns.total / turns.count().clamp(1, u32::MAX.into()) as u32);
        let (most, longest) = (time(turns.quantile(0.99)), time(turns.longest));
        let rows = [
            (
                say!(lang, "members"; "miembros"),
                say!(lang, "{members} of {seats} seats"; "{members} de {seats} plazas"),
            ),
            (say!(lang, "at the door"; "a la puerta"), callers.to_string()),
            (say!(lang, "lines"; "líneas"), counters.lines.to_string()),
            (say!(lang, "deliveries"; "entregas"), counters.deliveries.to_string()),
            (say!(lang, "pending"; "pendiente"), bytes(lang, *pending as f64)),
            (say!(lang, "paused"; "en pausa"), paused.to_string()),
            (say!(lang, "refused"; "rechazados"), by_reason(counters.refused())),
            (say!(lang, "have left"; "se han ido"), by_reason(counters.left())),
            (
                say!(lang, "turns"; "vueltas"),
                say!(lang,
                    "{}: {mean} on average, 99 % below {most}, longest {longest}";
                    "{}: {mean} de media, el 99 % por debajo de {most}, la más larga {longest}", turns.count()),
            ),
        ];
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        rows.into_iter().fold(String::new(), |mut table, (name, value)| {
            // Writing to a String cannot fail.
            let _ = writeln!(table, "{name:width$}  {value}");
            table
        })
    }
}

impl Figures<'_> {
    /// The text format of Prometheus.
    pub(crate) fn prometheus(&self) -> String {
        let Figures { gauges: Gauges { members, seats, callers, pending, paused }, counters, turns } = self;
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, f64)]| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP tertulia_{name} {help}\n# TYPE tertulia_{name} {kind}");
            for (suffix, value) in samples {
                let _ = writeln!(text, "tertulia_{name}{suffix} {value}");
            }
        };
        let one = |value: f64| [(String::new(), value)];
        family("members", "gauge", "Clients that have a seat.", &one(*members as f64));
        family("seats", "gauge", "All seats.", &one(*seats as f64));
        family("callers", "gauge", "Clients that have to say the password first.", &one(*callers as f64));
        family("pending_bytes", "gauge", "What is still to be written to clients.", &one(*pending as f64));
        family("paused_clients", "gauge", "Clients that are not read from for now.", &one(*paused as f64));
        family("lines_total", "counter", "Lines that were said.", &one(counters.lines as f64));
        family("deliveries_total", "counter", "Lines that went to a member.", &one(counters.deliveries as f64));
        let by_reason = |counts: &mut dyn Iterator<Item = (&'static str, u64)>| -> Vec<_> {
            counts.map(|(name, count)| (format!("{{reason=\"{name}\"}}"), count as f64)).collect()
        };
        family("refused_total", "counter", "Clients that were not let in.", &by_reason(&mut counters.refused()));
        family("left_total", "counter", "Members that have left.", &by_reason(&mut counters.left()));
        let mut buckets: Vec<_> = turns
            .below()
            .map(|(time, count)| (format!("_bucket{{le=\"{}\"}}", time.as_secs_f64()), count as f64))
            .collect();
        buckets.push(("_bucket{le=\"+Inf\"}".into(), turns.count() as f64));
        buckets.push(("_sum".into(), turns.total.as_secs_f64()));
        buckets.push(("_count".into(), turns.count() as f64));
        family("turn_seconds", "histogram", "How long turns of the server take.", &buckets);
        family("longest_turn_seconds", "gauge", "The longest turn so far.", &one(turns.longest.as_secs_f64()));
        text
    }
}

/// Prints a table on stderr. The chat goes on whether or not stderr takes it.
pub(crate) fn print(table: &str) {
    let _ = io::stderr().write_all(table.as_bytes());
}

/// `3: lost 1, quit 2`
fn by_reason(counts: impl Iterator<Item = (&'static str, u64)>) -> String {
    let counts: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
    let sum: u64 = counts.iter().map(|(_, count)| count).sum();
    let parts: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if parts.is_empty() { sum.to_string() } else { format!("{sum}: {}", parts.join(", ")) }
}
