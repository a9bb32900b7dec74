//! What Linux reports in /proc about a process and its sockets.

use super::{Client, LIMIT, Output, Server, until};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The unit of processor time in `/proc`.
const TICK: Duration = Duration::from_millis(10);

/// The fields of `/proc/PID/stat` from the third on. The name before them may contain spaces.
fn stat(pid: i32) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    let (_, rest) = stat.rsplit_once(") ").expect("a name in parentheses");
    rest.split(' ').map(str::to_owned).collect()
}

/// The state of a process: `T` is stopped, `Z` has ended and was not waited for.
pub fn state(pid: i32) -> String {
    stat(pid)[0].clone()
}

/// The processor time that all its threads have used so far.
pub fn cpu_time(pid: i32) -> Duration {
    let ticks: u32 = stat(pid)[11..13].iter().map(|field| field.parse::<u32>().expect("a number")).sum();
    TICK * ticks
}

/// The most processor time of an idle server, per second. A server that spins uses at least half a processor, even on a
/// machine with as much other work.
pub const HARDLY_ANY: Duration = Duration::from_millis(150);

/// A number of `/proc/PID/status`: `VmRSS` in KiB, `Threads`.
pub fn status(pid: i32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect(name);
    line.split_whitespace().next().expect("a value").parse().expect("a number")
}

/// Limits a process to `spare` more descriptors than it has.
pub fn limit_descriptors(pid: i32, spare: u64) {
    let fds = fs::read_dir(format!("/proc/{pid}/fd")).expect("the process is there");
    let open: Vec<u64> = fds.flatten().filter_map(|fd| fd.file_name().to_str()?.parse().ok()).collect();
    // Not simply their number, because some with high numbers may be inherited from the tests' parent.
    let mut free = (0..).filter(|fd| !open.contains(fd));
    limit(pid, "nofile", free.nth(spare as usize));
}

/// Sets another process's soft limit with prlimit(1), by the limit's name; `None` is as much as the hard limit allows.
pub fn limit(pid: i32, name: &str, soft: Option<u64>) {
    let hard = prlimit(pid, &[&format!("--{name}"), "--output=HARD", "--noheadings"]);
    let soft = soft.map_or(hard, |soft| soft.to_string());
    prlimit(pid, &[&format!("--{name}={}:", soft.trim())]);
}

/// Runs as the process's owner: root may not limit other users' processes without CAP_SYS_RESOURCE, as in many
/// containers.
fn prlimit(pid: i32, args: &[&str]) -> String {
    let owner = fs::metadata(format!("/proc/{pid}")).expect("the process is there");
    let mut prlimit = Command::new("prlimit");
    prlimit.arg(format!("--pid={pid}")).args(args).uid(owner.uid()).gid(owner.gid());
    let output = prlimit.output().expect("prlimit runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A socket of /proc/net/tcp.
struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    state: u8,
    /// Bytes sent and not acknowledged by the peer.
    unacknowledged: u64,
    /// Bytes received and not read by the process.
    unread: u64,
    inode: String,
}

const TIME_WAIT: u8 = 6;
const LISTEN: u8 = 10;

/// The sockets whose line contains `part`. There may be many thousands, so the other lines are not parsed; that is why
/// the procfs crate is not used here.
fn sockets(part: &str) -> Vec<Socket> {
    let number = |text: &str| u64::from_str_radix(text, 16).expect("hexadecimal");
    let addr = |text: &str| {
        let (ip, port) = text.split_once(':').expect("an address");
        SocketAddr::from((Ipv4Addr::from((number(ip) as u32).to_ne_bytes()), number(port) as u16))
    };
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (unacknowledged, unread) = fields[4].split_once(':').expect("two queues");
        Socket {
            local: addr(fields[1]),
            remote: addr(fields[2]),
            state: number(fields[3]) as u8,
            unacknowledged: number(unacknowledged),
            unread: number(unread),
            inode: fields[9].to_owned(),
        }
    };
    let table = fs::read_to_string("/proc/net/tcp").expect("a table");
    table.lines().skip(1).filter(|line| line.contains(part)).map(socket).collect()
}

/// A port in the format of the table.
fn in_the_table(addr: SocketAddr) -> String {
    format!(":{:04X} ", addr.port())
}

/// The address on which a process listens.
fn listens_on(pid: i32) -> Option<SocketAddr> {
    let fds = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let open: Vec<OsString> = fds.flatten().filter_map(|fd| Some(fs::read_link(fd.path()).ok()?.into())).collect();
    let is_its = |socket: &Socket| open.contains(&format!("socket:[{}]", socket.inode).into());
    sockets(" 0A ").into_iter().find(|socket| socket.state == LISTEN && is_its(socket)).map(|socket| socket.local)
}

/// Whether a connection that a server closed first still keeps its port busy.
pub fn is_in_time_wait(server: SocketAddr) -> bool {
    sockets(&in_the_table(server)).iter().any(|socket| socket.local == server && socket.state == TIME_WAIT)
}

/// Bytes under way from one end of a connection to the other, or waiting there to be read.
pub fn in_the_kernel(from: SocketAddr, to: SocketAddr) -> u64 {
    let of = |socket: Socket| {
        if socket.local == from && socket.remote == to {
            socket.unacknowledged
        } else if socket.local == to && socket.remote == from {
            socket.unread
        } else {
            0
        }
    };
    sockets(&in_the_table(to)).into_iter().map(of).sum()
}

/// A server whose outputs belong to the test, so that it may not print where it listens.
#[track_caller]
pub fn start_unheard(command: &mut Command) -> Server {
    let child = command.stdin(Stdio::null()).spawn().expect("the server starts");
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let mut server =
        Server { child, addr: nowhere, console: Output::default(), diagnostics: Output::default(), unix: None };
    server.addr = until("the server listens", || listens_on(server.pid()));
    server
}

/// A member that does not read, to which `talker` has said more than the kernel holds: the rest is in its outbox.
/// Returns also the number of lines that were said.
#[track_caller]
pub fn overfed(server: &Server, talker: &mut Client) -> (Client, usize) {
    // Below the high-water mark, but more than the kernel makes room for when it is tried once more.
    const LEFT_OVER: u64 = 512 << 10;
    const AT_A_TIME: usize = 256;
    let member = server.connect();
    talker.notice("is here");
    let text = "x".repeat(1000);
    let mut lines = 0;
    loop {
        for _ in 0..AT_A_TIME {
            talker.says(&text);
        }
        lines += AT_A_TIME;
        // The answer shows that everything before it was handled.
        talker.says(":who");
        talker.notice("here: ");
        let said = lines as u64 * text.len() as u64;
        if said > in_the_kernel(server.addr, member.stream.local_addr().expect("connected")) + LEFT_OVER {
            return (member, lines);
        }
        assert!(said < 64 << 20, "the kernel holds all of {said} bytes");
    }
}

/// The client receives nothing for this long.
#[track_caller]
pub fn hears_nothing(client: &Client, how_long: Duration) {
    client.stream.set_read_timeout(Some(how_long)).expect("a timeout");
    let heard = client.stream.peek(&mut [0]);
    assert!(matches!(&heard, Err(e) if e.kind() == ErrorKind::WouldBlock), "{heard:?}");
    client.stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
}

/// A terminal: the user's end, and the program's end.
pub fn terminal() -> (File, File) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    grantpt(&person).and_then(|()| unlockpt(&person)).expect("a terminal of ours");
    let name = ptsname(&person, Vec::new()).expect("a name").into_string().expect("text");
    let flags = rustix::fs::OFlags::NOCTTY.bits() as i32;
    let program = OpenOptions::new().read(true).write(true).custom_flags(flags).open(name).expect("its other end");
    (person.into(), program)
}
