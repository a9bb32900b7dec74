//! `tertulia bench`.

use super::address;
use crate::load::fleet::{self, Server};
use crate::load::{self, Eol, Outcome, Pace, Scenario};
use crate::server::listener;
use clap::ValueEnum;
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Measure a chat server under load
///
/// Without --addr it starts its own server in each mode and measures both. With --addr it measures any server that relays a
/// line to the other clients: `ncat -l --chat` too.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A server that runs already, instead of our own
    #[arg(long, value_name = "ADDR")]
    addr: Option<String>,

    /// Our own server's mode; both if it is not said
    #[arg(long, value_name = "MODE", conflicts_with = "addr", value_parser = parse_mode)]
    mode: Option<&'static str>,

    /// Clients that talk to each other
    #[arg(long, value_name = "N", default_value_t = 6)]
    clients: usize,

    /// Of the clients, so many talk and the others listen; all if it is not said
    #[arg(long, value_name = "N")]
    talkers: Option<usize>,

    /// Further clients that only read, and that nobody waits for
    #[arg(long, value_name = "N", default_value_t = 0)]
    idle: usize,

    /// Bytes in a line, its end included
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    line: usize,

    /// Closed loop: each client has so many lines under way
    #[arg(long, value_name = "LINES", default_value_t = 1)]
    window: u32,

    /// Open loop: so many lines a second, of all clients together, whether the server keeps up or not
    #[arg(long, value_name = "LINES", conflicts_with = "window")]
    rate: Option<f64>,

    /// Seconds that are measured
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    duration: f64,

    /// Seconds before that
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    warm_up: f64,

    /// A line that each client sends first; {n} is its number
    #[arg(long, value_name = "LINE")]
    login: Option<String>,

    /// What ends a line
    #[arg(long, value_enum, default_value_t = EolArg::Lf)]
    eol: EolArg,

    /// Where server and load run. `same` compares the work done most steadily
    #[arg(long, value_enum, default_value_t = Cores::Free)]
    cores: Cores,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    /// Write latency percentiles, as HdrHistogram's plotters read them; the mode's name is put before the ending
    #[arg(long, value_name = "FILE")]
    hgrm: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum EolArg {
    Lf,
    Crlf,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Cores {
    /// Where the system puts them
    Free,
    /// Both on one core
    Same,
    /// On a core each
    Apart,
}

/// A server that is measured, and what came of it.
struct Run {
    name: String,
    outcome: Outcome,
}

impl Args {
    pub fn run(self) -> Result<(), String> {
        let scenario = self.scenario();
        if let Some(flaw) = scenario.flaw() {
            return Err(flaw);
        }
        // One descriptor a client here; a server that we start sees to its own.
        listener::make_room_for(scenario.connections())?;

        let mut runs = Vec::new();
        if let Some(addr) = &self.addr {
            let (host, port) = address::Address::of(addr).get()?;
            let addr = resolve(&host, port)?;
            runs.push(self.measure(addr.to_string(), addr, None, &scenario)?);
        } else {
            for mode in self.mode.map_or(modes(), |mode| vec![mode]) {
                let server = Server::start(|addr| serve(addr, mode, &scenario))?;
                if self.cores != Cores::Free {
                    server.pin(0)?;
                }
                runs.push(self.measure(mode.into(), server.addr, Some(server.pid()), &scenario)?);
            }
        }
        if let Some(file) = &self.hgrm {
            for run in &runs {
                write_hgrm(file, run)?;
            }
        }
        let result = if self.json {
            let runs: Vec<_> = runs.iter().map(|run| run.to_json(&scenario)).collect();
            format!("{:#}\n", json!({ "version": env!("CARGO_PKG_VERSION"), "runs": runs }))
        } else {
            table(&runs, &scenario)
        };
        super::print(result.as_bytes())?;
        match runs.iter().find(|run| run.outcome.faults.any() || !run.outcome.troubles.is_empty()) {
            Some(run) => Err(format!("{}: the server did not deliver every line once and in order", run.name)),
            None => Ok(()),
        }
    }

    fn scenario(&self) -> Scenario {
        Scenario {
            clients: self.clients,
            talkers: self.talkers.unwrap_or(self.clients),
            idle: self.idle,
            line_len: self.line,
            pace: self.rate.map_or(Pace::Window(self.window), Pace::Rate),
            duration: Duration::from_secs_f64(self.duration),
            warm_up: Duration::from_secs_f64(self.warm_up),
            login: self.login.clone(),
            eol: match self.eol {
                EolArg::Lf => Eol::Lf,
                EolArg::Crlf => Eol::CrLf,
            },
        }
    }

    fn measure(&self, name: String, addr: SocketAddr, pid: Option<u32>, scenario: &Scenario) -> Result<Run, String> {
        match self.cores {
            Cores::Free => {}
            Cores::Same => fleet::pin(None, 0)?,
            Cores::Apart => fleet::pin(None, 1)?,
        }
        // Hidden by itself where stderr is no terminal.
        let bar = ProgressBar::new(1000).with_message(name.clone());
        if let Ok(style) = ProgressStyle::with_template("{msg:10} {wide_bar} {percent}%") {
            bar.set_style(style);
        }
        let mut shown = 0;
        let outcome = load::run(addr, scenario, pid, &mut |part| {
            let now = (part * 100.0) as u64;
            if now != shown {
                shown = now;
                bar.set_position(now * 10);
            }
        });
        bar.finish_and_clear();
        Ok(Run { name, outcome: outcome? })
    }
}

impl Run {
    fn to_json(&self, scenario: &Scenario) -> serde_json::Value {
        let outcome = &self.outcome;
        let usage = outcome.usage.unwrap_or_default();
        json!({
            "server": self.name,
            "clients": scenario.clients,
            "talkers": scenario.talkers,
            "idle": scenario.idle,
            "line_bytes": scenario.line_len,
            "window": match scenario.pace { Pace::Window(lines) => Some(lines), Pace::Rate(_) => None },
            "lines_per_second_offered": match scenario.pace { Pace::Rate(rate) => Some(rate), Pace::Window(_) => None },
            "seconds": outcome.elapsed.as_secs_f64(),
            "lines_sent": outcome.sent,
            "deliveries": outcome.delivered,
            "deliveries_per_second": outcome.deliveries_per_second(),
            "latency_us": percentiles(&outcome.latency),
            "service_time_us": percentiles(&outcome.service),
            "faults": outcome.faults,
            "echoes": outcome.echoes,
            "troubles": outcome.troubles,
            "generator_busy": outcome.generator_busy,
            "generator_is_the_limit": outcome.generator_is_the_limit(),
            "server_cpu_seconds": usage.cpu.map(|cpu| cpu.as_secs_f64()),
            "server_context_switches_voluntary": usage.switches_voluntary,
            "server_context_switches_involuntary": usage.switches_involuntary,
            "server_system_calls_per_delivery": outcome.system_calls_per_delivery,
            "server_threads": usage.threads,
            "server_memory_bytes_per_client": outcome.memory_per_client,
        })
    }

    fn verdict(&self) -> String {
        let faults = &self.outcome.faults;
        let counts = [
            (faults.lost, "lost"),
            (faults.duplicate, "double"),
            (faults.reordered, "out of order"),
            (faults.malformed, "malformed"),
        ];
        let said: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if said.is_empty() { "each once, in order".into() } else { said.join(", ") }
    }
}

const PERCENTILES: [(&str, f64); 6] =
    [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("p99.99", 99.99), ("max", 100.0)];

fn percentiles(histogram: &Histogram<u64>) -> serde_json::Value {
    let micros = |(name, percent)| (String::from(name), json!(histogram.value_at_percentile(percent) as f64 / 1e3));
    serde_json::Value::Object(PERCENTILES.into_iter().map(micros).collect())
}

/// The result for people.
fn table(runs: &[Run], scenario: &Scenario) -> String {
    let pace = match scenario.pace {
        Pace::Window(lines) => format!("closed loop, {lines} under way each"),
        Pace::Rate(rate) => format!("open loop, {rate} lines a second"),
    };
    let mut text =
        format!("{} clients, {} idle, lines of {} bytes, {pace}\n", scenario.clients, scenario.idle, scenario.line_len);
    let mut rows: Vec<(&str, Vec<String>)> = vec![("", runs.iter().map(|run| run.name.clone()).collect())];
    let mut row = |name, cell: &dyn Fn(&Run) -> Option<String>| {
        let cells: Vec<_> = runs.iter().map(cell).collect();
        if cells.iter().any(Option::is_some) {
            rows.push((name, cells.into_iter().map(|cell| cell.unwrap_or_else(|| "-".into())).collect()));
        }
    };
    row("deliveries / s", &|run| Some(format!("{:.0}", run.outcome.deliveries_per_second())));
    row("delivered", &|run| Some(run.verdict()));
    for (name, percent) in PERCENTILES {
        row(name, &|run| Some(format!("{:.1} µs", run.outcome.latency.value_at_percentile(percent) as f64 / 1e3)));
    }
    if let Pace::Rate(_) = scenario.pace {
        row("p99 from sending", &|run| {
            Some(format!("{:.1} µs", run.outcome.service.value_at_percentile(99.0) as f64 / 1e3))
        });
    }
    row("server's CPU", &|run| {
        let share = run.outcome.usage?.cpu?.as_secs_f64() / run.outcome.elapsed.as_secs_f64();
        Some(format!("{:.0} %", share * 100.0))
    });
    row("CPU a delivery", &|run| {
        let nanos = run.outcome.usage?.cpu?.as_nanos() as f64 / run.outcome.delivered as f64;
        Some(format!("{nanos:.0} ns"))
    });
    row("system calls a delivery", &|run| Some(format!("{:.3}", run.outcome.system_calls_per_delivery?)));
    row("switches, had to wait", &|run| Some(run.outcome.usage?.switches_voluntary?.to_string()));
    row("switches, was pushed off", &|run| Some(run.outcome.usage?.switches_involuntary?.to_string()));
    row("threads", &|run| Some(run.outcome.usage?.threads?.to_string()));
    row("memory a client", &|run| Some(format!("{:.1} KiB", run.outcome.memory_per_client? as f64 / 1024.0)));
    row("generator's CPU", &|run| Some(format!("{:.0} %", run.outcome.generator_busy * 100.0)));

    for (name, cells) in rows {
        text += &format!("{name:26}");
        cells.iter().for_each(|cell| text += &format!("{cell:>22}"));
        text += "\n";
    }
    for run in runs {
        for trouble in &run.outcome.troubles {
            text += &format!("{}: {trouble}\n", run.name);
        }
        if run.outcome.generator_is_the_limit() {
            text += &format!(
                "{}: the load generator had no time left: these figures are its own limit, not the server's\n",
                run.name
            );
        }
    }
    text
}

/// Latency percentiles in the text form that HdrHistogram's plotters read.
fn write_hgrm(file: &Path, run: &Run) -> Result<(), String> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let name = run.name.replace(':', "-");
    let path = file.with_file_name(format!("{stem}.{name}.hgrm"));
    let histogram = &run.outcome.latency;
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
    std::fs::write(&path, text).map_err(|e| format!("{} cannot be written: {e}", path.display()))
}

/// Our own server, as quiet as it can be, with a seat more than is needed: who asked whether it listens may still be there.
fn serve(addr: SocketAddr, mode: &str, scenario: &Scenario) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| "tertulia".into());
    let mut command = Command::new(program);
    command.args(["serve", "--quiet", "--mode", mode, "--addr", &addr.to_string()]);
    command.args([
        "--max-clients",
        &(scenario.connections() + 1).to_string(),
        "--max-line",
        &scenario.line_len.max(1024).to_string(),
    ]);
    command
}

/// The modes built in.
fn modes() -> Vec<&'static str> {
    if cfg!(feature = "threaded") { vec!["epoll", "threaded"] } else { vec!["epoll"] }
}

fn resolve(host: &str, port: u16) -> Result<SocketAddr, String> {
    let found = (host, port).to_socket_addrs().ok().and_then(|mut addrs| addrs.next());
    found.ok_or_else(|| format!("{host} is not the name of a machine"))
}

fn parse_mode(text: &str) -> Result<&'static str, String> {
    super::serve::parse_mode(text).map(|mode| mode.name())
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("take a number of seconds".into()),
    }
}
