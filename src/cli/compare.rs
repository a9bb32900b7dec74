//! The command line of `tertulia compare`.

use super::mode::ModeParser;
use super::output::Output;
use super::print;
use super::value::whole;
use crate::compare::{Plan, c10k, messages, report};
use crate::harness::process_group::end_all;
use crate::server::{Driver, diagnostics, listener};
use crate::text::{Lang, say};
use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Silent clients, if the limit on descriptors permits so many.
const CROWD: usize = 9000;
/// Descriptors for all others than the silent clients.
const CROWD_SPARE: usize = 32;

/// Compare the server modes under the same load, and write one page with the results
///
/// Starts this program's server in each mode and runs the same load against each: a conversation whose steps are
/// recorded, growing numbers of clients, five scenes, each with a different difficulty, and thousands of silent clients. It
/// takes a minute and a half.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// File to write the page to [default: compare.html; with --json, none]
    #[arg(short, long, value_name = "PAGE")]
    output: Option<PathBuf>,

    /// Modes to compare, separated by commas; two at least [default: all modes]
    #[arg(long, value_name = "MODES", value_delimiter = ',', value_parser = ModeParser)]
    modes: Vec<&'static Driver>,

    /// Numbers of clients to measure with, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "2,6,64,256",
          value_parser = whole::<usize>(2..=20_000))]
    clients: Vec<usize>,

    /// Rounds per measurement; with fewer than three, no mode is called better [default: 5; 3 for more than three modes]
    #[arg(long, value_name = "N", value_parser = whole::<usize>(2..=100))]
    rounds: Option<usize>,

    /// Milliseconds to measure per round
    #[arg(long, value_name = "MILLIS", default_value_t = 120, value_parser = whole::<u32>(50..=60_000))]
    millis: u32,

    /// Largest number of silent clients [default: 9000, or as many as the limit on descriptors permits]
    ///
    /// It is also the number of clients that connect at once in the scene storm, up to 500
    #[arg(long, value_name = "N", value_parser = whole::<usize>(1..=50_000))]
    crowd: Option<usize>,

    /// Measure nothing else than this part
    #[arg(long, value_name = "PART")]
    only: Option<Part>,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// A part that can be measured alone.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    /// What a line costs beside thousands of silent clients
    C10k,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), String> {
        let lang = Lang::session();
        let mut clients = self.clients;
        clients.sort();
        clients.dedup();
        let mut drivers = self.modes;
        let mut seen = BTreeSet::new();
        drivers.retain(|driver| seen.insert(driver.name));
        drivers.iter().try_for_each(|driver| driver.check())?;
        match drivers.len() {
            0 => drivers = Driver::usable(),
            1 => {
                let name = drivers[0].name;
                return Err(say!(lang,
                    "one mode alone cannot be compared; name two, as in --modes {name},threaded";
                    "un solo modo no se puede comparar; indica dos, como en --modes {name},threaded"));
            }
            _ => {}
        }
        let rounds = self.rounds.unwrap_or(if drivers.len() > 3 { 3 } else { 5 });
        let crowd = self.crowd.unwrap_or_else(|| listener::clients_max().saturating_sub(CROWD_SPARE).clamp(1, CROWD));
        let plan = Plan {
            drivers,
            clients,
            rounds,
            duration: Duration::from_millis(self.millis.into()),
            warm_up: Duration::from_millis(50),
            c10k_only: self.only == Some(Part::C10k),
            silent: c10k::levels(crowd),
            storm: crowd.min(500),
        };
        let output = self.output.or_else(|| (!self.json).then(|| "compare.html".into()));
        let output = output.map(|path| Output::open(&path)).transpose()?;
        // One file descriptor per client in this process. The servers raise their own limits.
        listener::make_room_for(plan.connections())?;

        let stopped = stop_at_signals()?;
        // The bar hides itself if stderr is not a terminal.
        let bar = ProgressBar::new(plan.runs() as u64);
        if let Ok(style) = ProgressStyle::with_template("{msg:44} {wide_bar} {percent:>3} %") {
            bar.set_style(style);
        }
        let mut done = 0;
        let comparison = plan.run(&mut |next| {
            bar.set_message(next.in_lang(lang).to_owned());
            bar.set_position(done);
            done += 1;
        });
        bar.finish_and_clear();
        if let Some(signal) = stopped.get() {
            std::process::exit(128 + signal);
        }
        let comparison = comparison.map_err(|e| e.in_lang(lang).to_owned())?;

        let result = match self.json {
            true => format!("{:#}", report::json(&comparison, lang)),
            false => messages::findings(lang, &comparison).join("\n"),
        };
        // First what needs no file.
        print(format!("{result}\n").as_bytes())?;
        output.map_or(Ok(()), |output| output.write_page(&report::html(&comparison, lang), lang))
    }
}

/// Makes SIGHUP, SIGINT and SIGTERM end the server that runs, so that everything is cleaned up as after an error. Returns a
/// cell that gets the signal.
fn stop_at_signals() -> Result<Arc<OnceLock<i32>>, String> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|e| diagnostics::cannot_handle_signals(&e))?;
    let stopped = Arc::new(OnceLock::new());
    let stops = stopped.clone();
    std::thread::spawn(move || {
        let Some(signal) = signals.forever().next() else { return };
        let _ = stops.set(signal);
        end_all();
    });
    Ok(stopped)
}
