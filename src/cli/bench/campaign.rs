//! The campaign: which server is measured with how many clients, how often and in which order; and the results.

use crate::harness::server_process::pin_this_thread;
use crate::harness::{Launcher, START_LIMIT, Stdout};
use crate::load::rounds::Duel;
use crate::load::{self, Outcome, Pace, Scenario};
use crate::page::Point;
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

    /// Why the campaign cannot be run, in a sentence.
    pub(super) fn flaw(&self) -> Option<String> {
        let most = self.counts.last().copied().unwrap_or(0);
        match self.talkers {
            Some(talkers) if talkers > most => Some(format!(
                "{talkers} of {most} clients cannot talk; use --talkers {most} or less, or more --clients"
            )),
            _ => self.counts.iter().find_map(|&clients| self.scenario(clients).flaw()),
        }
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

/// Sentences that say which server is better than which others. `None` if a server has one round only, has not delivered
/// every line, or was limited by the load generator.
pub(super) fn winner(cells: &[&Cell]) -> Option<String> {
    if cells.iter().any(|cell| cell.rounds.len() < 2 || !cell.is_flawless() || cell.generator_is_the_limit()) {
        return None;
    }
    // In an open loop all servers deliver what they are given, so the one with the lower latency is better.
    let is_open = matches!(cells[0].scenario.pace, Pace::Rate(_));
    let score = |round: &Outcome| match is_open {
        true => (!round.latency.is_empty()).then(|| 1.0 / round.latency.value_at_quantile(0.5) as f64),
        false => Some(round.deliveries_per_second()),
    };
    let scores = cells.iter().map(|cell| (cell.server.as_str(), cell.rounds.iter().map(score).collect()));
    compare(
        scores.collect(),
        match is_open {
            true => |times| format!("is {times:.2} times as fast"),
            false => |times| format!("delivers {times:.2} times as much"),
        },
    )
}

/// Compares the server with the best median with each other one, by the rule of [`Duel`].
fn compare(mut scores: Vec<(&str, Vec<Option<f64>>)>, factor: fn(f64) -> String) -> Option<String> {
    let median = |scores: &[Option<f64>]| Point::of(0.0, scores.iter().flatten().copied()).map_or(0.0, |point| point.y);
    scores.sort_by(|(_, a), (_, b)| median(b).total_cmp(&median(a)));
    let [(best, of_best), others @ ..] = &scores[..] else { return None };
    let sentence = |(name, of_other): &(&str, Vec<Option<f64>>)| {
        let duel = Duel::of(of_best, of_other)?;
        let (Duel { rounds, won, .. }, factor) = (duel, factor(duel.times));
        Some(if duel.is_won() {
            format!("{best} is better than {name} in each of {rounds} rounds: in the median it {factor}.")
        } else if duel.is_close() {
            format!("{best} and {name} differ by less than a tenth in the median.")
        } else {
            format!(
                "{rounds} rounds cannot tell {best} and {name} apart: in the median {best} {factor}, and it is better in \
                 {won} of {rounds} rounds."
            )
        })
    };
    let sentences: Vec<String> = others.iter().filter_map(sentence).collect();
    (!sentences.is_empty()).then(|| sentences.join(" "))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(servers: &[(&str, [f64; 3])]) -> String {
        let scores = servers.iter().map(|(name, scores)| (*name, scores.map(Some).to_vec())).collect();
        compare(scores, |times| format!("delivers {times:.2} times as much")).expect("two servers")
    }

    #[test]
    fn a_factor_of_two_is_told_even_if_the_rounds_disagree() {
        assert_eq!(
            said(&[("epoll", [20.5, 45.0, 20.0]), ("threaded", [40.2, 41.0, 39.0])]),
            "3 rounds cannot tell threaded and epoll apart: in the median threaded delivers 1.96 times as much, and it is \
             better in 2 of 3 rounds."
        );
    }

    #[test]
    fn the_best_is_compared_with_each_other() {
        assert_eq!(
            said(&[("epoll", [20.0, 9.0, 21.0]), ("poll", [39.0, 18.1, 43.0]), ("threaded", [40.0, 18.0, 42.0])]),
            "threaded and poll differ by less than a tenth in the median. threaded is better than epoll in each of 3 rounds: \
             in the median it delivers 2.00 times as much."
        );
    }
}
