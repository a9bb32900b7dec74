//! The listening sockets, and the options of accepted sockets.
//!
//! A socket has the standard library's types [`TcpListener`] and [`TcpStream`] here, and may be a Unix socket all the same: to listen, read,
//! write and shut down is the same for both. What differs is in [`accept`], [`peer_of`], [`name`] and [`prepare`].

use super::diagnostics;
use super::lingering::LINGERING_MAX;
use super::socket_file::{self, SocketFile};
use crate::address::{Address, UNIX};
use crate::chat::{Limits, Peer};
use crate::trace::marks;
use rustix::io::Errno;
use rustix::net::{SocketAddrAny, SocketAddrUnix, getpeername, getsockname};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// How many connections may wait to be accepted. The kernel cuts it to its own maximum (`net.core.somaxconn`, 4096 on
/// Linux). The standard library's 128 is less than one burst of a load test, and a client that is too late waits a
/// second for its next SYN.
pub(super) const BACKLOG: i32 = 4096;

/// Descriptors that are not clients: the standard three, the poll, the listeners, the signals' pipe, console, history, trace, and a
/// connection that is accepted to be refused.
const DESCRIPTORS_BESIDE_CLIENTS: u64 = 12;
/// Fewer lingering connections than these would not be worth it.
const LINGERING_MIN: u64 = 2;

/// Makes room for one descriptor per client, and for connections that linger: raises the soft limit as far as the hard limit allows.
/// Returns how many connections may linger at a time. The error is text for people.
pub fn make_room_for(clients_max: usize) -> Result<usize, String> {
    let taken = (clients_max as u64).saturating_add(DESCRIPTORS_BESIDE_CLIENTS);
    let (needed, wanted) = (taken.saturating_add(LINGERING_MIN), taken.saturating_add(LINGERING_MAX as u64));
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // `None` is no limit.
    let Some(mut limit) = current else { return Ok(LINGERING_MAX) };
    if limit < wanted {
        let raised = maximum.map_or(wanted, |hard| hard.min(wanted));
        if raised > limit && setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }).is_ok() {
            limit = raised;
        }
    }
    if limit < needed {
        let fits = limit.saturating_sub(DESCRIPTORS_BESIDE_CLIENTS + LINGERING_MIN);
        return Err(diagnostics::too_few_descriptors(clients_max, needed, limit, fits));
    }
    Ok((limit - taken).min(LINGERING_MAX as u64) as usize)
}

/// The most clients for which [`make_room_for`] can make room.
#[cfg(feature = "compare")]
pub(crate) fn clients_max() -> usize {
    let Some(hard) = getrlimit(Resource::Nofile).maximum else { return usize::MAX };
    hard.saturating_sub(DESCRIPTORS_BESIDE_CLIENTS + LINGERING_MIN) as usize
}

/// Listens on an address: on all those of a host, one at least. Those that this machine does not have are left out. The error is
/// text for people.
pub(crate) fn bind(address: &Address) -> Result<(Vec<TcpListener>, Option<SocketFile>), String> {
    match address {
        Address::Tcp(host, port) => Ok((bind_host(host, *port)?, None)),
        Address::Unix(path) => socket_file::bind(path).map(|(listener, file)| (vec![listener], Some(file))),
    }
}

fn bind_host(host: &str, port: u16) -> Result<Vec<TcpListener>, String> {
    let addrs = (host, port).to_socket_addrs().map_err(|_| diagnostics::no_such_address(host, port))?;
    let failed = |e| diagnostics::cannot_listen(&Address::Tcp(host.into(), port), port, &e);
    listen_on_all(addrs).map_err(failed)
}

/// The address of a listener, as a user types it.
pub(super) fn name(listener: &TcpListener) -> io::Result<String> {
    let addr = getsockname(listener)?;
    Ok(match SocketAddr::try_from(addr.clone()) {
        Ok(addr) => addr.to_string(),
        Err(_) => {
            let path = SocketAddrUnix::try_from(addr)?;
            format!("{UNIX}{}", path.path().unwrap_or_default().to_string_lossy())
        }
    })
}

/// Whether the calls on an accepted socket wait.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Blocking,
    NonBlocking,
}

/// Takes a connection from a listener's queue.
pub(crate) fn accept(listener: &impl AsFd, mode: Mode) -> io::Result<(TcpStream, Peer)> {
    let (socket, addr) = accept_from(listener, mode)?;
    let peer = peer_at(&socket, addr)?;
    Ok((socket.into(), peer))
}

#[cfg(not(target_vendor = "apple"))]
fn accept_from(listener: &impl AsFd, mode: Mode) -> io::Result<(OwnedFd, Option<SocketAddrAny>)> {
    use rustix::net::{SocketFlags, acceptfrom_with};
    let mut flags = SocketFlags::CLOEXEC;
    flags.set(SocketFlags::NONBLOCK, mode == Mode::NonBlocking);
    Ok(acceptfrom_with(listener, flags)?)
}

/// These systems cannot set the mode with the same call.
#[cfg(target_vendor = "apple")]
fn accept_from(listener: &impl AsFd, mode: Mode) -> io::Result<(OwnedFd, Option<SocketAddrAny>)> {
    use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
    let (socket, addr) = rustix::net::acceptfrom(listener)?;
    fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    ioctl_fionbio(&socket, mode == Mode::NonBlocking)?;
    Ok((socket, addr))
}

/// The peer of an accepted connection. `None` if it has reset the connection.
pub(crate) fn peer_of(socket: &impl AsFd) -> io::Result<Option<Peer>> {
    match getpeername(socket) {
        Ok(Some(addr)) => peer_at(socket, Some(addr)).map(Some),
        Ok(None) | Err(Errno::NOTCONN) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn peer_at(socket: &impl AsFd, addr: Option<SocketAddrAny>) -> io::Result<Peer> {
    match addr.map(SocketAddr::try_from) {
        Some(Ok(addr)) => Ok(Peer::Tcp(addr)),
        // A client of a Unix socket has no address.
        _ => Ok(Peer::User(user_of(socket)?)),
    }
}

/// The user whose process has connected.
#[cfg(target_os = "linux")]
fn user_of(socket: &impl AsFd) -> io::Result<u32> {
    Ok(rustix::net::sockopt::socket_peercred(socket)?.uid.as_raw())
}

/// There is no safe call for it elsewhere: all count as one user.
#[cfg(not(target_os = "linux"))]
fn user_of(_: &impl AsFd) -> io::Result<u32> {
    Ok(rustix::process::geteuid().as_raw())
}

/// What the kernel may buffer in each direction for all clients together, so that many who do not read, or who may not be read from, do
/// not use up the machine's memory. Bytes.
const KERNEL_TOTAL: usize = 512 << 20;
/// The kernel's usual maximum for one socket. Up to it the kernel finds the best size itself, and a fixed size would take that away.
/// Bytes.
const KERNEL_MAX: usize = 4 << 20;
/// A smaller buffer would make most writes come up short. Bytes.
const KERNEL_MIN: usize = 64 << 10;

/// What it may buffer for one client in each direction, in a room with so many seats. Bytes.
fn kernel_share(seats: usize) -> usize {
    (KERNEL_TOTAL / seats.max(1)).max(KERNEL_MIN)
}

/// Limits the buffers of the sockets that are accepted from now on, in a room with many seats. An error is only logged.
pub(crate) fn limit_buffers(listener: &TcpListener, seats: usize) {
    let size = kernel_share(seats);
    if size < KERNEL_MAX {
        // Accepted sockets inherit both. Linux doubles what is set, for its own data beside the bytes.
        let socket = SockRef::from(listener);
        let result = socket.set_send_buffer_size(size / 2).and_then(|()| socket.set_recv_buffer_size(size / 2));
        result.unwrap_or_else(|e| log::debug!("SO_SNDBUF, SO_RCVBUF: {e}"));
    }
}

/// Limits the buffer of an accepted Unix socket, which inherits nothing. It has one, for what is sent: what the client sends is in the
/// client's. An error is only logged.
fn limit_buffer(socket: SockRef<'_>, seats: usize) {
    let size = kernel_share(seats);
    if socket.send_buffer_size().is_ok_and(|usual| size < usual) {
        socket.set_send_buffer_size(size / 2).unwrap_or_else(|e| log::debug!("SO_SNDBUF: {e}"));
    }
}

fn listen_on_all(addrs: impl Iterator<Item = SocketAddr>) -> io::Result<Vec<TcpListener>> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut result = Err(ErrorKind::AddrNotAvailable.into());
    // A name may have an address twice.
    let mut seen = BTreeSet::new();
    for mut addr in addrs.filter(|addr| seen.insert(*addr)) {
        if let Some(first) = listeners.first() {
            // They differ if a free port was asked for.
            addr.set_port(first.local_addr()?.port());
        }
        match listen(addr) {
            Ok(listener) => listeners.push(listener),
            Err(e) if is_missing(&e) => {
                log::info!("{}", diagnostics::left_out(addr, &e));
                result = Err(e);
            }
            Err(e) => return Err(e),
        }
    }
    if listeners.is_empty() { result } else { Ok(listeners) }
}

/// Whether an address is not there to listen on: no interface has it, or there is no IPv6.
fn is_missing(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable || Errno::from_io_error(error) == Some(Errno::AFNOSUPPORT)
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // A server that just stopped leaves connections in TIME_WAIT for a minute. They must not keep the next server from
    // binding.
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The system calls that [`prepare`] makes.
const PREPARE_CALLS: usize = if cfg!(target_os = "linux") { 6 } else { 5 };

/// A peer that vanished without a FIN is missed after this time, whether or not anybody talks.
const VANISHED_AFTER: Duration = Duration::from_secs(40);

/// Sets the options of an accepted socket. Errors are only logged.
pub(crate) fn prepare(stream: &impl AsFd, peer: Peer, limits: &Limits) {
    let socket = SockRef::from(stream);
    match peer {
        Peer::Tcp(_) => marks::set_up("setsockopt", PREPARE_CALLS, || set_options(socket)),
        Peer::User(_) => limit_buffer(socket, limits.clients_max),
        Peer::Elsewhere => {}
    }
}

/// Begins a connection of this server's own, in non-blocking mode. Until it stands, reads and writes would block. If it cannot be
/// made, they fail.
pub(crate) fn dial(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = marks::set_up("connect", 1, || mio::net::TcpStream::connect(addr))?;
    marks::set_up("setsockopt", PREPARE_CALLS, || set_options(SockRef::from(&stream)));
    Ok(stream.into())
}

fn set_options(socket: SockRef<'_>) {
    // Without it a small line may wait for the acknowledgement of the line before it: 44 ms per round trip.
    if let Err(e) = socket.set_tcp_nodelay(true) {
        log::debug!("TCP_NODELAY: {e}");
    }
    // Probes find a peer that has vanished while nothing is written to it. A silent peer that is there answers them.
    let keepalive = TcpKeepalive::new().with_time(VANISHED_AFTER / 2).with_interval(VANISHED_AFTER / 8).with_retries(4);
    if let Err(e) = socket.set_tcp_keepalive(&keepalive) {
        log::debug!("TCP keepalive: {e}");
    }
    // While something is written to it there are no probes, and the kernel would send it again for a quarter of an hour.
    #[cfg(target_os = "linux")]
    if let Err(e) = socket.set_tcp_user_timeout(Some(VANISHED_AFTER)) {
        log::debug!("TCP_USER_TIMEOUT: {e}");
    }
}

/// Whether an error of accept concerns only one connection, so that the next accept may succeed. All other errors (no
/// descriptors, no memory) concern the machine: the same call would fail again at once, so the listener must be left
/// alone for a while.
pub(crate) fn is_one_connections(error: &io::Error) -> bool {
    use ErrorKind::*;
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | PermissionDenied | TimedOut)
        || matches!(error.kind(), HostUnreachable | NetworkUnreachable | NetworkDown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind_one() -> TcpListener {
        bind_host("127.0.0.1", 0).expect("a free port").swap_remove(0)
    }

    #[test]
    fn all_addresses_of_a_name_are_listened_on_at_one_port_without_those_that_are_missing() {
        // No host has an address of TEST-NET-3. A name may have an address twice.
        let listen = |addrs: &[&str]| {
            let listeners = listen_on_all(addrs.iter().map(|addr| addr.parse().expect("an address")));
            listeners.map(|listeners| listeners.iter().map(|one| one.local_addr().expect("bound")).collect::<Vec<_>>())
        };
        let addrs = listen(&["127.0.0.1:0", "203.0.113.1:0", "127.0.0.2:0", "127.0.0.1:0"]).expect("two of them");
        assert_eq!(addrs.iter().map(|addr| addr.ip().to_string()).collect::<Vec<_>>(), ["127.0.0.1", "127.0.0.2"]);
        assert_eq!(addrs[0].port(), addrs[1].port());
        let error = listen(&["203.0.113.1:0"]).expect_err("nothing is left");
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    }

    #[test]
    fn two_cannot_listen_on_one_port_and_the_second_is_told_what_to_do() {
        let first = bind_one();
        let port = first.local_addr().expect("bound").port();
        let error = bind_host("127.0.0.1", port).expect_err("the port is taken");
        assert!(error.contains("in use") && error.contains("--addr"), "{error}");
    }

    #[test]
    fn too_many_clients_are_refused_before_listening() {
        let error = make_room_for(1 << 40).expect_err("no machine has so many descriptors");
        assert!(error.contains("--max-clients") && error.contains("ulimit"), "{error}");
        let fits = error.rsplit(' ').next().and_then(|last| last.parse().ok()).expect("a number to take instead");
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        if let Some(hard) = maximum {
            setrlimit(Resource::Nofile, Rlimit { current: Some(hard - 1), maximum }).expect("it is allowed");
        }
        let lingering = make_room_for(fits).expect("the advice is good");
        assert!((2..=LINGERING_MAX).contains(&lingering));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn in_a_large_room_the_kernel_buffers_less_for_each() {
        let sizes = |seats| {
            let listener = &bind_one();
            limit_buffers(listener, seats);
            let _client = TcpStream::connect(listener.local_addr().expect("bound")).expect("a connection");
            let (stream, _) = listener.accept().expect("a connection");
            let socket = SockRef::from(&stream);
            (socket.send_buffer_size().expect("an option"), socket.recv_buffer_size().expect("an option"))
        };
        assert_eq!(sizes(1024), (KERNEL_TOTAL / 1024, KERNEL_TOTAL / 1024));
        assert_eq!(sizes(1 << 20), (KERNEL_MIN, KERNEL_MIN));
        assert!(sizes(6).0 > KERNEL_TOTAL / 1024, "the kernel's own choice");
    }

    /// Each has a buffer of its own, whatever the listener's is.
    #[cfg(target_os = "linux")]
    #[test]
    fn in_a_large_room_the_kernel_buffers_less_for_the_clients_of_a_unix_socket_too() {
        let size = |clients_max| {
            let (stream, _client) = std::os::unix::net::UnixStream::pair().expect("a connection");
            prepare(&stream, Peer::User(0), &Limits { clients_max, ..Limits::default() });
            SockRef::from(&stream).send_buffer_size().expect("an option")
        };
        assert_eq!(size(1 << 20), KERNEL_MIN);
        assert!(size(6) > KERNEL_MIN, "the kernel's own choice");
        assert_eq!(size(6), size(1024), "which is less than a share there");
    }

    #[test]
    fn an_accepted_socket_holds_no_line_back_and_misses_its_peer_in_time() {
        let listener = bind_one();
        let _client = TcpStream::connect(listener.local_addr().expect("bound")).expect("a connection");
        let (stream, peer) = accept(&listener, Mode::Blocking).expect("a connection");
        prepare(&stream, peer, &Limits::default());
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().expect("an option"));
        assert!(socket.keepalive().expect("an option"));
        let tries = socket.tcp_keepalive_retries().expect("an option");
        let patience = socket.tcp_keepalive_interval().expect("an option") * tries;
        assert_eq!(socket.tcp_keepalive_time().expect("an option") + patience, VANISHED_AFTER);
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().expect("an option"), Some(VANISHED_AFTER));
    }
}
