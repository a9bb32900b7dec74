//! A server that was started here, and all the processes that it starts.

use super::proc;
use super::process_group::ProcessGroup;
use super::stderr::{Tail, speaks_of_an_error, telling_line};
use crate::text::{Bilingual, Lang, say};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{self, PipeReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A server that listens only on another port than its own for this long does not know its port.
const ELSEWHERE: Duration = Duration::from_millis(1200);

/// Where a server's stdout goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stdout {
    /// To /dev/null.
    Nowhere,
    /// A pipe of one page, if the system allows that. Nobody reads it until [`ServerProcess::read_stdout`].
    Pipe,
}

/// A server's process and all processes that it has started. They are killed on drop.
pub struct ServerProcess {
    child: Child,
    group: ProcessGroup,
    /// The process that listens: the child, or one that it has started.
    pid: u32,
    /// Where it listens.
    pub addr: SocketAddr,
    stderr: Tail,
    stdout: Option<PipeReader>,
    begin: Instant,
}

impl ServerProcess {
    /// Starts a command that is to serve at `addr`, and does not wait until it listens.
    pub(super) fn spawn(
        command: &mut Command,
        addr: SocketAddr,
        stdout: Stdout,
        keeps_stderr: bool,
    ) -> Result<ServerProcess, Bilingual> {
        command.stdin(Stdio::null());
        if keeps_stderr {
            command.stderr(Stdio::piped());
        }
        let pipe = match stdout {
            Stdout::Nowhere => {
                command.stdout(Stdio::null());
                None
            }
            Stdout::Pipe => {
                let (reader, writer) = io::pipe().map_err(|e| no_pipe(&e))?;
                #[cfg(target_os = "linux")]
                let _ = rustix::pipe::fcntl_setpipe_size(&writer, 4096);
                command.stdout(writer);
                Some(reader)
            }
        };
        let begin = Instant::now();
        let (group, mut child) = ProcessGroup::spawn(command)?;
        let stderr = child.stderr.take().map(Tail::of).unwrap_or_default();
        Ok(ServerProcess { pid: child.id(), child, group, addr, stderr, stdout: pipe, begin })
    }

    /// The server, once it listens: see [`ServerProcess::wait_until_it_listens`].
    pub fn listening(mut self, limit: Duration) -> Result<ServerProcess, Bilingual> {
        self.wait_until_it_listens(limit, &mut |_| {}).map(|()| self)
    }

    /// Waits until it listens, at most `limit` after it was started. Calls `meanwhile` again and again.
    pub fn wait_until_it_listens(
        &mut self,
        limit: Duration,
        meanwhile: &mut dyn FnMut(&ServerProcess),
    ) -> Result<(), Bilingual> {
        let mut elsewhere = Elsewhere::default();
        loop {
            if let Some(status) = self.ended() {
                return Err(ended_early(self.addr.port(), status, self.last_message()));
            }
            if let Some((addr, pid)) = self.listens() {
                self.addr = addr;
                self.pid = pid;
                return Ok(());
            }
            let is_late = self.begin.elapsed() >= limit;
            // A server that still works may open its port later than that of a debugger.
            if let Some(port) = elsewhere.for_long(self.group.id())
                && (is_late || !self.works())
            {
                return Err(listens_elsewhere(self.addr.port(), port));
            }
            // A server that was started ahead may have been left alone for longer.
            if is_late {
                return Err(does_not_listen(self.addr.port(), self.message_so_far()));
            }
            meanwhile(self);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The address on which it listens, and the process that does. The kernel is asked, because a test connection would
    /// already be a client.
    #[cfg(target_os = "linux")]
    fn listens(&self) -> Option<(SocketAddr, u32)> {
        let (addr, pid) = proc::listener(self.group.id(), self.addr.port())?;
        let host = addr.ip().to_canonical();
        // A socket on all IPv6 addresses takes IPv4 connections, too, on most systems.
        let host = if host.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { host };
        Some((SocketAddr::new(host, addr.port()), pid))
    }

    #[cfg(not(target_os = "linux"))]
    fn listens(&self) -> Option<(SocketAddr, u32)> {
        std::net::TcpStream::connect(self.addr).is_ok().then_some((self.addr, self.pid))
    }

    /// Whether one of its processes wants a processor or a disk, and does not only sleep.
    pub(super) fn works(&self) -> bool {
        proc::group_works(self.group.id()).unwrap_or(true)
    }

    /// The id of the process that listens.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Ends it by SIGTERM, and kills it if it has not ended within `limit`. Returns how it ended, if it did so by
    /// itself.
    pub fn stop(mut self, limit: Duration) -> Option<Ended> {
        self.signal(Signal::TERM);
        self.ends_within(limit)
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<Ended> {
        self.child.try_wait().ok().flatten().map(Ended)
    }

    /// Waits for its end, at most `limit`.
    pub fn ends_within(&mut self, limit: Duration) -> Option<Ended> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if begin.elapsed() > limit {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// After it has ended: the line of its stderr that best explains why.
    pub fn last_message(&self) -> Option<String> {
        telling_line(&self.stderr.whole())
    }

    /// While it runs: the same, if its stderr mentions an error.
    pub fn message_so_far(&self) -> Option<String> {
        let text = self.stderr.so_far();
        text.lines().any(|line| speaks_of_an_error(line.trim())).then(|| telling_line(&text)).flatten()
    }

    /// The uncaught error of a thread or task that did not end the process, if its stderr shows one.
    pub fn uncaught(&self) -> Option<String> {
        let text = self.stderr.so_far();
        let lower = text.to_lowercase();
        let signs = ["traceback", "panicked", "exception in thread", "unhandled", "never retrieved"];
        signs.iter().any(|sign| lower.contains(sign)).then(|| telling_line(&text)).flatten()
    }

    /// Sends it a signal. One that has ended gets none.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid as i32) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Stops all its processes until [`ServerProcess::thaw`]. All that happens meanwhile reaches it in one batch.
    pub fn freeze(&self) {
        self.group.freeze();
        let begin = Instant::now();
        while proc::status(self.pid).is_some_and(|status| status.state != 'T')
            && begin.elapsed() < Duration::from_millis(500)
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets it continue.
    pub fn thaw(&self) {
        self.group.thaw();
    }

    /// Reads its stdout from now on and discards it. Returns whether nobody read it before.
    pub fn read_stdout(&mut self) -> bool {
        let Some(mut stdout) = self.stdout.take() else { return false };
        // The thread ends with the server.
        std::thread::spawn(move || io::copy(&mut stdout, &mut io::sink()));
        true
    }

    /// Closes the reading end of its stdout.
    pub fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// The number that its next descriptor gets.
    #[cfg(target_os = "linux")]
    pub fn next_descriptor(&self) -> Option<u64> {
        let open = proc::descriptors(self.pid)?;
        (0..).find(|fd| !open.contains(fd)).map(|fd| fd as u64)
    }

    /// With `None`, limits its descriptors to those that it has open, and returns the limit before; `Some` restores a
    /// limit.
    #[cfg(target_os = "linux")]
    pub fn limit_descriptors(&self, before: Option<rustix::process::Rlimit>) -> Option<rustix::process::Rlimit> {
        use rustix::process::{Resource, Rlimit, prlimit};
        let pid = Pid::from_raw(self.pid as i32);
        if let Some(before) = before {
            return prlimit(pid, Resource::Nofile, before).ok();
        }
        // The limit is on the numbers of descriptors, not on their count.
        let current = Some(self.next_descriptor()?);
        let maximum = proc::descriptors_max(self.pid);
        prlimit(pid, Resource::Nofile, Rlimit { current, maximum }).ok()
    }

    /// Lets all its threads run on one core only, and those that they start.
    #[cfg(target_os = "linux")]
    pub fn pin(&self, core: usize) -> Result<(), Bilingual> {
        // The kernel pins threads, not processes.
        let threads = proc::threads(self.pid).ok_or(Bilingual::new(
            "the server's threads cannot be listed; try --cores free",
            "no se pueden enumerar los hilos del servidor; prueba con --cores free",
        ))?;
        threads.into_iter().try_for_each(|thread| pin(Pid::from_raw(thread), core))
    }

    #[cfg(not(target_os = "linux"))]
    pub fn pin(&self, core: usize) -> Result<(), Bilingual> {
        pin_this_thread(core)
    }
}

/// Lets this thread run on one core only.
#[cfg(target_os = "linux")]
pub fn pin_this_thread(core: usize) -> Result<(), Bilingual> {
    pin(None, core)
}

#[cfg(target_os = "linux")]
fn pin(thread: Option<Pid>, core: usize) -> Result<(), Bilingual> {
    use rustix::thread::{CpuSet, sched_setaffinity};
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(thread, &set).map_err(|e| {
        Bilingual::of(|lang| {
            say!(lang,
                "core {core} cannot be used: {e}; try --cores free";
                "no se puede usar el núcleo {core}: {e}; prueba con --cores free")
        })
    })
}

/// Other systems do not let a program choose a core.
#[cfg(not(target_os = "linux"))]
pub fn pin_this_thread(_: usize) -> Result<(), Bilingual> {
    Err(Bilingual::new(
        "on this system a program cannot choose its core; use --cores free",
        "en este sistema un programa no puede elegir su núcleo; usa --cores free",
    ))
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.group.kill();
        let _ = self.child.wait();
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended(ExitStatus);

impl Ended {
    /// SIGPIPE ended it.
    pub fn by_sigpipe(self) -> bool {
        self.0.signal() == Some(Signal::PIPE.as_raw())
    }

    /// SIGTERM ended it.
    pub fn by_sigterm(self) -> bool {
        self.0.signal() == Some(Signal::TERM.as_raw())
    }

    /// Its exit code; `None` if a signal ended it.
    pub fn code(self) -> Option<i32> {
        self.0.code()
    }

    /// The exit code or the signal, in words.
    pub fn in_lang(self, lang: Lang) -> String {
        match (self.0.code(), self.0.signal()) {
            (Some(code), _) => say!(lang, "exit code {code}"; "código de salida {code}"),
            (None, Some(signal)) => {
                let signal = match Signal::from_named_raw(signal) {
                    Some(Signal::PIPE) => "SIGPIPE".into(),
                    Some(Signal::SEGV) => "SIGSEGV".into(),
                    Some(Signal::ABORT) => "SIGABRT".into(),
                    Some(Signal::TERM) => "SIGTERM".into(),
                    _ => say!(lang, "signal {signal}"; "la señal {signal}"),
                };
                say!(lang, "killed by {signal}"; "lo mató {signal}")
            }
            _ => say!(lang, "reason unknown"; "motivo desconocido"),
        }
    }
}

/// Watches whether a server that does not listen on its port listens on another one.
#[derive(Default)]
struct Elsewhere {
    looked: Option<Instant>,
    /// The other port, and since when.
    seen: Option<(u16, Instant)>,
}

impl Elsewhere {
    /// The other port, if it has listened there for [`ELSEWHERE`]. Before that its own port may still follow.
    fn for_long(&mut self, group: Pid) -> Option<u16> {
        // Each look at all processes takes milliseconds.
        if self.looked.is_none_or(|at| at.elapsed() > ELSEWHERE / 5) {
            self.looked = Some(Instant::now());
            let port = proc::any_listener(group);
            self.seen = port.map(|port| self.seen.filter(|(seen, _)| *seen == port).unwrap_or((port, Instant::now())));
        }
        self.seen.filter(|(_, since)| since.elapsed() > ELSEWHERE).map(|(port, _)| port)
    }
}

// Why a server could not be started.

fn no_pipe(error: &io::Error) -> Bilingual {
    Bilingual::of(|lang| say!(lang, "no pipe can be created: {error}"; "no se puede crear una tubería: {error}"))
}

fn ended_early(port: u16, ended: Ended, message: Option<String>) -> Bilingual {
    Bilingual::of(|lang| {
        let ended = ended.in_lang(lang);
        let text = say!(lang,
            "the server ended before it listened on port {port}: {ended}";
            "el servidor terminó antes de escuchar en el puerto {port}: {ended}");
        match &message {
            Some(message) => text + &say!(lang, "; its last message: {message}"; "; su último mensaje: {message}"),
            None => text,
        }
    })
}

fn does_not_listen(port: u16, message: Option<String>) -> Bilingual {
    Bilingual::of(|lang| {
        let text = say!(lang,
            "the server does not listen on port {port}";
            "el servidor no escucha en el puerto {port}");
        match &message {
            Some(message) => text + &say!(lang, "; it wrote: {message}"; "; escribió: {message}"),
            None => text,
        }
    })
}

fn listens_elsewhere(port: u16, other: u16) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the server should listen on port {port}, but it listens on port {other}; let it take its port from \
             {{port}} in the command, or from the argument of ./run in a class, or start it yourself and test it with: \
             tertulia torment :{other}";
            "el servidor debería escuchar en el puerto {port}, pero escucha en el {other}; haz que tome su puerto de \
             {{port}} en la orden, o del argumento de ./run en una clase, o inícialo tú y pruébalo con: \
             tertulia torment :{other}")
    })
}
