//! Our own server as a process of its own, for as long as it is compared.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to end.
const END: Duration = Duration::from_secs(5);

/// A server whose console is a pipe. Told to end when dropped, and waited for.
pub struct Server {
    child: Child,
    pub addr: SocketAddr,
    /// Where its console comes out. Nobody reads it, unless told to.
    console: Option<BufReader<ChildStdout>>,
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

/// One that shows nothing.
pub fn quiet(mode: &str, addr: SocketAddr, seats: usize) -> Command {
    let mut command = serve(mode, &addr.to_string(), seats);
    command.arg("--quiet");
    command
}

impl Server {
    pub fn start(mode: &str, seats: usize, trace: Option<&Path>) -> Result<Server, String> {
        let mut command = serve(mode, "127.0.0.1:0", seats);
        if let Some(file) = trace {
            command.arg("--trace").arg(file);
        }
        command.args(["--color", "never"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("the server cannot be started: {e}"))?;
        let console = child.stdout.take().map(BufReader::new);
        let mut line = String::new();
        let addr = console.and_then(|mut console| {
            console.read_line(&mut line).ok()?;
            Some((line.split(' ').find_map(|word| word.parse().ok())?, console))
        });
        match addr {
            Some((addr, console)) => Ok(Server { child, addr, console: Some(console) }),
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
