//! The command line of `tertulia bench`.

mod campaign;
mod html;
mod messages;
mod preflight;
mod report;

use super::address::{Place, parse_place};
use super::failure::Failure;
use super::mode::ModeParser;
use super::output::Output;
use super::value::{at_least, number, whole};
use crate::load::{Eol, Pace, Scenario, Usage};
use crate::server::Driver;
use crate::text::{Bilingual, Lang};
use campaign::{Campaign, Cell, Cores, Subject};
use html::Colophon;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// Measure a chat server under load
///
/// Without --addr it starts its own server in each mode and measures all of them. With --addr it measures any server that
/// relays a line to the other clients, for example `ncat -l --chat`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Measure this running server instead of tertulia's own
    ///
    /// Give it more than once for servers that have one room: the clients come to each in turn
    #[arg(long, value_name = "ADDR", value_parser = parse_place)]
    addr: Vec<Place>,

    /// Mode of tertulia's own server [default: all modes]
    #[arg(long, value_name = "MODE", conflicts_with = "addr", value_parser = ModeParser)]
    mode: Option<&'static Driver>,

    /// Process ID of the running server, to measure what it uses
    #[arg(long, value_name = "PID", requires = "addr", value_parser = at_least::<u32>(1))]
    pid: Option<u32>,

    /// Clients in the room; each of them must receive every line [default: 6]
    #[arg(long, value_name = "N", value_parser = at_least::<usize>(2))]
    clients: Option<usize>,

    /// Number of clients that talk; the others only listen [default: all]
    ///
    /// In a measurement with fewer clients, all of them talk
    #[arg(long, value_name = "N", value_parser = at_least::<usize>(1))]
    talkers: Option<usize>,

    /// Number of additional clients that only read, and are not part of any measurement
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = at_least::<usize>(0))]
    idle: usize,

    /// Length of a line in bytes, including its line end
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = at_least::<usize>(1))]
    line: usize,

    /// Closed loop: number of lines that each talker has in flight at once
    #[arg(long, value_name = "LINES", default_value_t = 1, value_parser = at_least::<u32>(1))]
    window: u32,

    /// Open loop: lines per second from all talkers together, whether or not the server keeps up
    #[arg(long, value_name = "LINES", conflicts_with = "window", value_parser = above_zero)]
    rate: Option<f64>,

    /// Seconds to measure per server and number of clients, all rounds together
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = number(0.001..=86_400.0))]
    duration: f64,

    /// Seconds of warm-up before the measurement, all rounds together
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = number(0.0..=86_400.0))]
    warm_up: f64,

    /// Numbers of clients to measure with, separated by commas [default with --html: 2,6,16,64]
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', value_parser = at_least::<usize>(2))]
    sweep: Option<Vec<usize>>,

    /// Number of rounds; the servers take turns in each round [default: 1; with --html or --sweep 3]
    #[arg(long, value_name = "N", value_parser = whole::<usize>(1..=1000))]
    rounds: Option<usize>,

    // In a help text, clap replaces {n} by a line end.
    /// A line that each client sends first; an n in braces stands for the client's number
    #[arg(long, value_name = "LINE")]
    login: Option<String>,

    /// Line end that the clients send
    #[arg(long, value_enum, default_value_t = Eol::Lf)]
    eol: Eol,

    /// Encrypt all connections with TLS; any certificate is accepted
    #[cfg(feature = "tls")]
    #[arg(long)]
    tls: bool,

    /// Cores for the server and the load generator; the results vary least with `same`
    #[arg(long, value_enum, default_value_t = Cores::Free)]
    cores: Cores,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    /// File for latency percentiles, in the format of HdrHistogram's plotters
    ///
    /// Each server gets a file of its own, with the server's name before the extension: out.hgrm becomes out.epoll.hgrm
    #[arg(long, value_name = "FILE")]
    hgrm: Option<PathBuf>,

    /// File for a page with plots, measured with several numbers of clients; this takes half a minute for each mode
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// The default number of clients: the number of seats of our own server.
const CLIENTS: usize = 6;
/// The default numbers of clients of a page.
const SWEEP: &[usize] = &[2, 6, 16, 64];

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let lang = Lang::session();
        let in_words = |text: Bilingual| text.in_lang(lang).to_owned();
        let counts = self.counts();
        let clients = self.main_clients(&counts);
        let campaign = Campaign {
            subjects: self.subjects().map_err(in_words)?,
            scenario: self.scenario(),
            talkers: self.talkers,
            rounds: self.rounds(),
            cores: self.cores,
            counts,
        };
        if let Some(flaw) = campaign.flaw() {
            return Err(Failure::Usage(in_words(flaw)));
        }
        preflight::check(campaign.counts.iter().max().unwrap_or(&0) + self.idle).map_err(in_words)?;

        let hgrm = |subject: &Subject| Some(Output::open(&report::hgrm_path(self.hgrm.as_ref()?, &subject.name())));
        let hgrms: Vec<Output> = campaign.subjects.iter().filter_map(hgrm).collect::<Result<_, _>>()?;
        let html = self.html.as_deref().map(Output::open).transpose()?;

        let cells = campaign.run(lang).map_err(in_words)?;
        let result = if self.json { format!("{:#}\n", self.json(lang, &cells)) } else { report::text(lang, &cells) };
        // First what needs no file.
        super::print(result.as_bytes())?;
        let main_cells = cells.iter().filter(|cell| cell.scenario.clients == clients);
        for (cell, file) in main_cells.zip(hgrms) {
            file.write(&report::hgrm(cell))?;
        }
        if let Some(file) = html {
            let cores = messages::cores(self.cores).in_lang(lang).to_owned();
            let colophon = Colophon { cores, clients };
            file.write_page(&html::page(lang, &cells, &colophon).html(), lang)?;
        }
        match cells.iter().find(|cell| !cell.is_flawless()) {
            Some(cell) => Err(in_words(messages::not_flawless(&cell.server)).into()),
            None => Ok(()),
        }
    }

    fn json(&self, lang: Lang, cells: &[Cell]) -> Value {
        let mut value = report::json(lang, cells);
        value["cores"] = messages::cores(self.cores).in_lang(lang).into();
        value
    }

    /// The numbers of clients, in ascending order.
    fn counts(&self) -> Vec<usize> {
        let sweep: &[usize] = match (&self.sweep, &self.html) {
            (Some(counts), _) => counts,
            (None, Some(_)) => SWEEP,
            (None, None) => &[],
        };
        let mut counts: Vec<usize> = sweep.iter().copied().chain(self.clients).collect();
        if counts.is_empty() {
            counts.push(CLIENTS);
        }
        counts.sort_unstable();
        counts.dedup();
        counts
    }

    /// The number of clients that is reported in detail.
    fn main_clients(&self, counts: &[usize]) -> usize {
        let last = counts.last().copied().unwrap_or(CLIENTS);
        self.clients.unwrap_or(if counts.contains(&CLIENTS) { CLIENTS } else { last })
    }

    fn rounds(&self) -> usize {
        let many = self.html.is_some() || self.sweep.is_some();
        self.rounds.unwrap_or(if many { 3 } else { 1 })
    }

    fn subjects(&self) -> Result<Vec<Subject>, Bilingual> {
        if self.addr.is_empty() {
            let drivers: Vec<_> = self.mode.map_or_else(Driver::usable, |driver| vec![driver]);
            return Ok(drivers.into_iter().map(|driver| Subject::Ours(driver.name)).collect());
        }
        if let Some(pid) = self.pid
            && cfg!(target_os = "linux")
            && Usage::of(pid).threads.is_none()
        {
            return Err(messages::no_process(pid));
        }
        let addrs = self.addr.iter().map(|addr| Ok(addr.resolve()?[0])).collect::<Result<_, Bilingual>>()?;
        Ok(vec![Subject::Running(addrs, self.pid)])
    }

    /// The load of one round.
    fn scenario(&self) -> Scenario {
        let part_of = |seconds: f64| Duration::from_secs_f64(seconds / self.rounds() as f64);
        Scenario {
            idle: self.idle,
            line_len: self.line,
            pace: self.rate.map_or(Pace::Window(self.window), Pace::Rate),
            duration: part_of(self.duration),
            warm_up: part_of(self.warm_up),
            login: self.login.clone(),
            eol: self.eol,
            #[cfg(feature = "tls")]
            tls: self.tls,
            ..Scenario::default()
        }
    }
}

fn above_zero(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err(crate::text::say!(Lang::session(), "use a number above 0"; "usa un número mayor que 0")),
    }
}
