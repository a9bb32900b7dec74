//! The command line of `tertulia where`.

use super::print;
use crate::text::Lang;
use crate::waiting::{Process, find, report};

/// Show what each thread of a process sleeps in
///
/// It looks at any program: name a process by its id, by its name, or by the port on which it listens. For each thread it
/// shows the system call in which it sleeps, and what is behind the descriptor.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Process id, name, or :PORT of a server
    #[arg(value_name = "PROCESS")]
    process: String,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), String> {
        let lang = Lang::session();
        let found = find::processes(&self.process).map_err(|e| e.in_lang(lang).to_owned())?;
        // One that has ended meanwhile is left out.
        let processes: Vec<Process> = found.into_iter().filter_map(Process::look).collect();
        match self.json {
            true => print(format!("{:#}\n", serde_json::json!(processes)).as_bytes()),
            false => {
                let reports: Vec<_> = processes.iter().map(|process| report::text(lang, process)).collect();
                print(reports.join("\n").as_bytes())
            }
        }
    }
}
