//! The parts that the exhibits do right, so that each shows one mistake only.

use memchr::memchr;
use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A longer line ends its sender's connection. Bytes.
pub(crate) const LINE_MAX: usize = 4 << 10;
/// A client with more pending bytes is disconnected. Bytes.
pub(crate) const QUEUE_MAX: usize = 8 << 20;

/// A client's bytes, which are taken out as lines.
#[derive(Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    at: usize,
}

impl Lines {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next line with its end. If there is none, `is_too_long` tells whether to wait for one.
    pub(crate) fn take_line(&mut self) -> Option<Vec<u8>> {
        let end = self.at + memchr(b'\n', &self.bytes[self.at..])? + 1;
        let line = self.bytes[self.at..end].to_vec();
        self.at = end;
        Some(line)
    }

    pub(crate) fn is_too_long(&self) -> bool {
        self.bytes.len() - self.at > LINE_MAX
    }
}

/// A client's line, with its name.
pub(crate) fn said(number: usize, line: &[u8]) -> Vec<u8> {
    [format!("<{number}> ").as_bytes(), line].concat()
}

/// Bytes for a non-blocking socket that did not take them yet.
#[derive(Default)]
pub(crate) struct Outbox {
    bytes: VecDeque<u8>,
}

impl Outbox {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Writes what the socket takes. Returns `false` if the client should be disconnected.
    pub(crate) fn flush(&mut self, socket: &mut impl Write) -> bool {
        while !self.bytes.is_empty() {
            match socket.write(self.bytes.as_slices().0) {
                Ok(n) => drop(self.bytes.drain(..n)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        self.bytes.len() < QUEUE_MAX
    }
}

/// Lines for a client, which a separate thread writes.
pub(crate) struct Queue {
    lines: Mutex<(VecDeque<Arc<[u8]>>, usize)>,
    changed: Condvar,
    stream: TcpStream,
    has_limit: bool,
}

/// Above this a sender waits a moment, so that a flood is slowed down to the readers' speed. Bytes.
const QUEUE_HIGH: usize = 1 << 20;
const A_MOMENT: Duration = Duration::from_millis(300);

impl Queue {
    /// Starts the thread that writes.
    pub(crate) fn start(stream: &TcpStream, has_limit: bool) -> std::io::Result<Arc<Queue>> {
        let queue = Queue { lines: Mutex::default(), changed: Condvar::new(), stream: stream.try_clone()?, has_limit };
        let (queue, mut stream) = (Arc::new(queue), stream.try_clone()?);
        let shared = queue.clone();
        std::thread::spawn(move || {
            while let Some(line) = shared.wait_for_line() {
                if stream.write_all(&line).is_err() {
                    break;
                }
            }
            shared.end();
        });
        Ok(queue)
    }

    pub(crate) fn push(&self, line: &Arc<[u8]>) {
        let mut lines = self.lock();
        let begin = Instant::now();
        while self.has_limit && (QUEUE_HIGH..ENDED).contains(&lines.1) && begin.elapsed() < A_MOMENT {
            lines = self.changed.wait_timeout(lines, A_MOMENT).unwrap_or_else(PoisonError::into_inner).0;
        }
        if lines.1 == ENDED {
            return;
        }
        if self.has_limit && lines.1 >= QUEUE_HIGH {
            drop(lines);
            return self.end();
        }
        lines.1 += line.len();
        lines.0.push_back(line.clone());
        self.changed.notify_all();
    }

    fn wait_for_line(&self) -> Option<Arc<[u8]>> {
        let mut lines = self.lock();
        loop {
            if lines.1 == ENDED {
                return None;
            }
            if let Some(line) = lines.0.pop_front() {
                lines.1 -= line.len();
                self.changed.notify_all();
                return Some(line);
            }
            lines = self.changed.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Disconnects the client, and ends the thread.
    pub(crate) fn end(&self) {
        *self.lock() = (VecDeque::new(), ENDED);
        self.changed.notify_all();
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn lock(&self) -> MutexGuard<'_, (VecDeque<Arc<[u8]>>, usize)> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of bytes in a queue that has ended.
const ENDED: usize = usize::MAX;

/// The clients of a server with threads, by number.
pub(crate) type Members = Arc<Mutex<BTreeMap<usize, Arc<Queue>>>>;

pub(crate) fn lock(members: &Members) -> MutexGuard<'_, BTreeMap<usize, Arc<Queue>>> {
    members.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Accepts for ever, and starts a thread for each client. After an error it waits, because the next accept would fail
/// too.
pub(crate) fn thread_for_each(listener: &TcpListener, serve: impl Fn(usize, TcpStream) + Clone + Send + 'static) -> ! {
    for number in 1.. {
        let stream = loop {
            match listener.accept() {
                Ok((stream, _)) => break stream,
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        let serve = serve.clone();
        std::thread::spawn(move || serve(number, stream));
    }
    unreachable!("there are more numbers than clients")
}

/// Calls `say` with each line of a client, until the client is gone or sends a line that is too long.
pub(crate) fn for_each_line(mut stream: &TcpStream, mut say: impl FnMut(&[u8])) {
    let (mut lines, mut buffer) = (Lines::default(), vec![0; 16 << 10]);
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        lines.push(&buffer[..n]);
        while let Some(line) = lines.take_line() {
            say(&line);
        }
        if lines.is_too_long() {
            break;
        }
    }
}
