//! The same names as in the real [`blocking`](crate::server::blocking), on the simulated kernel and the scheduler.

use super::super::Order;
use super::super::kernel::{Kernel, peer, with};
use super::scheduler::{Wait, after, call, is_over, sleep as sleep_for, try_call};
pub(super) use super::sync::thread::sleep;
pub(super) use super::sync::{Condvar, Mutex, MutexGuard, RoomGuard, RoomMutex, mpsc, spawn};
use crate::chat::Peer;
use crate::chat::limits::READ_MAX;
/// Under the PCT scheduler the calling thread has the lowest priority from now on.
pub(super) use shuttle::thread::yield_now;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

pub(super) fn now() -> Instant {
    with(Kernel::now)
}

/// Whether this time has come.
fn is_past(time: Option<Duration>) -> bool {
    time.is_some_and(|time| time <= with(|kernel| kernel.elapsed))
}

// Sockets.

#[derive(Clone, Copy)]
pub(super) struct Listeners;

impl Listeners {
    pub(super) fn new(listeners: Listeners, _: bool) -> io::Result<Listeners> {
        Ok(listeners)
    }
    pub(super) fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        loop {
            match try_call(Kernel::accept) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => sleep_for(Wait::Connection, None),
                result => return result.map(|number| (TcpStream(number), peer(number))),
            }
        }
    }
    pub(super) fn shutdown(&self) {
        call(Kernel::close_listener);
    }
}

pub(super) struct TcpStream(usize);

impl TcpStream {
    pub(in crate::server::simulated) fn dial(_: SocketAddr) -> io::Result<TcpStream> {
        Err(io::ErrorKind::Unsupported.into())
    }
    pub(super) fn read(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.fill(buffer, None)
    }
    pub(super) fn read_by(&self, end: Instant, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let end = with(|kernel| end - kernel.start);
        if is_past(Some(end)) { Err(ErrorKind::TimedOut.into()) } else { self.fill(buffer, Some(end)) }
    }
    fn fill(&self, buffer: &mut Vec<u8>, end: Option<Duration>) -> io::Result<usize> {
        buffer.resize(buffer.capacity(), 0);
        assert!(buffer.len() <= READ_MAX, "so much is not read at a time");
        let result = self.read_until(buffer, end);
        buffer.truncate(*result.as_ref().unwrap_or(&0));
        result
    }
    pub(super) fn discard(&self, end: Instant) -> io::Result<usize> {
        let end = with(|kernel| end - kernel.start);
        if is_past(Some(end)) { Err(ErrorKind::TimedOut.into()) } else { self.read_until(&mut [0; 1024], Some(end)) }
    }
    fn read_until(&self, buffer: &mut [u8], end: Option<Duration>) -> io::Result<usize> {
        loop {
            match try_call(|kernel| kernel.read(self.0, buffer)) {
                Err(e) if e.kind() == ErrorKind::WouldBlock && !is_past(end) => sleep_for(Wait::Readable(self.0), end),
                result => return result,
            }
        }
    }
    pub(super) fn read_at_once(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        buffer.resize(buffer.capacity(), 0);
        // A call that does not block is not interrupted.
        let result = call(|kernel| {
            // The process may have ended meanwhile, and the caller may hold a mutex.
            if is_over() { Err(ErrorKind::NotConnected.into()) } else { kernel.read_at_once(self.0, buffer) }
        });
        buffer.truncate(*result.as_ref().unwrap_or(&0));
        if buffer.len() > READ_MAX / 16 {
            with(|kernel| kernel.meet("long read"));
        }
        result
    }
    pub(super) fn write_at_once(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        try_call(|kernel| kernel.write(self.0, pieces))
    }
    /// Blocks until all is taken.
    pub(super) fn write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let bytes = pieces.iter().map(|piece| &piece[..]).collect::<Vec<_>>().concat();
        let end = with(|kernel| kernel.sockets[self.0].write_timeout).map(after);
        let mut taken = 0;
        while taken < bytes.len() {
            match try_call(|kernel| kernel.write(self.0, &[IoSlice::new(&bytes[taken..])])) {
                Ok(n) => taken += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock && !is_past(end) => sleep_for(Wait::Writable(self.0), end),
                Err(_) if taken > 0 => break,
                Err(e) => return Err(e),
            }
        }
        Ok(taken)
    }
    pub(super) fn is_reset(&self) -> bool {
        call(|kernel| kernel.sockets[self.0].reset)
    }
    pub(super) fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        call(|kernel| kernel.sockets[self.0].write_timeout = Some(timeout));
        Ok(())
    }
    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        call(|kernel| {
            kernel.sockets[self.0].deaf |= how == Shutdown::Both;
            kernel.shut(self.0);
        });
        Ok(())
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        // After the end of the process the kernel closes what is left.
        if !is_over() && !std::thread::panicking() {
            call(|kernel| kernel.close(self.0));
        }
    }
}

// Signals.

pub(super) use super::super::net::{Metrics, Terminal};

pub(super) struct Signals;

impl Signals {
    pub(super) fn new() -> io::Result<Signals> {
        Ok(Signals)
    }
    pub(super) fn wait(&mut self) -> Option<Order> {
        sleep_for(Wait::Signal, None);
        call(Kernel::take_signals);
        Some(Order::Stop)
    }
}

// Nobody sits at the terminal, and nobody watches.

impl super::super::net::Terminal {
    pub(in crate::server::simulated) fn wait(&self) -> io::Result<()> {
        match *self {}
    }
}

impl super::super::net::Metrics {
    pub(in crate::server::simulated) fn wait(&self) -> io::Result<()> {
        match *self {}
    }
}
