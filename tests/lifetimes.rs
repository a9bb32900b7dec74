//! However an instrument ends, the servers that it has started end, too.
#![cfg(all(feature = "bench", feature = "compare", feature = "torment", target_os = "linux"))]

mod common;

use common::process::Dir;
use common::*;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

/// An instrument that runs for longer than the test. Killed when dropped.
struct Instrument(Child);

impl Instrument {
    #[track_caller]
    fn start(command: &mut Command) -> Instrument {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Instrument(command.spawn().expect("the program starts"))
    }

    /// Stops it while one of its servers listens, so that it starts no other one before the signal comes.
    #[track_caller]
    fn stops_beside_a_server(&self) -> Groups {
        until("a server listens", || {
            self.signal(Signal::STOP);
            until("it is stopped", || (Stat::of(self.pid())?.state == "T").then_some(()));
            let children: Vec<Stat> = Stat::all().filter(|stat| stat.parent == Some(self.pid())).collect();
            let listens = children.iter().filter_map(Stat::address).any(|addr| TcpStream::connect(addr).is_ok());
            if !listens {
                self.signal(Signal::CONT);
            }
            listens.then(|| Groups(children.iter().map(|stat| stat.group).collect()))
        })
    }

    /// Gets the signal, goes on, and ends.
    #[track_caller]
    fn ends_by(&mut self, signal: Signal) {
        self.signal(signal);
        self.signal(Signal::CONT);
        wait_for(&mut self.0);
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }
}

impl Drop for Instrument {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What Linux reports about a process.
struct Stat {
    pid: Pid,
    state: String,
    parent: Option<Pid>,
    group: Pid,
}

impl Stat {
    fn of(pid: Pid) -> Option<Stat> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before the parenthesis may contain anything.
        let mut fields = text.rsplit_once(") ")?.1.split(' ');
        let state = fields.next()?.to_owned();
        let mut pid_in_next = || Pid::from_raw(fields.next()?.parse().ok()?);
        Some(Stat { pid, state, parent: pid_in_next(), group: pid_in_next()? })
    }

    fn all() -> impl Iterator<Item = Stat> {
        let names = fs::read_dir("/proc").expect("Linux").flatten().map(|entry| entry.file_name());
        names.filter_map(|name| Stat::of(Pid::from_raw(name.to_str()?.parse().ok()?)?))
    }

    /// The address in its command line.
    fn address(&self) -> Option<SocketAddr> {
        let words = fs::read_to_string(format!("/proc/{}/cmdline", self.pid)).ok()?;
        words.split(['\0', ' ']).find_map(|word| word.parse().ok())
    }
}

/// The process groups of an instrument's children.
struct Groups(Vec<Pid>);

impl Groups {
    /// Their processes that run or are stopped.
    fn members(&self) -> impl Iterator<Item = Stat> {
        Stat::all().filter(|stat| stat.state != "Z" && self.0.contains(&stat.group))
    }

    /// Waits until none is left.
    #[track_caller]
    fn end(&self) {
        until("the servers end", || self.members().next().is_none().then_some(()));
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for group in self.0.iter().filter(|_| std::thread::panicking()) {
            let _ = kill_process_group(*group, Signal::KILL);
        }
    }
}

#[track_caller]
fn leaves_no_server(start: impl Fn() -> Instrument) {
    // Each reaches the instrument alone; a terminal's Ctrl-C does not reach its servers, either.
    for signal in [Signal::HUP, Signal::INT, Signal::TERM, Signal::KILL] {
        let mut instrument = start();
        let groups = instrument.stops_beside_a_server();
        instrument.ends_by(signal);
        groups.end();
    }
}

#[test]
fn no_server_outlives_the_load_generator() {
    leaves_no_server(|| Instrument::start(tertulia().args(["bench", "--mode", "epoll", "--duration", "600"])));
}

#[test]
fn no_server_outlives_a_comparison() {
    let dir = Dir::new();
    leaves_no_server(|| {
        let mut compare = tertulia();
        // It has no time to remove its files if it is killed.
        compare.env("TMPDIR", dir.path());
        Instrument::start(compare.args(["compare", "--millis", "60000", "-o"]).arg(dir.file("page.html")))
    });
}

/// The server is a process that the command has started.
#[test]
fn no_server_outlives_the_torments() {
    leaves_no_server(|| {
        let mut torment = tertulia();
        torment.args(["torment", "--only", "stuck-reader", "--time", "10", "--", "sh", "-c"]);
        Instrument::start(torment.args(["\"$0\" serve 127.0.0.1:{port} || :", env!("CARGO_BIN_EXE_tertulia")]))
    });
}

/// A torment stops its server for a moment.
#[test]
fn no_stopped_server_outlives_the_torments() {
    let mut torment = tertulia();
    torment.args(["torment", "--only", "stuck-reader", "--time", "10", "--"]);
    let mut instrument = Instrument::start(torment.args([env!("CARGO_BIN_EXE_tertulia"), "serve", "127.0.0.1:{port}"]));
    let groups = instrument.stops_beside_a_server();
    let servers = groups.members().filter(|stat| stat.pid != stat.group);
    servers.for_each(|stat| kill_process(stat.pid, Signal::STOP).expect("it runs"));
    instrument.ends_by(Signal::KILL);
    groups.end();
}
