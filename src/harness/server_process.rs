//! A server that was started here, and all the processes that it starts.

use super::proc;
use super::process_group::ProcessGroup;
use crate::text::{Bilingual, Lang, say};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{self, PipeReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a server may take to listen.
pub const START_LIMIT: Duration = Duration::from_secs(10);
/// Another process may take a port that was free a moment ago.
const PORTS_TRIED: usize = 3;
/// Ports that are tried first. They are below those that the kernel gives to clients, so that no client takes the port
/// of a server that is slow to start.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// How much of the end of stderr is kept: enough for an error and what is printed about every thread after it. Bytes.
const STDERR_TAIL: usize = 64 << 10;

/// Where a server's stdout goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stdout {
    /// To /dev/null.
    Nowhere,
    /// A pipe of one page, if the system allows that. Nobody reads it until [`ServerProcess::read_stdout`].
    Pipe,
}

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
        Ok(Launcher { command: Box::new(command), keeps_stderr: true })
    }

    /// Starts it on a free port of the loopback and waits until it listens, at most `limit`.
    pub fn start(&self, stdout: Stdout, limit: Duration) -> Result<ServerProcess, Bilingual> {
        let (begin, mut last) = (Instant::now(), Bilingual::default());
        for _ in 0..PORTS_TRIED {
            match self.begin(stdout).and_then(|server| server.listening(limit)) {
                Ok(server) => return Ok(server),
                Err(e) => last = e,
            }
            if begin.elapsed() >= limit {
                break;
            }
        }
        Err(last)
    }

    /// Starts it on a free port of the loopback, and does not wait: see [`ServerProcess::listening`].
    pub fn begin(&self, stdout: Stdout) -> Result<ServerProcess, Bilingual> {
        let port = free_port().map_err(|e| no_free_port(&e))?;
        self.begin_on(port, stdout)
    }

    /// Starts it on this port, and does not wait until it listens. An error says what to try.
    pub fn begin_on(&self, port: u16, stdout: Stdout) -> Result<ServerProcess, Bilingual> {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut command = (self.command)(addr);
        command.stdin(Stdio::null());
        if self.keeps_stderr {
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
        let (group, mut child) = ProcessGroup::spawn(&mut command)?;
        let stderr = child.stderr.take().map(Tail::of).unwrap_or_default();
        Ok(ServerProcess { pid: child.id(), child, group, addr, stderr, stdout: pipe, begin })
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
    /// Waits until it listens, at most `limit` after it was started.
    pub fn listening(mut self, limit: Duration) -> Result<ServerProcess, Bilingual> {
        while self.begin.elapsed() < limit {
            if let Some(status) = self.ended() {
                return Err(ended_early(self.addr.port(), status, self.last_message()));
            }
            if let Some((addr, pid)) = self.listens() {
                self.addr = addr;
                self.pid = pid;
                return Ok(self);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(does_not_listen(self.addr.port(), self.message_so_far()))
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

    /// With `None`, limits its descriptors to those that it has open, and returns the limit before; `Some` restores a
    /// limit.
    #[cfg(target_os = "linux")]
    pub fn limit_descriptors(&self, before: Option<rustix::process::Rlimit>) -> Option<rustix::process::Rlimit> {
        use rustix::process::{Resource, Rlimit, prlimit};
        let pid = Pid::from_raw(self.pid as i32);
        if let Some(before) = before {
            return prlimit(pid, Resource::Nofile, before).ok();
        }
        let open = proc::descriptors(self.pid)?;
        // The limit is on the numbers of descriptors, not on their count.
        let current = (0..).find(|fd| !open.contains(fd)).map(|fd| fd as u64);
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

fn speaks_of_an_error(line: &str) -> bool {
    // A stack frame or its heading says where, not what.
    if line.starts_with("at ") || line.ends_with("at:") {
        return false;
    }
    let line = line.to_lowercase();
    ["error", "exception", "panic", "fatal", "quitting"].iter().any(|word| line.contains(word))
}

/// Whether a line names an error, as most languages print it: `BrokenPipeError: ...`, `Error: read ECONNRESET`.
fn names_an_error(line: &str) -> bool {
    let by_name = ["Error:", "Exception:", "panic:", "fatal error:"].iter().any(|name| line.contains(name));
    speaks_of_an_error(line) && (by_name || line.ends_with("Exception"))
}

/// The last line that names an error, else the last that mentions one, else the last line.
fn telling_line(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = |is_it: fn(&str) -> bool| lines.iter().rposition(|line| is_it(line));
    let at = last(names_an_error).or(last(speaks_of_an_error)).or(lines.len().checked_sub(1))?;
    let mut line = lines[at].to_owned();
    // Rust prints the place on one line and the message on the next.
    if line.contains("panicked at")
        && let Some(what) = lines.get(at + 1)
    {
        line = format!("{line} {what}");
    }
    Some(super::receiver::show(line.chars().take(200).collect::<String>().as_bytes()))
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

// Why a server could not be started.

fn no_free_port(error: &io::Error) -> Bilingual {
    Bilingual::of(|lang| say!(lang, "there is no free port: {error}"; "no hay ningún puerto libre: {error}"))
}

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

/// The end of a stream, read by a separate thread.
#[derive(Clone, Default)]
struct Tail(Arc<(Mutex<TailState>, Condvar)>);

#[derive(Default)]
struct TailState {
    text: Vec<u8>,
    is_whole: bool,
}

impl Tail {
    fn of(mut stream: impl Read + Send + 'static) -> Tail {
        let tail = Tail::default();
        let shared = tail.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let n = stream.read(&mut buffer).unwrap_or(0);
                let mut state = shared.0.0.lock().unwrap_or_else(PoisonError::into_inner);
                state.text.extend_from_slice(&buffer[..n]);
                let surplus = state.text.len().saturating_sub(STDERR_TAIL);
                state.text.drain(..surplus);
                if n == 0 {
                    state.is_whole = true;
                    shared.0.1.notify_all();
                    return;
                }
            }
        });
        tail
    }

    fn so_far(&self) -> String {
        let state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&state.text).into_owned()
    }

    /// The text of a process that has ended. Waits for its last bytes, which may not have been read yet.
    fn whole(&self) -> String {
        const ON_ITS_WAY: Duration = Duration::from_millis(300);
        let state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(state, ON_ITS_WAY, |state| !state.is_whole);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&state.text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_tells_the_error_is_found_among_the_others() {
        for (text, telling) in [
            ("listening\nsend: Broken pipe\n", "send: Broken pipe"),
            (
                "node:events:495\n      throw er; // Unhandled 'error' event\n\nError: read ECONNRESET\n    at TCP.onStreamRead \
                 (node:internal)\nEmitted 'error' event on Socket instance at:\n    at emitErrorNT {\n  code: 'ECONNRESET'\n}\n\n\
                 Node.js v20\n",
                "Error: read ECONNRESET",
            ),
            (
                "Traceback (most recent call last):\n  File \"x.py\", line 3\nBrokenPipeError: [Errno 32] Broken \
                 pipe\n",
                "BrokenPipeError: [Errno 32] Broken pipe",
            ),
            (
                "Exception in thread \"Thread-3\" java.util.ConcurrentModificationException\n\tat \
                 java.base/java.util.X(Y:1)\n",
                "Exception in thread \"Thread-3\" java.util.ConcurrentModificationException",
            ),
            (
                "fatal error: concurrent map iteration and map write\n\ngoroutine 7 [running]:\nexit status 2\n",
                "fatal error: concurrent map iteration and map write",
            ),
            (
                "thread 'main' panicked at src/main.rs:9:5:\ncalled `Result::unwrap()` on an `Err` value: Os { code: 32 }\n\
                 note: run with `RUST_BACKTRACE=1`\n",
                "thread 'main' panicked at src/main.rs:9:5: called `Result::unwrap()` on an `Err` value: Os { code: \
                 32 }",
            ),
        ] {
            assert_eq!(telling_line(text).as_deref(), Some(telling));
        }
        assert_eq!(telling_line(" \n"), None);
    }
}
