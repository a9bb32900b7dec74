//! What the threads stand on: sockets that wait, locks, threads, signals, and the time.
//!
//! All of it is somebody else's. It has a place of its own because [`threaded`](super::threaded) is compiled a second time for
//! the tests, upon a scheduler that lets its threads run in any order, and a kernel that plays every trick a real one may.

use crate::chat::limits::READ_MAX;
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use signal_hook::consts::{SIGINT, SIGTERM};
pub use signal_hook::iterator::Signals;
use std::io;
pub use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
pub use std::sync::{Condvar, Mutex, MutexGuard, mpsc};
pub use std::thread;
use std::time::Instant;

#[inline(always)]
pub fn now() -> Instant {
    Instant::now()
}

/// Waits for something to read, and reads what there is of it, as far as the buffer has capacity.
#[inline(always)]
pub fn read(stream: &TcpStream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    Ok(rustix::io::read(stream, spare_capacity(buffer))?)
}

/// Reads and throws away what is there.
pub fn discard_at_once(stream: &TcpStream) -> io::Result<usize> {
    let mut buffer = Vec::with_capacity(READ_MAX);
    Ok(recv(stream, spare_capacity(&mut buffer), RecvFlags::DONTWAIT)?.0)
}

/// Writes what the socket takes at once.
#[inline(always)]
pub fn write_at_once(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    Ok(send(stream, bytes, SendFlags::DONTWAIT)?)
}

/// How many of them have something to read now.
pub fn count_readable<'a>(streams: impl Iterator<Item = &'a TcpStream>) -> usize {
    let mut sockets: Vec<PollFd<'_>> = streams.map(|stream| PollFd::new(stream, PollFlags::IN)).collect();
    poll(&mut sockets, Some(&Timespec::default())).unwrap_or(0)
}

/// From when `told` is set, a signal ends the process at once, whatever its threads are waiting for.
pub fn end_at_once_when(told: &Arc<AtomicBool>) -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 0, told.clone())?;
    }
    Ok(())
}
