//! A server in a separate process, and clients that talk to it.
//!
//! Tests wait for the events that they expect, for at most [`LIMIT`]. No test sleeps for a fixed time and hopes.
#![allow(dead_code)] // Each test crate uses its part.

pub mod browser;
#[cfg(target_os = "linux")]
pub mod kernel;
pub mod process;
#[cfg(feature = "tls")]
pub mod tls;

use socket2::{Domain, Socket, Type};
use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tertulia::server::DRIVERS;

/// The time after which a test gives up, also on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Makes each function a test that runs with each driver. The body gets the mode's name.
#[macro_export]
macro_rules! each_driver {
    ($($(#[$attribute:meta])* fn $name:ident($mode:ident) $body:block)+) => {
        $(
            #[test]
            $(#[$attribute])*
            fn $name() {
                $crate::common::with_each_driver(|$mode| $body)
            }
        )+
    };
}

/// The same, and each test runs once more with clients of a Unix socket.
#[macro_export]
macro_rules! each_driver_and_socket {
    ($($(#[$attribute:meta])* fn $name:ident($mode:ident) $body:block)+) => {
        $(
            #[test]
            $(#[$attribute])*
            fn $name() {
                let test = |$mode: &'static str| $body;
                $crate::common::with_each_driver(test);
                $crate::common::with_each_driver(|mode| $crate::common::over_unix(|| test(mode)));
            }
        )+
    };
}

thread_local! {
    /// Clients come through a Unix socket.
    static OVER_UNIX: Cell<bool> = const { Cell::new(false) };
}

/// Runs a test whose servers listen on a Unix socket, too, and whose clients come through it.
pub fn over_unix(test: impl FnOnce()) {
    eprintln!("over a Unix socket:");
    OVER_UNIX.set(true);
    test();
}

/// Runs a test with each driver, one after the other, or with the one that `TERTULIA_TEST_MODE` names.
pub fn with_each_driver(test: impl Fn(&'static str) + Sync) {
    let only = std::env::var("TERTULIA_TEST_MODE").ok();
    for driver in DRIVERS.iter().filter(|driver| only.as_deref().is_none_or(|only| only == driver.name)) {
        if let Err(why) = driver.check() {
            eprintln!("skipped: {why}");
            continue;
        }
        // The thread's name appears in the failure.
        let run = std::thread::Builder::new().name(format!("mode {}", driver.name));
        let failure =
            std::thread::scope(|scope| run.spawn_scoped(scope, || test(driver.name)).expect("a thread").join().err());
        if let Some(failure) = failure {
            std::panic::resume_unwind(failure);
        }
    }
}

/// What a process has written to one of its outputs so far.
#[derive(Clone, Default)]
pub struct Output(Arc<(Mutex<OutputState>, Condvar)>);

#[derive(Default)]
struct OutputState {
    text: String,
    ended: bool,
}

impl Output {
    /// Reads a stream to its end, in a separate thread.
    pub fn of(mut stream: impl Read + Send + 'static) -> Output {
        let output = Output::default();
        let shared = output.clone();
        std::thread::spawn(move || {
            let mut buf = vec![0; 64 << 10];
            loop {
                let n = stream.read(&mut buf).unwrap_or(0);
                let mut state = shared.lock();
                state.text.push_str(&String::from_utf8_lossy(&buf[..n]));
                state.ended |= n == 0;
                shared.0.1.notify_all();
                if n == 0 {
                    return;
                }
            }
        });
        output
    }

    pub fn text(&self) -> String {
        self.lock().text.clone()
    }

    /// Waits until a line contains `part`, and returns that line.
    #[track_caller]
    pub fn shows(&self, part: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        let mut state = self.lock();
        let mut looked_at = 0;
        loop {
            if let Some(line) = state.text[looked_at..].lines().find(|line| line.contains(part)) {
                return line.to_owned();
            }
            // The last line may not be complete.
            looked_at = state.text.rfind('\n').map_or(0, |at| at + 1);
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!state.ended && !left.is_zero(), "no line with {part:?} in:\n{}", ending(&state.text));
            state = self.wait(state, left);
        }
    }

    /// Waits for the end of the output, and returns all of it.
    #[track_caller]
    pub fn whole(&self) -> String {
        let deadline = Instant::now() + LIMIT;
        let mut state = self.lock();
        while !state.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the output does not end:\n{}", ending(&state.text));
            state = self.wait(state, left);
        }
        state.text.clone()
    }

    /// Ignores poisoning: the text is intact even if a test has failed while it held the mutex.
    fn lock(&self) -> MutexGuard<'_, OutputState> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, OutputState>, time: Duration) -> MutexGuard<'a, OutputState> {
        self.0.1.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }
}

/// The end of a long text, with its lines cut.
fn ending(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(50)..];
    last.iter().map(|line| line.chars().take(150).chain(['\n']).collect::<String>()).collect()
}

/// `tertulia serve` on a free port of the loopback. Killed when dropped.
pub struct Server {
    pub child: Child,
    pub addr: SocketAddr,
    pub console: Output,
    pub diagnostics: Output,
    /// Where its Unix socket is.
    pub unix: Option<process::Dir>,
}

/// The name of a server's Unix socket in its directory.
const UNIX_SOCKET: &str = "chat.sock";

/// `tertulia`, in English whatever the environment is.
pub fn tertulia() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tertulia"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TERTULIA_")) {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C").env_remove("NO_COLOR");
    command
}

impl Server {
    #[track_caller]
    pub fn start(mode: &str) -> Server {
        Server::with(mode, &[])
    }

    #[track_caller]
    pub fn with(mode: &str, flags: &[&str]) -> Server {
        let mut command = tertulia();
        command.args(["serve", "--addr", "127.0.0.1:0", "--mode", mode]).args(flags);
        if let Ok(redis) = std::env::var("TERTULIA_TEST_ROOM") {
            // Each server alone, but by way of a log.
            static ROOMS: AtomicUsize = AtomicUsize::new(0);
            let number = ROOMS.fetch_add(1, Ordering::Relaxed);
            command.args(["--room", &format!("{redis}/{}-{number}", std::process::id())]);
        }
        if !OVER_UNIX.get() {
            return Server::of(command);
        }
        let dir = process::Dir::new();
        let path = dir.file(UNIX_SOCKET);
        command.args(["--listen", &format!("unix:{}", path.display())]);
        let mut server = Server::of(command);
        server.unix = Some(dir);
        until("it listens at the Unix socket, too", || path.exists().then_some(()));
        server
    }

    /// A server that is started by this command. Its stdout must say where it listens.
    #[track_caller]
    pub fn of(mut command: Command) -> Server {
        let (child, console, diagnostics) = process::spawn(&mut command);
        // In any language, the first line says where it listens.
        let line = console.shows(" (");
        let addr = line.split(' ').find_map(|word| word.parse().ok()).expect("an address");
        Server { child, addr, console, diagnostics, unix: None }
    }

    /// A client that has read its greeting.
    #[track_caller]
    pub fn join(&self) -> Client {
        self.connect().greeted()
    }

    /// A client that has taken a name.
    #[track_caller]
    pub fn join_as(&self, nick: &str) -> Client {
        self.join().named(nick)
    }

    /// The same with a small receive buffer, in bytes: what the client does not read, the kernel does not accept for
    /// it.
    #[track_caller]
    pub fn join_narrow(&self, nick: &str, buffer: usize) -> Client {
        if self.unix.is_some() {
            // There the buffer is the server's.
            return self.join_as(nick);
        }
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        // Before it connects, because TCP negotiates the window then.
        socket.set_recv_buffer_size(buffer).expect("a smaller buffer");
        socket.connect(&self.addr.into()).expect("the server accepts");
        Client::of(socket.into()).greeted().named(nick)
    }

    /// A client for each name. All have read the others' arrivals and names.
    #[track_caller]
    pub fn join_all<const N: usize>(&self, nicks: [&str; N]) -> [Client; N] {
        let mut clients: Vec<Client> = Vec::new();
        for nick in nicks {
            let client = self.join_as(nick);
            for earlier in &mut clients {
                earlier.notice(&format!("is now {nick} "));
            }
            clients.push(client);
        }
        clients.try_into().ok().expect("as many as names")
    }

    /// A connection from which nothing has been read.
    #[track_caller]
    pub fn connect(&self) -> Client {
        let stream = match &self.unix {
            None => TcpStream::connect(self.addr).expect("the server accepts"),
            Some(dir) => OwnedFd::from(UnixStream::connect(dir.file(UNIX_SOCKET)).expect("the server accepts")).into(),
        };
        Client { server: Some(self.pid()), ..Client::of(stream) }
    }

    /// The same from an address 127.x.y.z, which this machine has on Linux.
    #[track_caller]
    pub fn connect_from(&self, addr: [u8; 4]) -> Client {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((addr, 0)).into()).expect("an address of this machine");
        socket.connect(&self.addr.into()).expect("the server accepts");
        Client::of(socket.into())
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Stops the server as Ctrl-C does.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("INT");
        wait_for(&mut self.child)
    }

    /// Stops the server's process while `happens` runs: all that is done then reaches it in one batch.
    #[track_caller]
    pub fn frozen<T>(&self, happens: impl FnOnce() -> T) -> T {
        self.signal("STOP");
        until("the server stands still", || self.tasks().iter().all(|task| task.state == 'T').then_some(()));
        let result = happens();
        self.signal("CONT");
        result
    }

    /// Whether the server's process still runs.
    pub fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

/// What Linux reports about the server's process.
impl Server {
    /// Open file descriptors.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("a process of ours").count()
    }

    pub fn threads(&self) -> usize {
        self.tasks().len()
    }

    /// The most memory it ever had, in KiB.
    pub fn memory_peak(&self) -> usize {
        field(&read(&format!("/proc/{}/status", self.pid())), "VmHWM:")
    }

    /// Waits until all its threads sleep and have not run between two looks, so that there is no busy loop.
    #[track_caller]
    pub fn rests(&self) {
        rests(self.pid());
    }

    /// Waits until its main thread sleeps.
    #[track_caller]
    pub fn sleeps(&self) {
        let stat = format!("/proc/{}/status", self.pid());
        until("the server sleeps", || read(&stat).contains("State:\tS").then_some(()));
    }

    fn tasks(&self) -> Vec<Task> {
        tasks(self.pid())
    }
}

#[track_caller]
fn rests(pid: i32) {
    let mut before = Vec::new();
    until("the server rests", || {
        let tasks = tasks(pid);
        let rests = tasks == before && tasks.iter().all(|task| task.state == 'S');
        before = tasks;
        rests.then_some(())
    });
}

fn tasks(pid: i32) -> Vec<Task> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("a process of ours");
    let status = tasks.flatten().map(|task| read(&format!("{}/status", task.path().display())));
    // Some have ended while we looked. The kernel lists its own workers for io_uring, too; one of them stays.
    let status = status.filter(|status| !status.is_empty() && !status.starts_with("Name:\tiou-"));
    status.map(|status| Task::of(&status)).collect()
}

/// A thread, as /proc shows it.
#[derive(PartialEq)]
struct Task {
    state: char,
    /// How often it stopped running: context switches.
    switches: usize,
}

impl Task {
    fn of(status: &str) -> Task {
        let state = status.split("State:\t").nth(1).and_then(|rest| rest.chars().next()).expect("a state");
        let voluntary: usize = field(status, "\nvoluntary_ctxt_switches:");
        Task { state, switches: voluntary + field(status, "nonvoluntary_ctxt_switches:") }
    }
}

/// The number after a name in a file of /proc.
fn field(text: &str, name: &str) -> usize {
    let value = text.split(name).nth(1).and_then(|rest| rest.split_whitespace().next());
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let (console, diagnostics) = (ending(&self.console.text()), ending(&self.diagnostics.text()));
            eprintln!("--- console\n{console}--- diagnostics\n{diagnostics}");
        }
    }
}

/// Waits for the end of a process.
#[track_caller]
pub fn wait_for(child: &mut Child) -> ExitStatus {
    until("the process ends", || child.try_wait().expect("a child of ours"))
}

/// Asks again and again until there is an answer, for events that cannot be waited for.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "it never came about that {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A client with a plain socket.
pub struct Client {
    pub stream: TcpStream,
    pub nick: String,
    /// The server's process, if it is known.
    server: Option<i32>,
    reader: BufReader<TcpStream>,
    /// Lines that were read and not returned yet.
    kept: VecDeque<String>,
}

impl Client {
    pub fn of(stream: TcpStream) -> Client {
        stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
        stream.set_write_timeout(Some(LIMIT)).expect("a timeout");
        // A Unix socket delays nothing, and has no such option.
        let _ = stream.set_nodelay(true);
        let reader = BufReader::new(stream.try_clone().expect("a descriptor"));
        Client { stream, nick: String::new(), server: None, reader, kept: VecDeque::new() }
    }

    /// Reads the greeting.
    #[track_caller]
    pub fn greeted(mut self) -> Client {
        let welcome = self.notice("welcome");
        self.nick = welcome.split("you are ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a name").into();
        self.notice(":q leaves");
        self
    }

    /// Takes a name.
    #[track_caller]
    pub fn named(mut self, nick: &str) -> Client {
        self.says(&format!(":nick {nick}"));
        self.notice(&format!("you are now {nick}"));
        self.nick = nick.into();
        self
    }

    /// Sends a line.
    #[track_caller]
    pub fn says(&mut self, line: &str) {
        self.sends(format!("{line}\n").as_bytes());
    }

    /// Sends bytes as they are, in one write.
    #[track_caller]
    pub fn sends(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// Waits until the server has read everything sent so far, so that what is sent next comes in a separate read.
    #[track_caller]
    pub fn is_read(&self) {
        if let Some(server) = self.server
            && self.stream.peer_addr().is_err()
        {
            // Linux does not tell how much waits in a Unix socket.
            return rests(server);
        }
        until("the server has read everything", || (self.unread() == 0).then_some(()));
    }

    /// The bytes that were sent and that the server has not read. On systems other than Linux this is not known, and 0.
    #[cfg(target_os = "linux")]
    pub fn unread(&self) -> u64 {
        let addrs = self.stream.local_addr().and_then(|ours| Ok((ours, self.stream.peer_addr()?)));
        let (ours, theirs) = addrs.expect("connected");
        kernel::in_the_kernel(ours, theirs)
    }

    #[cfg(not(target_os = "linux"))]
    pub fn unread(&self) -> u64 {
        0
    }

    /// The next line, without its LF. `None` at the end of the stream.
    #[track_caller]
    pub fn line(&mut self) -> Option<String> {
        if let Some(line) = self.kept.pop_front() {
            return Some(line);
        }
        let mut line = Vec::new();
        match self.reader.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => {
                assert_eq!(line.pop(), Some(b'\n'), "{} got half a line", self.nick);
                Some(String::from_utf8(line).expect("a server sends UTF-8"))
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("{} was sent nothing for {LIMIT:?}", self.nick)
            }
            Err(e) => panic!("{}: {e}", self.nick),
        }
    }

    /// Checks that the next line is this one, notice or not.
    #[track_caller]
    pub fn reads(&mut self, expected: &str) {
        let line = self.line().unwrap_or_else(|| panic!("{} was closed before {expected:?}", self.nick));
        assert_eq!(line, expected, "{} reads something else", self.nick);
    }

    /// All lines before this one, including notices.
    #[track_caller]
    pub fn lines_to(&mut self, last: &str) -> Vec<String> {
        std::iter::from_fn(|| {
            let line = self.line().unwrap_or_else(|| panic!("{} was closed before {last:?}", self.nick));
            (line != last).then_some(line)
        })
        .collect()
    }

    /// Checks that the next line that is no notice is this one.
    #[track_caller]
    pub fn sees(&mut self, expected: &str) {
        let line = self.message().unwrap_or_else(|| panic!("{} was closed before {expected:?}", self.nick));
        assert_eq!(line, expected, "{} sees something else", self.nick);
    }

    /// The next line that is no notice; `None` at the end of the stream.
    #[track_caller]
    pub fn message(&mut self) -> Option<String> {
        loop {
            match self.line() {
                Some(line) if line.starts_with("-- ") => {}
                other => return other,
            }
        }
    }

    /// The next notice that contains `part`. Messages before it are kept for later.
    #[track_caller]
    pub fn notice(&mut self, part: &str) -> String {
        let mut kept = VecDeque::new();
        loop {
            match self.line() {
                Some(line) if line.starts_with("-- ") && line.contains(part) => {
                    kept.append(&mut self.kept);
                    self.kept = kept;
                    return line;
                }
                Some(line) if line.starts_with("-- ") => {}
                Some(line) => kept.push_back(line),
                None => panic!("{} was closed before a notice with {part:?}", self.nick),
            }
        }
    }

    /// Shuts down its write side, and can still read.
    pub fn hangs_up(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("a connection");
    }

    /// All lines to the end of the stream, including notices.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.line()).collect()
    }

    /// Checks that the server has closed the connection, and sent only notices before.
    #[track_caller]
    pub fn is_closed(&mut self) {
        assert_eq!(self.message(), None, "{} is not closed", self.nick);
    }

    /// Closes with a RST instead of a FIN.
    pub fn resets(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).expect("a socket");
    }
}
