//! A server that was started to be tormented: its process, and what the kernel tells of it.

#[cfg(target_os = "linux")]
use super::sockets;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::io::{self, PipeReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a server may take to listen.
pub const START: Duration = Duration::from_secs(10);
/// Another process may take a port that was free a moment ago.
const PORTS_TRIED: usize = 3;
/// Ports that are looked at first: below those that the kernel gives to clients, so that none of ours takes the port of a
/// server that is slow to start.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// The end of its stderr that is kept: an error and what is told of every thread after it. Bytes.
const STDERR_TAIL: usize = 64 << 10;

/// The groups of processes that were started and not ended yet, for whoever must end them all at once.
static GROUPS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Ends all servers that were started, at once.
pub fn end_all() {
    for group in GROUPS.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Where a server's stdout goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stdout {
    Nowhere,
    /// A pipe of one page, whose other end we hold and do not read.
    Pipe,
}

/// How a server is started: the words of a command, `{port}` in one of them.
pub struct Launcher {
    words: Vec<String>,
}

impl Launcher {
    pub fn new(words: Vec<String>) -> Result<Launcher, String> {
        if !words.iter().any(|word| word.contains("{port}")) {
            return Err("no word of the command has {port} in it; say where it is told its port, as in: \
                        tertulia torment -- ./server {port}"
                .into());
        }
        Ok(Launcher { words })
    }

    /// Starts it on a free port of the loopback and waits at most so long until it listens.
    pub fn start(&self, stdout: Stdout, limit: Duration) -> Result<ServerProcess, String> {
        let (begin, mut last) = (Instant::now(), String::new());
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
    pub fn begin(&self, stdout: Stdout) -> Result<ServerProcess, String> {
        let port = free_port().map_err(|e| format!("there is no free port: {e}"))?;
        self.begin_on(port, stdout)
    }

    pub fn begin_on(&self, port: u16, stdout: Stdout) -> Result<ServerProcess, String> {
        let words: Vec<String> = self.words.iter().map(|word| word.replace("{port}", &port.to_string())).collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        let pipe = match stdout {
            Stdout::Nowhere => {
                command.stdout(Stdio::null());
                None
            }
            Stdout::Pipe => {
                let (reader, writer) = io::pipe().map_err(|e| format!("no pipe can be had: {e}"))?;
                #[cfg(target_os = "linux")]
                let _ = rustix::pipe::fcntl_setpipe_size(&writer, 4096);
                command.stdout(writer);
                Some(reader)
            }
        };
        let begin = Instant::now();
        let mut child = command.spawn().map_err(|e| format!("{} cannot be started: {e}", words[0]))?;
        let group = Pid::from_child(&child);
        GROUPS.lock().unwrap_or_else(PoisonError::into_inner).push(group);
        let stderr = child.stderr.take().map(Tail::of).unwrap_or_default();
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(ServerProcess { child, group, pid: group, addr, stderr, stdout: pipe, begin })
    }
}

/// A port that nobody listens on now.
fn free_port() -> io::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Others who start servers now begin elsewhere.
    let first = std::process::id() as u16;
    let guess = || {
        let nth = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(first.wrapping_mul(61));
        PORTS.start + nth % (PORTS.end - PORTS.start)
    };
    let mut ports = std::iter::repeat_with(guess).take(100).chain([0]);
    let listener = ports.find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    listener.ok_or(io::ErrorKind::AddrInUse)?.local_addr().map(|addr| addr.port())
}

/// A server's process and whatever it has started, killed when dropped.
pub struct ServerProcess {
    child: Child,
    group: Pid,
    /// Who listens: the child, or one that it has started.
    pid: Pid,
    pub addr: SocketAddr,
    stderr: Tail,
    stdout: Option<PipeReader>,
    begin: Instant,
}

impl ServerProcess {
    /// Waits until it listens, at most so long after it was started.
    pub fn listening(mut self, limit: Duration) -> Result<ServerProcess, String> {
        while self.begin.elapsed() < limit {
            if let Some(status) = self.ended() {
                let last = self.last_words().map_or(String::new(), |words| format!("; its last words: {words}"));
                return Err(format!(
                    "the server ended before it listened on port {}: {status}{last}",
                    self.addr.port()
                ));
            }
            if let Some((addr, pid)) = self.listens() {
                self.addr = addr;
                self.pid = pid;
                return Ok(self);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let words = self.words_so_far().map_or(String::new(), |words| format!("; it wrote: {words}"));
        Err(format!("the server does not listen on port {}{words}", self.addr.port()))
    }

    /// Where it listens, and which of its processes does. It is asked of the kernel: a connection that is only made to see
    /// would be a client already.
    #[cfg(target_os = "linux")]
    fn listens(&self) -> Option<(SocketAddr, Pid)> {
        let listener = sockets::sockets(self.addr.port()).into_iter().filter(|socket| socket.is_listener);
        listener.into_iter().find_map(|socket| {
            let pid = self.processes().find(|&pid| holds(pid, &socket.inode))?;
            // On all addresses of IPv6 it listens on those of IPv4 too, most often.
            let host = socket.local.ip();
            let host = if host.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { host };
            Some((SocketAddr::new(host, self.addr.port()), pid))
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn listens(&self) -> Option<(SocketAddr, Pid)> {
        std::net::TcpStream::connect(self.addr).is_ok().then_some((self.addr, self.pid))
    }

    /// The processes of its group.
    #[cfg(target_os = "linux")]
    fn processes(&self) -> impl Iterator<Item = Pid> {
        let group = self.group.as_raw_nonzero().to_string();
        let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        all.filter_map(move |entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(2);
            (fields.next()? == group).then_some(Pid::from_raw(pid)?)
        })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<Ended> {
        self.child.try_wait().ok().flatten().map(Ended)
    }

    /// Waits for its end.
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

    /// Once it has ended: what its stderr says of why.
    pub fn last_words(&self) -> Option<String> {
        telling_line(&self.stderr.whole())
    }

    /// While it runs: the same, if its stderr speaks of an error.
    pub fn words_so_far(&self) -> Option<String> {
        let text = self.stderr.so_far();
        text.lines().any(|line| speaks_of_an_error(line.trim())).then(|| telling_line(&text)).flatten()
    }

    /// What has gone wrong without ending it: a thread or task that ended by what it did not expect.
    pub fn uncaught(&self) -> Option<String> {
        let text = self.stderr.so_far();
        let lower = text.to_lowercase();
        let signs = ["traceback", "panicked", "exception in thread", "unhandled", "never retrieved"];
        signs.iter().any(|sign| lower.contains(sign)).then(|| telling_line(&text)).flatten()
    }

    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(self.pid, signal);
    }

    /// Stops all its processes, until [`ServerProcess::thaw`]: what happens meanwhile it finds all at once.
    pub fn freeze(&self) {
        let _ = kill_process_group(self.group, Signal::STOP);
        let begin = Instant::now();
        while self.usage().is_some_and(|usage| usage.state != 'T') && begin.elapsed() < Duration::from_millis(500) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn thaw(&self) {
        let _ = kill_process_group(self.group, Signal::CONT);
    }

    /// Reads its stdout from now on, if nobody has until now. Whether that was so.
    pub fn read_stdout(&mut self) -> bool {
        let Some(mut stdout) = self.stdout.take() else { return false };
        // It ends with the server.
        std::thread::spawn(move || io::copy(&mut stdout, &mut io::sink()));
        true
    }

    /// Nobody is at the other end of its stdout any more.
    pub fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// What it uses now. `None` where the kernel does not tell.
    pub fn usage(&self) -> Option<Usage> {
        Usage::of(self.pid)
    }

    /// Lets it have no descriptor more than it has, or `None` for as many as before.
    #[cfg(target_os = "linux")]
    pub fn limit_descriptors(&self, before: Option<rustix::process::Rlimit>) -> Option<rustix::process::Rlimit> {
        use rustix::process::{Resource, prlimit};
        if let Some(before) = before {
            return prlimit(Some(self.pid), Resource::Nofile, before).ok();
        }
        let open = descriptors(self.pid)?;
        // The limit is on their numbers, not on how many there are.
        let current = (0..).find(|fd| !open.contains(fd));
        let asked = std::fs::read_to_string(format!("/proc/{}/limits", self.pid.as_raw_nonzero())).ok()?;
        let line = asked.lines().find(|line| line.starts_with("Max open files"))?;
        let maximum = line.split_whitespace().nth(4)?.parse().ok();
        prlimit(Some(self.pid), Resource::Nofile, rustix::process::Rlimit { current, maximum }).ok()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = kill_process_group(self.group, Signal::KILL);
        let _ = self.child.wait();
        GROUPS.lock().unwrap_or_else(PoisonError::into_inner).retain(|group| *group != self.group);
    }
}

fn speaks_of_an_error(line: &str) -> bool {
    // A frame of a stack, or its heading, is where and not what.
    if line.starts_with("at ") || line.ends_with("at:") {
        return false;
    }
    let line = line.to_lowercase();
    ["error", "exception", "panic", "fatal", "quitting"].iter().any(|word| line.contains(word))
}

/// An error by its name, as most languages print it: `BrokenPipeError: ...`, `Error: read ECONNRESET`.
fn names_an_error(line: &str) -> bool {
    let by_name = ["Error:", "Exception:", "panic:", "fatal error:"].iter().any(|name| line.contains(name));
    speaks_of_an_error(line) && (by_name || line.ends_with("Exception"))
}

/// The last line that names an error, or that speaks of one: some say more after it. Else the last line.
fn telling_line(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = |is_it: fn(&str) -> bool| lines.iter().rposition(|line| is_it(line));
    let at = last(names_an_error).or(last(speaks_of_an_error)).or(lines.len().checked_sub(1))?;
    let mut line = lines[at].to_owned();
    // Rust says where on one line and what on the next.
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
    pub fn by_sigpipe(self) -> bool {
        self.0.signal() == Some(Signal::PIPE.as_raw())
    }

    pub fn by_sigterm(self) -> bool {
        self.0.signal() == Some(Signal::TERM.as_raw())
    }

    pub fn code(self) -> Option<i32> {
        self.0.code()
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0.code(), self.0.signal()) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => match Signal::from_named_raw(signal) {
                Some(Signal::PIPE) => write!(f, "killed by SIGPIPE"),
                Some(Signal::SEGV) => write!(f, "killed by SIGSEGV"),
                Some(Signal::ABORT) => write!(f, "killed by SIGABRT"),
                Some(Signal::TERM) => write!(f, "killed by SIGTERM"),
                _ => write!(f, "killed by signal {signal}"),
            },
            _ => write!(f, "ended"),
        }
    }
}

/// What a process uses, at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// `T` is stopped.
    pub state: char,
    /// Processor time of all its threads since it began.
    pub cpu: Duration,
    pub threads: usize,
    /// Memory of its own that is not a file's. Bytes.
    pub memory: u64,
    pub descriptors: usize,
}

impl Usage {
    #[cfg(target_os = "linux")]
    fn of(pid: Pid) -> Option<Usage> {
        let dir = format!("/proc/{}", pid.as_raw_nonzero());
        let stat = std::fs::read_to_string(format!("{dir}/stat")).ok()?;
        // The name before the parenthesis may hold blanks.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        let status = std::fs::read_to_string(format!("{dir}/status")).ok()?;
        let kib = |name: &str| -> Option<u64> {
            status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
        };
        Some(Usage {
            state: fields.first()?.chars().next()?,
            cpu: Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64),
            threads: kib("Threads:")? as usize,
            memory: kib("RssAnon:").or_else(|| kib("VmRSS:"))? << 10,
            descriptors: descriptors(pid)?.len(),
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn of(_: Pid) -> Option<Usage> {
        None
    }
}

#[cfg(target_os = "linux")]
fn descriptors(pid: Pid) -> Option<Vec<u64>> {
    let fds = std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())).ok()?;
    Some(fds.flatten().filter_map(|fd| fd.file_name().to_str()?.parse().ok()).collect())
}

/// Whether a process has a socket open.
#[cfg(target_os = "linux")]
fn holds(pid: Pid, inode: &str) -> bool {
    let fds = std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())).into_iter().flatten().flatten();
    let name = format!("socket:[{inode}]");
    fds.filter_map(|fd| std::fs::read_link(fd.path()).ok()).any(|link| link.as_os_str() == name.as_str())
}

/// The end of a stream, read by a thread of its own.
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

    /// Of a process that has ended: what it wrote last may still be on its way.
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
    fn the_line_that_tells_is_found_among_the_others() {
        for (text, telling) in [
            ("listening\nsend: Broken pipe\n", "send: Broken pipe"),
            (
                "node:events:495\n      throw er; // Unhandled 'error' event\n\nError: read ECONNRESET\n    at TCP.onStreamRead \
                 (node:internal)\nEmitted 'error' event on Socket instance at:\n    at emitErrorNT {\n  code: 'ECONNRESET'\n}\n\n\
                 Node.js v20\n",
                "Error: read ECONNRESET",
            ),
            (
                "Traceback (most recent call last):\n  File \"x.py\", line 3\nBrokenPipeError: [Errno 32] Broken pipe\n",
                "BrokenPipeError: [Errno 32] Broken pipe",
            ),
            (
                "Exception in thread \"Thread-3\" java.util.ConcurrentModificationException\n\tat java.base/java.util.X(Y:1)\n",
                "Exception in thread \"Thread-3\" java.util.ConcurrentModificationException",
            ),
            (
                "fatal error: concurrent map iteration and map write\n\ngoroutine 7 [running]:\nexit status 2\n",
                "fatal error: concurrent map iteration and map write",
            ),
            (
                "thread 'main' panicked at src/main.rs:9:5:\ncalled `Result::unwrap()` on an `Err` value: Os { code: 32 }\n\
                 note: run with `RUST_BACKTRACE=1`\n",
                "thread 'main' panicked at src/main.rs:9:5: called `Result::unwrap()` on an `Err` value: Os { code: 32 }",
            ),
        ] {
            assert_eq!(telling_line(text).as_deref(), Some(telling));
        }
        assert_eq!(telling_line(" \n"), None);
    }
}
