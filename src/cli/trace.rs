//! The command line of `tertulia trace`, and the tracing flags of `serve`.

use super::output::Output;
use super::print;
use super::value::whole;
use crate::text::{Lang, say};
use crate::trace::{self, calls, chrome, page};
use clap::builder::FalseyValueParser;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Flags of `serve`.
#[derive(clap::Args, Debug)]
pub(crate) struct Serve {
    /// Explain each step of the server on stderr when it happens
    #[arg(long, env = "TERTULIA_EXPLAIN", value_parser = FalseyValueParser::new())]
    explain: bool,

    /// Milliseconds to pause after each step, which is explained as with --explain, so that viewers can guess the next one
    #[arg(long, value_name = "MILLIS", env = "TERTULIA_SLOW", value_parser = whole::<u64>(1..=60_000))]
    slow: Option<u64>,

    /// File to record each step in, for `tertulia trace view`, ui.perfetto.dev or chrome://tracing
    #[arg(long, value_name = "FILE", env = "TERTULIA_TRACE")]
    trace: Option<PathBuf>,
}

impl Serve {
    pub(crate) fn options(self) -> trace::Options {
        trace::Options {
            explain: self.explain || self.slow.is_some(),
            slow: self.slow.map(Duration::from_millis),
            file: self.trace,
        }
    }
}

/// Look at what `serve --trace FILE` recorded
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Draw the recording as one self-contained page for a browser
    View(View),
    /// Count the system calls in the recording, as `strace -f -c` does
    Calls(Calls),
}

#[derive(clap::Args, Debug)]
pub(crate) struct View {
    /// File that `serve --trace` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// File to write the page to
    #[arg(short, long, value_name = "PAGE", default_value = "trace.html")]
    output: PathBuf,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Calls {
    /// File that `serve --trace` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Command {
    pub(crate) fn run(self) -> Result<(), String> {
        let lang = Lang::session();
        let read = |file: &Path| chrome::read(file).map_err(|e| e.in_lang(lang).to_owned());
        match self {
            Command::View(View { file, output }) => {
                let trace = read(&file)?;
                if trace.events.is_empty() {
                    let name = file.display();
                    return Err(say!(lang,
                        "{name} contains no steps: no client connected during the recording; record again with clients";
                        "{name} no contiene pasos: ningún cliente se conectó durante la grabación; graba otra vez con clientes"));
                }
                Output::open(&output)?.write_page(&page::of(&trace, lang), lang)
            }
            Command::Calls(Calls { file }) => print(calls::table(&read(&file)?, lang).as_bytes()),
        }
    }
}
