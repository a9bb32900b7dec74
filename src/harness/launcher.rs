//! The launcher: how a server is started.

use super::server_process::{ServerProcess, Stdout};
use crate::text::{Bilingual, say};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to listen.
pub const START_LIMIT: Duration = Duration::from_secs(15);
/// Another process may take a port that was free a moment ago.
const PORTS_TRIED: usize = 3;
/// Ports that are tried first. They are below those that the kernel gives to clients, so that no client takes the port
/// of a server that is slow to start.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// How a server is started: it makes the command that serves at an address.
pub struct Launcher<'a> {
    command: Box<dyn Fn(SocketAddr) -> Command + 'a>,
    keeps_stderr: bool,
}

impl<'a> Launcher<'a> {
    /// A server of our own. It shares our stderr.
    pub fn new(command: impl Fn(SocketAddr) -> Command + 'a) -> Launcher<'a> {
        Launcher { command: Box::new(command), keeps_stderr: false }
    }

    /// Any server. The end of its stderr is kept.
    pub fn of_program(command: impl Fn(SocketAddr) -> Command + 'a) -> Launcher<'a> {
        Launcher { command: Box::new(command), keeps_stderr: true }
    }

    /// Any server: the words of a command, with `{port}` in one of them. The end of its stderr is kept.
    pub fn of_words(words: Vec<String>) -> Result<Launcher<'static>, Bilingual> {
        if !words.iter().any(|word| word.contains("{port}")) {
            return Err(Bilingual::new(
                "the command does not contain {port}; write {port} where the server expects its port, for example \
                 tertulia torment -- ./server {port}",
                "la orden no contiene {port}; escribe {port} donde el servidor espera su puerto, por ejemplo \
                 tertulia torment -- ./server {port}",
            ));
        }
        let command = move |addr: SocketAddr| {
            let mut words = words.iter().map(|word| word.replace("{port}", &addr.port().to_string()));
            let mut command = Command::new(words.next().unwrap_or_default());
            command.args(words);
            command
        };
        Ok(Launcher::of_program(command))
    }

    /// Starts it on a free port of the loopback and waits until it listens, at most `limit`.
    pub fn start(&self, stdout: Stdout, limit: Duration) -> Result<ServerProcess, Bilingual> {
        let (begin, mut tried) = (Instant::now(), 1);
        loop {
            let mut server = self.begin(stdout)?;
            match server.wait_until_it_listens(limit, &mut |_| {}) {
                Ok(()) => return Ok(server),
                // It may have ended because another process has taken its port.
                Err(_) if tried < PORTS_TRIED && server.ended().is_some() && begin.elapsed() < limit => tried += 1,
                Err(why) => return Err(why),
            }
        }
    }

    /// Starts it on a free port of the loopback, and does not wait: see [`ServerProcess::listening`].
    pub fn begin(&self, stdout: Stdout) -> Result<ServerProcess, Bilingual> {
        let port = free_port().map_err(|e| no_free_port(&e))?;
        self.begin_on(port, stdout)
    }

    /// Starts it on this port, and does not wait until it listens. An error says what to try.
    pub fn begin_on(&self, port: u16, stdout: Stdout) -> Result<ServerProcess, Bilingual> {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        ServerProcess::spawn(&mut (self.command)(addr), addr, stdout, self.keeps_stderr)
    }
}

/// A port on which nothing listens now.
fn free_port() -> io::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Another process that starts servers at the same time begins elsewhere.
    let first = std::process::id() as u16;
    let guess = || {
        let nth = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(first.wrapping_mul(61));
        PORTS.start + nth % (PORTS.end - PORTS.start)
    };
    let mut ports = std::iter::repeat_with(guess).take(100).chain([0]);
    let listener = ports.find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    listener.ok_or(io::ErrorKind::AddrInUse)?.local_addr().map(|addr| addr.port())
}

fn no_free_port(error: &io::Error) -> Bilingual {
    Bilingual::of(|lang| say!(lang, "there is no free port: {error}"; "no hay ningún puerto libre: {error}"))
}
