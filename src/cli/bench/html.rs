//! The result as an HTML page.

use super::campaign::Cell;
use super::messages::{CHECKED, describe, warnings, winner};
use super::report::rows;
use crate::load::{Outcome, Pace, host};
use crate::page::{Axis, Chart, Kind, Page, Point, Series, Steps, Stroke};
use crate::text::Lang;
use crate::text::numbers::{self, Format};

/// The number of intervals between the samples of a latency curve. They are shorter towards the end.
const CURVE_POINTS: usize = 200;

/// What the page says besides the figures.
pub(super) struct Colophon {
    /// The command line as it was typed.
    pub command: String,
    /// Where server and load ran, in words.
    pub cores: String,
    /// The number of clients that is shown first.
    pub clients: usize,
}

pub(super) fn page(cells: &[Cell], colophon: &Colophon) -> Page {
    let beside_first = |cell: &&Cell| cell.scenario.clients == cells[0].scenario.clients;
    let servers: Vec<&str> = cells.iter().take_while(beside_first).map(|cell| cell.server.as_str()).collect();
    let main: Vec<&Cell> = cells.iter().filter(|cell| cell.scenario.clients == colophon.clients).collect();
    let Some(first) = main.first() else { return Page::new("nothing was measured") };
    let rounds = first.rounds.len();

    let mut page = Page::new(&format!("Load test of a chat server: {}", servers.join(" and ")));
    page.paragraph(&format!("{}.", describe(Lang::En, &first.scenario)));
    warnings(Lang::En, cells).iter().for_each(|warning| page.warning(&format!("{warning}.")));
    let sound = cells.iter().all(Cell::is_flawless);
    if sound {
        page.paragraph("Every line reached every other client once, in order and complete.");
    }
    if let Some(sentence) = winner(Lang::En, &main) {
        page.paragraph(&sentence);
    }
    let (head, rows) = table(&main);
    page.chart_with_table(&curve(&main), &head, &rows);

    if cells.len() > main.len() {
        page.heading("By number of clients");
        page.paragraph(&spread_in_words(rounds));
        page.charts(&by_clients(cells, &servers));
        for group in cells.chunk_by(|a, b| a.scenario.clients == b.scenario.clients) {
            let group: Vec<&Cell> = group.iter().collect();
            if group[0].scenario.clients != colophon.clients {
                page.heading(&format!("{} clients", group[0].scenario.clients));
                if let Some(sentence) = winner(Lang::En, &group) {
                    page.paragraph(&sentence);
                }
                let (head, rows) = table(&group);
                page.table(&head, &rows);
            }
        }
    }

    page.heading("How it was measured");
    let seconds = first.rounds.iter().map(|round| round.elapsed.as_secs_f64()).sum::<f64>();
    page.facts(&[
        ("command", colophon.command.clone()),
        (
            "when",
            jiff::Timestamp::now()
                .to_zoned_datetime(jiff::tz::TimeZone::system())
                .strftime("%Y-%m-%d %H:%M:%S %Z")
                .to_string(),
        ),
        ("program", format!("tertulia {}{}", env!("CARGO_PKG_VERSION"), build())),
        ("processor", host::processor()),
        ("system", host::system()),
        ("cores for server and load", colophon.cores.clone()),
        ("measured", format!("{seconds:.1} s per server and number of clients, in {}", rounds_in_words(rounds))),
    ]);
    if rounds > 1 {
        page.paragraph(
            "A server is called better only if it was better in every one of three or more rounds, and by a tenth or more in the median. In three \
             rounds chance alone puts all on one side in one of four comparisons, in five rounds in one of sixteen.",
        );
    }
    page.paragraph(match first.scenario.pace {
        Pace::Window(_) => {
            "Latency is the time from just before a line is written until the last of the other clients has read it. In a \
             closed loop a client sends its next line only after that, so a slow server gets less load."
        }
        Pace::Rate(_) => {
            "Latency is the time from when a line was due until the last of the other clients has read it, so a stall counts \
             in every line that it delays. \"From sending\" does not include the time that a line waited before it was written."
        }
    });
    page.paragraph(
        "In a closed loop with several talkers, one client that gets its lines late hardly shows in the percentiles: the \
         others wait for it, and it sends most of the lines itself. So the median latency is given for each receiver by \
         itself, too: that of the worst, and that of the one in the middle.",
    );
    page.paragraph(CHECKED.in_lang(Lang::En));
    page.paragraph(
        "CPU, threads, memory and system calls are those of the server, as its kernel counts them. Figures that the kernel \
         does not report are left out. Memory per client is the growth of the server's memory that belongs to no file while \
         the clients connected, before they talked, divided by their number. With fewer than 50 clients, idle ones included, it \
         is left out, because most of the growth is what a server sets up once. System calls are counted after everything else, \
         because counting slows them down. Servers that bench starts print nothing (--quiet); a console costs one \
         system call more for a line that comes alone. CPU per delivery is the processor time of all the server's threads while it is \
         measured, divided by the lines that arrive in that time. The more lines a write carries, the smaller it is, so it \
         depends on the load.",
    );
    page
}

/// The table of some servers with the same number of clients: its head and its rows.
fn table(cells: &[&Cell]) -> (Vec<String>, Vec<Vec<String>>) {
    let row = |name: String, texts: Vec<String>| std::iter::once(name).chain(texts).collect();
    let head = row(String::new(), cells.iter().map(|cell| cell.server.clone()).collect());
    (head, rows(Lang::En, cells).into_iter().map(|(name, texts)| row(name, texts)).collect())
}

fn build() -> &'static str {
    if cfg!(debug_assertions) { " (debug build)" } else { "" }
}

fn rounds_in_words(rounds: usize) -> String {
    if rounds == 1 { "1 round".into() } else { format!("{rounds} rounds") }
}

fn spread_in_words(rounds: usize) -> String {
    match rounds {
        1 => "There was one round per server. Use --rounds 3 to see how much the figures vary.".into(),
        _ => {
            format!(
                "The marks are medians of {rounds} rounds, in which the servers took turns. The whiskers show the lowest and \
                 the highest round."
            )
        }
    }
}

/// Latency percentiles of each server.
fn curve(cells: &[&Cell]) -> Chart {
    let series = cells.iter().enumerate().map(|(colour, cell)| {
        // The curve ends where too few lines are left to tell a percentile from the maximum.
        let least = cell.rounds.iter().map(|round| round.latency.len()).min().unwrap_or(0).max(10) as f64;
        let nines = least.log10().min(6.0);
        let at = |n| 1.0 - 10f64.powf(-(n as f64) / CURVE_POINTS as f64 * nines);
        let point = |quantile| {
            Point::of(quantile, cell.figures(|round| Some(round.latency.value_at_quantile(quantile).max(1) as f64)))
        };
        Series {
            name: cell.server.clone(),
            colour,
            stroke: Stroke::Solid,
            points: (0..=CURVE_POINTS).map(at).filter_map(point).collect(),
        }
    });
    Chart {
        title: format!("Latency of the last receiver with {} clients", cells[0].scenario.clients),
        note: "The curve shows the latency that a given share of the lines did not exceed. From each tick to the next, the \
               share of slower lines falls to a tenth. The band is the spread of the rounds."
            .into(),
        x: Axis::new(Lang::En, "share of the lines", Kind::Percentile, numbers::percent),
        y: Axis::new(Lang::En, "latency", Kind::Log, numbers::nanos),
        series: series.collect(),
    }
}

/// The charts over the number of clients. A figure that the system did not report has none.
fn by_clients(cells: &[Cell], servers: &[&str]) -> Vec<Chart> {
    let mut counts: Vec<f64> = cells.iter().map(|cell| cell.scenario.clients as f64).collect();
    counts.dedup();
    let chart = |title: &str, label: &str, kind, format: Format, lines: &[Figure]| Chart {
        title: title.into(),
        note: String::new(),
        x: Axis::new(Lang::En, "clients", Kind::Log, |_, clients| format!("{clients}")).with_ticks(counts.clone()),
        y: Axis::new(Lang::En, label, kind, format),
        series: lines.iter().flat_map(|line| line.series(cells, servers)).collect(),
    };
    let in_bytes = |chart: Chart| Chart { y: Axis { steps: Steps::Binary, ..chart.y }, ..chart };
    let solid = |figure| [Figure { name: "", stroke: Stroke::Solid, figure }];
    let quantiles = [
        Figure { name: " p50", stroke: Stroke::Solid, figure: |run| quantile(run, 0.5) },
        Figure { name: " p99", stroke: Stroke::Dashed, figure: |run| quantile(run, 0.99) },
    ];
    let charts = [
        chart("Latency of the last receiver", "latency", Kind::Log, numbers::nanos, &quantiles),
        chart(
            "Deliveries per second",
            "deliveries / s",
            Kind::Linear,
            numbers::count,
            &solid(|run| Some(run.deliveries_per_second())),
        ),
        chart(
            "The server's CPU time per delivery",
            "CPU time",
            Kind::Linear,
            numbers::nanos,
            &solid(Outcome::cpu_per_delivery),
        ),
        chart(
            "The server's system calls per delivery",
            "system calls",
            Kind::Linear,
            numbers::count,
            &solid(|run| run.system_calls_per_delivery),
        ),
        in_bytes(chart(
            "The server's memory per client",
            "memory",
            Kind::Linear,
            numbers::bytes,
            &solid(|run| Some(run.memory_per_client? as f64)),
        )),
        chart(
            "The server's threads",
            "threads",
            Kind::Log,
            numbers::count,
            &solid(|run| Some(run.usage?.threads? as f64)),
        ),
    ];
    charts.into_iter().filter(|chart| !chart.is_empty()).collect()
}

/// One figure of every server.
struct Figure {
    /// The suffix of the server's name.
    name: &'static str,
    stroke: Stroke,
    figure: fn(&Outcome) -> Option<f64>,
}

impl Figure {
    fn series(&self, cells: &[Cell], servers: &[&str]) -> Vec<Series> {
        let of = |(colour, server): (usize, &&str)| {
            let own = cells.iter().filter(|cell| cell.server == **server);
            Series {
                name: format!("{server}{}", self.name),
                colour,
                stroke: self.stroke,
                points: own.filter_map(|c| Point::of(c.scenario.clients as f64, c.figures(self.figure))).collect(),
            }
        };
        servers.iter().enumerate().map(of).collect()
    }
}

fn quantile(run: &Outcome, quantile: f64) -> Option<f64> {
    (!run.latency.is_empty()).then(|| run.latency.value_at_quantile(quantile) as f64)
}
