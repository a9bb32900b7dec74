//! What the gallery's two servers are made of.

use memchr::memchr;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A longer line ends its sender's connection. Bytes.
const LINE_MAX: usize = 4 << 10;

/// The bytes of a client that are not a whole line yet.
#[derive(Default)]
pub(crate) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Adds bytes, and returns the lines that are whole now, with their ends.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let (mut lines, mut bytes) = (Vec::new(), bytes);
        while let Some(end) = memchr(b'\n', bytes) {
            self.rest.extend_from_slice(&bytes[..=end]);
            lines.push(std::mem::take(&mut self.rest));
            bytes = &bytes[end + 1..];
        }
        self.rest.extend_from_slice(bytes);
        lines
    }

    pub(crate) fn is_too_long(&self) -> bool {
        self.rest.len() > LINE_MAX
    }
}

/// A client's line, with its name.
pub(crate) fn said(number: usize, line: &[u8]) -> Vec<u8> {
    [format!("<guest{number}> ").as_bytes(), line].concat()
}

/// Bytes for a non-blocking socket that did not take them yet.
#[derive(Default)]
pub(crate) struct Outbox {
    bytes: VecDeque<u8>,
    long_since: Option<Instant>,
}

/// An outbox is long from the high mark on, until it is no longer than the low mark. Bytes.
const OUTBOX_HIGH: usize = 4 << 20;
const OUTBOX_LOW: usize = 128 << 10;
/// A client whose outbox is longer, or long for a longer time, is disconnected. Bytes.
const OUTBOX_MAX: usize = 8 << 20;
const PATIENCE: Duration = Duration::from_secs(3);

impl Outbox {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    pub(crate) fn is_long(&self) -> bool {
        self.long_since.is_some()
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
        let mark = if self.is_long() { OUTBOX_LOW } else { OUTBOX_HIGH };
        self.long_since = (self.bytes.len() > mark).then(|| self.long_since.unwrap_or_else(Instant::now));
        self.bytes.len() < OUTBOX_MAX && self.long_since.is_none_or(|since| since.elapsed() < PATIENCE)
    }
}

/// Prints on stdout in a separate thread: whoever reads stdout may be slower than the chat.
pub(crate) struct Log(SyncSender<Vec<u8>>);

/// Texts that wait to be printed. More are lost.
const LOG_MAX: usize = 256;

impl Log {
    pub(crate) fn start() -> Log {
        let (sender, receiver) = sync_channel::<Vec<u8>>(LOG_MAX);
        std::thread::spawn(move || receiver.iter().for_each(|text| drop(io::stdout().write_all(&text))));
        Log(sender)
    }

    /// Never waits.
    pub(crate) fn print(&self, text: &[u8]) {
        let _ = self.0.try_send(text.into());
    }
}

/// Texts for a client, which a separate thread writes.
pub(crate) struct Queue {
    pub(crate) stream: TcpStream,
    pending: Mutex<Pending>,
    changed: Condvar,
}

#[derive(Default)]
struct Pending {
    /// Each with the number of its sender.
    texts: VecDeque<(usize, Arc<[u8]>)>,
    bytes_by_sender: BTreeMap<usize, usize>,
    /// How many bytes have been taken out.
    taken: usize,
    has_ended: bool,
}

impl Pending {
    fn is_too_much(&self, sender: usize) -> bool {
        self.bytes_by_sender.get(&sender).is_some_and(|bytes| *bytes > SENDER_MAX)
    }
}

/// A sender waits while more of its texts are pending for a client. So a flood is slowed down to the speed of its readers,
/// and a sender that says little does not wait. Bytes.
const SENDER_MAX: usize = 512 << 10;
/// A sender waits for no longer than this, and a client that takes less meanwhile is disconnected. Bytes.
const A_MOMENT: Duration = Duration::from_secs(1);
const TAKEN_MIN: usize = 64 << 10;
/// As soon as so many bytes are taken out, they are written. Bytes.
const WRITE_MAX: usize = 64 << 10;

impl Queue {
    /// Starts the thread that writes.
    pub(crate) fn start(stream: &TcpStream) -> io::Result<Arc<Queue>> {
        let queue = Queue { stream: stream.try_clone()?, pending: Mutex::default(), changed: Condvar::new() };
        let queue = Arc::new(queue);
        let shared = queue.clone();
        std::thread::Builder::new().spawn(move || {
            while let Some(texts) = shared.wait_for_texts() {
                if (&shared.stream).write_all(&texts).is_err() {
                    break;
                }
            }
            shared.end();
        })?;
        Ok(queue)
    }

    /// Never waits.
    pub(crate) fn push(&self, sender: usize, text: &Arc<[u8]>) {
        let mut pending = self.lock();
        if pending.has_ended {
            return;
        }
        if pending.texts.is_empty() {
            self.changed.notify_all();
        }
        *pending.bytes_by_sender.entry(sender).or_default() += text.len();
        pending.texts.push_back((sender, text.clone()));
    }

    /// Waits while too much of a sender is pending.
    pub(crate) fn wait_for_room(&self, sender: usize) {
        let (begin, mut pending) = (Instant::now(), self.lock());
        let taken = pending.taken;
        while pending.is_too_much(sender) && begin.elapsed() < A_MOMENT {
            pending = self.changed.wait_timeout(pending, A_MOMENT).unwrap_or_else(PoisonError::into_inner).0;
        }
        let is_stuck = pending.is_too_much(sender) && pending.taken - taken < TAKEN_MIN;
        drop(pending);
        if is_stuck {
            self.end();
        }
    }

    /// Takes out texts for one write. `None` at the end.
    fn wait_for_texts(&self) -> Option<Vec<u8>> {
        let mut pending = self.lock();
        while pending.texts.is_empty() && !pending.has_ended {
            // Some senders may have left.
            pending.bytes_by_sender.clear();
            pending = self.changed.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
        let mut texts = Vec::new();
        while texts.len() < WRITE_MAX
            && let Some((sender, text)) = pending.texts.pop_front()
        {
            pending.bytes_by_sender.entry(sender).and_modify(|bytes| *bytes -= text.len());
            texts.extend_from_slice(&text);
        }
        pending.taken += texts.len();
        self.changed.notify_all();
        (!pending.has_ended).then_some(texts)
    }

    /// Disconnects the client, and ends the thread.
    pub(crate) fn end(&self) {
        *self.lock() = Pending { has_ended: true, ..Pending::default() };
        self.changed.notify_all();
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
