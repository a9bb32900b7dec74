//! Starts our own server for a comparison, and connects clients to it.

use crate::harness::{Crowd, Eol, Identity, Launcher, START_LIMIT, ServerProcess, Stdout, TestClient};
use crate::text::Bilingual;
use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// The timeout for connecting, greeting and receiving lines.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// A server that prints nothing.
pub(crate) fn quiet(mode: &str, seats: usize) -> Result<ServerProcess, Bilingual> {
    start(Stdout::Nowhere, |addr| serve(mode, addr, seats, &["--quiet"]))
}

/// A server whose console is a pipe. Nobody reads it yet.
pub(crate) fn with_console(mode: &str, seats: usize, flags: &[&str]) -> Result<ServerProcess, Bilingual> {
    start(Stdout::Pipe, |addr| serve(mode, addr, seats, &[&["--color", "never"], flags].concat()))
}

fn start(stdout: Stdout, command: impl Fn(SocketAddr) -> Command) -> Result<ServerProcess, Bilingual> {
    Launcher::new(command).start(stdout, START_LIMIT)
}

/// The command `tertulia serve`, without the `TERTULIA_` variables of the environment.
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

/// A client that is connected, and has read nothing yet. `receive_buffer` is in bytes.
pub(crate) fn connect(server: &ServerProcess, number: u16, receive_buffer: Option<usize>) -> io::Result<TestClient> {
    let identity = Identity { number, nonce: *b"comp", eol: Eol::Lf };
    let mut client = TestClient::connect(server.addr, LIMIT, None, receive_buffer, identity)?;
    client.receiver.watch_for(b":q leaves\n");
    Ok(client)
}

/// Waits until all clients have read the greeting, whose last line says how to leave.
pub(crate) fn greet(crowd: &mut Crowd) -> io::Result<()> {
    match crowd.wait(LIMIT, |crowd| crowd.members.iter().all(|client| client.receiver.has_seen_it())) {
        true => Ok(()),
        false => Err(io::ErrorKind::TimedOut.into()),
    }
}
