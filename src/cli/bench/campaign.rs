//! The campaign: which server is measured with how many clients, how often and in which order; and the results.

use crate::harness::server_process::pin_this_thread;
use crate::harness::{Launcher, START_LIMIT, Stdout};
use crate::load::{self, Outcome, Pace, Scenario};
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use std::net::SocketAddr;
use std::process::Command;

/// A server that is measured.
pub(super) enum Subject {
    /// Our own server in one of its modes, as a process of its own for each run.
    Ours(&'static str),
    /// A server that runs already, and its process if that is known.
    Running(SocketAddr, Option<u32>),
}

/// Where server and load run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum Cores {
    /// The system chooses the cores
    Free,
    /// Server and load share one core
    Same,
    /// Server and load each have their own core
    Apart,
}

pub(super) struct Campaign {
    pub subjects: Vec<Subject>,
    /// The load of one round, except for the numbers of clients and talkers.
    pub scenario: Scenario,
    /// The number of clients that talk; `None` means all.
    pub talkers: Option<usize>,
    /// The numbers of clients, in ascending order.
    pub counts: Vec<usize>,
    pub rounds: usize,
    pub cores: Cores,
}

/// The results of one server with one number of clients.
pub(super) struct Cell {
    pub server: String,
    pub scenario: Scenario,
    /// One per round, and at least one.
    pub rounds: Vec<Outcome>,
}

impl Campaign {
    /// The load with this many clients.
    pub(super) fn scenario(&self, clients: usize) -> Scenario {
        let talkers = self.talkers.map_or(clients, |talkers| talkers.min(clients));
        Scenario { clients, talkers, ..self.scenario.clone() }
    }

    /// Measures everything. The servers take turns in short rounds, and the order alternates, so that a drift of the
    /// machine affects all of them.
    pub(super) fn run(&self) -> Result<Vec<Cell>, String> {
        // The bar hides itself if stderr is no terminal.
        let bar = ProgressBar::new((self.counts.len() * self.rounds * self.subjects.len() * STEPS) as u64);
        if let Ok(style) = ProgressStyle::with_template("{msg:40} {wide_bar} {percent:>3} %") {
            bar.set_style(style);
        }
        let result = self.run_with(&bar);
        bar.finish_and_clear();
        result
    }

    fn run_with(&self, bar: &ProgressBar) -> Result<Vec<Cell>, String> {
        let mut cells = Vec::new();
        let mut runs = 0;
        for &clients in &self.counts {
            let scenario = self.scenario(clients);
            let of =
                |subject: &Subject| Cell { server: subject.name(), scenario: scenario.clone(), rounds: Vec::new() };
            let mut row: Vec<Cell> = self.subjects.iter().map(of).collect();
            for round in 0..self.rounds {
                let mut order: Vec<usize> = (0..self.subjects.len()).collect();
                if round % 2 == 1 {
                    order.reverse();
                }
                for subject in order {
                    let name = &row[subject].server;
                    bar.set_message(format!("{name}, {clients} clients, round {} of {}", round + 1, self.rounds));
                    let mut shown = None;
                    let outcome = self.measure(&self.subjects[subject], &scenario, &mut |part| {
                        let step = (runs * STEPS) as u64 + (part * STEPS as f64) as u64;
                        if shown.replace(step) != Some(step) {
                            bar.set_position(step);
                        }
                    })?;
                    row[subject].rounds.push(outcome);
                    runs += 1;
                }
            }
            cells.append(&mut row);
        }
        Ok(cells)
    }

    fn measure(
        &self,
        subject: &Subject,
        scenario: &Scenario,
        progress: &mut dyn FnMut(f64),
    ) -> Result<Outcome, String> {
        match self.cores {
            Cores::Free => {}
            Cores::Same => pin_this_thread(0)?,
            Cores::Apart => pin_this_thread(1)?,
        }
        match subject {
            Subject::Running(addr, pid) => load::run(*addr, scenario, *pid, progress),
            Subject::Ours(mode) => {
                let server = Launcher::new(|addr| serve(addr, mode, scenario)).start(Stdout::Nowhere, START_LIMIT)?;
                if self.cores != Cores::Free {
                    server.pin(0)?;
                }
                load::run(server.addr, scenario, Some(server.pid()), progress)
            }
        }
    }
}

/// Steps of the progress bar for one run.
const STEPS: usize = 100;

impl Subject {
    pub(super) fn name(&self) -> String {
        match self {
            Subject::Ours(mode) => (*mode).into(),
            Subject::Running(addr, _) => addr.to_string(),
        }
    }
}

impl Cell {
    /// A figure of each round, without the rounds for which the system did not report it.
    pub(super) fn figures(&self, figure: impl Fn(&Outcome) -> Option<f64>) -> Vec<f64> {
        self.rounds.iter().filter_map(figure).collect()
    }

    /// The latencies of all rounds together. Nanoseconds.
    pub(super) fn latency(&self) -> Histogram<u64> {
        let mut all = self.rounds[0].latency.clone();
        for round in &self.rounds[1..] {
            // Both resize themselves, so this does not fail.
            let _ = all.add(&round.latency);
        }
        all
    }

    /// The first round's stray line, and how many there were in all.
    pub(super) fn strays(&self) -> Option<(&str, u64)> {
        let first = self.rounds.iter().find_map(|round| round.strays.first.as_deref())?;
        Some((first, self.rounds.iter().map(|round| round.strays.count).sum()))
    }

    pub(super) fn is_flawless(&self) -> bool {
        self.rounds.iter().all(Outcome::is_flawless)
    }

    pub(super) fn generator_is_the_limit(&self) -> bool {
        self.rounds.iter().any(Outcome::generator_is_the_limit)
    }

    /// Whether every line arrived, in words.
    pub(super) fn verdict(&self) -> String {
        let mut faults = load::Faults::default();
        self.rounds.iter().for_each(|round| faults += round.faults);
        let counts = [
            (faults.lost, "lost"),
            (faults.duplicate, "duplicate"),
            (faults.reordered, "out of order"),
            (faults.malformed, "malformed"),
            (faults.mislabelled, "mislabelled"),
        ];
        let mut said: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if self.rounds.iter().any(|round| !round.troubles.is_empty()) {
            said.push("connections closed".into());
        }
        if said.is_empty() { "each once, in order".into() } else { said.join(", ") }
    }
}

/// A load in words.
pub(super) fn describe(scenario: &Scenario) -> String {
    let Scenario { clients, talkers, idle, line_len, .. } = scenario;
    let pace = match scenario.pace {
        Pace::Window(1) => "closed loop, 1 line in flight per talker".into(),
        Pace::Window(lines) => format!("closed loop, {lines} lines in flight per talker"),
        Pace::Rate(rate) => format!("open loop, {rate} lines per second in total"),
    };
    let talkers = if talkers == clients { String::new() } else { format!(", {talkers} of them talking") };
    format!("{clients} clients{talkers}, {idle} idle, lines of {line_len} bytes, {pace}")
}

/// A sentence that says which server is better in every round, or which are alike. `None` if a server has one round
/// only, has not delivered every line, or was limited by the load generator.
pub(super) fn winner(cells: &[&Cell]) -> Option<String> {
    if cells.len() < 2
        || cells.iter().any(|cell| cell.rounds.len() < 2 || !cell.is_flawless() || cell.generator_is_the_limit())
    {
        return None;
    }
    // In an open loop all servers deliver what they are given, so the one with the lower latency is better.
    let open = matches!(cells[0].scenario.pace, Pace::Rate(_));
    let figures = |cell: &Cell| {
        let nanos = |round: &Outcome| round.latency.value_at_quantile(0.5) as f64;
        let mut all = cell.figures(|round| Some(if open { 1e9 / nanos(round) } else { round.deliveries_per_second() }));
        all.sort_by(f64::total_cmp);
        all
    };
    let mut ranked: Vec<(&str, Vec<f64>)> =
        cells.iter().map(|cell| (cell.server.as_str(), figures(cell))).filter(|(_, all)| !all.is_empty()).collect();
    ranked.sort_by(|(_, a), (_, b)| b[b.len() / 2].total_cmp(&a[a.len() / 2]));
    let [(best, of_best), others @ ..] = &ranked[..] else { return None };
    let least = of_best[0];
    let most = |all: &Vec<f64>| all[all.len() - 1];
    let alike: Vec<&str> = others.iter().filter(|(_, all)| most(all) >= least).map(|(name, _)| *name).collect();
    if !alike.is_empty() {
        return Some(format!("{best} and {} do not differ clearly: their rounds overlap.", alike.join(" and ")));
    }
    let (second, of_second) = others.iter().max_by(|(_, a), (_, b)| most(a).total_cmp(&most(b)))?;
    let ratio = least / most(of_second);
    Some(if open {
        format!("{best} is faster in every round: {second} takes at least {ratio:.2} times as long (median).")
    } else {
        format!("{best} delivers more in every round: at least {ratio:.2} times as much as {second}.")
    })
}

/// The command for our own server, without output. It has one seat more than needed, because the connection that tested
/// whether it listens may still be open.
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
