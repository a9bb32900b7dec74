//! The recorder: it takes the steps and passes them on.
//!
//! A thread that took a step reads the clock twice and puts the step into a bounded queue. A separate thread empties
//! the queue and does the rest. If it is too slow steps are lost and counted, and the file reports the number: the chat
//! never waits for its trace. Only the narration of `--explain` is made in the thread itself, so that it appears as the
//! steps happen.

use super::chrome::{Item, Writer};
use super::narrator::Narrator;
use super::record::{Options, Record, Stderr};
use super::sockets::Sockets;
use super::step::{Header, Step};
use crate::text::Lang;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The number of steps that may wait to be written.
const QUEUE_MAX: usize = 1 << 16;
/// How often they are written. Steps younger than this are lost when the process is killed.
const WRITE_EVERY: Duration = Duration::from_millis(20);
/// The longest pause that is slept at a time, so that the server can stop soon.
const NAP: Duration = Duration::from_millis(50);

pub(crate) struct Recorder {
    start: Instant,
    /// The driver has a thread for each client.
    blocks: bool,
    /// What the main thread is called.
    main: Cow<'static, str>,
    sockets: Sockets,
    narrator: Option<Mutex<Narrator>>,
    slow: Option<Duration>,
    /// The server is told to stop: no more pauses are made.
    hurries: Arc<AtomicBool>,
    queue: Option<SyncSender<Item>>,
    writing: Mutex<Option<JoinHandle<()>>>,
    shared: Arc<Shared>,
}

/// What the writing thread shares with the other threads.
#[derive(Default)]
struct Shared {
    /// The number of steps that found the queue full.
    lost: AtomicU64,
    is_over: AtomicBool,
}

thread_local! {
    /// The thread's number. It is set together with the record of the thread's name.
    static TRACK: OnceCell<u32> = const { OnceCell::new() };
    /// When the thread's last step ended.
    static LAST_END: Cell<u64> = const { Cell::new(0) };
    /// The client that the thread read from last; 0 for none.
    static OWN_CLIENT: Cell<u64> = const { Cell::new(0) };
    /// When the thread locked the room; `None` while it has not.
    static INSIDE_SINCE: Cell<Option<u64>> = const { Cell::new(None) };
    /// The number of sentences for which the thread has not paused yet.
    static PAUSES: Cell<u32> = const { Cell::new(0) };
}

static TRACKS: AtomicU32 = AtomicU32::new(0);

impl Recorder {
    /// Starts the recording that `options` ask for. The error is text for people.
    pub(crate) fn start(
        options: &Options,
        header: Header,
        lang: Lang,
        stderr: impl FnOnce() -> Option<Stderr>,
    ) -> Result<Recorder, String> {
        let mut recorder = Recorder {
            start: Instant::now(),
            blocks: header.blocks,
            main: header.main.clone(),
            sockets: Sockets::default(),
            narrator: options.explain.then(|| Mutex::new(Narrator::new(lang, header.blocks, stderr()))),
            slow: options.slow,
            hurries: Arc::default(),
            queue: None,
            writing: Mutex::new(None),
            shared: Arc::default(),
        };
        if recorder.slow.is_some() {
            // The thread that would handle the signal may be the one that pauses, so the pause needs a flag of its own.
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
                // Loaded before the queue is emptied, so that all steps queued before the end are written.
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
                // Sleeps for a time instead of being woken, because waking a thread would slow the sender down.
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

    /// The client that this thread serves; 0 for none.
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

    /// Ends a step. `call` is its system call and the number of calls.
    pub(crate) fn end(&self, begin: u64, step: Step, call: Option<(&'static str, usize)>) {
        let end = self.now();
        LAST_END.set(end);
        if let Step::Read { client, .. } = step {
            OWN_CLIENT.set(client);
        }
        self.record(Record { track: self.track(), begin, end, step, call });
    }

    /// Ends a step that began when the thread's last step ended.
    pub(crate) fn since_last(&self, step: Step) {
        self.end(LAST_END.get(), step, None);
    }

    /// Records a step that takes no time.
    pub(crate) fn moment(&self, step: Step, call: Option<(&'static str, usize)>) {
        let now = self.now();
        self.record(Record { track: self.track(), begin: now, end: now, step, call });
    }

    /// Records a step that took no time, at that time.
    #[cfg(all(feature = "uring", target_os = "linux"))]
    pub(crate) fn at(&self, time: u64, step: Step) {
        self.record(Record { track: self.track(), begin: time, end: time, step, call: None });
    }

    /// The thread has locked the room.
    pub(crate) fn enter(&self) {
        INSIDE_SINCE.set(Some(LAST_END.get()));
    }

    /// The thread unlocks the room.
    pub(crate) fn leave(&self) {
        if let Some(since) = INSIDE_SINCE.take() {
            self.end(since, Step::Inside, None);
        }
    }

    /// Makes the pauses that are due, but never while the room is locked: all other threads would pause too, and report
    /// that they waited for the mutex.
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
                    Some("main") => self.main.clone().into_owned(),
                    name => name.unwrap_or("thread").to_owned(),
                };
                self.send(Item::Thread { track, name });
                track
            })
        })
    }
}
