//! Takes the steps down.
//!
//! A thread that took a step reads the clock twice and puts what it did into a bounded queue; a thread of our own empties
//! that and does the rest. Where it does not come to it in time steps are lost, counted, and the file says how many: the
//! chat never waits for its picture. Only the narration of `--explain` is made in the thread itself, for it is to be seen as
//! it happens.

use super::chrome::{Item, Writer};
use super::narrator::Narrator;
use super::record::{Options, Record, Stderr};
use super::sockets::Sockets;
use super::step::{Header, Step};
use crate::text::Lang;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::cell::{Cell, OnceCell};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Steps that may wait to be written.
const QUEUE_MAX: usize = 1 << 16;
/// How often they are written. What is younger when the process is killed is not in the file.
const WRITE_EVERY: Duration = Duration::from_millis(20);
/// Longest pause that is slept at a time, so that a server that is to stop does so.
const NAP: Duration = Duration::from_millis(50);

pub(crate) struct Recorder {
    start: Instant,
    /// The driver has a thread for each client.
    blocks: bool,
    sockets: Sockets,
    narrator: Option<Mutex<Narrator>>,
    slow: Option<Duration>,
    /// The server was told to stop: nobody is made to wait for its last words.
    hurries: Arc<AtomicBool>,
    queue: Option<SyncSender<Item>>,
    writing: Mutex<Option<JoinHandle<()>>>,
    shared: Arc<Shared>,
}

/// What the writing thread shares with the others.
#[derive(Default)]
struct Shared {
    /// Steps that found the queue full.
    lost: AtomicU64,
    is_over: AtomicBool,
}

thread_local! {
    /// The thread's own number, and whether it has been introduced.
    static TRACK: OnceCell<u32> = const { OnceCell::new() };
    /// When its last step ended.
    static LAST_END: Cell<u64> = const { Cell::new(0) };
    /// The client that it read from last; 0 for none.
    static OWN_CLIENT: Cell<u64> = const { Cell::new(0) };
    /// When it got the room's lock, while it has it.
    static INSIDE_SINCE: Cell<Option<u64>> = const { Cell::new(None) };
    /// Sentences after which it has not paused yet.
    static PAUSES: Cell<u32> = const { Cell::new(0) };
}

static TRACKS: AtomicU32 = AtomicU32::new(0);

impl Recorder {
    /// Begins to record as is asked for.
    pub(crate) fn start(
        options: &Options,
        header: Header,
        lang: Lang,
        stderr: impl FnOnce() -> Option<Stderr>,
    ) -> Result<Recorder, String> {
        let mut recorder = Recorder {
            start: Instant::now(),
            blocks: header.blocks,
            sockets: Sockets::default(),
            narrator: options.explain.then(|| Mutex::new(Narrator::new(lang, header.blocks, stderr()))),
            slow: options.slow,
            hurries: Arc::default(),
            queue: None,
            writing: Mutex::new(None),
            shared: Arc::default(),
        };
        if recorder.slow.is_some() {
            // A pause does not hear of it otherwise: who would is the thread that pauses.
            for signal in [SIGINT, SIGTERM] {
                let caught = signal_hook::flag::register(signal, recorder.hurries.clone());
                caught.map_err(|e| format!("signals cannot be caught: {e}"))?;
            }
        }
        if let Some(path) = &options.file {
            let (queue, items) = sync_channel(QUEUE_MAX);
            recorder.queue = Some(queue);
            recorder.writing = Mutex::new(Some(recorder.write_to(path, items, &header)?));
        }
        Ok(recorder)
    }

    fn write_to(&self, path: &Path, items: Receiver<Item>, header: &Header) -> Result<JoinHandle<()>, String> {
        let failed = |e| format!("the trace {} cannot be written: {e}", path.display());
        let mut writer = Writer::create(path, header).map_err(failed)?;
        let (shared, start) = (self.shared.clone(), self.start);
        let write = move || {
            loop {
                // Asked before the queue is emptied: so what was in it by then is written.
                let is_over = shared.is_over.load(Ordering::Acquire);
                for item in items.try_iter() {
                    writer.item(item);
                }
                let lost = shared.lost.swap(0, Ordering::Relaxed);
                let now = start.elapsed().as_nanos() as u64;
                if lost > 0 {
                    writer.lost(lost, now);
                }
                if is_over {
                    return writer.finish(now);
                }
                writer.flush();
                // A sender that had to wake us would be slowed down by it.
                thread::park_timeout(WRITE_EVERY);
            }
        };
        thread::Builder::new().name("trace".into()).spawn(write).map_err(failed)
    }

    /// Writes what is left, and ends the file.
    pub(crate) fn finish(&self) {
        self.shared.is_over.store(true, Ordering::Release);
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writing) = writing {
            writing.thread().unpark();
            let _ = writing.join();
        }
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    pub(crate) fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// The client that this thread serves; 0 if none.
    pub(crate) fn own_client(&self) -> u64 {
        OWN_CLIENT.get()
    }

    pub(crate) fn begin(&self) -> u64 {
        self.now()
    }

    /// Begins a step in which a thread may sleep for ever.
    pub(crate) fn begin_asleep(&self, step: &Step) -> u64 {
        let begin = self.now();
        if self.blocks && self.queue.is_some() {
            self.send(Item::Asleep { track: self.track(), begin, step: step.clone() });
        }
        begin
    }

    /// A step is over. `call` is its system call and how many of it.
    pub(crate) fn end(&self, begin: u64, step: Step, call: Option<(&'static str, usize)>) {
        let end = self.now();
        LAST_END.set(end);
        if let Step::Read { client, .. } = step {
            OWN_CLIENT.set(client);
        }
        self.record(Record { track: self.track(), begin, end, step, call });
    }

    /// A step that began when the thread's last one ended.
    pub(crate) fn since_last(&self, step: Step) {
        self.end(LAST_END.get(), step, None);
    }

    /// A step that takes no time.
    pub(crate) fn moment(&self, step: Step, call: Option<(&'static str, usize)>) {
        let now = self.now();
        self.record(Record { track: self.track(), begin: now, end: now, step, call });
    }

    /// The thread is in the room.
    pub(crate) fn enter(&self) {
        INSIDE_SINCE.set(Some(LAST_END.get()));
    }

    /// The thread leaves the room.
    pub(crate) fn leave(&self) {
        if let Some(since) = INSIDE_SINCE.take() {
            self.end(since, Step::Inside, None);
        }
    }

    /// Makes the pauses that are due. Never within the lock: all others would pause, too, and then say they waited for it.
    pub(crate) fn pause(&self) {
        let Some(slow) = self.slow.filter(|_| INSIDE_SINCE.get().is_none()) else { return };
        let end = Instant::now() + slow * PAUSES.take();
        while !self.hurries.load(Ordering::Relaxed) {
            match end.saturating_duration_since(Instant::now()) {
                Duration::ZERO => return,
                left => thread::sleep(left.min(NAP)),
            }
        }
    }

    fn record(&self, record: Record) {
        if let Some(narrator) = &self.narrator {
            let mut narrator = narrator.lock().unwrap_or_else(PoisonError::into_inner);
            let thread = thread::current();
            if narrator.tell(&record, thread.name().unwrap_or("thread")) {
                PAUSES.set(PAUSES.get() + 1);
            }
        }
        self.send(Item::Step(record));
    }

    fn send(&self, item: Item) {
        if let Some(queue) = &self.queue
            && queue.try_send(item).is_err()
        {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn track(&self) -> u32 {
        TRACK.with(|track| {
            *track.get_or_init(|| {
                let track = TRACKS.fetch_add(1, Ordering::Relaxed) + 1;
                let name = match thread::current().name() {
                    Some("main") if !self.blocks => "event loop".into(),
                    name => name.unwrap_or("thread").to_owned(),
                };
                self.send(Item::Thread { track, name });
                track
            })
        })
    }
}
