//! The scheduler of the simulated threads: which of them sleep, and when the time advances.
//!
//! Shuttle runs one thread at a time, and may switch to another at each call. It knows neither time nor sockets:
//! threads that wait for one of these, or for a notification from another thread, sleep here. The time advances only
//! when all threads sleep. So a lost wake-up is not hidden by some timeout.

use super::super::kernel::{Kernel, LIFE_MAX, with};
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::sync::mpsc::{self, Sender};
use shuttle::thread;
use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// What a thread sleeps for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Wait {
    Readable(usize),
    Writable(usize),
    Connection,
    Signal,
    /// A notification from another thread, by its number.
    Word(u64),
    Time,
}

impl Wait {
    /// Whether the condition has come true.
    fn is_over(self, kernel: &Kernel) -> bool {
        match self {
            Wait::Readable(number) => kernel.sockets[number].has_unread(),
            Wait::Writable(number) => kernel.sockets[number].is_writable() || kernel.sockets[number].shut,
            Wait::Connection => !kernel.queue.is_empty(),
            Wait::Signal => kernel.signals > 0,
            Wait::Word(_) | Wait::Time => false,
        }
    }
}

struct Sleeper {
    thread: String,
    /// Not `unpark`: shuttle also makes spurious wake-ups of parked threads, and dozens of sleepers would do little
    /// else.
    wake: Sender<()>,
    wait: Wait,
    until: Option<Duration>,
}

#[derive(Default)]
struct Scheduler {
    /// Wakes the thread that advances the time.
    clock: Option<Sender<()>>,
    sleepers: Vec<Sleeper>,
    /// The number of threads that do not sleep.
    awake: usize,
    words: u64,
    /// Notifications that came before a thread slept for them.
    said: Vec<Wait>,
    is_over: bool,
}

thread_local! {
    /// All simulated threads run in one thread of the test.
    static SCHEDULER: RefCell<Scheduler> = RefCell::default();
}

fn scheduler<T>(call: impl FnOnce(&mut Scheduler) -> T) -> T {
    SCHEDULER.with_borrow_mut(call)
}

/// The payload of the unwinding that ends a thread when the process has ended.
struct Exit;

/// The time when `time` will have passed.
pub(super) fn after(time: Duration) -> Duration {
    with(|kernel| kernel.elapsed) + time
}

/// Lets shuttle switch to another thread.
fn step() {
    AtomicBool::new(false).load(Ordering::SeqCst);
}

/// A call to the kernel. The caller may hold a mutex.
pub(super) fn call<T>(call: impl FnOnce(&mut Kernel) -> T) -> T {
    step();
    let result = with(call);
    wake_up();
    result
}

/// A call to the kernel that ends the thread if the process has ended meanwhile.
pub(super) fn try_call<T>(call: impl FnOnce(&mut Kernel) -> io::Result<T>) -> io::Result<T> {
    step();
    exit_if_over();
    let result = with(call);
    wake_up();
    result
}

/// Callers hold no mutex, so no other thread has to be released when this one unwinds.
fn exit_if_over() {
    if is_over() {
        resume_unwind(Box::new(Exit));
    }
}

/// Wakes all threads whose condition or time has come. Returns whether there are any.
fn wake_up() -> bool {
    let woken = with(|kernel| {
        scheduler(|scheduler| {
            let is_due = |until: Duration| until <= kernel.elapsed;
            let wakes = |sleeper: &mut Sleeper| sleeper.wait.is_over(kernel) || sleeper.until.is_some_and(is_due);
            scheduler.take(wakes)
        })
    });
    wake_all(&woken);
    !woken.is_empty()
}

fn wake_all(sleepers: &[Sleeper]) {
    for sleeper in sleepers {
        let _ = sleeper.wake.send(());
    }
}

impl Scheduler {
    fn take(&mut self, wakes: impl FnMut(&mut Sleeper) -> bool) -> Vec<Sleeper> {
        let woken: Vec<Sleeper> = self.sleepers.extract_if(.., wakes).collect();
        self.awake += woken.len();
        woken
    }
}

/// Sleeps until `wait` is over, at most until `until`.
pub(super) fn sleep(wait: Wait, until: Option<Duration>) {
    step();
    let (wake, woken) = mpsc::channel();
    let thread = thread::current().name().unwrap_or_default().to_owned();
    let sleeps = with(|kernel| {
        scheduler(|scheduler| {
            let sleeps = !scheduler.is_over && !wait.is_over(kernel) && !scheduler.said.contains(&wait);
            if sleeps {
                scheduler.sleepers.push(Sleeper { thread, wake, wait, until });
                scheduler.awake -= 1;
            }
            sleeps
        })
    });
    if sleeps {
        call_the_clock();
        let _ = woken.recv();
    }
    exit_if_over();
}

fn call_the_clock() {
    let clock = scheduler(|scheduler| scheduler.clock.take_if(|_| scheduler.awake == 0));
    if let Some(clock) = clock {
        let _ = clock.send(());
    }
}

/// A number for a notification that a thread will sleep for.
pub(super) fn new_word() -> u64 {
    scheduler(|scheduler| {
        scheduler.words += 1;
        scheduler.words
    })
}

/// Wakes the thread that sleeps for this notification, or keeps it for a thread that is about to sleep.
pub(super) fn say(word: u64) {
    let woken = scheduler(|scheduler| {
        let woken = scheduler.take(|sleeper| sleeper.wait == Wait::Word(word));
        if woken.is_empty() {
            scheduler.said.push(Wait::Word(word));
        }
        woken
    });
    wake_all(&woken);
}

pub(super) fn spawn(name: String, run: impl FnOnce() + Send + 'static) {
    scheduler(|scheduler| scheduler.awake += 1);
    let run = move || {
        if let Err(failure) = catch_unwind(AssertUnwindSafe(run))
            && !failure.is::<Exit>()
        {
            resume_unwind(failure);
        }
        scheduler(|scheduler| scheduler.awake -= 1);
        call_the_clock();
    };
    thread::Builder::new().name(name).spawn(run).expect("shuttle has threads");
}

pub(super) fn is_over() -> bool {
    scheduler(|scheduler| scheduler.is_over)
}

/// Runs the simulated process to its end. `main` is its main thread.
pub(super) fn run(main: impl FnOnce() + Send + 'static) {
    SCHEDULER.take();
    spawn("main".into(), || {
        main();
        scheduler(|scheduler| scheduler.is_over = true);
    });
    loop {
        let (wake, woken) = mpsc::channel();
        if scheduler(|scheduler| scheduler.awake > 0) {
            scheduler(|scheduler| scheduler.clock = Some(wake));
            let _ = woken.recv();
        }
        if is_over() {
            break;
        }
        if !wake_up() {
            let_time_pass();
        }
    }
    let left = scheduler(|scheduler| scheduler.take(|_| true));
    wake_all(&left);
}

/// Called when all threads sleep: checks that they may, and advances the time.
fn let_time_pass() {
    let timeout = scheduler(|scheduler| scheduler.sleepers.iter().filter_map(|sleeper| sleeper.until).min());
    let _told = TellWhoSleeps;
    with(|kernel| {
        kernel.assert_may_sleep(timeout.is_some());
        // The accepting thread and the records thread end with the process.
        let main_sleeps = || scheduler(|scheduler| scheduler.sleepers.iter().any(|s| s.thread == "main"));
        let is_done = kernel.told_to_stop.is_some() && kernel.is_deserted();
        assert!(!(is_done && main_sleeps()), "lost wake-up: all have gone and the server does not end");
        let act = kernel.agenda.first_key_value().map(|((at, _), _)| *at);
        match act.into_iter().chain(timeout).min() {
            Some(next) => kernel.pass(next.saturating_sub(kernel.elapsed)),
            None => {
                assert_nobody_is_left_over(kernel);
                kernel.rest();
            }
        }
        assert!(kernel.elapsed < LIFE_MAX, "the room does not come to rest");
    });
}

/// Checks that a client's threads have ended when the client is gone.
fn assert_nobody_is_left_over(kernel: &Kernel) {
    scheduler(|scheduler| {
        for sleeper in &scheduler.sleepers {
            let name = &sleeper.thread;
            let of_a_client = name.rsplit_once('-').and_then(|(_, number)| number.parse().ok());
            let is_needed = of_a_client.is_none_or(|number| kernel.room.socket_of(number).is_some());
            assert!(is_needed, "{name} waits for {:?}, and its client is gone", sleeper.wait);
        }
    });
}

/// Prints the sleeping threads when a check fails.
struct TellWhoSleeps;

impl Drop for TellWhoSleeps {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let told = |sleeper: &Sleeper| eprintln!("{}: {:?}", sleeper.thread, sleeper.wait);
            scheduler(|scheduler| scheduler.sleepers.iter().for_each(told));
        }
    }
}
