use std::process::ExitCode;

fn main() -> ExitCode {
    tertulia::cli::run()
}
