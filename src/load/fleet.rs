//! Our own server as a process of its own, for as long as it is measured.

use rustix::process::{Pid, Signal, kill_process};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(10);
/// Another process may take the port that was free a moment ago.
const PORTS_TRIED: usize = 5;

/// A server, killed when dropped.
pub struct Server {
    child: Child,
    pub addr: SocketAddr,
}

impl Server {
    /// Starts what `command` makes of a free port of the loopback, and waits until it listens.
    pub fn start(command: impl Fn(SocketAddr) -> Command) -> Result<Server, String> {
        let mut last = String::new();
        for _ in 0..PORTS_TRIED {
            let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let addr = listener.map_err(|e| format!("there is no free port: {e}"))?;
            let child = command(addr).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
            let child = child.map_err(|e| format!("the server cannot be started: {e}"))?;
            let mut server = Server { child, addr };
            match server.wait_until_it_listens() {
                Ok(()) => return Ok(server),
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets all its threads run on one core only, and those that they start.
    pub fn pin(&self, core: usize) -> Result<(), String> {
        // The kernel pins threads, not processes.
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid()));
        let threads = threads.map_err(|e| format!("the server's threads are not to be seen: {e}"))?;
        for thread in threads.flatten() {
            let id = thread.file_name().to_string_lossy().parse().ok();
            pin(id, core)?;
        }
        Ok(())
    }

    fn wait_until_it_listens(&mut self) -> Result<(), String> {
        let begin = Instant::now();
        while begin.elapsed() < START {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("the server ended at once: {status}"));
            }
            if TcpStream::connect(self.addr).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(format!("the server does not listen on {}", self.addr))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be a child of ours that starts others: told to end, it ends them too.
        if let Some(pid) = Pid::from_raw(self.pid() as i32) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let begin = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begin.elapsed() > Duration::from_secs(3) {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Lets a thread, this one if none is named, run on one core only.
#[cfg(target_os = "linux")]
pub fn pin(thread: Option<u32>, core: usize) -> Result<(), String> {
    use rustix::thread::{CpuSet, sched_setaffinity};
    let mut set = CpuSet::new();
    set.set(core);
    let thread = thread.and_then(|id| Pid::from_raw(id as i32));
    sched_setaffinity(thread, &set).map_err(|e| format!("core {core} cannot be had: {e}"))
}

/// Elsewhere the system alone decides.
#[cfg(not(target_os = "linux"))]
pub fn pin(_: Option<u32>, _: usize) -> Result<(), String> {
    Err("this system lets nobody choose a core; take --cores free".into())
}
