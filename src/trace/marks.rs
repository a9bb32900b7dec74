//! The functions that the drivers' system layer calls to mark the steps.
//!
//! A process has one recorder, as it has one logger, so a driver does not need to know it. When tracing is off, a mark
//! is one test of a static that never changes; without the cargo feature `trace` it is nothing at all.
//!
//! A function that takes a `call` always makes it, and returns its result. These functions are inlined into their
//! callers. The recording is in cold functions that are not inlined: inlined, it made a delivery of the threaded driver
//! 15 % slower with tracing off.

#[cfg(all(feature = "uring", target_os = "linux"))]
mod operations;
#[cfg(feature = "async")]
mod tasks;

#[cfg(not(feature = "trace"))]
use self::never::Recorder;
use super::record::{Options, Stderr};
#[cfg(feature = "trace")]
use super::recorder::Recorder;
use super::sockets::Connection;
pub(crate) use super::sockets::Sockets;
use super::step::{Flaw, Header, PENDING_MAX, Pending, Ready, Source, Step, TEXT_MAX};
use crate::chat::Peer;
use crate::text::Lang;
#[cfg(all(feature = "uring", target_os = "linux"))]
pub(crate) use operations::{Done, Sent, accepted, closes_later, enter, listener, queued, received};
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::OnceLock;
use std::time::Duration;
#[cfg(feature = "async")]
pub(crate) use tasks::{parks, pending, polls, unparks, wakes};

static RECORDER: OnceLock<Recorder> = OnceLock::new();

/// A system call: its Linux name, and whether the thread sleeps in it until there is something to do.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    name: &'static str,
    waits: bool,
}

impl Call {
    /// A call that may block.
    pub const fn blocking(name: &'static str) -> Call {
        Call { name, waits: true }
    }

    /// A call that returns at once.
    pub const fn at_once(name: &'static str) -> Call {
        Call { name, waits: false }
    }
}

/// Starts the recording that `options` ask for, once per process. `stderr` opens stderr for the narration. The error is
/// text for people.
pub(crate) fn start(
    options: &Options,
    header: Header,
    lang: Lang,
    stderr: impl FnOnce() -> Option<Stderr>,
) -> Result<(), String> {
    if !options.explain && options.file.is_none() {
        return Ok(());
    }
    let recorder = Recorder::start(options, header, lang, stderr)?;
    RECORDER.set(recorder).map_err(|_| "this process records its steps already".to_owned())
}

/// Writes what is left, and ends the file.
pub(crate) fn finish() {
    if let Some(on) = on() {
        on.finish();
    }
}

/// Without the feature this is `None` at compile time, and the marks compile to nothing.
#[inline(always)]
fn on() -> Option<&'static Recorder> {
    if cfg!(feature = "trace") { RECORDER.get() } else { None }
}

// The wait of a one-thread driver.

/// Asks which sources are ready, and sleeps until one is, at most for `timeout`. `ready` lists them after the call.
#[inline(always)]
pub(crate) fn wait<T>(
    name: &'static str,
    timeout: Option<Duration>,
    call: impl FnOnce() -> T,
    ready: impl FnOnce(&T, &Sockets) -> Vec<Ready>,
) -> T {
    match on() {
        None => call(),
        Some(on) => take(on, None, Some((name, 1)), call, |result| {
            let may_sleep = timeout != Some(Duration::ZERO);
            Step::Wait { may_sleep, ready: ready(result, on.sockets()), submitted: None, wakes: false }
        }),
    }
}

/// Sets what the poll watches a connection for.
#[inline(always)]
pub(crate) fn watch<T>(fd: RawFd, token: usize, writable: bool, call: impl FnOnce() -> T) -> T {
    match on() {
        None => call(),
        Some(on) => {
            on.sockets().watched(token, fd);
            let client = on.sockets().connection(fd).client;
            take(on, None, Some(("epoll_ctl", 1)), call, |_| Step::Watch { client, writable })
        }
    }
}

/// The poll watches the listener or the signals. This is no step, because it happens before clients come.
pub(crate) fn watches(fd: RawFd, token: usize) {
    if let Some(on) = on() {
        on.sockets().watched(token, fd);
    }
}

/// This descriptor is the listener, or the socket pair of the signals.
pub(crate) fn is(fd: RawFd, source: Source) {
    if let Some(on) = on() {
        on.sockets().is(fd, source);
    }
}

// Sockets.

/// Takes one connection from the listener's queue.
#[inline(always)]
pub(crate) fn accept<S: AsRawFd>(how: Call, call: impl FnOnce() -> io::Result<(S, Peer)>) -> io::Result<(S, Peer)> {
    match on() {
        None => call(),
        Some(on) => {
            let step = |flaw| Step::Accept { waits: how.waits, flaw };
            let result = take_call(on, how, step(None), call, |result| step(result.as_ref().err().map(flaw)));
            if let Ok((stream, peer)) = &result {
                on.sockets().accepted(stream.as_raw_fd(), *peer);
            }
            result
        }
    }
}

/// Prepares a socket with so many system calls of this name.
#[inline(always)]
pub(crate) fn set_up<T>(name: &'static str, calls: usize, call: impl FnOnce() -> T) -> T {
    match on() {
        None => call(),
        Some(on) => take(on, None, Some((name, calls)), call, |_| Step::SetUp),
    }
}

/// Reads at most `asked` bytes.
#[inline(always)]
pub(crate) fn read(how: Call, fd: RawFd, asked: usize, call: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
    match on() {
        None => call(),
        Some(on) => read_recorded(on, how, fd, asked, call),
    }
}

#[cold]
#[inline(never)]
fn read_recorded(
    on: &Recorder,
    how: Call,
    fd: RawFd,
    asked: usize,
    call: impl FnOnce() -> io::Result<usize>,
) -> io::Result<usize> {
    let connection = on.sockets().connection(fd);
    let step = |moved| read_step(connection, how.waits, asked, moved, None);
    take_call(on, how, step((0, None)), call, |result| step(outcome(result)))
}

/// A read from a client; or, if it has left or was not let in, a read whose bytes are discarded.
fn read_step(
    connection: Connection,
    waits: bool,
    asked: usize,
    (bytes, flaw): (usize, Option<Flaw>),
    buffer: Option<u16>,
) -> Step {
    match connection.shut || connection.client == 0 {
        true => Step::Discard { bytes, waits },
        false => Step::Read { client: connection.client, asked, bytes, waits, flaw, buffer },
    }
}

/// Offers bytes to a socket, in one piece or gathered from several.
#[inline(always)]
pub(crate) fn write(
    how: Call,
    fd: RawFd,
    pieces: &[IoSlice<'_>],
    call: impl FnOnce() -> io::Result<usize>,
) -> io::Result<usize> {
    match on() {
        None => call(),
        Some(on) => write_recorded(on, how, fd, pieces.iter().map(|piece| piece.len()).sum(), call),
    }
}

#[cold]
#[inline(never)]
fn write_recorded(
    on: &Recorder,
    how: Call,
    fd: RawFd,
    offered: usize,
    call: impl FnOnce() -> io::Result<usize>,
) -> io::Result<usize> {
    let (client, waits) = (on.sockets().connection(fd).client, how.waits);
    let step = |(bytes, flaw)| match client {
        0 => Step::Refuse { bytes },
        _ => Step::Write { client, offered, waits, bytes, flaw },
    };
    take_call(on, how, step((0, None)), call, |result| step(outcome(result)))
}

/// Shuts a connection down.
#[inline(always)]
pub(crate) fn shutdown<T>(fd: RawFd, call: impl FnOnce() -> T) -> T {
    match on() {
        None => call(),
        Some(on) => {
            let client = on.sockets().shut(fd).client;
            take(on, None, Some(("shutdown", 1)), call, |_| Step::Shutdown { client })
        }
    }
}

/// A connection's socket is about to be closed.
#[inline(always)]
pub(crate) fn closes(fd: RawFd) {
    if let Some(on) = on() {
        let client = on.sockets().closed(fd).client;
        on.moment(Step::Close { client }, Some(("close", 1)));
    }
}

/// Whether steps are recorded.
#[cfg(any(feature = "async", all(feature = "uring", target_os = "linux")))]
#[inline(always)]
pub(crate) fn are_made() -> bool {
    on().is_some()
}

// Calls on other things than sockets.

/// Takes in signals. The calls on the signals' own pipe are not counted.
#[inline(always)]
pub(crate) fn signal<T>(how: Call, call: impl FnOnce() -> T) -> T {
    match on() {
        None => call(),
        Some(on) => {
            let step = || Step::Signal { waits: how.waits };
            take(on, how.waits.then(step), None, call, |_| step())
        }
    }
}

/// Starts a thread.
#[inline(always)]
pub(crate) fn spawn<T>(thread: &str, call: impl FnOnce() -> T) -> T {
    match on() {
        None => call(),
        Some(on) => take(on, None, None, call, |_| Step::Spawn { thread: thread.into() }),
    }
}

/// Shows the transcript. `call` returns the number of writes to stdout.
#[inline(always)]
pub(crate) fn show(call: impl FnOnce() -> usize) -> usize {
    match on() {
        None => call(),
        Some(on) => show_recorded(on, call),
    }
}

#[cold]
#[inline(never)]
fn show_recorded(on: &Recorder, call: impl FnOnce() -> usize) -> usize {
    let begun = on.begin();
    let writes = call();
    if writes > 0 {
        on.end(begun, Step::Show { writes }, Some(("write", writes)));
    }
    writes
}

// The room, and how threads share it.

/// The connection from this address was let in, as this client.
#[inline(always)]
pub(crate) fn connected(peer: Peer, client: u64) {
    if let Some(on) = on() {
        on.sockets().connected(peer, client);
    }
}

/// A connection of this server's own is begun.
pub(crate) fn dials(fd: RawFd) {
    if let Some(on) = on() {
        on.sockets().dials(fd);
    }
}

/// The connection that was begun last has this number.
pub(crate) fn dialled(client: u64) {
    if let Some(on) = on() {
        on.sockets().dialled(client);
        told(|| std::iter::once((client, "redis", None)));
    }
}

/// The room ingested something. `pending` lists the bytes that are now pending for each client.
#[inline(always)]
pub(crate) fn ingested<I: Iterator<Item = (u64, usize)>>(pending: impl FnOnce() -> I) {
    if let Some(on) = on() {
        ingested_recorded(on, pending);
    }
}

#[cold]
#[inline(never)]
fn ingested_recorded<I: Iterator<Item = (u64, usize)>>(on: &Recorder, pending: impl FnOnce() -> I) {
    let pending = pending().take(PENDING_MAX).map(|(client, bytes)| Pending { client, bytes });
    on.since_last(Step::Ingested { pending: pending.collect() });
}

/// The room noted these things of clients: the number and the name, and the text if it was said to all.
#[inline(always)]
pub(crate) fn told<'a, I: Iterator<Item = (u64, &'a str, Option<&'a str>)>>(notes: impl FnOnce() -> I) {
    if let Some(on) = on() {
        told_recorded(on, notes);
    }
}

#[cold]
#[inline(never)]
fn told_recorded<'a, I: Iterator<Item = (u64, &'a str, Option<&'a str>)>>(on: &Recorder, notes: impl FnOnce() -> I) {
    for (client, name, text) in notes().take(PENDING_MAX) {
        let text = text.map(|text| text.chars().take(TEXT_MAX).collect());
        on.moment(Step::Told { client, name: name.into(), text }, None);
    }
}

/// The room accounted for bytes that a client's socket took.
#[inline(always)]
pub(crate) fn settled(client: u64, bytes: usize) {
    if let Some(on) = on() {
        on.moment(Step::Settled { client, bytes }, None);
    }
}

/// The rest of a client's bytes is left to a thread that may block on its socket.
#[inline(always)]
pub(crate) fn handed_over(client: u64, bytes: usize) {
    if let Some(on) = on() {
        on.moment(Step::HandOver { client, bytes }, None);
    }
}

/// Locks the room with `lock`. When recording, `try_lock` is tried first, to find out whether the thread has to wait.
#[inline(always)]
pub(crate) fn lock<T>(try_lock: impl FnOnce() -> Option<T>, lock: impl FnOnce() -> T) -> T {
    match on() {
        None => lock(),
        Some(on) => lock_recorded(on, try_lock, lock),
    }
}

#[cold]
#[inline(never)]
fn lock_recorded<T>(on: &Recorder, try_lock: impl FnOnce() -> Option<T>, lock: impl FnOnce() -> T) -> T {
    on.pause();
    let begun = on.begin();
    let (guard, waited) = match try_lock() {
        Some(guard) => (guard, false),
        None => (lock(), true),
    };
    on.end(begun, Step::Lock { waited }, None);
    on.enter();
    guard
}

/// The room is about to be unlocked.
#[inline(always)]
pub(crate) fn unlocks() {
    if let Some(on) = on() {
        on.leave();
    }
}

/// Waits for a change in the room, which is unlocked meanwhile.
#[inline(always)]
pub(crate) fn park<T>(call: impl FnOnce() -> T) -> T {
    match on() {
        None => call(),
        Some(on) => park_recorded(on, call),
    }
}

#[cold]
#[inline(never)]
fn park_recorded<T>(on: &Recorder, call: impl FnOnce() -> T) -> T {
    on.leave();
    let step = Step::Park { client: on.own_client() };
    let begun = on.begin_asleep(&step);
    let result = call();
    on.end(begun, step, None);
    on.enter();
    result
}

// Helpers.

/// A step that is one system call.
fn take_call<T>(on: &Recorder, how: Call, asleep: Step, call: impl FnOnce() -> T, step: impl FnOnce(&T) -> Step) -> T {
    take(on, how.waits.then_some(asleep), Some((how.name, 1)), call, step)
}

#[cold]
#[inline(never)]
fn take<T>(
    on: &Recorder,
    asleep: Option<Step>,
    calls: Option<(&'static str, usize)>,
    call: impl FnOnce() -> T,
    step: impl FnOnce(&T) -> Step,
) -> T {
    on.pause();
    let begun = match asleep {
        Some(asleep) => on.begin_asleep(&asleep),
        None => on.begin(),
    };
    let result = call();
    on.end(begun, step(&result), calls);
    result
}

fn outcome(result: &io::Result<usize>) -> (usize, Option<Flaw>) {
    match result {
        Ok(bytes) => (*bytes, None),
        Err(e) => (0, Some(flaw(e))),
    }
}

fn flaw(error: &io::Error) -> Flaw {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Flaw::WouldBlock,
        _ => Flaw::Failed,
    }
}

/// The recorder of a build without the feature.
#[cfg(not(feature = "trace"))]
mod never {
    use super::*;

    pub enum Recorder {}

    impl Recorder {
        pub fn start(_: &Options, _: Header, _: Lang, _: impl FnOnce() -> Option<Stderr>) -> Result<Recorder, String> {
            Err("this build records no steps; build one with `cargo build --features trace`".into())
        }
        pub fn finish(&self) {
            match *self {}
        }
        pub fn sockets(&self) -> &Sockets {
            match *self {}
        }
        pub fn own_client(&self) -> u64 {
            match *self {}
        }
        pub fn begin(&self) -> u64 {
            match *self {}
        }
        pub fn begin_asleep(&self, _: &Step) -> u64 {
            match *self {}
        }
        pub fn pause(&self) {
            match *self {}
        }
        pub fn end(&self, _: u64, _: Step, _: Option<(&'static str, usize)>) {
            match *self {}
        }
        pub fn moment(&self, _: Step, _: Option<(&'static str, usize)>) {
            match *self {}
        }
        pub fn at(&self, _: u64, _: Step) {
            match *self {}
        }
        pub fn since_last(&self, _: Step) {
            match *self {}
        }
        pub fn enter(&self) {
            match *self {}
        }
        pub fn leave(&self) {
            match *self {}
        }
    }
}
