//! Our own server as a process of its own, for as long as it is compared.

use crate::load::fleet;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to end.
const END: Duration = Duration::from_secs(5);

/// Nothing more is to be measured.
static IS_OVER: AtomicBool = AtomicBool::new(false);
/// The server that runs: there is never more than one. 0 is none.
static RUNNING: AtomicI32 = AtomicI32::new(0);

/// Ends what is measured, from another thread: the server that runs is told to end, and none is started any more.
pub fn end_all() {
    IS_OVER.store(true, Ordering::SeqCst);
    if let Some(pid) = Pid::from_raw(RUNNING.load(Ordering::SeqCst)) {
        let _ = kill_process(pid, Signal::TERM);
    }
}

/// Held as long as a server runs.
struct Running;

impl Running {
    fn new(pid: u32) -> Running {
        RUNNING.store(pid as i32, Ordering::SeqCst);
        Running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.store(0, Ordering::SeqCst);
    }
}

fn may_start() -> Result<(), String> {
    if IS_OVER.load(Ordering::SeqCst) { Err("stopped before all was measured".into()) } else { Ok(()) }
}

/// A server that shows nothing.
pub struct Quiet {
    server: fleet::Server,
    _running: Running,
}

impl Quiet {
    pub fn start(mode: &str, seats: usize) -> Result<Quiet, String> {
        may_start()?;
        let server = fleet::Server::start(|addr| {
            let mut command = serve(mode, &addr.to_string(), seats);
            command.arg("--quiet");
            command
        })?;
        Ok(Quiet { _running: Running::new(server.pid()), server })
    }
}

impl Deref for Quiet {
    type Target = fleet::Server;

    fn deref(&self) -> &fleet::Server {
        &self.server
    }
}

/// A server whose console is a pipe. Told to end when dropped, and waited for.
pub struct Server {
    child: Child,
    pub addr: SocketAddr,
    /// Where its console comes out. Nobody reads it, unless told to.
    console: Option<BufReader<ChildStdout>>,
    _running: Running,
}

/// `tertulia serve`, whatever the environment says.
fn serve(mode: &str, addr: &str, seats: usize) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| "tertulia".into());
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TERTULIA_")) {
        command.env_remove(name);
    }
    command.args(["serve", "--mode", mode, "--addr", addr, "--lang", "en", "--max-clients", &seats.to_string()]);
    command
}

impl Server {
    pub fn start(mode: &str, seats: usize, trace: Option<&Path>) -> Result<Server, String> {
        may_start()?;
        let mut command = serve(mode, "127.0.0.1:0", seats);
        if let Some(file) = trace {
            command.arg("--trace").arg(file);
        }
        command.args(["--color", "never"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("the server cannot be started: {e}"))?;
        let running = Running::new(child.id());
        let console = child.stdout.take().map(BufReader::new);
        let mut line = String::new();
        let addr = console.and_then(|mut console| {
            console.read_line(&mut line).ok()?;
            Some((line.split(' ').find_map(|word| word.parse().ok())?, console))
        });
        match addr {
            Some((addr, console)) => Ok(Server { child, addr, console: Some(console), _running: running }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err(format!("the server does not say where it listens, but: {:?}", line.trim_end()))
            }
        }
    }

    /// Reads its console from now on, in a thread of its own, and throws away what it reads.
    pub fn read_console(&mut self) {
        if let Some(mut console) = self.console.take() {
            std::thread::spawn(move || std::io::copy(&mut console, &mut std::io::sink()));
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it, as Ctrl-C does.
    pub fn stop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.pid() as i32) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let begin = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begin.elapsed() > END {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.stop();
        }
    }
}
