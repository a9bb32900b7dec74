//! Formats the result as text for a terminal, as JSON for programs, and as files for plotters of histograms.

use super::campaign::{Cell, describe, winner};
use crate::load::{Outcome, Pace};
use crate::page::Point;
use crate::text::Lang;
use crate::text::numbers::{self, Format};
use hdrhistogram::{Counter, Histogram};
use serde_json::json;
use std::path::{Path, PathBuf};

pub(super) const PERCENTILES: [(&str, f64); 6] =
    [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("p99.99", 99.99), ("max", 100.0)];

pub(super) const CHECKED: &str = "What is checked: whether every receiver gets each line once, in its sender's order, \
                                  unchanged and not behind another name.";
/// A receiver whose median latency is this many times that of the median receiver is reported.
const LATE: f64 = 10.0;

/// One row of a table: its label, and a cell for each server.
pub(super) type Row = (String, Vec<String>);

/// The rows for some servers with the same number of clients. A figure that is unknown for all of them is left out.
pub(super) fn rows(cells: &[&Cell]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut row = |name: &str, cell: &dyn Fn(&Cell) -> Option<String>| {
        let texts: Vec<_> = cells.iter().map(|c| cell(c)).collect();
        if texts.iter().any(Option::is_some) {
            rows.push((name.into(), texts.into_iter().map(|text| text.unwrap_or_else(|| "-".into())).collect()));
        }
    };
    let figures =
        |figure: fn(&Outcome) -> Option<f64>, format: Format| move |cell: &Cell| spread(cell.figures(figure), format);
    row("deliveries / s", &figures(|run| Some(run.deliveries_per_second()), numbers::count));
    row("delivered", &|cell| Some(cell.verdict()));
    for (name, percent) in PERCENTILES {
        let nanos = |cell: &Cell| cell.figures(|run| Some(run.latency.value_at_percentile(percent) as f64));
        row(&format!("last receiver: {name}"), &|cell| spread(nanos(cell), numbers::nanos));
    }
    let median_receiver = |run: &Outcome| Some(run.worst_and_median_receiver()?.1.p50);
    let worst_receiver = |run: &Outcome| Some(run.worst_and_median_receiver()?.0.p50);
    row("median receiver: p50", &figures(median_receiver, numbers::nanos));
    row("worst receiver: p50", &figures(worst_receiver, numbers::nanos));
    if cells.iter().any(|cell| matches!(cell.scenario.pace, Pace::Rate(_))) {
        let from_sending = |run: &Outcome, percent| Some(run.service.value_at_percentile(percent) as f64);
        row("p50 from sending", &|cell| spread(cell.figures(|run| from_sending(run, 50.0)), numbers::nanos));
        row("p99 from sending", &|cell| spread(cell.figures(|run| from_sending(run, 99.0)), numbers::nanos));
    }
    let share = |run: &Outcome| Some(run.usage?.cpu?.as_secs_f64() / run.elapsed.as_secs_f64());
    row("server's CPU", &figures(share, numbers::whole_percent));
    row("CPU per delivery", &figures(Outcome::cpu_per_delivery, numbers::nanos));
    row("system calls per delivery", &figures(|run| run.system_calls_per_delivery, numbers::count));
    row("switches / s, voluntary", &figures(|run| per_second(run, run.usage?.switches_voluntary), numbers::count));
    row("switches / s, involuntary", &figures(|run| per_second(run, run.usage?.switches_involuntary), numbers::count));
    row("threads", &figures(|run| Some(run.usage?.threads? as f64), numbers::count));
    row("memory per client", &figures(|run| Some(run.memory_per_client? as f64), numbers::bytes));
    row("generator's CPU", &figures(|run| Some(run.generator_busy), numbers::whole_percent));
    rows
}

/// The median of the rounds, and their range.
fn spread(figures: Vec<f64>, format: Format) -> Option<String> {
    let Point { y, low, high, .. } = Point::of(0.0, figures)?;
    let [text, low, high] = [y, low, high].map(|value| format(Lang::En, value));
    Some(if low == high { text } else { format!("{text} ({low} to {high})") })
}

fn per_second(run: &Outcome, count: Option<u64>) -> Option<f64> {
    Some(count? as f64 / run.elapsed.as_secs_f64())
}

/// What a reader must know before trusting the figures, in sentences.
pub(super) fn warnings(cells: &[Cell]) -> Vec<String> {
    let mut warnings = Vec::new();
    for cell in cells {
        let (server, clients) = (&cell.server, cell.scenario.clients);
        let troubles: Vec<&str> = cell.rounds.iter().flat_map(|run| &run.troubles).map(String::as_str).collect();
        if let Some(first) = troubles.first() {
            warnings.push(format!("{server}, {clients} clients: {first}; the run ended early"));
        }
        if cell.rounds.iter().any(|run| run.faults.any()) {
            warnings
                .push(format!("{server}, {clients} clients: not every line arrived as it should: {}", cell.verdict()));
        }
        if let Some((first, count)) = cell.strays() {
            warnings
                .push(format!("{server}, {clients} clients: {count} lines came that no client has sent: {first:?}"));
        }
        let late =
            |run: &Outcome| run.worst_and_median_receiver().filter(|(worst, median)| worst.p50 > LATE * median.p50);
        if let Some((worst, median)) = cell.rounds.iter().find_map(late) {
            warnings.push(format!(
                "{server}, {clients} clients: client {} gets lines late: its p50 is {}, that of the median receiver is {}",
                worst.client + 1,
                numbers::nanos(Lang::En, worst.p50),
                numbers::nanos(Lang::En, median.p50)
            ));
        }
        if cell.generator_is_the_limit() {
            warnings.push(format!(
                "{server}, {clients} clients: the load generator was saturated: these figures are its own limit, not the \
                 server's"
            ));
        }
    }
    if cfg!(debug_assertions) {
        warnings.push("this is a debug build; measure a build made with `cargo build --release`".into());
    }
    warnings
}

/// The result for people.
pub(super) fn text(cells: &[Cell]) -> String {
    let mut text = String::new();
    for group in cells.chunk_by(|a, b| a.scenario.clients == b.scenario.clients) {
        if !text.is_empty() {
            text += "\n";
        }
        let group: Vec<&Cell> = group.iter().collect();
        // A cell with a range is wider.
        let width = if group[0].rounds.len() == 1 { 22 } else { 34 };
        let rounds = match group[0].rounds.len() {
            1 => String::new(),
            rounds => format!("; median of {rounds} rounds"),
        };
        text += &format!("{}{rounds}\n", describe(&group[0].scenario));
        let head = (String::new(), group.iter().map(|cell| cell.server.clone()).collect());
        for (name, texts) in std::iter::once(head).chain(rows(&group)) {
            let texts: String = texts.iter().map(|text| format!("{text:>width$}")).collect();
            text += &format!("{name:26}{texts}\n");
        }
        if let Some(sentence) = winner(&group) {
            text += &format!("{sentence}\n");
        }
    }
    text += &format!("{CHECKED}\n");
    warnings(cells).iter().for_each(|warning| text += &format!("! {warning}\n"));
    text
}

/// The result for programs: one entry for each server, number of clients and round.
pub(super) fn json(cells: &[Cell]) -> serde_json::Value {
    let runs = cells.iter().flat_map(|cell| {
        let number = |(round, run): (usize, &Outcome)| run_to_json(cell, round + 1, run);
        cell.rounds.iter().enumerate().map(number).collect::<Vec<_>>()
    });
    let (processor, system) = (crate::load::host::processor(), crate::load::host::system());
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "processor": processor,
        "system": system,
        "checked": CHECKED,
        "warnings": warnings(cells),
        "runs": runs.collect::<Vec<_>>(),
    })
}

fn run_to_json(cell: &Cell, round: usize, run: &Outcome) -> serde_json::Value {
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
        "troubles": run.troubles,
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

/// The file for one server's latency percentiles: its name is put before the extension.
pub(super) fn hgrm_path(file: &Path, server: &str) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!("{stem}.{}.hgrm", server.replace(':', "-")))
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
