//! The system layer of the one-thread drivers: non-blocking sockets, readiness, signals, and the time.
//!
//! It wraps mio and system calls. It is a module of its own for two reasons. Each call is marked for the trace here, so
//! that a driver's code shows only its way of waiting. And the tests compile the drivers a second time, on a kernel in
//! memory that injects the failures of a real one.

use super::listener::{self, Mode};
use super::signals::{Order, Orders, SIGNALS};
use crate::chat::Peer;
use crate::trace::marks::{self, Call};
use crate::trace::step::Source as Named;
use mio::Registry;
pub(crate) use mio::event::Event;
use mio::unix::SourceFd;
pub(crate) use mio::{Events, Interest, Token};
use rustix::event::Timespec;
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

#[inline(always)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

// Readiness.

/// epoll(7), or mio's equivalent on other systems. Edge-triggered: it reports once that a source *became* ready.
pub(crate) struct Poll(mio::Poll);

impl Poll {
    pub(crate) fn new() -> io::Result<Poll> {
        mio::Poll::new().map(Poll)
    }

    /// Waits until a source is ready, at most for `timeout`; without a timeout, for ever.
    pub(crate) fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let (poll, list) = (&mut self.0, &mut *events);
        let call = move || (poll.poll(list, timeout), list);
        let (result, _) = marks::wait("epoll_wait", timeout, call, |(_, list), sockets| {
            sockets.ready_tokens(list.iter().map(|event| (event.token().0, is_readable(event), event.is_writable())))
        });
        result
    }

    /// Begins to watch a source.
    pub(crate) fn register(&self, source: &mut impl Source, token: Token, interest: Interest) -> io::Result<()> {
        source.marked(token, interest, |source| self.0.registry().register(source, token, interest))
    }

    /// Changes what a source is watched for, and re-arms its edges: what is already ready is reported.
    pub(crate) fn reregister(&self, source: &mut impl Source, token: Token, interest: Interest) -> io::Result<()> {
        source.marked(token, interest, |source| self.0.registry().reregister(source, token, interest))
    }
}

/// Whether a read is worth trying. An end-of-file and an error are also returned by a read.
pub(crate) fn is_readable(event: &Event) -> bool {
    event.is_readable() || event.is_read_closed() || event.is_error()
}

/// What a [`Poll`] can watch.
pub(crate) trait Source {
    type Inner: mio::event::Source;

    /// Makes the call that registers this source with a poll, and marks it.
    fn marked<T>(&mut self, token: Token, interest: Interest, call: impl FnOnce(&mut Self::Inner) -> T) -> T;
}

pub(crate) use rustix::event::{PollFd, PollFlags};

/// poll(2). Level-triggered: it reports for each source whether it *is* ready. Waits until one is, at most for
/// `timeout`; without a timeout, for ever.
pub(crate) fn poll(sources: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
    // A timeout that does not fit into a `Timespec` counts as none.
    let limit = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    let call = || (rustix::event::poll(sources, limit.as_ref()), sources);
    let (result, _) = marks::wait("ppoll", timeout, call, |(_, list), sockets| {
        let ready = list.iter().filter(|source| !source.revents().is_empty());
        sockets.ready(ready.map(|source| {
            let events = source.revents();
            (source.as_fd().as_raw_fd(), events - PollFlags::OUT != PollFlags::empty(), events.contains(PollFlags::OUT))
        }))
    });
    Ok(result.map(drop)?)
}

// Sockets.

/// The listening sockets, one for each address, in non-blocking mode. A driver handles them as one.
pub(crate) struct Listeners {
    sockets: ListeningSockets,
    /// The socket that is asked first. They take turns, so that a flood of connections to one address does not keep the
    /// others waiting.
    first: usize,
}

pub(crate) struct ListeningSockets(Vec<mio::net::TcpListener>);

impl Listeners {
    pub(crate) fn new(listeners: Vec<std::net::TcpListener>) -> io::Result<Listeners> {
        for listener in &listeners {
            listener.set_nonblocking(true)?;
            marks::is(listener.as_raw_fd(), Named::Listener);
        }
        let sockets = listeners.into_iter().map(mio::net::TcpListener::from_std).collect();
        Ok(Listeners { sockets: ListeningSockets(sockets), first: 0 })
    }

    /// Takes a connection from one of the queues. Fails with [`ErrorKind::WouldBlock`] if all are empty.
    pub(crate) fn accept(&mut self) -> io::Result<(TcpStream, Peer)> {
        let (before, after) = self.sockets.0.split_at(self.first);
        self.first = (self.first + 1) % self.sockets.0.len();
        for socket in after.iter().chain(before) {
            let accept = || {
                let (stream, peer) = listener::accept(socket, Mode::NonBlocking)?;
                Ok((TcpStream(mio::net::TcpStream::from_std(stream)), peer))
            };
            match marks::accept(Call::at_once("accept4"), accept) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
        Err(ErrorKind::WouldBlock.into())
    }

    /// Each, for poll(2).
    pub(crate) fn iter(&self) -> impl Iterator<Item = &impl AsFd> {
        self.sockets.0.iter()
    }
}

impl Source for Listeners {
    type Inner = ListeningSockets;

    fn marked<T>(&mut self, token: Token, _: Interest, call: impl FnOnce(&mut Self::Inner) -> T) -> T {
        for socket in &self.sockets.0 {
            marks::watches(socket.as_raw_fd(), token.0);
        }
        call(&mut self.sockets)
    }
}

/// All have the same token.
impl mio::event::Source for ListeningSockets {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|socket| socket.register(registry, token, interests))
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|socket| socket.reregister(registry, token, interests))
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|socket| socket.deregister(registry))
    }
}

/// A client's connection, in non-blocking mode.
pub(crate) struct TcpStream(mio::net::TcpStream);

impl TcpStream {
    /// A connection of this server's own: see [`listener::dial`].
    pub(crate) fn dial(addr: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream(mio::net::TcpStream::from_std(listener::dial(addr)?));
        marks::dials(stream.as_raw_fd());
        Ok(stream)
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        marks::shutdown(self.0.as_raw_fd(), || self.0.shutdown(how))
    }
}

impl Read for TcpStream {
    #[inline(always)]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        marks::read(Call::at_once("recvfrom"), self.0.as_raw_fd(), buffer.len(), || self.0.read(buffer))
    }
}

impl Write for TcpStream {
    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        marks::write(Call::at_once("sendto"), self.0.as_raw_fd(), &[IoSlice::new(bytes)], || self.0.write(bytes))
    }

    /// A single piece is written with `write`: a gathered write costs the kernel 3 % of a round trip more.
    #[inline(always)]
    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match pieces {
            [before, whole, after] if before.is_empty() && after.is_empty() => self.write(whole),
            _ => marks::write(Call::at_once("writev"), self.0.as_raw_fd(), pieces, || self.0.write_vectored(pieces)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for TcpStream {
    type Inner = mio::net::TcpStream;

    fn marked<T>(&mut self, token: Token, interest: Interest, call: impl FnOnce(&mut Self::Inner) -> T) -> T {
        marks::watch(self.0.as_raw_fd(), token.0, interest.is_writable(), || call(&mut self.0))
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
        marks::closes(self.0.as_raw_fd());
    }
}

// The terminal and the metrics, each with a poll of its own.

pub(crate) use super::metrics::Metrics;
pub(crate) use super::terminal::Terminal;

/// A poll that is watched by the driver's.
pub(crate) struct Edge(RawFd);

impl Source for Terminal {
    type Inner = Edge;

    fn marked<T>(&mut self, token: Token, _: Interest, call: impl FnOnce(&mut Self::Inner) -> T) -> T {
        marks::watches(self.as_raw_fd(), token.0);
        call(&mut Edge(self.as_raw_fd()))
    }
}

impl Source for Metrics {
    type Inner = Edge;

    fn marked<T>(&mut self, token: Token, _: Interest, call: impl FnOnce(&mut Self::Inner) -> T) -> T {
        marks::watches(self.as_raw_fd(), token.0);
        call(&mut Edge(self.as_raw_fd()))
    }
}

impl mio::event::Source for Edge {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.0).register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.0).reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.0).deregister(registry)
    }
}

// Signals.

/// Signals as bytes in a socket pair, so that a loop can wait for them as it waits for clients.
pub(crate) struct Signals {
    delivery: SignalDelivery<mio::net::UnixStream, SignalOnly>,
    orders: Orders,
}

impl Signals {
    pub(crate) fn new() -> io::Result<Signals> {
        let orders = Orders::new()?;
        let (read, write) = mio::net::UnixStream::pair()?;
        marks::is(read.as_raw_fd(), Named::Signals);
        let delivery = SignalDelivery::with_pipe(read, OwnedFd::from(write), SignalOnly, SIGNALS)?;
        Ok(Signals { delivery, orders })
    }

    /// The orders that came since the last call, without blocking.
    pub(crate) fn pending(&mut self) -> impl Iterator<Item = Order> + '_ {
        let (delivery, orders) = (&mut self.delivery, &self.orders);
        marks::signal(Call::at_once("recvfrom"), || delivery.pending()).map(|signal| orders.read(signal))
    }
}

impl Source for Signals {
    type Inner = mio::net::UnixStream;

    fn marked<T>(&mut self, token: Token, _: Interest, call: impl FnOnce(&mut Self::Inner) -> T) -> T {
        marks::watches(self.delivery.get_read().as_raw_fd(), token.0);
        call(self.delivery.get_read_mut())
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.delivery.get_read().as_fd()
    }
}
