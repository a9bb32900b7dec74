//! The same names as in the real [`ring`](crate::server::ring), on the simulated
//! [`kernel`](crate::server::simulated::kernel).
//!
//! Operations are complete in any order, in part, late, or just before they are cancelled. Buffers run out.

use super::kernel::{Kernel, Watched, peer, release, with};
use super::net::Source;
use crate::chat::Flight;
use crate::chat::Peer;
use crate::chat::limits::READ_MAX;
pub(super) use rustix::event::PollFlags;
pub(super) use rustix::io::Errno;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::time::Duration;

/// When calls may fail there are only a few buffers, whatever is asked for.
const BUFFERS_FEW: usize = 4;

pub(super) struct Sizes {
    pub submissions: u32,
    pub completions: u32,
    pub buffers: u16,
    pub buffer_len: u32,
}

/// No two operations have the same number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Operation(u64);

pub(super) struct Completion {
    pub operation: Operation,
    pub key: usize,
    pub is_last: bool,
    pub outcome: Outcome,
}

pub(super) enum Outcome {
    Accepted(Result<Socket, Errno>),
    Received(Result<Option<Buffer>, Errno>),
    Sent(Flight, Result<usize, Errno>),
    Polled(Result<PollFlags, Errno>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    Quietly,
    AtOnce,
    Patiently,
}

#[must_use = "the pool has a buffer less until it is given back"]
pub(super) struct Buffer(Vec<u8>);

pub(super) struct Listener(());

impl Listener {
    pub(super) fn new() -> Listener {
        Listener(())
    }
}

pub(super) struct Socket(usize);

impl Socket {
    pub(super) fn dial(_: SocketAddr) -> io::Result<Socket> {
        Err(io::ErrorKind::Unsupported.into())
    }
    pub(super) fn peer(&self) -> io::Result<Peer> {
        Ok(peer(self.0))
    }
    pub(super) fn write_at_once(&self, bytes: &[u8]) -> io::Result<usize> {
        with(|kernel| kernel.write(self.0, &[IoSlice::new(bytes)]))
    }
    pub(super) fn discard_at_once(&self, buffer: &mut [u8]) {
        let _ = with(|kernel| kernel.read_at_once(self.0, buffer));
    }
    pub(super) fn shutdown(&self) {
        with(|kernel| kernel.shut(self.0));
    }
}

impl Source for Socket {
    fn name(&self) -> Watched {
        Watched::Socket(self.0)
    }
}

/// An operation that is under way.
struct Entry {
    operation: Operation,
    key: usize,
    work: Work,
}

enum Work {
    Accept { goes_on: bool },
    Receive(usize),
    Poll(Watched, PollFlags),
    Send(usize, Flight, How),
    Cancel(Operation),
    Close(usize),
    CloseListener,
}

impl Work {
    fn socket(&self) -> Option<usize> {
        match self {
            Work::Receive(socket) | Work::Poll(Watched::Socket(socket), _) | Work::Send(socket, ..) => Some(*socket),
            _ => None,
        }
    }
    /// Whether something can be done now. The other operations wait.
    fn is_ready(&self, kernel: &Kernel) -> bool {
        match self {
            Work::Accept { .. } => !kernel.queue.is_empty(),
            Work::Receive(socket) => kernel.sockets[*socket].has_unread(),
            Work::Poll(source, events) => !kernel.level_of(*source, *events).is_empty(),
            Work::Send(socket, ..) => kernel.sockets[*socket].is_writable(),
            Work::Cancel(_) | Work::Close(_) | Work::CloseListener => false,
        }
    }
}

pub(super) struct Ring {
    submissions: Vec<Entry>,
    under_way: Vec<Entry>,
    completions: VecDeque<Completion>,
    received: VecDeque<Completion>,
    /// Sends that wake nobody: their completions come with the next one.
    quiet: Vec<Completion>,
    buffers: usize,
    buffer_len: usize,
    operations: u64,
}

impl Ring {
    pub(super) fn new(sizes: Sizes) -> io::Result<Ring> {
        assert!(sizes.submissions > 0 && sizes.completions > sizes.submissions);
        let buffers = with(|kernel| match kernel.fails {
            true => 1 + kernel.dice.below(BUFFERS_FEW),
            false => sizes.buffers.into(),
        });
        Ok(Ring {
            submissions: Vec::new(),
            under_way: Vec::new(),
            completions: VecDeque::new(),
            received: VecDeque::new(),
            quiet: Vec::new(),
            buffers,
            buffer_len: (sizes.buffer_len as usize).min(READ_MAX),
            operations: 0,
        })
    }

    fn push(&mut self, key: usize, work: Work) -> Operation {
        self.operations += 1;
        let operation = Operation(self.operations);
        self.submissions.push(Entry { operation, key, work });
        operation
    }

    pub(super) fn accept_all(&mut self, _: &Listener, key: usize) -> Operation {
        self.push(key, Work::Accept { goes_on: true })
    }
    pub(super) fn accept_one(&mut self, _: &Listener, key: usize) -> Operation {
        self.push(key, Work::Accept { goes_on: false })
    }
    pub(super) fn receive(&mut self, socket: &Socket, key: usize) -> Operation {
        self.push(key, Work::Receive(socket.0))
    }
    pub(super) fn poll(&mut self, source: &impl Source, events: PollFlags, key: usize) -> Operation {
        self.push(key, Work::Poll(source.name(), events))
    }
    pub(super) fn send(&mut self, socket: &Socket, key: usize, flight: Flight, how: How) -> Operation {
        let number = socket.0;
        let others = self.under_way.iter().chain(&self.submissions);
        let is_second = |entry: &Entry| matches!(entry.work, Work::Send(other, ..) if other == number);
        assert!(!others.into_iter().any(is_second), "two sends to {number} would mix up the order");
        assert!(!flight.is_empty(), "nothing is sent to {number}");
        self.push(key, Work::Send(number, flight, how))
    }
    pub(super) fn cancel(&mut self, operation: Operation) {
        self.push(0, Work::Cancel(operation));
    }
    pub(super) fn close(&mut self, socket: Socket) {
        self.push(0, Work::Close(socket.0));
    }
    pub(super) fn close_listener(&mut self, _: Listener) {
        self.push(0, Work::CloseListener);
    }

    pub(super) fn bytes<'a>(&self, buffer: &'a Buffer) -> &'a [u8] {
        &buffer.0
    }
    pub(super) fn give_back(&mut self, _: Buffer) {
        self.buffers += 1;
    }

    pub(super) fn next_completion(&mut self) -> Option<Completion> {
        self.completions.pop_front()
    }
    pub(super) fn next_received(&mut self) -> Option<Completion> {
        self.received.pop_front()
    }
    pub(super) fn has_received(&self) -> bool {
        !self.received.is_empty()
    }
    pub(super) fn received_len(&self) -> usize {
        let len = |completion: &Completion| match &completion.outcome {
            Outcome::Received(Ok(Some(buffer))) => buffer.0.len(),
            _ => 0,
        };
        self.received.iter().map(len).sum()
    }
    fn has_completions(&self) -> bool {
        !self.completions.is_empty() || !self.received.is_empty()
    }
    pub(super) fn has_work(&self) -> bool {
        !self.submissions.is_empty() || self.has_completions() || with(|kernel| self.is_any_ready(kernel))
    }
    fn is_any_ready(&self, kernel: &Kernel) -> bool {
        self.under_way.iter().any(|entry| entry.work.is_ready(kernel))
    }

    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let waits = !self.has_completions() && timeout != Some(Duration::ZERO);
        let result: io::Result<()> = with(|kernel| {
            for entry in std::mem::take(&mut self.submissions) {
                self.take_over(kernel, entry);
            }
            kernel.begin_poll()?;
            self.go_on(kernel);
            if waits && !self.has_completions() {
                kernel.sleep_until(timeout, |kernel| self.is_any_ready(kernel))?;
                self.go_on(kernel);
            }
            Ok(())
        });
        self.completions.extend(self.quiet.drain(..));
        match result {
            Err(e) if e.kind() == ErrorKind::Interrupted => Ok(()),
            result => result,
        }
    }

    /// The kernel gets an operation, and does at once what it can.
    fn take_over(&mut self, kernel: &mut Kernel, entry: Entry) {
        kernel.call();
        match entry.work {
            Work::Cancel(operation) => self.cancel_now(kernel, operation),
            Work::Close(number) => {
                let keeps = self.under_way.iter().find(|entry| entry.work.socket() == Some(number));
                assert!(keeps.is_none(), "an operation keeps {number} open");
                kernel.close(number);
            }
            Work::CloseListener => kernel.close_listener(),
            Work::Send(_, _, How::Quietly | How::AtOnce) => self.carry_out(kernel, entry),
            _ => self.under_way.push(entry),
        }
    }

    fn cancel_now(&mut self, kernel: &mut Kernel, operation: Operation) {
        let Some(at) = self.under_way.iter().position(|entry| entry.operation == operation) else {
            kernel.meet("late cancel");
            return;
        };
        // Something may be complete before.
        if self.under_way[at].work.is_ready(kernel) && kernel.dice.one_in(3) {
            kernel.meet("complete before the cancel");
            let entry = self.under_way.swap_remove(at);
            return self.carry_out_and_cancel(kernel, entry);
        }
        let entry = self.under_way.swap_remove(at);
        self.end_by_cancel(entry);
    }

    fn carry_out_and_cancel(&mut self, kernel: &mut Kernel, entry: Entry) {
        let operation = entry.operation;
        self.carry_out(kernel, entry);
        // It may go on.
        if let Some(at) = self.under_way.iter().position(|entry| entry.operation == operation) {
            let entry = self.under_way.swap_remove(at);
            self.end_by_cancel(entry);
        }
    }

    fn end_by_cancel(&mut self, entry: Entry) {
        let Entry { operation, key, work } = entry;
        let outcome = match work {
            Work::Accept { .. } => Outcome::Accepted(Err(Errno::CANCELED)),
            Work::Receive(_) => Outcome::Received(Err(Errno::CANCELED)),
            Work::Poll(..) => Outcome::Polled(Err(Errno::CANCELED)),
            Work::Send(_, flight, _) => Outcome::Sent(flight, Err(Errno::CANCELED)),
            Work::Cancel(_) | Work::Close(_) | Work::CloseListener => return,
        };
        self.report(Completion { operation, key, is_last: true, outcome });
    }

    /// Carries out what can be done, in random order. Some of it is left for a later call.
    fn go_on(&mut self, kernel: &mut Kernel) {
        for at in (1..self.under_way.len()).rev() {
            let other = kernel.dice.below(at + 1);
            self.under_way.swap(at, other);
        }
        for entry in std::mem::take(&mut self.under_way) {
            let is_late = kernel.fails && self.has_completions() && kernel.dice.one_in(6);
            if is_late || !entry.work.is_ready(kernel) {
                self.under_way.push(entry);
            } else {
                self.carry_out(kernel, entry);
            }
        }
    }

    fn carry_out(&mut self, kernel: &mut Kernel, entry: Entry) {
        let Entry { operation, key, work } = entry;
        let ends = kernel.fails && kernel.dice.one_in(8);
        let (outcome, is_last) = match work {
            Work::Accept { goes_on } => {
                let result = kernel.accept();
                let goes_on = goes_on && result.is_ok() && !ends;
                if goes_on {
                    self.under_way.push(Entry { operation, key, work: Work::Accept { goes_on } });
                }
                (Outcome::Accepted(result.map(Socket).map_err(errno)), !goes_on)
            }
            Work::Receive(_) if self.buffers == 0 => {
                kernel.meet("no buffer");
                (Outcome::Received(Err(Errno::NOBUFS)), true)
            }
            Work::Receive(number) => {
                let mut bytes = vec![0; self.buffer_len];
                let result = kernel.read_at_once(number, &mut bytes).map_err(errno);
                let goes_on = matches!(result, Ok(1..)) && !ends;
                if goes_on {
                    self.under_way.push(Entry { operation, key, work: Work::Receive(number) });
                } else if result == Ok(0) || result.is_err() {
                    kernel.meet("end of a receive");
                }
                let outcome = result.map(|len| {
                    bytes.truncate(len);
                    self.buffers -= usize::from(len > 0);
                    (len > 0).then_some(Buffer(bytes))
                });
                (Outcome::Received(outcome), !goes_on)
            }
            Work::Poll(source, events) => (Outcome::Polled(Ok(kernel.level_of(source, events))), true),
            Work::Send(number, flight, how) => {
                let result = kernel.write(number, &flight.rest()).map_err(errno);
                if how == How::Quietly && result == Ok(flight.len()) {
                    self.quiet.push(Completion {
                        operation,
                        key,
                        is_last: true,
                        outcome: Outcome::Sent(flight, result),
                    });
                    return;
                }
                (Outcome::Sent(flight, result), true)
            }
            Work::Cancel(_) | Work::Close(_) | Work::CloseListener => return,
        };
        kernel.progress();
        self.report(Completion { operation, key, is_last, outcome });
    }

    fn report(&mut self, completion: Completion) {
        match completion.outcome {
            Outcome::Received(_) => self.received.push_back(completion),
            _ => self.completions.push_back(completion),
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        release(|kernel| kernel.exit());
    }
}

fn errno(error: io::Error) -> Errno {
    match error.kind() {
        ErrorKind::WouldBlock => Errno::AGAIN,
        ErrorKind::Interrupted => Errno::INTR,
        ErrorKind::BrokenPipe => Errno::PIPE,
        ErrorKind::ConnectionReset => Errno::CONNRESET,
        ErrorKind::ConnectionAborted => Errno::CONNABORTED,
        _ => Errno::from_io_error(&error).unwrap_or(Errno::IO),
    }
}
