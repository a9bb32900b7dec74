//! The command line of `tertulia completions` and `tertulia man`.

use super::failure::Failure;
use super::{described, manual, print, translation};
use crate::text::{Lang, say};
use clap::builder::PossibleValuesParser;
use clap_complete::Shell;

/// Print a script that completes tertulia's commands and flags in a shell
#[derive(clap::Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Print the manual page, for `man -l -`
#[derive(clap::Args, Debug)]
pub(crate) struct Man {
    /// Print the page of this subcommand, for example `trace view`
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

/// The command line in the language of the session, to be described and not to be parsed.
fn for_readers() -> clap::Command {
    match Lang::session() {
        Lang::En => described(Lang::En),
        Lang::Es => translation::with_values(described(Lang::Es)),
    }
}

impl Completions {
    pub(crate) fn run(self) -> Result<(), String> {
        let mut command = for_readers();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "tertulia", &mut script);
        if self.shell == Shell::Fish {
            script.extend_from_slice(arguments_in_fish(&command).as_bytes());
        }
        print(&script)
    }
}

/// clap_complete's script for fish completes flags and their values only. This completes the arguments without a flag.
fn arguments_in_fish(command: &clap::Command) -> String {
    let arguments =
        command.get_subcommands().flat_map(|one| one.get_positionals().map(move |arg| (one.get_name(), arg)));
    let line = |(name, arg): (&str, &clap::Arg)| {
        let values = arg.get_possible_values();
        let words: Vec<_> = values.iter().map(|value| value.get_name()).collect();
        let condition = format!("__fish_tertulia_using_subcommand {name}");
        (!words.is_empty()).then(|| format!("complete -c tertulia -n \"{condition}\" -f -a \"{}\"\n", words.join(" ")))
    };
    arguments.filter_map(line).collect()
}

impl Man {
    /// Lets `tertulia man` take the names of all these commands, which it cannot know before there are all.
    pub(super) fn of(commands: clap::Command) -> clap::Command {
        let one_and_its_own = |one: &clap::Command| -> Vec<String> {
            [one].into_iter().chain(one.get_subcommands()).map(|one| one.get_name().to_owned()).collect()
        };
        let names = PossibleValuesParser::new(commands.get_subcommands().flat_map(one_and_its_own));
        commands.mut_subcommand("man", |man| {
            man.mut_arg("command", |arg| arg.value_parser(names).hide_possible_values(true))
        })
    }

    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut page = for_readers();
        for name in &self.command {
            let subcommand = page.find_subcommand(name).cloned();
            let words = self.command.join(" ");
            let unknown = || {
                say!(Lang::session(),
                    "there is no command `tertulia {words}`; see tertulia --help";
                    "no existe la orden `tertulia {words}`; consulta tertulia --help")
            };
            page = subcommand.ok_or_else(|| Failure::Usage(unknown()))?;
        }
        let text = manual::page(&self.command.join(" "), page, Lang::session()).map_err(|e| e.to_string())?;
        Ok(print(text.as_bytes())?)
    }
}
