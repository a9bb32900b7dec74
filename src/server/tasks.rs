//! The system layer of the async driver: tokio's tasks, sockets and timers.
//!
//! It is a module of its own so that each call is marked for the trace here, and a driver's code shows only its way of waiting. What a
//! task does is marked, too: when it is woken, when the runtime polls it, and when it waits.
//!
//! The sockets are read and written directly, and tokio is asked only when to try again. So it has to be told what the
//! calls have shown: that a socket is empty, or full.
//!
//! Calls that tokio makes by itself are not marked: an accept that finds the queue empty, a look for new events while tasks are
//! ready, and the end of watching a socket.

use super::listener;
use super::signals::{Order, Orders, SIGNALS};
use crate::chat::Peer;
use crate::trace::marks::{self, Call};
pub(crate) use crate::trace::step::Source;
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
pub(crate) use tokio::sync::Notify;
pub(crate) use tokio::task::yield_now;
use tokio::task::{AbortHandle, spawn_local};

/// After so many polls of tasks the runtime looks for new events, even if more tasks are ready. All who have sent something are
/// read before it is written, so this is more than the clients of a large room that talk at once.
const EVENT_INTERVAL: u32 = 1024;

/// tokio's runtime on this thread alone. It sleeps in one place, `epoll_wait`, when no task is ready.
pub(crate) struct Runtime(LocalRuntime);

impl Runtime {
    pub(crate) fn new() -> io::Result<Runtime> {
        let mut builder = Builder::new_current_thread();
        builder.enable_all().event_interval(EVENT_INTERVAL);
        if marks::are_made() {
            builder.on_thread_park(marks::parks).on_thread_unpark(marks::unparks);
        }
        builder.build_local(LocalOptions::default()).map(Runtime)
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }
}

/// A task. It ends when this is dropped.
#[must_use = "the task ends when this is dropped"]
pub(crate) struct Task(AbortHandle);

impl Task {
    /// Starts a task that serves `whom`.
    pub(crate) fn spawn(whom: Source, future: impl Future<Output = ()> + 'static) -> Task {
        let task = match marks::are_made() {
            false => spawn_local(future),
            true => spawn_local(Marked { whom, future: Box::pin(future), waker: None }),
        };
        Task(task.abort_handle())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A task whose wakes and polls are marked.
struct Marked<F> {
    whom: Source,
    future: Pin<Box<F>>,
    /// tokio's waker as of the last poll, and the one that the task sees.
    waker: Option<(Waker, Waker)>,
}

impl<F: Future<Output = ()>> Future for Marked<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let whom = self.whom;
        let waker = match &self.waker {
            Some((tokios, marked)) if tokios.will_wake(context.waker()) => marked.clone(),
            _ => {
                let tokios = context.waker().clone();
                let marked = Waker::from(Arc::new(MarkedWaker { whom, waker: tokios.clone() }));
                self.waker = Some((tokios, marked.clone()));
                marked
            }
        };
        marks::polls(whom);
        let result = self.future.as_mut().poll(&mut Context::from_waker(&waker));
        if result.is_pending() {
            marks::pending(whom);
        }
        result
    }
}

struct MarkedWaker {
    whom: Source,
    waker: Waker,
}

impl Wake for MarkedWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        marks::wakes(self.whom);
        self.waker.wake_by_ref();
    }
}

// Time.

/// Waits for `future`, but not past `deadline`.
pub(crate) async fn wait_until(deadline: Option<Instant>, future: impl Future<Output = ()>) {
    match deadline {
        None => future.await,
        Some(at) => drop(tokio::time::timeout_at(at.into(), future).await),
    }
}

pub(crate) async fn sleep_until(deadline: Instant) {
    tokio::time::sleep_until(deadline.into()).await;
}

// Sockets.

/// A listening socket, in non-blocking mode.
pub(crate) enum Listener {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Listener {
    pub(crate) fn new(listener: std::net::TcpListener) -> io::Result<Listener> {
        listener.set_nonblocking(true)?;
        marks::is(listener.as_raw_fd(), Source::Listener);
        match listener.local_addr() {
            Ok(_) => tokio::net::TcpListener::from_std(listener).map(Listener::Tcp),
            Err(_) => tokio::net::UnixListener::from_std(OwnedFd::from(listener).into()).map(Listener::Unix),
        }
    }

    /// Takes a connection from the queue, and waits for one if it is empty.
    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        let accepted = self.next().await;
        let (stream, peer) = marks::accept(Call::at_once("accept4"), || accepted)?;
        let fd = stream.as_raw_fd();
        marks::watch(fd, fd as usize, true, || ());
        Ok((stream, peer))
    }

    async fn next(&self) -> io::Result<(TcpStream, Peer)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((TcpStream(stream), peer.into()))
            }
            Listener::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let peer = listener::peer_of(&stream)?.ok_or(ErrorKind::ConnectionReset)?;
                let stream = OwnedFd::from(stream.into_std()?);
                Ok((TcpStream(tokio::net::TcpStream::from_std(stream.into())?), peer))
            }
        }
    }
}

/// A client's connection, in non-blocking mode.
pub(crate) struct TcpStream(tokio::net::TcpStream);

impl TcpStream {
    /// A connection of this server's own: see [`listener::dial`].
    pub(crate) fn dial(addr: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream(tokio::net::TcpStream::from_std(listener::dial(addr)?)?);
        let fd = stream.as_raw_fd();
        marks::dials(fd);
        marks::watch(fd, fd as usize, true, || ());
        Ok(stream)
    }

    /// Waits until a read is worth trying. An end-of-file and an error are also returned by a read.
    pub(crate) async fn readable(&self) {
        // It fails only while the runtime ends.
        let _ = self.0.readable().await;
    }

    /// Waits until a write is worth trying.
    pub(crate) async fn writable(&self) {
        let _ = self.0.writable().await;
    }

    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = marks::read(Call::at_once("recvfrom"), self.as_raw_fd(), buffer.len(), || {
            Ok(rustix::net::recv(&self.0, buffer, RecvFlags::empty())?.0)
        });
        // A short read does not show that the socket is empty: a read stops in front of an out-of-band byte.
        self.learn(Interest::READABLE, is_blocked(&result));
        result
    }

    /// One gathered write. A single piece is written with `send`: a gathered write costs the kernel 3 % of a round trip
    /// more.
    pub(crate) fn write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let result = match pieces {
            [before, whole, after] if before.is_empty() && after.is_empty() => self.send(whole),
            _ => marks::write(Call::at_once("writev"), self.as_raw_fd(), pieces, || {
                Ok(rustix::io::writev(&self.0, pieces)?)
            }),
        };
        let offered = pieces.iter().map(|piece| piece.len()).sum();
        self.learn(Interest::WRITABLE, is_blocked(&result) || result.as_ref().is_ok_and(|taken| *taken < offered));
        result
    }

    /// Writes to a new connection, whose buffer is empty: a few bytes fit.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        marks::write(Call::at_once("sendto"), self.as_raw_fd(), &[IoSlice::new(bytes)], || {
            Ok(rustix::net::send(&self.0, bytes, SendFlags::NOSIGNAL)?)
        })
    }

    /// Tells tokio that the socket is empty, or full.
    fn learn(&self, what: Interest, is_over: bool) {
        if is_over {
            let _ = self.0.try_io(what, || Err::<(), _>(ErrorKind::WouldBlock.into()));
        }
    }

    pub(crate) fn shutdown(&self) -> io::Result<()> {
        marks::shutdown(self.as_raw_fd(), || Ok(rustix::net::shutdown(&self.0, Shutdown::Write)?))
    }
}

fn is_blocked(result: &io::Result<usize>) -> bool {
    result.as_ref().is_err_and(|e| e.kind() == ErrorKind::WouldBlock)
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

// The terminal.

/// The server's own terminal, for a task.
pub(crate) struct Terminal(AsyncFd<super::terminal::Terminal>);

impl Terminal {
    #[allow(unsafe_code, reason = "tokio has no safe call that watches any descriptor")]
    pub(crate) fn new(terminal: super::terminal::Terminal) -> io::Result<Terminal> {
        // SAFETY: a `Terminal` has the same descriptor for as long as it lives, and closes it only then.
        let registered = unsafe { AsyncFd::register_with_interest(terminal, Interest::READABLE) };
        registered.map(Terminal).map_err(|e| e.into_parts().1)
    }

    /// Waits until something is typed, and returns the lines.
    pub(crate) async fn next(&mut self) -> io::Result<Vec<String>> {
        let mut ready = self.0.readable_mut().await?;
        ready.clear_ready();
        Ok(ready.get_inner_mut().lines())
    }
}

// The metrics.

/// The server of the figures, for a task.
pub(crate) struct Metrics(AsyncFd<super::metrics::Metrics>);

impl Metrics {
    #[allow(unsafe_code, reason = "tokio has no safe call that watches any descriptor")]
    pub(crate) fn new(metrics: super::metrics::Metrics) -> io::Result<Metrics> {
        // SAFETY: a `Metrics` has the same descriptor for as long as it lives, and closes it only then.
        let registered = unsafe { AsyncFd::register_with_interest(metrics, Interest::READABLE) };
        registered.map(Metrics).map_err(|e| e.into_parts().1)
    }

    /// Waits until there is something to serve.
    pub(crate) async fn next(&mut self) -> io::Result<&mut super::metrics::Metrics> {
        self.0.readable_mut().await?.clear_ready();
        Ok(self.0.get_mut())
    }
}

// Signals.

/// Signals as bytes in a socket pair, so that a task can wait for them.
pub(crate) struct Signals {
    delivery: SignalDelivery<UnixStream, SignalOnly>,
    orders: Orders,
}

impl Signals {
    pub(crate) fn new() -> io::Result<Signals> {
        let orders = Orders::new()?;
        let (read, write) = UnixStream::pair()?;
        let delivery = SignalDelivery::with_pipe(read, OwnedFd::from(write.into_std()?), SignalOnly, SIGNALS)?;
        Ok(Signals { delivery, orders })
    }

    /// Waits for signals, and returns what they ask for.
    pub(crate) async fn next(&mut self) -> impl Iterator<Item = Order> + '_ {
        let pipe = self.delivery.get_read();
        let _ = pipe.readable().await;
        // Before they are taken in: a signal that comes meanwhile is reported anew.
        let _ = pipe.try_io(Interest::READABLE, || Err::<(), _>(ErrorKind::WouldBlock.into()));
        let (delivery, orders) = (&mut self.delivery, &self.orders);
        marks::signal(Call::at_once("recvfrom"), || delivery.pending()).map(|signal| orders.read(signal))
    }
}
