//! Formats the result as text for a terminal, as JSON for programs, and as files for plotters of histograms.

use super::campaign::Cell;
use super::messages::{self, CHECKED, describe, warnings, winner};
use crate::host::Origin;
use crate::load::{Outcome, Pace};
use crate::page::Point;
use crate::text::numbers::{self, Format};
use crate::text::{Bilingual, Lang, say};
use hdrhistogram::{Counter, Histogram};
use serde_json::json;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

pub(super) const PERCENTILES: [(&str, f64); 6] =
    [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("p99.99", 99.99), ("max", 100.0)];

/// A receiver whose median latency is this many times that of the median receiver is reported.
pub(super) const LATE: f64 = 10.0;

/// A table with at most this many servers has a range for each figure.
const RANGES_MAX: usize = 3;

/// One row of a table: its label, and a cell for each server.
pub(super) type Row = (String, Vec<String>);

/// The rows for some servers with the same number of clients. A figure that is unknown for all of them is left out. The figures are
/// medians; with `ranges`, each has the range of the rounds.
pub(super) fn rows(lang: Lang, cells: &[&Cell], ranges: bool) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut row = |name: Bilingual, cell: &dyn Fn(&Cell) -> Option<String>| {
        let texts: Vec<_> = cells.iter().map(|c| cell(c)).collect();
        if texts.iter().any(Option::is_some) {
            let name = name.in_lang(lang).to_owned();
            rows.push((name, texts.into_iter().map(|text| text.unwrap_or_else(|| "-".into())).collect()));
        }
    };
    let figures = |figure: fn(&Outcome) -> Option<f64>, format: Format| {
        move |cell: &Cell| spread(lang, cell.figures(figure), format, ranges)
    };
    row(
        Bilingual::new("deliveries / s", "entregas / s"),
        &figures(|run| Some(run.deliveries_per_second()), numbers::count),
    );
    row(Bilingual::new("delivered", "entrega"), &|cell| Some(messages::verdict(lang, cell)));
    for (name, percent) in PERCENTILES {
        let nanos = |cell: &Cell| cell.figures(|run| Some(run.latency.value_at_percentile(percent) as f64));
        row(Bilingual::of(|lang| say!(lang, "last receiver: {name}"; "último receptor: {name}")), &|cell| {
            spread(lang, nanos(cell), numbers::nanos, ranges)
        });
    }
    let median_receiver = |run: &Outcome| Some(run.worst_and_median_receiver()?.1.p50);
    let worst_receiver = |run: &Outcome| Some(run.worst_and_median_receiver()?.0.p50);
    row(Bilingual::new("median receiver: p50", "receptor mediano: p50"), &figures(median_receiver, numbers::nanos));
    row(Bilingual::new("worst receiver: p50", "peor receptor: p50"), &figures(worst_receiver, numbers::nanos));
    if cells.iter().any(|cell| matches!(cell.scenario.pace, Pace::Rate(_))) {
        let from_sending = |run: &Outcome, percent| Some(run.service.value_at_percentile(percent) as f64);
        row(Bilingual::new("p50 from sending", "p50 desde el envío"), &|cell| {
            spread(lang, cell.figures(|run| from_sending(run, 50.0)), numbers::nanos, ranges)
        });
        row(Bilingual::new("p99 from sending", "p99 desde el envío"), &|cell| {
            spread(lang, cell.figures(|run| from_sending(run, 99.0)), numbers::nanos, ranges)
        });
    }
    let share = |run: &Outcome| Some(run.usage?.cpu?.as_secs_f64() / run.elapsed.as_secs_f64());
    row(Bilingual::new("server's CPU", "CPU del servidor"), &figures(share, numbers::whole_percent));
    row(Bilingual::new("CPU per delivery", "CPU por entrega"), &figures(Outcome::cpu_per_delivery, numbers::nanos));
    row(
        Bilingual::new("system calls per delivery", "llamadas por entrega"),
        &figures(|run| run.system_calls_per_delivery, numbers::count),
    );
    row(
        Bilingual::new("switches / s, voluntary", "cambios / s, voluntarios"),
        &figures(|run| per_second(run, run.usage?.switches_voluntary), numbers::count),
    );
    row(
        Bilingual::new("switches / s, involuntary", "cambios / s, forzados"),
        &figures(|run| per_second(run, run.usage?.switches_involuntary), numbers::count),
    );
    row(Bilingual::new("threads", "hilos"), &figures(|run| Some(run.usage?.threads? as f64), numbers::count));
    row(
        Bilingual::new("memory per client", "memoria por cliente"),
        &figures(|run| Some(run.memory_per_client? as f64), numbers::bytes),
    );
    row(
        Bilingual::new("generator's CPU", "CPU del generador"),
        &figures(|run| Some(run.generator_busy), numbers::whole_percent),
    );
    rows
}

/// The median of the rounds, and their range.
fn spread(lang: Lang, figures: Vec<f64>, format: Format, range: bool) -> Option<String> {
    let Point { y, low, high, .. } = Point::of(0.0, figures)?;
    let [text, low, high] = [y, low, high].map(|value| format(lang, value));
    Some(if low == high || !range { text } else { messages::range(lang, &text, &low, &high) })
}

fn per_second(run: &Outcome, count: Option<u64>) -> Option<f64> {
    Some(count? as f64 / run.elapsed.as_secs_f64())
}

/// The result for people.
pub(super) fn text(lang: Lang, cells: &[Cell]) -> String {
    let mut text = String::new();
    for group in cells.chunk_by(|a, b| a.scenario.clients == b.scenario.clients) {
        if !text.is_empty() {
            text += "\n";
        }
        let group: Vec<&Cell> = group.iter().collect();
        // A cell with a range is wider. More of them than these would be too wide for a terminal.
        let ranges = group[0].rounds.len() > 1 && group.len() <= RANGES_MAX;
        let width = if ranges { 34 } else { 22 };
        let rounds = messages::median_of(lang, group[0].rounds.len());
        text += &format!("{}{rounds}\n", describe(lang, &group[0].scenario));
        let head = (String::new(), group.iter().map(|cell| cell.server.clone()).collect());
        for (name, texts) in std::iter::once(head).chain(rows(lang, &group, ranges)) {
            let texts: String = texts.iter().map(|text| format!("{text:>width$}")).collect();
            text += &format!("{name:26}{texts}\n");
        }
        if let Some(sentence) = winner(lang, &group) {
            text += &format!("{sentence}\n");
        }
    }
    text += &format!("{}\n", CHECKED.in_lang(lang));
    warnings(lang, cells).iter().for_each(|warning| text += &format!("! {warning}\n"));
    text
}

/// The result for programs: one entry for each server, number of clients and round.
pub(super) fn json(lang: Lang, cells: &[Cell]) -> serde_json::Value {
    let runs = cells.iter().flat_map(|cell| {
        let number = |(round, run): (usize, &Outcome)| run_to_json(lang, cell, round + 1, run);
        cell.rounds.iter().enumerate().map(number).collect::<Vec<_>>()
    });
    let host = Origin::here();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "processor": host.processor(Lang::En),
        "system": host.system,
        "checked": CHECKED.in_lang(lang),
        "warnings": warnings(lang, cells),
        "runs": runs.collect::<Vec<_>>(),
    })
}

fn run_to_json(lang: Lang, cell: &Cell, round: usize, run: &Outcome) -> serde_json::Value {
    let scenario = &cell.scenario;
    let usage = run.usage.unwrap_or_default();
    json!({
        "server": cell.server,
        "round": round,
        "clients": scenario.clients,
        "talkers": scenario.talkers,
        "idle": scenario.idle,
        "line_bytes": scenario.line_len,
        "window": match scenario.pace { Pace::Window(lines) => Some(lines), Pace::Rate(_) => None },
        "lines_per_second_offered": match scenario.pace { Pace::Rate(rate) => Some(rate), Pace::Window(_) => None },
        "seconds": run.elapsed.as_secs_f64(),
        "lines_sent": run.sent,
        "deliveries": run.delivered,
        "deliveries_per_second": run.deliveries_per_second(),
        "latency_us": percentiles(&run.latency),
        "service_time_us": percentiles(&run.service),
        "receivers_latency_us": run.receivers.iter().map(percentiles).collect::<Vec<_>>(),
        "faults": run.faults,
        "strays": run.strays,
        "echoes": run.echoes,
        "troubles": run.troubles.iter().map(|trouble| trouble.in_lang(lang)).collect::<Vec<_>>(),
        "generator_busy": run.generator_busy,
        "generator_is_the_limit": run.generator_is_the_limit(),
        "server_cpu_seconds": usage.cpu.map(|cpu| cpu.as_secs_f64()),
        "server_system_calls_per_delivery": run.system_calls_per_delivery,
        "server_context_switches_voluntary": usage.switches_voluntary,
        "server_context_switches_involuntary": usage.switches_involuntary,
        "server_threads": usage.threads,
        "server_memory_bytes_per_client": run.memory_per_client,
    })
}

fn percentiles<T: Counter>(histogram: &Histogram<T>) -> serde_json::Value {
    let micros = |(name, percent)| (String::from(name), json!(histogram.value_at_percentile(percent) as f64 / 1e3));
    serde_json::Value::Object(PERCENTILES.into_iter().map(micros).collect())
}

/// The file for one server's latency percentiles: the server's name is put before the extension, which is `hgrm` if the
/// name of the file has none.
pub(super) fn hgrm_path(file: &Path, server: &str) -> PathBuf {
    let part = |part: Option<&OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let stem = part(file.file_stem()).unwrap_or_default();
    let extension = part(file.extension()).unwrap_or_else(|| "hgrm".into());
    file.with_file_name(format!("{stem}.{}.{extension}", server.replace(':', "-")))
}

/// Latency percentiles in the text form that HdrHistogram's plotters read.
pub(super) fn hgrm(cell: &Cell) -> String {
    let histogram = cell.latency();
    let mut text = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let mut count = 0;
    for value in histogram.iter_quantiles(5) {
        count += value.count_since_last_iteration();
        let quantile = value.quantile_iterated_to();
        let micros = value.value_iterated_to() as f64 / 1e3;
        text += &format!("{micros:12.3} {quantile:14.12} {count:10} {:14.2}\n", 1.0 / (1.0 - quantile));
    }
    let (mean, deviation) = (histogram.mean() / 1e3, histogram.stdev() / 1e3);
    text += &format!("#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]\n");
    text += &format!("#[Max     = {:12.3}, Total count    = {:12}]\n", histogram.max() as f64 / 1e3, histogram.len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_name_is_put_before_the_extension() {
        for (file, server, expected) in [
            ("out.hgrm", "epoll", "out.epoll.hgrm"),
            ("out.txt", "epoll", "out.epoll.txt"),
            ("runs/out", "127.0.0.1:9000", "runs/out.127.0.0.1-9000.hgrm"),
        ] {
            assert_eq!(hgrm_path(Path::new(file), server), Path::new(expected));
        }
    }
}
