//! Our own server, started for a comparison.

use crate::harness::{Launcher, START, ServerProcess, Stdout};
use std::net::SocketAddr;
use std::process::Command;

/// A server that prints nothing.
pub fn quiet(mode: &str, seats: usize) -> Result<ServerProcess, String> {
    start(Stdout::Nowhere, |addr| serve(mode, addr, seats, &["--quiet"]))
}

/// A server whose console is a pipe. Nobody reads it yet.
pub fn with_console(mode: &str, seats: usize, flags: &[&str]) -> Result<ServerProcess, String> {
    start(Stdout::Pipe, |addr| serve(mode, addr, seats, &[&["--color", "never"], flags].concat()))
}

fn start(stdout: Stdout, command: impl Fn(SocketAddr) -> Command) -> Result<ServerProcess, String> {
    Launcher::new(command).start(stdout, START)
}

/// `tertulia serve`, whatever the environment says.
fn serve(mode: &str, addr: SocketAddr, seats: usize, flags: &[&str]) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| "tertulia".into());
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TERTULIA_")) {
        command.env_remove(name);
    }
    let (addr, seats) = (addr.to_string(), seats.to_string());
    command.args(["serve", "--mode", mode, "--addr", &addr, "--lang", "en", "--max-clients", &seats]).args(flags);
    command
}
