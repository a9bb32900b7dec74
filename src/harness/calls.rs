//! The system calls in which threads sleep. Their numbers differ between architectures; `libc` has them.

use procfs::process::Syscall;

/// How a call names what it waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Takes {
    /// It waits for no descriptor.
    Nothing,
    /// The first argument is a descriptor.
    Descriptor,
    /// The first argument is an epoll instance, which watches others.
    Epoll,
    /// The first argument is a ring. The kernel does not tell which operations it has.
    Ring,
    /// The first argument is the address of a list of descriptors, the second its length.
    PollList,
    /// The first argument is a number of descriptors, and the next three are addresses of bit sets.
    Sets,
}

pub(crate) struct Call {
    number: libc::c_long,
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
}

/// The call in which a thread sleeps, and its arguments. `None` for one that runs, and for a call that is not listed.
pub(crate) fn of(state: &Syscall) -> Option<(&'static Call, &[u64; 6])> {
    match state {
        Syscall::Blocked { syscall_number, argument_registers, .. } => {
            Some((find(*syscall_number)?, argument_registers))
        }
        _ => None,
    }
}

pub(crate) fn find(number: libc::c_long) -> Option<&'static Call> {
    CALLS.iter().chain(OLDER).find(|call| call.number == number)
}

const fn call(number: libc::c_long, name: &'static str, takes: Takes) -> Call {
    Call { number, name, takes }
}

/// A call that waits until a descriptor takes bytes.
pub(crate) fn writes(name: &str) -> bool {
    ["write", "writev", "sendto", "sendmsg", "sendmmsg", "sendfile", "splice"].contains(&name)
}

/// A call that waits until a descriptor has bytes.
pub(crate) fn reads(name: &str) -> bool {
    ["read", "readv", "recvfrom", "recvmsg", "recvmmsg"].contains(&name)
}

pub(crate) fn accepts(name: &str) -> bool {
    ["accept", "accept4"].contains(&name)
}

const CALLS: &[Call] = &[
    call(libc::SYS_read, "read", Takes::Descriptor),
    call(libc::SYS_readv, "readv", Takes::Descriptor),
    call(libc::SYS_recvfrom, "recvfrom", Takes::Descriptor),
    call(libc::SYS_recvmsg, "recvmsg", Takes::Descriptor),
    call(libc::SYS_recvmmsg, "recvmmsg", Takes::Descriptor),
    call(libc::SYS_write, "write", Takes::Descriptor),
    call(libc::SYS_writev, "writev", Takes::Descriptor),
    call(libc::SYS_sendto, "sendto", Takes::Descriptor),
    call(libc::SYS_sendmsg, "sendmsg", Takes::Descriptor),
    call(libc::SYS_sendmmsg, "sendmmsg", Takes::Descriptor),
    call(libc::SYS_sendfile, "sendfile", Takes::Descriptor),
    call(libc::SYS_splice, "splice", Takes::Descriptor),
    call(libc::SYS_accept, "accept", Takes::Descriptor),
    call(libc::SYS_accept4, "accept4", Takes::Descriptor),
    call(libc::SYS_connect, "connect", Takes::Descriptor),
    call(libc::SYS_fsync, "fsync", Takes::Descriptor),
    call(libc::SYS_fdatasync, "fdatasync", Takes::Descriptor),
    call(libc::SYS_flock, "flock", Takes::Descriptor),
    call(libc::SYS_ppoll, "ppoll", Takes::PollList),
    call(libc::SYS_pselect6, "pselect6", Takes::Sets),
    call(libc::SYS_epoll_pwait, "epoll_pwait", Takes::Epoll),
    call(libc::SYS_epoll_pwait2, "epoll_pwait2", Takes::Epoll),
    call(libc::SYS_io_uring_enter, "io_uring_enter", Takes::Ring),
    call(libc::SYS_futex, "futex", Takes::Nothing),
    call(libc::SYS_futex_waitv, "futex_waitv", Takes::Nothing),
    call(libc::SYS_nanosleep, "nanosleep", Takes::Nothing),
    call(libc::SYS_clock_nanosleep, "clock_nanosleep", Takes::Nothing),
    call(libc::SYS_rt_sigtimedwait, "rt_sigtimedwait", Takes::Nothing),
    call(libc::SYS_rt_sigsuspend, "rt_sigsuspend", Takes::Nothing),
    call(libc::SYS_wait4, "wait4", Takes::Nothing),
    call(libc::SYS_waitid, "waitid", Takes::Nothing),
    call(libc::SYS_restart_syscall, "restart_syscall", Takes::Nothing),
];

/// Calls that newer architectures do not have.
#[cfg(target_arch = "x86_64")]
const OLDER: &[Call] = &[
    call(libc::SYS_poll, "poll", Takes::PollList),
    call(libc::SYS_select, "select", Takes::Sets),
    call(libc::SYS_epoll_wait, "epoll_wait", Takes::Epoll),
    call(libc::SYS_pause, "pause", Takes::Nothing),
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[Call] = &[];
