//! The figures for Prometheus: `--metrics ADDR`.
//!
//! A very small HTTP server: one request a connection, and each is answered with all figures. It waits nowhere. Its sockets are watched by
//! a poll of its own, and that poll is one more thing that a driver waits for: when it is ready, the driver calls [`Metrics::serve`], and
//! knows nothing of HTTP.
//!
//! What strangers can cost is bounded: so many connections at a time, so many bytes and so much time for each.

use super::diagnostics;
use super::listener::{self, Mode};
use super::socket_file::SocketFile;
use crate::address::Address;
use crate::trace::marks;
use crate::trace::step::Source as Named;
use httparse::{EMPTY_HEADER, Request, Status};
use mio::event::Source;
use mio::net::{TcpListener, TcpStream};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// For one more connection the oldest is closed.
const VISITS_MAX: usize = 8;
/// A longer request is not ours. Bytes.
const REQUEST_MAX: usize = 4096;
const HEADERS_MAX: usize = 32;
/// What may come after a request. Bytes.
const LEAVING_MAX: usize = 16 << 10;
/// A connection that is not over by then is closed.
const PATIENCE: Duration = Duration::from_secs(5);
/// The sockets, the poll and the timer.
pub(super) const DESCRIPTORS: usize = VISITS_MAX + 4;

const LISTENERS: usize = 0;
const TIMER: usize = 1;
/// The first token of a connection. They count up from here.
const FIRST: usize = 2;

pub(crate) struct Metrics {
    poll: Poll,
    events: Events,
    listeners: Vec<TcpListener>,
    /// Set for the end of the oldest connection.
    timer: OwnedFd,
    /// The oldest first.
    visits: VecDeque<Visit>,
    next: usize,
    _file: Option<SocketFile>,
}

struct Visit {
    token: usize,
    stream: TcpStream,
    state: State,
    until: Instant,
}

enum State {
    /// The request is not complete. Holds what came of it.
    Asking(Vec<u8>),
    /// Holds what is still to be written.
    Answering(VecDeque<u8>),
    /// The answer is written, and the peer closes next. Until then what it sends is read: a close with unread bytes would take the
    /// answer back. Holds how much may come. Bytes.
    Leaving(usize),
}

impl Metrics {
    /// Listens. The error is text for people.
    pub(super) fn open(addr: &Address) -> Result<Metrics, String> {
        let (listeners, file) = listener::bind(addr)?;
        let watch = || {
            let listeners =
                listeners.into_iter().map(|one| one.set_nonblocking(true).map(|()| TcpListener::from_std(one)));
            Metrics::new(listeners.collect::<io::Result<_>>()?, file)
        };
        watch().map_err(|e| diagnostics::no_metrics(&e))
    }

    fn new(mut listeners: Vec<TcpListener>, file: Option<SocketFile>) -> io::Result<Metrics> {
        let poll = Poll::new()?;
        for listener in &mut listeners {
            listener.register(poll.registry(), Token(LISTENERS), Interest::READABLE)?;
        }
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        SourceFd(&timer.as_raw_fd()).register(poll.registry(), Token(TIMER), Interest::READABLE)?;
        marks::is(poll.as_raw_fd(), Named::Metrics);
        let (events, visits) = (Events::with_capacity(VISITS_MAX + 2), VecDeque::new());
        Ok(Metrics { poll, events, listeners, timer, visits, next: FIRST, _file: file })
    }

    /// Does what can be done without waiting. `figures` is asked for the text when a request is complete.
    pub(crate) fn serve(&mut self, mut figures: impl FnMut() -> String) {
        // One look finds all that are ready, and what becomes ready later makes this poll ready again.
        if let Err(e) = self.poll.poll(&mut self.events, Some(Duration::ZERO)) {
            return log::debug!("metrics: {e}");
        }
        let tokens: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
        for token in tokens {
            match token {
                LISTENERS => self.accept(),
                TIMER => {}
                _ => self.visits.retain_mut(|visit| visit.token != token || visit.advance(&mut figures)),
            }
        }
        let now = Instant::now();
        self.visits.retain(|visit| visit.until > now);
        self.set_timer(now);
    }

    /// Blocks until there is something to serve.
    #[cfg(feature = "threaded")]
    pub(crate) fn wait(&self) -> io::Result<()> {
        poll(&mut [PollFd::new(self, PollFlags::IN)], None)?;
        Ok(())
    }

    /// Accepts so many at a time that a burst does not keep the chat waiting.
    fn accept(&mut self) {
        let registry = self.poll.registry();
        for listener in &mut self.listeners {
            for n in 0..=VISITS_MAX {
                if n == VISITS_MAX {
                    // The others make no edge of their own.
                    let _ = listener.reregister(registry, Token(LISTENERS), Interest::READABLE);
                    break;
                }
                // What fails here fails for one connection, or until another comes.
                let Ok((stream, _)) = listener::accept(listener, Mode::NonBlocking) else { break };
                let mut stream = TcpStream::from_std(stream);
                let interest = Interest::READABLE | Interest::WRITABLE;
                if stream.register(registry, Token(self.next), interest).is_err() {
                    continue;
                }
                if self.visits.len() == VISITS_MAX {
                    self.visits.pop_front();
                }
                let (token, until) = (self.next, Instant::now() + PATIENCE);
                self.visits.push_back(Visit { token, stream, state: State::Asking(Vec::new()), until });
                self.next = if self.next == usize::MAX { FIRST } else { self.next + 1 };
            }
        }
    }

    /// Sets the timer for the oldest connection, or stops it. That also ends its readiness.
    fn set_timer(&self, now: Instant) {
        let left =
            self.visits.front().map(|visit| visit.until.saturating_duration_since(now).max(Duration::from_millis(1)));
        let it_value = left.and_then(|left| Timespec::try_from(left).ok()).unwrap_or_default();
        let setting = Itimerspec { it_interval: Timespec::default(), it_value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting)
            .map(drop)
            .unwrap_or_else(|e| log::debug!("timerfd_settime: {e}"));
    }
}

impl Visit {
    /// Reads and writes what the socket has and takes. Returns whether the connection goes on.
    fn advance(&mut self, figures: &mut impl FnMut() -> String) -> bool {
        let Visit { stream, state, .. } = self;
        let mut buffer = [0; 1024];
        loop {
            let result = match state {
                State::Asking(request) => stream.read(&mut buffer).map(|len| {
                    request.extend_from_slice(&buffer[..len]);
                    match answer(request, figures) {
                        Some(answer) => Next::Become(State::Answering(answer.into())),
                        None => Next::unless(len == 0),
                    }
                }),
                State::Answering(answer) if answer.is_empty() => {
                    stream.shutdown(Shutdown::Write).map(|()| Next::Become(State::Leaving(LEAVING_MAX)))
                }
                State::Answering(answer) => stream.write(answer.as_slices().0).map(|len| {
                    answer.drain(..len);
                    Next::Go
                }),
                State::Leaving(left) => stream.read(&mut buffer).map(|len| {
                    *left = left.saturating_sub(len);
                    Next::unless(len == 0 || *left == 0)
                }),
            };
            match result {
                Ok(Next::Go) => {}
                Ok(Next::Become(next)) => *state = next,
                Ok(Next::End) => return false,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return e.kind() == ErrorKind::WouldBlock,
            }
        }
    }
}

/// What a connection does after a call.
enum Next {
    Go,
    Become(State),
    End,
}

impl Next {
    fn unless(is_over: bool) -> Next {
        if is_over { Next::End } else { Next::Go }
    }
}

/// The answer to a request; `None` if it is not complete.
fn answer(request: &[u8], figures: &mut impl FnMut() -> String) -> Option<Vec<u8>> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = Request::new(&mut headers);
    let (status, body) = match parsed.parse(request) {
        Ok(Status::Partial) if request.len() < REQUEST_MAX => return None,
        Ok(Status::Complete(_)) => match (parsed.method, parsed.path.and_then(|path| path.split('?').next())) {
            (Some("GET"), Some("/metrics" | "/")) => ("200 OK", figures()),
            (Some("GET"), _) => ("404 Not Found", "the figures are at /metrics\n".into()),
            _ => ("405 Method Not Allowed", "only GET is answered\n".into()),
        },
        Ok(Status::Partial) => ("431 Request Header Fields Too Large", "the request is too long\n".into()),
        Err(_) => ("400 Bad Request", "this is no request of HTTP/1.1\n".into()),
    };
    let (version, len) = ("text/plain; version=0.0.4; charset=utf-8", body.len());
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: {version}\r\nContent-Length: {len}\r\nConnection: close\r\n");
    Some(format!("{head}\r\n{body}").into_bytes())
}

impl AsFd for Metrics {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poll.registry().as_fd()
    }
}

impl AsRawFd for Metrics {
    fn as_raw_fd(&self) -> RawFd {
        self.poll.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_answered_when_it_is_complete_and_what_is_none_is_told() {
        let status = |request: &str| {
            let answer = answer(request.as_bytes(), &mut || "lines 1\n".into())?;
            let text = String::from_utf8(answer).expect("our own words");
            let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
            assert!(head.contains(&format!("Content-Length: {}", body.len())) && head.contains("Connection: close"));
            head.split(' ').nth(1).map(str::to_owned)
        };
        assert_eq!(status("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").as_deref(), Some("200"));
        assert_eq!(status("GET /metrics?name=a HTTP/1.0\r\n\r\n").as_deref(), Some("200"));
        assert_eq!(status("GET /other HTTP/1.1\r\n\r\n").as_deref(), Some("404"));
        assert_eq!(status("POST /metrics HTTP/1.1\r\n\r\n").as_deref(), Some("405"));
        assert_eq!(status("GET /metrics HT"), None);
        assert_eq!(status(""), None);
        assert_eq!(status("hola\r\n\r\n").as_deref(), Some("400"));
        assert_eq!(status(&format!("GET /{} ", "x".repeat(REQUEST_MAX))).as_deref(), Some("431"));
        assert_eq!(
            status(&format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(HEADERS_MAX + 1))).as_deref(),
            Some("400")
        );
    }
}
