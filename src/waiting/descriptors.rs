//! What a descriptor of another process is, and for which descriptors a call waits.

use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::{FDTarget, Process};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;

/// More descriptors of one call are not read.
const LIST_MAX: u64 = 1 << 16;
/// `struct pollfd`: the descriptor, what is asked for, and what is answered.
const POLLFD: usize = 8;

#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct Descriptor {
    pub number: i32,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub(crate) enum What {
    /// A TCP socket that listens.
    Listener {
        addr: SocketAddr,
    },
    /// A TCP socket with somebody at the other end.
    Connection {
        local: SocketAddr,
        remote: SocketAddr,
    },
    /// A socket for processes of this machine, such as the pair through which a signal wakes a loop.
    Unix,
    /// Another socket: UDP, or a TCP socket that is not connected.
    Socket,
    Pipe,
    Terminal {
        path: String,
    },
    /// Another thread wakes it through this.
    EventFd,
    Timer,
    Signals,
    Epoll,
    Ring,
    /// A file or a device.
    File {
        path: String,
    },
    Other,
    /// It is not open any more, or the system does not show it.
    Unknown,
}

impl What {
    pub(super) fn is_listener(&self) -> bool {
        matches!(self, What::Listener { .. })
    }

    pub(super) fn is_connection(&self) -> bool {
        matches!(self, What::Connection { .. })
    }
}

/// The descriptors of a process.
pub(super) struct Descriptors {
    pid: i32,
    open: BTreeMap<i32, What>,
}

impl Descriptors {
    pub(super) fn of(process: &Process) -> Descriptors {
        // Of the process, and not ours: it may live in another network namespace.
        let tables = [process.tcp(), process.tcp6()].into_iter().flatten().flatten();
        let tcp = tables.map(|socket| (socket.inode, of_tcp(&socket)));
        let unix = process.unix().into_iter().flatten().map(|socket| (socket.inode, What::Unix));
        let sockets: HashMap<u64, What> = tcp.chain(unix).collect();
        let open = process.fd().into_iter().flatten().flatten();
        Descriptors { pid: process.pid, open: open.map(|info| (info.fd, what(&info.target, &sockets))).collect() }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &What> {
        self.open.values()
    }

    pub(super) fn get(&self, number: i32) -> Descriptor {
        Descriptor { number, what: self.open.get(&number).cloned().unwrap_or(What::Unknown) }
    }

    /// What an epoll instance watches. Each line `tfd: 5 events: ...` is one of them.
    pub(super) fn watched_by(&self, epoll: i32) -> Vec<i32> {
        let info = std::fs::read_to_string(format!("/proc/{}/fdinfo/{epoll}", self.pid)).unwrap_or_default();
        let watched =
            info.lines().filter_map(|line| line.strip_prefix("tfd:")?.split_whitespace().next()?.parse().ok());
        let mut watched: Vec<i32> = watched.collect();
        watched.sort();
        watched
    }
}

fn of_tcp(socket: &TcpNetEntry) -> What {
    match socket.state {
        TcpState::Listen => What::Listener { addr: socket.local_address },
        _ if socket.remote_address.port() == 0 => What::Socket,
        _ => What::Connection { local: socket.local_address, remote: socket.remote_address },
    }
}

fn what(target: &FDTarget, sockets: &HashMap<u64, What>) -> What {
    match target {
        FDTarget::Socket(inode) => sockets.get(inode).cloned().unwrap_or(What::Socket),
        FDTarget::Pipe(_) => What::Pipe,
        FDTarget::AnonInode(name) => match name.trim_matches(['[', ']']) {
            "eventfd" => What::EventFd,
            "timerfd" => What::Timer,
            "signalfd" => What::Signals,
            "eventpoll" => What::Epoll,
            "io_uring" => What::Ring,
            _ => What::Other,
        },
        FDTarget::Path(path) => {
            let path = path.display().to_string();
            let is_terminal = path.starts_with("/dev/pts/") || path.starts_with("/dev/tty");
            if is_terminal { What::Terminal { path } } else { What::File { path } }
        }
        _ => What::Other,
    }
}

/// The memory of a process, for the lists that a call got. Empty lists if we may not read it.
pub(super) struct Memory(Option<File>);

impl Memory {
    pub(super) fn of(pid: i32) -> Memory {
        Memory(File::open(format!("/proc/{pid}/mem")).ok())
    }

    fn read(&self, address: u64, bytes: usize) -> Vec<u8> {
        let mut buffer = vec![0; bytes];
        match self.0.as_ref().map(|memory| memory.read_exact_at(&mut buffer, address)) {
            Some(Ok(())) => buffer,
            _ => Vec::new(),
        }
    }

    /// The descriptors of `poll`'s list. A negative one is ignored by the kernel, too.
    pub(super) fn poll_list(&mut self, address: u64, length: u64) -> Vec<i32> {
        let bytes = self.read(address, length.min(LIST_MAX) as usize * POLLFD);
        let numbers =
            bytes.chunks_exact(POLLFD).filter_map(|one| one.first_chunk()).map(|one| i32::from_ne_bytes(*one));
        numbers.filter(|number| *number >= 0).collect()
    }

    /// The descriptors below `count` in any of `select`'s sets, each of which is a bit a descriptor.
    pub(super) fn sets(&mut self, count: u64, addresses: &[u64]) -> Vec<i32> {
        let count = count.min(LIST_MAX) as usize;
        let sets = addresses.iter().filter(|address| **address != 0);
        let sets: Vec<Vec<u8>> = sets.map(|address| self.read(*address, count.div_ceil(8))).collect();
        let is_in =
            |set: &Vec<u8>, number: usize| set.get(number / 8).is_some_and(|byte| byte >> (number % 8) & 1 == 1);
        (0..count).filter(|number| sets.iter().any(|set| is_in(set, *number))).map(|number| number as i32).collect()
    }
}
