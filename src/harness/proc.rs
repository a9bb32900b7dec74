//! Reads what Linux reports in /proc about a process and its sockets. On other systems every answer is `None`.

use std::net::SocketAddr;
use std::time::Duration;

#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(not(target_os = "linux"))]
pub use nothing::*;

/// The state of a process at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessStatus {
    /// `T` means stopped.
    pub state: char,
    /// Processor time of all its threads since it began.
    pub cpu: Duration,
    pub threads: usize,
}

/// How often the threads of a process stopped running. Threads that have ended do not count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContextSwitches {
    /// They had nothing to do.
    pub voluntary: u64,
    /// Another thread got the processor.
    pub involuntary: u64,
}

/// How much of a processor a process wants. Threads that have ended do not count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appetite {
    /// Processor time, and the time that its threads have waited for a processor.
    pub wanted: Duration,
    /// How often its threads have gone to sleep.
    pub sleeps: u64,
}

/// What the threads of a process sleep in.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Sleepers {
    /// A lock, or something else that another thread must do: futex(2).
    pub for_threads: usize,
    /// A write that a descriptor does not take.
    pub in_writes: usize,
}

/// Processor time of this thread.
pub(crate) fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(target_os = "linux")]
mod linux {
    use super::super::calls::{self, Takes};
    use super::*;
    use procfs::net::{TcpNetEntries, TcpNetEntry, TcpState, tcp, tcp6};
    use procfs::prelude::*;
    use procfs::process::{FDTarget, Process, Schedstat, all_processes};
    use rustix::process::Pid;

    fn process(pid: u32) -> Option<Process> {
        Process::new(pid.try_into().ok()?).ok()
    }

    pub(crate) fn status(pid: u32) -> Option<ProcessStatus> {
        let stat = process(pid)?.stat().ok()?;
        let seconds = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
        let (cpu, threads) = (Duration::from_secs_f64(seconds), stat.num_threads.try_into().ok()?);
        Some(ProcessStatus { state: stat.state, cpu, threads })
    }

    /// Whether a thread of a process group wants a processor or a disk: it does not sleep.
    pub(crate) fn group_works(group: Pid) -> Option<bool> {
        let works = |process: Process| {
            let threads = process.tasks().into_iter().flatten().flatten();
            threads.filter_map(|thread| thread.stat().ok()).any(|stat| ['R', 'D'].contains(&stat.state))
        };
        Some(members(group)?.any(works))
    }

    /// The processes of a process group.
    fn members(group: Pid) -> Option<impl Iterator<Item = Process>> {
        let processes = all_processes().ok()?.flatten();
        Some(processes.filter(move |process| process.stat().is_ok_and(|stat| stat.pgrp == group.as_raw_pid())))
    }

    /// Resident memory that belongs to no file. Bytes. The kernel updates this figure only now and then.
    pub(crate) fn private_memory(pid: u32) -> Option<u64> {
        let status = process(pid)?.status().ok()?;
        Some(status.rssanon.or(status.vmrss)? << 10)
    }

    /// The same, up to date. The kernel looks at each page for it. If we may not ask for it, the other figure.
    pub(crate) fn private_memory_now(pid: u32) -> Option<u64> {
        let counted = process(pid)?.smaps_rollup().ok().and_then(|all| {
            let map = all.memory_map_rollup.into_iter().next()?;
            map.extension.map.get("Anonymous").copied()
        });
        counted.or_else(|| private_memory(pid))
    }

    /// What its threads have wanted so far.
    pub(crate) fn appetite(pid: u32) -> Option<Appetite> {
        let wanted = of_threads(pid, |stat| stat.sum_exec_runtime + stat.run_delay)?;
        Some(Appetite { wanted, sleeps: context_switches(pid)?.voluntary })
    }

    pub(crate) fn context_switches(pid: u32) -> Option<ContextSwitches> {
        let mut sum = ContextSwitches { voluntary: 0, involuntary: 0 };
        let tasks = process(pid)?.tasks().ok()?;
        for status in tasks.flatten().filter_map(|task| task.status().ok()) {
            sum.voluntary += status.voluntary_ctxt_switches?;
            sum.involuntary += status.nonvoluntary_ctxt_switches?;
        }
        Some(sum)
    }

    /// Processor time of the threads that a process has now, in nanoseconds and not in ticks.
    pub(crate) fn cpu_time(pid: u32) -> Option<Duration> {
        of_threads(pid, |stat| stat.sum_exec_runtime)
    }

    /// A time that the scheduler counts, in nanoseconds, of all threads that a process has now.
    fn of_threads(pid: u32, nanos: impl Fn(Schedstat) -> u64) -> Option<Duration> {
        let stats = process(pid)?.tasks().ok()?.flatten().filter_map(|task| task.schedstat().ok());
        Some(Duration::from_nanos(stats.map(nanos).sum()))
    }

    /// What the threads of a process sleep in. `None` if the system does not show it.
    pub(crate) fn sleepers(pid: u32) -> Option<Sleepers> {
        let mut sleepers = Sleepers::default();
        for task in process(pid)?.tasks().ok()?.flatten() {
            if let Some((call, _)) = calls::of(&task.syscall().ok()?) {
                sleepers.for_threads += usize::from(call.name == "futex");
                sleepers.in_writes += usize::from(calls::writes(call.name));
            }
        }
        Some(sleepers)
    }

    /// The ids of a process's threads.
    pub(crate) fn threads(pid: u32) -> Option<Vec<i32>> {
        Some(process(pid)?.tasks().ok()?.flatten().map(|task| task.tid).collect())
    }

    /// The numbers of a process's open descriptors.
    pub(crate) fn descriptors(pid: u32) -> Option<Vec<i32>> {
        Some(process(pid)?.fd().ok()?.flatten().map(|descriptor| descriptor.fd).collect())
    }

    /// The number of entries that a thread which sleeps in poll(2) has passed to it. `None` if there is no such thread, or
    /// the kernel does not say.
    pub(crate) fn watched_by_poll(pid: u32) -> Option<u64> {
        let states = process(pid)?.tasks().ok()?.flatten().filter_map(|task| task.syscall().ok());
        let entries = states.filter_map(|state| {
            let (call, arguments) = calls::of(&state)?;
            (call.takes == Takes::PollList).then_some(arguments[1])
        });
        entries.max()
    }

    /// The hard limit on the numbers of a process's descriptors. `None` also if there is none.
    pub(crate) fn descriptors_max(pid: u32) -> Option<u64> {
        match process(pid)?.limits().ok()?.max_open_files.hard_limit {
            procfs::process::LimitValue::Value(limit) => Some(limit),
            procfs::process::LimitValue::Unlimited => None,
        }
    }

    /// How many more descriptors a process may open.
    pub(crate) fn descriptors_free(pid: u32) -> Option<u64> {
        match process(pid)?.limits().ok()?.max_open_files.soft_limit {
            procfs::process::LimitValue::Value(limit) => Some(limit.saturating_sub(descriptors(pid)?.len() as u64)),
            procfs::process::LimitValue::Unlimited => Some(u64::MAX),
        }
    }

    /// The address on which a process of a process group listens on a port, and the id of that process.
    pub(crate) fn listener(group: Pid, port: u16) -> Option<(SocketAddr, u32)> {
        let sockets: Vec<_> = sockets(port).filter(|socket| socket.state == TcpState::Listen).collect();
        held(group, &sockets)
    }

    /// A port on which a process of a process group listens.
    pub(crate) fn any_listener(group: Pid) -> Option<u16> {
        let sockets: Vec<_> = all_sockets().filter(|socket| socket.state == TcpState::Listen).collect();
        held(group, &sockets).map(|(addr, _)| addr.port())
    }

    /// The address of the first of these sockets that a process of a process group holds, and the id of that process.
    fn held(group: Pid, sockets: &[TcpNetEntry]) -> Option<(SocketAddr, u32)> {
        if sockets.is_empty() {
            return None;
        }
        members(group)?.find_map(|process| {
            let targets: Vec<_> = process.fd().ok()?.flatten().map(|descriptor| descriptor.target).collect();
            let holds = |socket: &&TcpNetEntry| {
                targets.iter().any(|t| matches!(t, FDTarget::Socket(inode) if *inode == socket.inode))
            };
            Some((sockets.iter().find(holds)?.local_address, process.pid.try_into().ok()?))
        })
    }

    /// Connections to a server that it has not accepted yet.
    pub(crate) fn not_accepted(server: SocketAddr) -> Option<u32> {
        sockets(server.port()).find(|socket| socket.state == TcpState::Listen).map(|socket| socket.rx_queue)
    }

    /// Bytes from a client that have arrived at the server and that it has not read; or the reverse, if they change places.
    pub(crate) fn unread(server: SocketAddr, client: SocketAddr) -> Option<u32> {
        its_socket(server, client).map(|socket| socket.rx_queue)
    }

    /// Connections that a server has accepted and not closed.
    pub(crate) fn accepted(server: SocketAddr) -> Option<usize> {
        Some(accepted_sockets(server).count())
    }

    /// Bytes that have arrived in these connections and that the server has not read.
    pub(crate) fn accepted_unread(server: SocketAddr) -> Option<u32> {
        Some(accepted_sockets(server).map(|socket| socket.rx_queue).sum())
    }

    /// The server's ends of its connections. What no process holds has no inode.
    fn accepted_sockets(server: SocketAddr) -> impl Iterator<Item = TcpNetEntry> {
        let is_its = move |socket: &TcpNetEntry| {
            socket.local_address.port() == server.port() && socket.state != TcpState::Listen && socket.inode != 0
        };
        sockets(server.port()).filter(is_its)
    }

    /// Bytes that the server has written to a client, and that the kernel still holds.
    pub(crate) fn unsent(server: SocketAddr, client: SocketAddr) -> Option<u32> {
        its_socket(server, client).map(|socket| socket.tx_queue)
    }

    /// The server's socket of a client.
    fn its_socket(server: SocketAddr, client: SocketAddr) -> Option<TcpNetEntry> {
        sockets(server.port()).find(|socket| {
            socket.local_address.port() == server.port() && socket.remote_address.port() == client.port()
        })
    }

    fn all_sockets() -> impl Iterator<Item = TcpNetEntry> {
        [tcp(), tcp6()].into_iter().flatten().flatten()
    }

    /// All sockets that have this local or remote port. Only their lines of the table are parsed: after many connections it has
    /// thousands that are in TIME_WAIT.
    fn sockets(port: u16) -> impl Iterator<Item = TcpNetEntry> {
        let ending = format!(":{port:04X} ");
        let parsed = move |file: &str| -> Option<TcpNetEntries> {
            let table = std::fs::read_to_string(file).ok()?;
            let head = table.lines().take(1);
            let lines: Vec<&str> = head.chain(table.lines().skip(1).filter(|line| line.contains(&ending))).collect();
            TcpNetEntries::from_buf_read(lines.join("\n").as_bytes(), procfs::current_system_info()).ok()
        };
        ["/proc/net/tcp", "/proc/net/tcp6"]
            .into_iter()
            .filter_map(parsed)
            .flat_map(|entries| entries.0)
            .filter(move |socket| [socket.local_address, socket.remote_address].iter().any(|a| a.port() == port))
    }
}

#[cfg(not(target_os = "linux"))]
mod nothing {
    use super::*;

    pub fn status(_: u32) -> Option<ProcessStatus> {
        None
    }

    pub fn private_memory_now(_: u32) -> Option<u64> {
        None
    }

    pub fn private_memory(_: u32) -> Option<u64> {
        None
    }

    pub fn cpu_time(_: u32) -> Option<Duration> {
        None
    }

    pub fn context_switches(_: u32) -> Option<ContextSwitches> {
        None
    }

    pub fn descriptors(_: u32) -> Option<Vec<i32>> {
        None
    }

    pub fn group_works(_: rustix::process::Pid) -> Option<bool> {
        None
    }

    pub fn appetite(_: u32) -> Option<Appetite> {
        None
    }

    pub fn any_listener(_: rustix::process::Pid) -> Option<u16> {
        None
    }

    pub fn not_accepted(_: SocketAddr) -> Option<u32> {
        None
    }

    pub fn unread(_: SocketAddr, _: SocketAddr) -> Option<u32> {
        None
    }

    pub fn unsent(_: SocketAddr, _: SocketAddr) -> Option<u32> {
        None
    }

    pub fn sleepers(_: u32) -> Option<Sleepers> {
        None
    }

    pub fn accepted(_: SocketAddr) -> Option<usize> {
        None
    }

    pub fn accepted_unread(_: SocketAddr) -> Option<u32> {
        None
    }

    pub fn descriptors_free(_: u32) -> Option<u64> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn what_waits_in_the_kernel_is_counted() {
        for host in ["127.0.0.1", "::1"] {
            let Ok(listener) = TcpListener::bind((host, 0)) else { continue };
            let server = listener.local_addr().expect("bound");
            assert_eq!(not_accepted(server), Some(0));
            let mut client = TcpStream::connect(server).expect("connected");
            client.write_all(b"seven b").expect("written");
            assert_eq!((not_accepted(server), accepted(server), accepted_unread(server)), (Some(1), Some(0), Some(0)));
            let _accepted = listener.accept().expect("accepted");
            // On the loopback it has arrived when the write returns.
            assert_eq!(unread(server, client.local_addr().expect("bound")), Some(7));
            assert_eq!((not_accepted(server), accepted(server), accepted_unread(server)), (Some(0), Some(1), Some(7)));
        }
    }

    #[test]
    fn our_own_process_has_used_something() {
        let pid = std::process::id();
        let status = status(pid).expect("a process");
        assert!(status.threads >= 1 && context_switches(pid).is_some());
        assert!(private_memory(pid) > Some(0));
        let before = private_memory_now(pid).expect("a process");
        let touched = vec![1_u8; 64 << 20];
        assert!(private_memory_now(pid).is_some_and(|now| now >= before + (32 << 20)), "{}", touched[9]);
        assert!(descriptors(pid).is_some_and(|open| open.len() >= 3));
    }
}
