//! What a driver holds to mark its steps.

#[cfg(not(feature = "trace"))]
use self::never::Recorder;
#[cfg(feature = "trace")]
use super::recorder::Recorder;
use super::step::{Flaw, OWED_MAX, Owed, Ready, Step};
use crate::chat::{Id, Lang};
use std::io::{self, ErrorKind, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What to do with the steps.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Tell them on stderr.
    pub explain: bool,
    /// Pause so long after each that is told, in its thread: the server is slowed down on purpose.
    pub slow: Option<Duration>,
    /// Write them to a file.
    pub file: Option<PathBuf>,
}

/// Writes to stderr what that takes at once.
pub type Stderr = Box<dyn Fn(&[u8]) -> io::Result<usize> + Send>;

/// Marks steps, or does nothing. A clone marks in the same place.
///
/// The methods that take a `call` make it, in any case, and return what it returned. They are compiled into their callers, and
/// what is done when somebody wants to know is kept out of the way: else a thread per client takes 15 % more time for a
/// delivery while nobody does.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Recorder>>);

/// When a step began; nothing if nobody wants to know.
pub struct Begun(Option<u64>);

impl Tracer {
    /// Begins to do what is asked for. `mode` is the driver's name, and `stderr` opens a way there.
    pub fn start(
        options: &Options,
        mode: &str,
        lang: Lang,
        stderr: impl FnOnce() -> Option<Stderr>,
    ) -> Result<Tracer, String> {
        if !options.explain && options.file.is_none() {
            return Ok(Tracer(None));
        }
        Ok(Tracer(Some(Arc::new(Recorder::start(options, mode, lang, stderr)?))))
    }

    /// Writes what is left, and ends the file.
    pub fn finish(&self) {
        if let Some(on) = self.on() {
            on.finish();
        }
    }

    /// Without the feature the answer is known when it is compiled, and nothing is left of the marks.
    #[inline(always)]
    fn on(&self) -> Option<&Recorder> {
        if cfg!(feature = "trace") { self.0.as_deref() } else { None }
    }

    // The loop's sleep, of which more is to be told than the call returns.

    #[inline(always)]
    pub fn begin(&self) -> Begun {
        let Some(on) = self.on() else { return Begun(None) };
        on.pause();
        Begun(Some(on.begin()))
    }

    /// The sleep is over. It was to be no longer than `timeout`.
    #[inline(always)]
    pub fn woke(&self, begun: Begun, timeout: Option<Duration>, ready: impl FnOnce() -> Vec<Ready>) {
        if let (Some(on), Begun(Some(at))) = (self.on(), begun) {
            on.end(at, Step::Wait { may_sleep: timeout != Some(Duration::ZERO), ready: ready() });
        }
    }

    // Calls.

    #[inline(always)]
    pub fn accept<T>(&self, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let asleep = Step::Accept { flaw: None };
        self.step(Some(asleep), call, |result| Step::Accept { flaw: result.as_ref().err().map(Error::flaw) })
    }

    #[inline(always)]
    pub fn set_up<T>(&self, calls: u32, call: impl FnOnce() -> T) -> T {
        self.step(None, call, |_| Step::SetUp { calls })
    }

    #[inline(always)]
    pub fn watch<T>(&self, client: impl Into<Option<Id>>, writable: bool, call: impl FnOnce() -> T) -> T {
        self.step(None, call, |_| Step::Watch { client: number(client), writable })
    }

    #[inline(always)]
    pub fn spawn<T>(&self, call: impl FnOnce() -> T) -> T {
        self.step(None, call, |_| Step::Spawn)
    }

    /// Reads at most `asked` bytes.
    #[inline(always)]
    pub fn read<E: Error>(
        &self,
        client: Id,
        asked: usize,
        call: impl FnOnce() -> Result<usize, E>,
    ) -> Result<usize, E> {
        let client = client.number();
        let asleep = Step::Read { client, asked, bytes: 0, flaw: None };
        self.step(Some(asleep), call, |result| {
            let (bytes, flaw) = outcome(result);
            Step::Read { client, asked, bytes, flaw }
        })
    }

    /// Offers a client's socket bytes, of which it takes what it can at once.
    #[inline(always)]
    pub fn write<E: Error>(
        &self,
        client: Id,
        offer: &(impl Offer + ?Sized),
        call: impl FnOnce() -> Result<usize, E>,
    ) -> Result<usize, E> {
        self.step(None, call, |result| written(client, offer, false, result))
    }

    /// Offers a client's socket bytes, and may wait until it takes some.
    #[inline(always)]
    pub fn write_waiting(
        &self,
        client: Id,
        offer: &[u8],
        call: impl FnOnce() -> io::Result<usize>,
    ) -> io::Result<usize> {
        let asleep = written(client, offer, true, &Ok::<usize, io::Error>(0));
        self.step(Some(asleep), call, |result| written(client, offer, true, result))
    }

    #[inline(always)]
    pub fn refuse(&self, call: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        self.step(None, call, |result| Step::Refuse { bytes: outcome(result).0 })
    }

    #[inline(always)]
    pub fn discard(&self, call: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        self.step(Some(Step::Discard { bytes: 0 }), call, |result| Step::Discard { bytes: outcome(result).0 })
    }

    #[inline(always)]
    pub fn signal<T>(&self, call: impl FnOnce() -> T) -> T {
        self.step(None, call, |_| Step::Signal)
    }

    // Calls that may be made within a lock.

    #[inline(always)]
    pub fn shutdown<T>(&self, client: impl Into<Option<Id>>, call: impl FnOnce() -> T) -> T {
        self.quick_step(call, |_| Some(Step::Shutdown { client: number(client) }))
    }

    #[inline(always)]
    pub fn close<T>(&self, client: impl Into<Option<Id>>, call: impl FnOnce() -> T) -> T {
        self.quick_step(call, |_| Some(Step::Close { client: number(client) }))
    }

    #[inline(always)]
    pub fn discard_at_once(&self, call: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        self.quick_step(call, |result| Some(Step::Discard { bytes: outcome(result).0 }))
    }

    /// Looks whether others have sent something. `call` returns how many have.
    #[inline(always)]
    pub fn look(&self, call: impl FnOnce() -> usize) -> usize {
        self.quick_step(call, |ready| Some(Step::Look { ready: *ready }))
    }

    /// A client's socket is about to be closed.
    #[inline(always)]
    pub fn closes(&self, client: Id) {
        if let Some(on) = self.on() {
            on.moment(Step::Close { client: client.number() });
        }
    }

    /// `call` returns how many writes to stdout there were.
    #[inline(always)]
    pub fn show(&self, call: impl FnOnce() -> usize) {
        self.quick_step(call, |writes| (*writes > 0).then_some(Step::Show { writes: *writes }));
    }

    // The room, and what threads do to share it.

    /// The room was told something. `owed` is how many bytes it owes to whom, by now.
    #[inline(always)]
    pub fn told<I: Iterator<Item = (Id, usize)>>(&self, owed: impl FnOnce() -> I) {
        if let Some(on) = self.on() {
            tell(on, owed);
        }
    }

    /// The room was told how much a client's socket took.
    #[inline(always)]
    pub fn settled(&self, client: Id, bytes: usize) {
        if let Some(on) = self.on() {
            on.moment(Step::Settled { client: client.number(), bytes });
        }
    }

    #[inline(always)]
    pub fn handed_over(&self, client: Id, bytes: usize) {
        if let Some(on) = self.on() {
            on.moment(Step::HandOver { client: client.number(), bytes });
        }
    }

    /// Takes the room's lock, by `lock`, and where it is told by `try_lock` if nobody holds it.
    #[inline(always)]
    pub fn lock<T>(&self, try_lock: impl FnOnce() -> Option<T>, lock: impl FnOnce() -> T) -> T {
        match self.on() {
            None => lock(),
            Some(on) => lock_and_tell(on, try_lock, lock),
        }
    }

    /// The room's lock is about to be given back.
    #[inline(always)]
    pub fn unlocks(&self) {
        if let Some(on) = self.on() {
            on.leave();
        }
    }

    /// Waits for somebody else, and gives back the room's lock meanwhile.
    #[inline(always)]
    pub fn park<T>(&self, client: Id, call: impl FnOnce() -> T) -> T {
        let Some(on) = self.on() else { return call() };
        on.leave();
        let step = Step::Park { client: client.number() };
        let begun = on.begin_asleep(&step);
        let result = call();
        on.end(begun, step);
        on.enter();
        result
    }

    // Behind them.

    #[inline(always)]
    fn step<T>(&self, asleep: Option<Step>, call: impl FnOnce() -> T, what: impl FnOnce(&T) -> Step) -> T {
        match self.on() {
            None => call(),
            Some(on) => take(on, asleep, call, what),
        }
    }

    #[inline(always)]
    fn quick_step<T>(&self, call: impl FnOnce() -> T, what: impl FnOnce(&T) -> Option<Step>) -> T {
        match self.on() {
            None => call(),
            Some(on) => take_quickly(on, call, what),
        }
    }
}

#[cold]
#[inline(never)]
fn take<T>(on: &Recorder, asleep: Option<Step>, call: impl FnOnce() -> T, what: impl FnOnce(&T) -> Step) -> T {
    on.pause();
    let begun = match asleep {
        Some(asleep) => on.begin_asleep(&asleep),
        None => on.begin(),
    };
    let result = call();
    on.end(begun, what(&result));
    result
}

#[cold]
#[inline(never)]
fn take_quickly<T>(on: &Recorder, call: impl FnOnce() -> T, what: impl FnOnce(&T) -> Option<Step>) -> T {
    let begun = on.begin();
    let result = call();
    if let Some(step) = what(&result) {
        on.end(begun, step);
    }
    result
}

#[cold]
#[inline(never)]
fn lock_and_tell<T>(on: &Recorder, try_lock: impl FnOnce() -> Option<T>, lock: impl FnOnce() -> T) -> T {
    on.pause();
    let begun = on.begin();
    let (guard, waited) = match try_lock() {
        Some(guard) => (guard, false),
        None => (lock(), true),
    };
    on.end(begun, Step::Lock { waited });
    on.enter();
    guard
}

#[cold]
#[inline(never)]
fn tell<I: Iterator<Item = (Id, usize)>>(on: &Recorder, owed: impl FnOnce() -> I) {
    let owed = owed().take(OWED_MAX).map(|(id, bytes)| Owed { client: id.number(), bytes });
    on.since_last(Step::Told { owed: owed.collect() });
}

fn written<E: Error>(client: Id, offer: &(impl Offer + ?Sized), waits: bool, result: &Result<usize, E>) -> Step {
    let (bytes, flaw) = outcome(result);
    let (client, offered, gathered) = (client.number(), offer.size(), offer.is_gathered());
    Step::Write { client, offered, gathered, waits, bytes, flaw }
}

fn number(client: impl Into<Option<Id>>) -> u64 {
    client.into().map_or(0, Id::number)
}

fn outcome<E: Error>(result: &Result<usize, E>) -> (usize, Option<Flaw>) {
    match result {
        Ok(bytes) => (*bytes, None),
        Err(e) => (0, Some(e.flaw())),
    }
}

/// What is offered to a socket.
pub trait Offer {
    /// Bytes.
    fn size(&self) -> usize;
    /// In pieces, or in one.
    fn is_gathered(&self) -> bool;
}

impl Offer for [u8] {
    fn size(&self) -> usize {
        self.len()
    }

    fn is_gathered(&self) -> bool {
        false
    }
}

impl Offer for [IoSlice<'_>] {
    fn size(&self) -> usize {
        self.iter().map(|part| part.len()).sum()
    }

    fn is_gathered(&self) -> bool {
        true
    }
}

/// What a call may fail with.
pub trait Error {
    fn flaw(&self) -> Flaw;
}

impl Error for io::Error {
    fn flaw(&self) -> Flaw {
        match self.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Flaw::WouldBlock,
            _ => Flaw::Failed,
        }
    }
}

impl Error for rustix::io::Errno {
    fn flaw(&self) -> Flaw {
        io::Error::from(*self).flaw()
    }
}

/// The recorder of a build that has none.
#[cfg(not(feature = "trace"))]
mod never {
    use super::{Lang, Options, Stderr, Step};

    pub enum Recorder {}

    impl Recorder {
        pub fn start(_: &Options, _: &str, _: Lang, _: impl FnOnce() -> Option<Stderr>) -> Result<Recorder, String> {
            Err("this build records no steps; build one with `cargo build --features trace`".into())
        }
        pub fn finish(&self) {
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
        pub fn end(&self, _: u64, _: Step) {
            match *self {}
        }
        pub fn moment(&self, _: Step) {
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
