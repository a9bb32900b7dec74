use clap::Parser;
use std::process::ExitCode;
use tertulia::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
