//! The system layer of the threaded driver: blocking sockets, the room's mutex, threads, signals, and the time.
//!
//! It wraps the standard library and system calls. It is a module of its own for two reasons. Each call is marked for
//! the trace here, so that the driver's code shows only its way of waiting. And the tests compile the driver a second
//! time, on a scheduler that runs its threads in any order and on a kernel in memory that injects the failures of a
//! real one.

use super::listener::{self, Mode};
pub(crate) use super::metrics::Metrics;
use super::signals::{Order, Orders, SIGNALS};
pub(crate) use super::terminal::Terminal;
use crate::chat::Peer;
use crate::trace::marks::{self, Call};
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use socket2::SockRef;
use std::io::{self, ErrorKind, IoSlice, PipeReader, PipeWriter, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, mpsc};
pub(crate) use std::thread::{sleep, yield_now};
use std::time::{Duration, Instant};

#[inline(always)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

// Sockets.

/// The listening sockets, one for each address. The driver handles them as one.
pub(crate) struct Listeners {
    sockets: Vec<TcpListener>,
    /// The socket that is asked first. They take turns, so that a flood of connections to one address does not keep the
    /// others waiting.
    first: AtomicUsize,
    /// A pipe whose end wakes the accepting thread. Shared sockets need it: to shut down such a socket would shut it down for the others.
    alarm: Option<(PipeReader, Mutex<Option<PipeWriter>>)>,
}

impl Listeners {
    pub(crate) fn new(sockets: Vec<TcpListener>, are_shared: bool) -> io::Result<Listeners> {
        // One blocks in accept(2). Several, and shared ones, are waited for with poll(2), and then accept must not block: a
        // connection that was reported may be gone.
        sockets.iter().try_for_each(|socket| socket.set_nonblocking(are_shared || sockets.len() > 1))?;
        let alarm = if are_shared { Some(io::pipe()?) } else { None };
        let alarm = alarm.map(|(reader, writer)| (reader, Mutex::new(Some(writer))));
        Ok(Listeners { sockets, first: AtomicUsize::new(0), alarm })
    }

    /// Blocks until a connection comes; for ever after [`Listeners::shutdown`].
    pub(crate) fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        loop {
            let socket = self.next()?;
            let result = marks::accept(Call::blocking("accept4"), || match listener::accept(socket, Mode::Blocking) {
                Err(e) if e.kind() == ErrorKind::InvalidInput => loop {
                    std::thread::park();
                },
                result => result.map(|(stream, peer)| (TcpStream(stream), peer)),
            });
            match result {
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    /// Listens no more, so that another server may, although a thread is still blocked in `accept` and holds the socket
    /// open. Not all systems know this call for a listener. Shared sockets are only left alone.
    pub(crate) fn shutdown(&self) {
        if let Some((_, writer)) = &self.alarm {
            writer.lock().unwrap_or_else(PoisonError::into_inner).take();
            return;
        }
        for socket in &self.sockets {
            let _ = SockRef::from(socket).shutdown(Shutdown::Both);
        }
    }

    /// The socket to accept from. Of several, blocks until one has a connection.
    fn next(&self) -> io::Result<&TcpListener> {
        if let ([socket], None) = (&self.sockets[..], &self.alarm) {
            return Ok(socket);
        }
        let mut fds: Vec<_> = self.sockets.iter().map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
        fds.extend(self.alarm.iter().map(|(reader, _)| PollFd::new(reader, PollFlags::IN)));
        poll(&mut fds, None)?;
        while self.alarm.is_some() && fds.last().is_some_and(|alarm| !alarm.revents().is_empty()) {
            std::thread::park();
        }
        let first = self.first.fetch_add(1, Ordering::Relaxed);
        let mut order = (0..self.sockets.len()).map(|n| (first + n) % self.sockets.len());
        let ready = order.find(|n| !fds[*n].revents().is_empty()).ok_or(ErrorKind::WouldBlock)?;
        Ok(&self.sockets[ready])
    }
}

/// A client's connection, in blocking mode.
pub(crate) struct TcpStream(std::net::TcpStream);

impl TcpStream {
    /// A connection of this server's own: see [`listener::dial`]. Reads and writes block until it stands.
    pub(crate) fn dial(addr: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream(listener::dial(addr)?);
        stream.0.set_nonblocking(false)?;
        marks::dials(stream.as_raw_fd());
        Ok(stream)
    }

    /// Blocks until there is something to read, and reads at most the spare capacity of the buffer. Returns the number
    /// of bytes; 0 is the end-of-file.
    #[inline(always)]
    pub(crate) fn read(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let asked = buffer.capacity() - buffer.len();
        let call = || Ok(rustix::io::read(&self.0, spare_capacity(buffer))?);
        marks::read(Call::blocking("read"), self.as_raw_fd(), asked, call)
    }

    /// The same, but blocks at most until `end`. After that it fails with `WouldBlock` or `TimedOut`.
    pub(crate) fn read_by(&self, end: Instant, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.limit_reads(end)?;
        let result = self.read(buffer);
        marks::set_up("setsockopt", 1, || self.0.set_read_timeout(None))?;
        result
    }

    /// Whether the peer has reset the connection. Only the first call after that fails with the error, in whatever thread it is; the
    /// reads after it find an end-of-file.
    pub(crate) fn is_reset(&self) -> bool {
        listener::peer_of(&self.0).is_ok_and(|peer| peer.is_none())
    }

    /// Blocks until there is something to read, at most until `end`, and discards up to 1024 bytes. Returns the number
    /// of bytes; 0 is the end-of-file. After `end` it fails with `WouldBlock` or `TimedOut`.
    pub(crate) fn discard(&self, end: Instant) -> io::Result<usize> {
        let mut buffer = [0; 1024];
        self.limit_reads(end)?;
        let call = || (&self.0).read(&mut buffer);
        marks::read(Call::blocking("recvfrom"), self.as_raw_fd(), 1024, call)
    }

    /// From now on reads block at most until `end`. An error if that is over.
    fn limit_reads(&self, end: Instant) -> io::Result<()> {
        // `set_read_timeout` does not accept zero.
        let left = Some(end.saturating_duration_since(now())).filter(|left| !left.is_zero());
        let left = left.ok_or(ErrorKind::TimedOut)?;
        marks::set_up("setsockopt", 1, || self.0.set_read_timeout(Some(left)))
    }

    /// Reads what is there, at most the spare capacity of the buffer, without blocking. Returns the number of bytes; 0 is the
    /// end-of-file.
    pub(crate) fn read_at_once(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let asked = buffer.capacity() - buffer.len();
        let call = || Ok(recv(&self.0, spare_capacity(buffer), RecvFlags::DONTWAIT)?.0);
        marks::read(Call::at_once("recvfrom"), self.as_raw_fd(), asked, call)
    }

    /// Writes what the socket takes without blocking. A single piece goes out with `send`: that costs the kernel less
    /// time than `sendmsg`.
    #[inline(always)]
    pub(crate) fn write_at_once(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut filled = pieces.iter().filter(|piece| !piece.is_empty());
        match (filled.next(), filled.next()) {
            (Some(whole), None) => {
                let call = || Ok(send(&self.0, whole, SendFlags::DONTWAIT)?);
                marks::write(Call::at_once("sendto"), self.as_raw_fd(), pieces, call)
            }
            _ => {
                let call = || Ok(sendmsg(&self.0, pieces, &mut SendAncillaryBuffer::default(), SendFlags::DONTWAIT)?);
                marks::write(Call::at_once("sendmsg"), self.as_raw_fd(), pieces, call)
            }
        }
    }

    /// Blocks until the socket takes some of the bytes, at most for the time of [`TcpStream::set_write_timeout`].
    pub(crate) fn write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        marks::write(Call::blocking("writev"), self.as_raw_fd(), pieces, || (&self.0).write_vectored(pieces))
    }

    pub(crate) fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        marks::set_up("setsockopt", 1, || self.0.set_write_timeout(Some(timeout)))
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        marks::shutdown(self.as_raw_fd(), || self.0.shutdown(how))
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        marks::closes(self.as_raw_fd());
    }
}

// The room's lock.

/// A mutex whose locking and unlocking are steps of the trace.
pub(crate) struct RoomMutex<T>(Mutex<T>);

/// The guard of a [`RoomMutex`].
pub(crate) struct RoomGuard<'a, T> {
    // Fields are dropped in this order: the mark is made before the mutex is unlocked.
    mark: LeaveMark,
    guard: MutexGuard<'a, T>,
}

/// When dropped, marks that the thread unlocks the room.
struct LeaveMark;

impl Drop for LeaveMark {
    #[inline(always)]
    fn drop(&mut self) {
        marks::unlocks();
    }
}

impl<T> RoomMutex<T> {
    pub(crate) fn new(value: T) -> RoomMutex<T> {
        RoomMutex(Mutex::new(value))
    }

    /// Ignores poisoning: a thread that panicked has left the room between two changes, and the other threads go on.
    #[inline(always)]
    pub(crate) fn lock(&self) -> RoomGuard<'_, T> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        RoomGuard { guard: marks::lock(|| self.0.try_lock().ok(), lock), mark: LeaveMark }
    }
}

impl<'a, T> RoomGuard<'a, T> {
    /// Unlocks, waits for `changed`, and locks again.
    pub(crate) fn wait(self, changed: &Condvar) -> RoomGuard<'a, T> {
        self.parked(|guard| changed.wait(guard).unwrap_or_else(PoisonError::into_inner))
    }

    /// The same, but waits no longer than `timeout`.
    pub(crate) fn wait_timeout(self, changed: &Condvar, timeout: Duration) -> RoomGuard<'a, T> {
        self.parked(|guard| changed.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner).0)
    }

    fn parked(self, wait: impl FnOnce(MutexGuard<'a, T>) -> MutexGuard<'a, T>) -> RoomGuard<'a, T> {
        let RoomGuard { mark, guard } = self;
        // `marks::park` marks the unlocking itself.
        std::mem::forget(mark);
        RoomGuard { guard: marks::park(|| wait(guard)), mark: LeaveMark }
    }
}

impl<T> Deref for RoomGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for RoomGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

// Threads and signals.

/// Starts a thread with this name and a stack of `stack` bytes.
pub(crate) fn spawn(name: String, stack: usize, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    marks::spawn(&name, || std::thread::Builder::new().name(name.clone()).stack_size(stack).spawn(run).map(drop))
}

/// Signals, for a thread that waits for nothing else.
pub(crate) struct Signals {
    signals: signal_hook::iterator::Signals,
    orders: Orders,
}

impl Signals {
    pub(crate) fn new() -> io::Result<Signals> {
        let orders = Orders::new()?;
        Ok(Signals { signals: signal_hook::iterator::Signals::new(SIGNALS)?, orders })
    }

    /// Blocks until an order comes.
    pub(crate) fn wait(&mut self) -> Option<Order> {
        let signal = marks::signal(Call::blocking("read"), || self.signals.forever().next())?;
        Some(self.orders.read(signal))
    }
}
