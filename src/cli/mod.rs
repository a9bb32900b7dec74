//! The command line: one file per subcommand. Each turns flags into the options of the other modules.

pub(crate) mod address;
#[cfg(feature = "bench")]
pub(crate) mod bench;
#[cfg(feature = "compare")]
pub(crate) mod compare;
pub(crate) mod diagnostics;
pub(crate) mod failure;
#[cfg(feature = "gallery")]
pub(crate) mod gallery;
#[cfg(feature = "join")]
pub(crate) mod join;
mod language;
#[cfg(feature = "extras")]
pub(crate) mod man;
#[cfg(feature = "extras")]
mod manual;
pub(crate) mod mode;
#[cfg(any(feature = "bench", feature = "torment", feature = "trace"))]
pub(crate) mod output;
mod secret;
pub(crate) mod serve;
mod spanish;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "torment")]
pub(crate) mod torment;
#[cfg(feature = "trace")]
pub(crate) mod trace;
mod translation;
#[cfg(feature = "service")]
mod unit;
mod usage;
pub(crate) mod value;
#[cfg(all(feature = "bench", target_os = "linux"))]
pub(crate) mod r#where;

use crate::server::DRIVERS;
use crate::text::errors::cause;
use crate::text::{Lang, say};
use anstream::AutoStream;
use clap::{Arg, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use failure::Failure;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::LazyLock;

/// Parses the command line and runs its subcommand. An error is one line on stderr: what failed and what to try.
pub fn run() -> ExitCode {
    language::requested().begin_session();
    let result = match parse() {
        Ok(cli) => cli.command.run(),
        Err(error) => match usage::failure(&error, Lang::session()) {
            Some(failure) => Err(failure),
            // A help text, too, is an error to clap. What stdout or stderr does not take is lost.
            None => {
                let _ = error.print();
                return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
            }
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // `eprintln!` panics if stderr is closed.
            let _ = writeln!(io::stderr(), "tertulia: {failure}");
            failure.exit_code()
        }
    }
}

fn parse() -> Result<Cli, clap::Error> {
    let matches = match Lang::session() {
        Lang::En => command(),
        Lang::Es => translation::with_help_in_full(described(Lang::Es)),
    };
    let matches = matches.try_get_matches()?;
    Cli::from_arg_matches(&matches)
}

/// The command line with all that clap adds to it, described in a language.
fn described(lang: Lang) -> clap::Command {
    let mut command = command();
    command.build();
    match lang {
        Lang::En => command,
        Lang::Es => translation::translated(command),
    }
}

/// The command line in English.
fn command() -> clap::Command {
    let command = Cli::command().arg(language::flag()).mut_args(with_short_help);
    let command = command.mut_subcommands(|one| one.mut_args(with_short_help).mut_args(with_negative_numbers));
    #[cfg(feature = "extras")]
    let command = man::Man::of(command);
    command
}

/// `--max-clients -1` is a wrong number, and not the flag `-1`.
fn with_negative_numbers(arg: Arg) -> Arg {
    let takes_value = arg.get_long().is_some() && arg.get_action().takes_values();
    arg.allow_negative_numbers(takes_value)
}

/// `-h` is a reminder and leaves out the variables of the environment; `--help` has them.
fn with_short_help(arg: Arg) -> Arg {
    let Some(variable) = arg.get_env() else { return arg };
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let help = format!("{help}\n\n[env: {}]", variable.to_string_lossy());
    arg.hide_env(true).long_help(help)
}

/// The version, and the modes of this build.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let modes: Vec<_> = DRIVERS.iter().map(|driver| driver.name).collect();
    let (version, modes) = (env!("CARGO_PKG_VERSION"), modes.join(", "));
    say!(Lang::session(), "{version} (modes: {modes})"; "{version} (modos: {modes})")
});

/// A group chat over TCP, with a choice of ways in which the server waits for its clients
///
/// The server uses one thread that waits for all sockets (--mode epoll), one thread per client (--mode threaded), or another
/// mode: see `tertulia serve --help`. Clients can join with nc, ncat or telnet; `tertulia join` is more convenient.
#[derive(Parser, Debug)]
#[command(name = "tertulia", version = VERSION.as_str(), propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one command in a process")]
enum Command {
    Serve(serve::Args),
    #[cfg(feature = "join")]
    Join(join::Args),
    #[cfg(feature = "bench")]
    Bench(bench::Args),
    #[cfg(feature = "compare")]
    Compare(compare::Args),
    #[cfg(feature = "trace")]
    #[command(subcommand)]
    Trace(trace::Command),
    #[cfg(all(feature = "bench", target_os = "linux"))]
    Where(r#where::Args),
    #[cfg(feature = "torment")]
    Torment(torment::Args),
    #[cfg(feature = "gallery")]
    Gallery(gallery::Args),
    #[cfg(feature = "service")]
    Unit(unit::Args),
    #[cfg(feature = "extras")]
    Completions(man::Completions),
    #[cfg(feature = "extras")]
    Man(man::Man),
}

impl Command {
    fn run(self) -> Result<(), Failure> {
        match self {
            Command::Serve(args) => args.run(),
            #[cfg(feature = "join")]
            Command::Join(args) => Ok(args.run()?),
            #[cfg(feature = "bench")]
            Command::Bench(args) => args.run(),
            #[cfg(feature = "compare")]
            Command::Compare(args) => Ok(args.run()?),
            #[cfg(feature = "trace")]
            Command::Trace(command) => Ok(command.run()?),
            #[cfg(all(feature = "bench", target_os = "linux"))]
            Command::Where(args) => Ok(args.run()?),
            #[cfg(feature = "torment")]
            Command::Torment(args) => args.run(),
            #[cfg(feature = "gallery")]
            Command::Gallery(args) => Ok(args.run()?),
            #[cfg(feature = "service")]
            Command::Unit(args) => args.run(),
            #[cfg(feature = "extras")]
            Command::Completions(args) => Ok(args.run()?),
            #[cfg(feature = "extras")]
            Command::Man(args) => args.run(),
        }
    }
}

/// Prints a result on stdout. `println!` would panic if the write fails.
#[cfg(any(feature = "bench", feature = "trace", feature = "torment", feature = "extras", feature = "service"))]
fn print(bytes: &[u8]) -> Result<(), String> {
    match io::stdout().write_all(bytes) {
        // The program that reads our output has closed the pipe. That is no error.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| {
            let lang = Lang::session();
            let cause = cause(lang, &e);
            say!(lang, "cannot write to stdout: {cause}"; "no se puede escribir en stdout: {cause}")
        }),
    }
}

/// Whether to colour stdout: by `--color`, or else by NO_COLOR, similar variables and the terminal.
fn colors_stdout(asked: ColorChoice) -> bool {
    match asked {
        ColorChoice::Auto => AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
        ColorChoice::Always => true,
        ColorChoice::Never => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_flag_of_serve_and_join_has_its_environment_variable() {
        for command in command().get_subcommands().filter(|c| ["serve", "join"].contains(&c.get_name())) {
            for arg in command.get_arguments().filter(|arg| arg.get_long().is_some()) {
                let long = arg.get_long().unwrap_or_default();
                // To forget what is trusted is for once. Set for good, it would trust anybody.
                if ["help", "version", "tls-forget"].contains(&long) {
                    continue;
                }
                let env = arg.get_env().map(|env| env.to_string_lossy().into_owned());
                assert_eq!(env, Some(usage::variable(long)), "{} --{long}", command.get_name());
            }
        }
    }
}
