//! Marks of the operations that are handed to io_uring.

#[cfg(not(feature = "trace"))]
use super::never::Recorder;
use super::{Ready, Sockets, Source, Step, flaw, on, outcome, read_step, take};
use crate::chat::Peer;
#[cfg(feature = "trace")]
use crate::trace::recorder::Recorder;
use std::io;
use std::os::fd::RawFd;

/// What one call has done: see [`enter`].
pub(crate) struct Done {
    /// It was so many calls. None if there was nothing to do.
    pub calls: usize,
    pub sent: Vec<Sent>,
    /// What other operations are complete.
    pub complete: Vec<Ready>,
}

/// A send that is complete.
pub(crate) struct Sent {
    pub fd: RawFd,
    pub offered: usize,
    pub result: io::Result<usize>,
    /// The socket took it when it was handed over. Otherwise the send waited for the socket.
    pub at_once: bool,
    /// There was a completion for it.
    pub is_reported: bool,
}

/// Hands over `submitted` operations, and waits for completions if it `waits`. `done` lists them after the call.
#[inline(always)]
pub(crate) fn enter<R, T>(
    (waits, submitted): (bool, usize),
    ring: &mut R,
    call: impl FnOnce(&mut R) -> T,
    done: impl FnOnce(&mut R, &Sockets) -> Done,
) -> T {
    match on() {
        None => call(ring),
        Some(on) => enter_recorded(on, (waits, submitted), ring, call, done),
    }
}

#[cold]
#[inline(never)]
fn enter_recorded<R, T>(
    on: &Recorder,
    (may_sleep, submitted): (bool, usize),
    ring: &mut R,
    call: impl FnOnce(&mut R) -> T,
    done: impl FnOnce(&mut R, &Sockets) -> Done,
) -> T {
    on.pause();
    let begin = on.begin();
    let result = call(ring);
    let Done { calls, sent, mut complete } = done(ring, on.sockets());
    if calls == 0 {
        return result;
    }
    for Sent { fd, offered, result, at_once, is_reported } in sent {
        if is_reported {
            complete.extend(on.sockets().ready([(fd, false, true)].into_iter()));
        }
        let (client, (bytes, flaw)) = (on.sockets().connection(fd).client, outcome(&result));
        let step = Step::Write { client, offered, waits: false, bytes, flaw };
        if at_once {
            // That is what the call began with. Only now is it known.
            on.at(begin, step);
        } else {
            on.moment(step, None);
        }
    }
    on.end(
        begin,
        Step::Wait { may_sleep, ready: complete, submitted: Some(submitted), wakes: false },
        Some(("io_uring_enter", calls)),
    );
    result
}

/// A send is put into the submission queue.
#[inline(always)]
pub(crate) fn queued(fd: RawFd, bytes: usize) {
    if let Some(on) = on() {
        let client = on.sockets().connection(fd).client;
        on.moment(Step::Queue { client, bytes }, None);
    }
}

/// Bytes that were received by the operation with this token are taken in. `buffer` is the one that the kernel chose.
#[inline(always)]
pub(crate) fn received(token: usize, asked: usize, buffer: Option<u16>, result: io::Result<usize>) {
    if let Some(on) = on()
        && let Some(fd) = on.sockets().descriptor(token)
    {
        let step = read_step(on.sockets().connection(fd), false, asked, outcome(&result), buffer);
        on.moment(step, None);
    }
}

/// A connection was accepted, and `call` asks for its peer.
#[inline(always)]
pub(crate) fn accepted(fd: RawFd, call: impl FnOnce() -> io::Result<Peer>) -> io::Result<Peer> {
    match on() {
        None => call(),
        Some(on) => {
            let step = |result: &io::Result<_>| Step::Accept { waits: false, flaw: result.as_ref().err().map(flaw) };
            let result = take(on, None, None, call, step);
            if let Ok(peer) = &result {
                on.sockets().accepted(fd, *peer);
            }
            result
        }
    }
}

/// A connection's socket is closed by the next call.
#[inline(always)]
pub(crate) fn closes_later(fd: RawFd) {
    if let Some(on) = on() {
        let client = on.sockets().closed(fd).client;
        on.moment(Step::Close { client }, None);
    }
}

/// The listener has a connection.
pub(crate) fn listener() -> Ready {
    Ready { source: Source::Listener, readable: true, writable: false }
}
