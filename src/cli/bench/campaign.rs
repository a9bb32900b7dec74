//! The campaign: which server is measured with how many clients, how often and in which order; and the results.

use super::messages;
use crate::harness::server_process::pin_this_thread;
use crate::harness::{Launcher, START_LIMIT, Stdout};
use crate::load::{self, Outcome, Scenario};
use crate::text::{Bilingual, Lang};
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use std::net::SocketAddr;
use std::process::Command;

/// A server that is measured.
pub(super) enum Subject {
    /// Our own server in one of its modes, as a process of its own for each run.
    Ours(&'static str),
    /// A server that runs already, and its process if that is known.
    Running(Vec<SocketAddr>, Option<u32>),
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

    /// Why the campaign cannot be run, and what to change.
    pub(super) fn flaw(&self) -> Option<Bilingual> {
        let most = self.counts.last().copied().unwrap_or(0);
        match self.talkers {
            Some(talkers) if talkers > most => Some(messages::too_many_talkers(talkers, most)),
            _ => self.counts.iter().find_map(|&clients| self.scenario(clients).flaw()),
        }
    }

    /// Measures everything. The servers take turns in short rounds, and the order alternates, so that a drift of the
    /// machine affects all of them.
    pub(super) fn run(&self, lang: Lang) -> Result<Vec<Cell>, Bilingual> {
        // The bar hides itself if stderr is not a terminal.
        let bar = ProgressBar::new((self.counts.len() * self.rounds * self.subjects.len() * STEPS) as u64);
        if let Ok(style) = ProgressStyle::with_template("{msg:40} {wide_bar} {percent:>3} %") {
            bar.set_style(style);
        }
        let result = self.run_with(&bar, lang);
        bar.finish_and_clear();
        result
    }

    fn run_with(&self, bar: &ProgressBar, lang: Lang) -> Result<Vec<Cell>, Bilingual> {
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
                    bar.set_message(messages::progress(lang, name, clients, round + 1, self.rounds));
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
    ) -> Result<Outcome, Bilingual> {
        match self.cores {
            Cores::Free => {}
            Cores::Same => pin_this_thread(0)?,
            Cores::Apart => pin_this_thread(1)?,
        }
        match subject {
            Subject::Running(addrs, pid) => load::run(addrs, scenario, *pid, progress),
            Subject::Ours(mode) => {
                let server = Launcher::new(|addr| serve(addr, mode, scenario)).start(Stdout::Nowhere, START_LIMIT)?;
                if self.cores != Cores::Free {
                    server.pin(0)?;
                }
                load::run(&[server.addr], scenario, Some(server.pid()), progress)
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
            Subject::Running(addrs, _) => addrs.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", "),
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
    if scenario.tls {
        command.arg("--tls");
    }
    command
}
