//! The same names as in the real [`blocking`](crate::server::blocking), upon the simulated kernel and the scheduler.

use super::super::kernel::{Kernel, address, with};
use super::scheduler::{Wait, after, call, is_over, sleep, try_call};
pub use super::sync::{Condvar, Mutex, MutexGuard, mpsc, thread};
use crate::chat::limits::READ_MAX;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

pub fn now() -> Instant {
    with(Kernel::now)
}

/// Whether that time has come.
fn is_past(time: Option<Duration>) -> bool {
    time.is_some_and(|time| time <= with(|kernel| kernel.elapsed))
}

// Sockets.

pub struct TcpListener;

impl TcpListener {
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            match try_call(Kernel::accept) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => sleep(Wait::Connection, None),
                result => return result.map(|number| (TcpStream(number), address(number))),
            }
        }
    }
}

pub struct TcpStream(usize);

impl TcpStream {
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        call(|kernel| kernel.sockets[self.0].read_timeout = timeout);
        Ok(())
    }
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        call(|kernel| kernel.sockets[self.0].write_timeout = timeout);
        Ok(())
    }
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        call(|kernel| {
            kernel.sockets[self.0].deaf |= how == Shutdown::Both;
            kernel.shut(self.0);
        });
        Ok(())
    }
}

impl Read for &TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = with(|kernel| kernel.sockets[self.0].read_timeout).map(after);
        loop {
            match try_call(|kernel| kernel.read(self.0, buffer)) {
                Err(e) if e.kind() == ErrorKind::WouldBlock && !is_past(end) => sleep(Wait::Readable(self.0), end),
                result => return result,
            }
        }
    }
}

impl Write for &TcpStream {
    /// Waits until all is taken.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = with(|kernel| kernel.sockets[self.0].write_timeout).map(after);
        let mut taken = 0;
        while taken < bytes.len() {
            match write_at_once(self, &bytes[taken..]) {
                Ok(n) => taken += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock && !is_past(end) => sleep(Wait::Writable(self.0), end),
                Err(_) if taken > 0 => break,
                Err(e) => return Err(e),
            }
        }
        Ok(taken)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        // When the process is over, the kernel closes what is left.
        if !is_over() && !std::thread::panicking() {
            call(|kernel| kernel.close(self.0));
        }
    }
}

pub fn read(mut stream: &TcpStream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    buffer.resize(buffer.capacity(), 0);
    assert!(buffer.len() <= READ_MAX, "so much is not read at a time");
    let result = stream.read(buffer);
    buffer.truncate(*result.as_ref().unwrap_or(&0));
    if buffer.len() > READ_MAX / 16 {
        with(|kernel| kernel.meet("long read"));
    }
    result
}

pub fn discard_at_once(stream: &TcpStream) -> io::Result<usize> {
    // Nothing interrupts a call that does not wait.
    call(|kernel| {
        // The process may have ended meanwhile, and this may be within a lock.
        if is_over() { Err(ErrorKind::NotConnected.into()) } else { kernel.read_at_once(stream.0, &mut [0; READ_MAX]) }
    })
}

pub fn write_at_once(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    try_call(|kernel| kernel.write(stream.0, &[IoSlice::new(bytes)]))
}

pub fn count_readable<'a>(streams: impl Iterator<Item = &'a TcpStream>) -> usize {
    call(|kernel| streams.filter(|stream| kernel.sockets[stream.0].has_unread()).count())
}

// Signals.

pub struct Signals;

impl Signals {
    pub fn new(_: [i32; 2]) -> io::Result<Signals> {
        Ok(Signals)
    }
    pub fn forever(&mut self) -> impl Iterator<Item = i32> {
        std::iter::from_fn(|| {
            sleep(Wait::Signal, None);
            call(Kernel::take_signals);
            Some(signal_hook::consts::SIGTERM)
        })
    }
}

/// It is told once only.
pub fn end_at_once_when(_: &Arc<AtomicBool>) -> io::Result<()> {
    Ok(())
}
