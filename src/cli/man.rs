//! The command line of `tertulia completions` and `tertulia man`.

use super::failure::Failure;
use super::{Cli, print};
use clap::CommandFactory;

/// Print a script that completes tertulia's commands and flags in a shell
#[derive(clap::Args, Debug)]
pub(crate) struct Completions {
    shell: clap_complete::Shell,
}

/// Print the manual page, for `man -l -`
#[derive(clap::Args, Debug)]
pub(crate) struct Man {
    /// Print the page of this subcommand
    command: Option<String>,
}

impl Completions {
    pub(crate) fn run(self) -> Result<(), String> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "tertulia", &mut script);
        print(&script)
    }
}

impl Man {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut command = Cli::command();
        command.build();
        if let Some(name) = self.command {
            let subcommand = command.find_subcommand(&name).cloned();
            command = subcommand
                .ok_or_else(|| Failure::Usage(format!("there is no subcommand {name:?}; see tertulia --help")))?;
        }
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).map_err(|e| e.to_string())?;
        Ok(print(&page)?)
    }
}
