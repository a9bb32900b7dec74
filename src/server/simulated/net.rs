//! The same names as in the real [`net`](crate::server::net), on the simulated
//! [`kernel`](crate::server::simulated::kernel).

use super::Order;
use super::kernel::{Watched, peer, release, with};
use crate::chat::Peer;
pub(super) use mio::{Interest, Token};
pub(super) use rustix::event::PollFlags;
use std::io::{self, IoSlice, Read, Write};
use std::marker::PhantomData;
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

pub(super) fn now() -> Instant {
    with(|kernel| kernel.now())
}

/// What the kernel reports about one source, in epoll's terms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub token: Token,
    pub readable: bool,
    pub writable: bool,
    pub read_closed: bool,
    pub error: bool,
}

/// Whether a read is worth trying.
pub(super) fn is_readable(event: &Event) -> bool {
    event.readable || event.read_closed || event.error
}

impl Event {
    pub(super) fn token(&self) -> Token {
        self.token
    }
    pub(super) fn is_writable(&self) -> bool {
        self.writable
    }
    pub(super) fn is_read_closed(&self) -> bool {
        self.read_closed
    }
    pub(super) fn is_error(&self) -> bool {
        self.error
    }
    pub(super) fn is_priority(&self) -> bool {
        false
    }
}

pub(super) struct Events {
    pub list: Vec<Event>,
    pub capacity: usize,
}

impl Events {
    /// When calls may fail the capacity is small, whatever is asked for, so that sometimes more sources are ready than
    /// fit.
    pub(super) fn with_capacity(asked: usize) -> Events {
        let capacity = with(|kernel| if kernel.fails { 1 + kernel.dice.below(8) } else { asked });
        Events { list: Vec::new(), capacity }
    }
    pub(super) fn iter(&self) -> impl Iterator<Item = &Event> {
        self.list.iter()
    }
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
    pub(super) fn clear(&mut self) {
        self.list.clear();
    }
}

pub(super) struct Poll;

impl Poll {
    pub(super) fn new() -> io::Result<Poll> {
        Ok(Poll)
    }
    pub(super) fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        with(|kernel| kernel.poll_edges(events, timeout))
    }
    pub(super) fn register(&self, source: &mut impl Source, token: Token, interest: Interest) -> io::Result<()> {
        with(|kernel| kernel.watch(source.name(), token, interest));
        Ok(())
    }
    pub(super) fn reregister(&self, source: &mut impl Source, token: Token, interest: Interest) -> io::Result<()> {
        self.register(source, token, interest)
    }
}

pub(super) trait Source {
    fn name(&self) -> Watched;
}

/// A source, the events that poll(2) is asked for, and the answer.
pub(super) struct PollFd<'a> {
    pub source: Watched,
    pub asked: PollFlags,
    pub answer: PollFlags,
    borrowed: PhantomData<&'a ()>,
}

impl<'a> PollFd<'a> {
    pub(super) fn new(source: &'a impl Source, asked: PollFlags) -> PollFd<'a> {
        PollFd { source: source.name(), asked, answer: PollFlags::empty(), borrowed: PhantomData }
    }
    pub(super) fn revents(&self) -> PollFlags {
        self.answer
    }
}

pub(super) fn poll(sources: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
    with(|kernel| kernel.poll_levels(sources, timeout))
}

/// The listening socket before a driver takes it.
pub(super) struct Bound;

pub(super) struct Listeners(());

impl Listeners {
    pub(super) fn new(_: Bound) -> io::Result<Listeners> {
        Ok(Listeners(()))
    }
    pub(super) fn iter(&self) -> impl Iterator<Item = &impl Source> {
        std::iter::once(self)
    }
    pub(super) fn accept(&mut self) -> io::Result<(TcpStream, Peer)> {
        with(|kernel| kernel.accept()).map(|number| (TcpStream(number), peer(number)))
    }
}

impl Source for Listeners {
    fn name(&self) -> Watched {
        Watched::Listener
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        release(|kernel| kernel.close_listener());
    }
}

pub(super) struct TcpStream(usize);

impl TcpStream {
    pub(super) fn dial(_: SocketAddr) -> io::Result<TcpStream> {
        Err(io::ErrorKind::Unsupported.into())
    }
    pub(super) fn shutdown(&self, _: Shutdown) -> io::Result<()> {
        with(|kernel| kernel.shut(self.0));
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        with(|kernel| kernel.read(self.0, buffer))
    }
}

impl Write for TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }
    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        with(|kernel| {
            assert!(!kernel.sockets[self.0].shut, "{} is written to", self.0);
            kernel.write(self.0, pieces)
        })
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for TcpStream {
    fn name(&self) -> Watched {
        Watched::Socket(self.0)
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        release(|kernel| kernel.close(self.0));
    }
}

/// Nobody sits there.
pub(super) enum Terminal {}

impl Terminal {
    pub(super) fn lines(&mut self) -> Vec<String> {
        match *self {}
    }
}

impl Source for Terminal {
    fn name(&self) -> Watched {
        match *self {}
    }
}

/// Nobody watches.
pub(super) enum Metrics {}

impl Metrics {
    pub(super) fn serve(&mut self, _: impl FnMut() -> String) {
        match *self {}
    }
}

impl Source for Metrics {
    fn name(&self) -> Watched {
        match *self {}
    }
}

pub(super) struct Signals(());

impl Signals {
    pub(super) fn new() -> io::Result<Signals> {
        Ok(Signals(()))
    }
    pub(super) fn pending(&mut self) -> impl Iterator<Item = Order> {
        std::iter::repeat_n(Order::Stop, with(|kernel| kernel.take_signals()))
    }
}

impl Source for Signals {
    fn name(&self) -> Watched {
        Watched::Signals
    }
}
