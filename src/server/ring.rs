//! A safe wrapper of io_uring(7): the system layer of the `uring` driver.
//!
//! A program and the kernel share two queues. The program puts operations into the *submission queue*: accept on this
//! listener, receive from this socket, send these bytes. One system call, `io_uring_enter`, hands over all of them and
//! waits. The kernel carries them out, and reports each in the *completion queue*.
//!
//! Until an operation is complete, the kernel uses its buffers, whatever becomes of the client meanwhile. So the ring
//! owns what the kernel has:
//!
//! * A send has its bytes from the caller, who gets them back when it is complete.
//! * A receive has no buffer. When bytes arrive, the kernel takes a buffer out of the [`Pool`], which lives as long as
//!   the ring.
//!
//! This file and its folder are the only place of the crate with `unsafe` code. Each block says why it is sound.
#![allow(unsafe_code)]

mod message;
mod operation;
mod pool;
mod socket;
#[cfg(test)]
mod tests;

use super::diagnostics;
use crate::chat::Flight;
use crate::trace::marks;
use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use message::Message;
use operation::Kind;
pub(crate) use operation::{Completion, How, Operation, Outcome};
pub(crate) use pool::Buffer;
use pool::Pool;
pub(crate) use rustix::event::PollFlags;
pub(crate) use rustix::io::Errno;
use slab::Slab;
pub(crate) use socket::Socket;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
pub(crate) use std::net::TcpListener as Listener;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

/// The lengths of the queues and of the pool.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    /// Operations that are handed over with one call. When the queue is full, a call is made at once.
    pub submissions: u32,
    /// Completions that the queue holds. The kernel keeps what does not fit, but it ends the operations that go on.
    pub completions: u32,
    /// Buffers for what is received, a power of two.
    pub buffers: u16,
    /// The length of each. Bytes.
    pub buffer_len: u32,
}

/// How long the ring waits at its end for what it has cancelled.
const CANCEL_PATIENCE: Timespec = Timespec::new().sec(1);

pub(crate) struct Ring {
    // Fields are dropped in this order: the kernel's part is gone before the memory that it used. See also `drop`.
    io: IoUring,
    pool: Pool,
    sends: Slab<Sending>,
    /// Sends that report only a failure, and were put into the submission queue since the last wait.
    unreported: Vec<(usize, Operation)>,
    /// One for each entry of the submission queue. They never move.
    messages: Box<[Message]>,
    messages_taken: usize,
    completions: VecDeque<Completion>,
    /// Completions of receives.
    received: VecDeque<Completion>,
    /// How many operations there were.
    operations: u64,
    // For the trace: the receives that the last call completed, the calls since the last mark, and the sends that are
    // complete since then.
    received_new: usize,
    calls: usize,
    sent: Vec<marks::Sent>,
    /// A call failed for good outside of `wait`, which returns it.
    failure: Option<io::Error>,
}

/// A send that the kernel has, or gets with the next call.
struct Sending {
    operation: Operation,
    key: usize,
    fd: RawFd,
    how: How,
    flight: Flight,
}

impl Ring {
    /// Fails if the kernel has no io_uring, does not permit it, or is older than Linux 6.1.
    pub(crate) fn new(sizes: Sizes) -> io::Result<Ring> {
        let io = IoUring::builder()
            // One thread submits, and the kernel does its part of the work within that thread's calls.
            .setup_single_issuer()
            .setup_defer_taskrun()
            // Whether there is such work can be read without a call.
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_cqsize(sizes.completions)
            .build(sizes.submissions)?;
        let params = io.params();
        if !(params.is_feature_nodrop() && params.is_feature_ext_arg() && params.is_feature_submit_stable()) {
            return Err(ErrorKind::Unsupported.into());
        }
        let pool = Pool::new(&io, sizes.buffers, sizes.buffer_len)?;
        let messages = (0..io.params().sq_entries()).map(|_| Message::empty()).collect();
        Ok(Ring {
            io,
            pool,
            sends: Slab::new(),
            unreported: Vec::new(),
            messages,
            messages_taken: 0,
            completions: VecDeque::new(),
            received: VecDeque::new(),
            operations: 0,
            received_new: 0,
            calls: 0,
            sent: Vec::new(),
            failure: None,
        })
    }

    /// Whether [`Ring::new`] succeeds here. The error is text for people.
    pub(crate) fn probe() -> Result<(), String> {
        const SMALL: Sizes = Sizes { submissions: 1, completions: 2, buffers: 1, buffer_len: 1 };
        Ring::new(SMALL).map(drop).map_err(|e| diagnostics::no_io_uring(&e))
    }

    // Operations. They are handed over by the next `wait`.

    /// Accepts connections, one after the other until it is cancelled or fails.
    pub(crate) fn accept_all(&mut self, listener: &impl AsFd, key: usize) -> Operation {
        let operation = self.name(Kind::Accept, key);
        let entry = opcode::AcceptMulti::new(fd(listener)).flags(libc::SOCK_CLOEXEC).build();
        // SAFETY: this operation has no buffers.
        unsafe { self.push(operation, entry) }
    }

    /// Accepts one connection.
    pub(crate) fn accept_one(&mut self, listener: &impl AsFd, key: usize) -> Operation {
        let operation = self.name(Kind::Accept, key);
        let nowhere = (ptr::null_mut(), ptr::null_mut());
        let entry = opcode::Accept::new(fd(listener), nowhere.0, nowhere.1).flags(libc::SOCK_CLOEXEC).build();
        // SAFETY: no address is asked for, so this operation has no buffers.
        unsafe { self.push(operation, entry) }
    }

    /// Receives into buffers of the pool, again and again, until it is cancelled, or finds the end-of-file, or fails.
    pub(crate) fn receive(&mut self, socket: &Socket, key: usize) -> Operation {
        let operation = self.name(Kind::Receive, key);
        marks::watches(socket.as_fd().as_raw_fd(), operation.token());
        let entry = opcode::RecvMulti::new(fd(socket), Pool::GROUP).build();
        // SAFETY: the kernel writes into buffers of the pool only, which outlives the operation: see `drop`.
        unsafe { self.push(operation, entry) }
    }

    /// Waits for events of poll(2), once. An error and a hang-up are always among them.
    pub(crate) fn poll(&mut self, source: &impl AsFd, events: PollFlags, key: usize) -> Operation {
        let operation = self.name(Kind::Poll, key);
        marks::watches(source.as_fd().as_raw_fd(), operation.token());
        let entry = opcode::PollAdd::new(fd(source), u32::from(events.bits())).build();
        // SAFETY: this operation has no buffers.
        unsafe { self.push(operation, entry) }
    }

    /// Sends the rest of a flight. One send at a time may be under way for a socket: two would mix up the order.
    pub(crate) fn send(&mut self, socket: &Socket, key: usize, flight: Flight, how: How) -> Operation {
        self.make_room();
        let slot = self.sends.vacant_key();
        let operation = self.name(Kind::Send, slot);
        let at_once = if how == How::Patiently { 0 } else { libc::MSG_DONTWAIT };
        // With MSG_WAITALL a part is a failure, and failures are always reported.
        let flags = if how == How::Quietly { at_once | libc::MSG_WAITALL } else { at_once };
        let pieces = flight.rest();
        let mut filled = pieces.iter().filter(|piece| !piece.is_empty());
        let entry = match (filled.next(), filled.next()) {
            (Some(whole), None) => {
                opcode::Send::new(fd(socket), whole.as_ptr(), whole.len() as u32).flags(flags).build()
            }
            _ => {
                let message = self.next_message().set(&pieces);
                opcode::SendMsg::new(fd(socket), message).flags(flags as u32).build()
            }
        };
        let entry = if how == How::Quietly {
            self.unreported.push((slot, operation));
            entry.flags(squeue::Flags::SKIP_SUCCESS)
        } else {
            entry
        };
        let fd = socket.as_fd().as_raw_fd();
        marks::queued(fd, flight.len());
        self.sends.insert(Sending { operation, key, fd, how, flight });
        // SAFETY: a flight's bytes are on the heap, and stay where they are when the flight is moved. The flight is in
        // `sends`, unchanged, until the operation is complete; at the end of the ring, see `drop`. The message stays
        // where it is until the kernel has taken the entry over. By then it has copied the message.
        unsafe { self.push(operation, entry) }
    }

    /// Cancels an operation. Its last completion says so, unless it is complete already.
    pub(crate) fn cancel(&mut self, operation: Operation) {
        let entry = opcode::AsyncCancel::new(operation.raw()).build().flags(squeue::Flags::SKIP_SUCCESS);
        let own = self.name(Kind::Silent, 0);
        // SAFETY: this operation has no buffers.
        unsafe { self.push(own, entry) };
    }

    /// Closes a connection, after all operations on it that were put into the queue before: if it were closed at once, they
    /// could find another socket under its number. Operations that are under way keep it open: cancel them before. They let
    /// go of it in the call after that.
    pub(crate) fn close(&mut self, socket: Socket) {
        marks::closes_later(socket.as_fd().as_raw_fd());
        self.close_fd(socket.into());
    }

    /// The same for a listener.
    pub(crate) fn close_listener(&mut self, listener: Listener) {
        self.close_fd(listener.into());
    }

    fn close_fd(&mut self, fd: OwnedFd) {
        let entry = opcode::Close::new(Fd(fd.into_raw_fd())).build().flags(squeue::Flags::SKIP_SUCCESS);
        let own = self.name(Kind::Silent, 0);
        // SAFETY: this operation has no buffers, and nobody else owns the descriptor.
        unsafe { self.push(own, entry) };
    }

    /// The bytes that were received.
    pub(crate) fn bytes(&self, buffer: &Buffer) -> &[u8] {
        self.pool.bytes(buffer)
    }

    /// Returns a buffer to the pool.
    pub(crate) fn give_back(&mut self, buffer: Buffer) {
        self.pool.give_back(buffer);
    }

    // The call.

    /// Hands over all new operations, and waits until one is complete, at most for `timeout`; without a timeout, for
    /// ever. Then take all of [`Ring::next_completion`], and of [`Ring::next_received`] as many as you like.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let waits = !self.has_completions() && timeout != Some(Duration::ZERO);
        self.received_new = 0;
        let submitted = self.io.submission().len();
        marks::enter((waits, submitted), self, |ring| ring.hand_over(waits, timeout), Ring::done)
    }

    /// Whether [`Ring::wait`] has something to do, or to return at once.
    pub(crate) fn has_work(&mut self) -> bool {
        self.needs_call() || self.has_completions()
    }

    fn has_completions(&self) -> bool {
        !self.completions.is_empty() || !self.received.is_empty()
    }

    /// Whether a call without a wait would do anything.
    fn needs_call(&mut self) -> bool {
        let queue = self.io.submission();
        !queue.is_empty() || queue.taskrun() || queue.cq_overflow()
    }

    /// The next completion of an operation that is no receive.
    pub(crate) fn next_completion(&mut self) -> Option<Completion> {
        self.completions.pop_front()
    }

    /// The next completion of a receive.
    pub(crate) fn next_received(&mut self) -> Option<Completion> {
        let received = self.received.pop_front()?;
        if let Outcome::Received(result) = &received.outcome {
            match result {
                Ok(buffer) => {
                    let (len, id) = buffer.as_ref().map_or((0, None), |buffer| (buffer.len(), Some(buffer.id())));
                    marks::received(received.operation.token(), self.pool.buffer_len(), id, Ok(len));
                }
                Err(Errno::CANCELED | Errno::NOBUFS) => {}
                Err(e) => marks::received(received.operation.token(), self.pool.buffer_len(), None, Err((*e).into())),
            }
        }
        Some(received)
    }

    /// The number of bytes that [`Ring::next_received`] has to return.
    pub(crate) fn received_len(&self) -> usize {
        let len = |completion: &Completion| match &completion.outcome {
            Outcome::Received(Ok(Some(buffer))) => buffer.len(),
            _ => 0,
        };
        self.received.iter().map(len).sum()
    }

    /// Whether [`Ring::next_received`] has something to return.
    pub(crate) fn has_received(&self) -> bool {
        !self.received.is_empty()
    }

    fn hand_over(&mut self, waits: bool, timeout: Option<Duration>) -> io::Result<()> {
        if waits || self.needs_call() {
            self.enter(usize::from(waits), timeout)?;
        }
        // Operations stay in the queue if the kernel was short of memory.
        while !self.io.submission().is_empty() {
            self.enter(0, None)?;
        }
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        self.messages_taken = 0;
        self.report_silence();
        Ok(())
    }

    /// Makes the call, and takes all completions.
    fn enter(&mut self, want: usize, timeout: Option<Duration>) -> io::Result<()> {
        self.calls += 1;
        let result = match timeout {
            Some(timeout) if want > 0 => {
                let timeout = Timespec::from(timeout);
                self.io.submitter().submit_with_args(want, &SubmitArgs::new().timespec(&timeout))
            }
            _ => self.io.submit_and_wait(want),
        };
        self.reap();
        match result {
            Ok(_) => Ok(()),
            Err(e) => match Errno::from_io_error(&e) {
                // The time is over; a signal or a debugger interrupted the call; there was no memory, or no room for
                // completions. What was not handed over is still in the queue.
                Some(Errno::TIME | Errno::INTR | Errno::AGAIN | Errno::BUSY) => Ok(()),
                _ => Err(e),
            },
        }
    }

    /// Takes all completions, also those that found no room in the queue.
    fn reap(&mut self) {
        loop {
            loop {
                let entry = self.io.completion().next();
                let Some(entry) = entry else { break };
                match self.complete(&entry) {
                    Some(received @ Completion { outcome: Outcome::Received(_), .. }) => {
                        self.received_new += 1;
                        self.received.push_back(received);
                    }
                    other => self.completions.extend(other),
                }
            }
            if !self.io.submission().cq_overflow() {
                return;
            }
            // The kernel refills the queue within a call.
            self.calls += 1;
            if self.io.submit().is_err() {
                return;
            }
        }
    }

    fn complete(&mut self, entry: &cqueue::Entry) -> Option<Completion> {
        let operation = Operation::from_raw(entry.user_data())?;
        let result = match entry.result() {
            failed @ ..0 => Err(Errno::from_raw_os_error(-failed)),
            value => Ok(value as u32),
        };
        let key = operation.index();
        let outcome = match operation.kind()? {
            Kind::Accept => {
                // SAFETY: the kernel has made this descriptor, and nobody else knows it.
                Outcome::Accepted(result.map(|fd| Socket::new(unsafe { OwnedFd::from_raw_fd(fd as i32) })))
            }
            Kind::Receive => {
                let buffer = cqueue::buffer_select(entry.flags()).map(|id| (id, result.unwrap_or(0)));
                // SAFETY: the kernel has taken this buffer out of the pool, and has filled so much of it.
                let buffer = buffer.map(|(id, len)| unsafe { self.pool.take_out(id, len as usize) });
                match (result, buffer) {
                    (Ok(1..), Some(buffer)) => Outcome::Received(Ok(Some(buffer))),
                    (result, buffer) => {
                        buffer.into_iter().for_each(|buffer| self.pool.give_back(buffer));
                        Outcome::Received(result.map(|_| None))
                    }
                }
            }
            Kind::Send => {
                let sending = self.sends.try_remove(key)?;
                debug_assert_eq!(sending.operation, operation, "a place is free when its send is complete");
                return Some(self.sent(sending, result.map(|taken| taken as usize), true));
            }
            Kind::Poll => Outcome::Polled(result.map(|events| PollFlags::from_bits_retain(events as u16))),
            Kind::Silent => return None,
        };
        Some(Completion { operation, key, is_last: !cqueue::more(entry.flags()), outcome })
    }

    /// A send at once is over when the kernel has taken it over. One that has not reported a failure has sent all.
    fn report_silence(&mut self) {
        for (slot, operation) in std::mem::take(&mut self.unreported) {
            if self.sends.get(slot).is_some_and(|sending| sending.operation == operation) {
                let sending = self.sends.remove(slot);
                let len = sending.flight.len();
                let completion = self.sent(sending, Ok(len), false);
                self.completions.push_back(completion);
            }
        }
    }

    fn sent(&mut self, sending: Sending, result: Result<usize, Errno>, is_reported: bool) -> Completion {
        let Sending { operation, key, fd, how, flight } = sending;
        if marks::are_made() {
            // To be cancelled is to have waited in vain.
            let failed = |e| if e == Errno::CANCELED { Errno::AGAIN } else { e };
            let (offered, result) = (flight.len(), result.map_err(|e| failed(e).into()));
            self.sent.push(marks::Sent { fd, offered, result, at_once: how != How::Patiently, is_reported });
        }
        Completion { operation, key, is_last: true, outcome: Outcome::Sent(flight, result) }
    }

    /// What the last call did, for the trace.
    fn done(&mut self, sockets: &marks::Sockets) -> marks::Done {
        let of = |completion: &Completion| match completion.operation.kind()? {
            Kind::Accept => Some(marks::listener()),
            _ => sockets.by_token(completion.operation.token()),
        };
        let new = self.received.range(self.received.len() - std::mem::take(&mut self.received_new)..);
        let complete = self.completions.iter().chain(new).filter_map(of).collect();
        marks::Done { calls: std::mem::take(&mut self.calls), sent: std::mem::take(&mut self.sent), complete }
    }

    fn name(&mut self, kind: Kind, index: usize) -> Operation {
        self.operations += 1;
        Operation::new(kind, index, self.operations)
    }

    /// Call [`Ring::make_room`] before, so that the entry that points to the message finds room.
    fn next_message(&mut self) -> &mut Message {
        self.messages_taken += 1;
        &mut self.messages[self.messages_taken - 1]
    }

    /// Puts an operation into the submission queue.
    ///
    /// # Safety
    ///
    /// What the entry points to stays valid until the operation is complete.
    unsafe fn push(&mut self, operation: Operation, entry: squeue::Entry) -> Operation {
        self.make_room();
        // SAFETY: the caller's promise. There is no room only after a failure, and then nothing is handed over any more.
        let _ = unsafe { self.io.submission().push(&entry.user_data(operation.raw())) };
        operation
    }

    /// Hands over what is in the submission queue if it is full.
    fn make_room(&mut self) {
        while self.failure.is_none() && self.io.submission().is_full() {
            match self.enter(0, None) {
                Ok(()) => self.messages_taken = 0,
                Err(e) => self.failure = Some(e),
            }
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // The kernel must not use memory that is somebody else's by then. If it does not let go of it, it is never
        // freed.
        if self.io.submitter().register_sync_cancel(Some(CANCEL_PATIENCE), CancelBuilder::any()).is_err() {
            std::mem::forget(std::mem::take(&mut self.sends));
            self.pool.leak();
        }
    }
}

fn fd(source: &impl AsFd) -> Fd {
    Fd(source.as_fd().as_raw_fd())
}
