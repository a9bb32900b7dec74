//! The command line of `tertulia completions` and `tertulia man`.

use super::failure::Failure;
use super::{command, print};
use clap::builder::PossibleValuesParser;

/// Print a script that completes tertulia's commands and flags in a shell
#[derive(clap::Args, Debug)]
pub(crate) struct Completions {
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

/// Print the manual page, for `man -l -`
#[derive(clap::Args, Debug)]
pub(crate) struct Man {
    /// Print the page of this subcommand
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

impl Completions {
    pub(crate) fn run(self) -> Result<(), String> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command(), "tertulia", &mut script);
        print(&script)
    }
}

impl Man {
    /// Lets `tertulia man` take the names of all these commands, which it cannot know before there are all.
    pub(super) fn of(commands: clap::Command) -> clap::Command {
        let mut built = commands.clone();
        built.build();
        let subcommands = built.get_subcommands();
        let names: Vec<_> = subcommands.flat_map(|one| [one].into_iter().chain(one.get_subcommands())).collect();
        let names = PossibleValuesParser::new(names.into_iter().map(|one| one.get_name().to_owned()));
        commands.mut_subcommand("man", |man| {
            man.mut_arg("command", |arg| arg.value_parser(names).hide_possible_values(true))
        })
    }

    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut page = command();
        page.build();
        for name in &self.command {
            let subcommand = page.find_subcommand(name).cloned();
            let unknown = || format!("there is no command `tertulia {}`; see tertulia --help", self.command.join(" "));
            page = subcommand.ok_or_else(|| Failure::Usage(unknown()))?;
        }
        let mut text = Vec::new();
        clap_mangen::Man::new(page).render(&mut text).map_err(|e| e.to_string())?;
        Ok(print(&text)?)
    }
}
