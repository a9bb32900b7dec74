//! The ways of waiting: one file each in this folder, and one entry each in the table below. Lay the files side by side.
//!
//! All code that needs to know the drivers reads [`DRIVERS`]: `--mode`, `--version`, the benchmarks, the comparison,
//! the trace and the tests.
//!
//! ```text
//!   --mode epoll: one thread, many sockets            --mode threaded: many threads, one socket each
//!
//!    ana   beto  cleo  dani   listener                 ana        beto       cleo      listener
//!     │     │     │     │        │                      │          │          │           │
//!     ▼     ▼     ▼     ▼        ▼                      ▼          ▼          ▼           ▼
//!   ╔═════════════════════════════════╗              ┌──────┐   ┌──────┐   ┌──────┐   ┌────────┐
//!   ║   wait: who of you is ready?    ║  sleeps      │ read │   │ read │   │ read │   │ accept │  each sleeps
//!   ╚════════════════╤════════════════╝  here        └──┬───┘   └──┬───┘   └──┬───┘   └───┬────┘  in its own place
//!                    ▼                                  │          │          │           │
//!      read from each ready client                      ▼          ▼          ▼           ▼
//!      write once to each receiver                   ╔══════════════════════════════════════════╗
//!      close the dead, accept the new                ║     the room, behind one mutex           ║
//!      show it, and sleep again                      ╚══════════════════════════════════════════╝
//!                                                      write without the mutex, then read again
//! ```
//!
//! Three more are the picture on the left with another question or another way to write it:
//!
//! * `--mode poll`: the thread hands the list of all sockets to the kernel, each time.
//! * `--mode uring`: the thread does not read or write. It hands over the work, "receive from this socket", "send these bytes", and
//!   the kernel reports what is *done*.
//! * `--mode async`: the code is that of the picture on the right, but each box is a task and not a thread. A task that
//!   waits returns to the runtime, which sleeps in the picture on the left when no task is ready.
//!
//! | | `epoll` | `poll` | `threaded` | `uring` | `async` |
//! |---|---|---|---|---|---|
//! | threads | 1 | 1 | one per client, and a few | 1 | 1 |
//! | sleeps in | `epoll_wait`, for all | `ppoll`, for all | `read`, each for its own | `io_uring_enter`, for all | `epoll_wait`, beneath all tasks |
//! | learns from the kernel | who *became* ready, once | who *is* ready, each time | nothing: `read` returns | what is *done* | as epoll: whose task to wake |
//! | has to remember | the clients that it has not read to the end | nothing | nothing | the operations under way, and their buffers | nothing: a task is where it waits |
//! | for a line to five others | wait, read, five sends: 7 system calls | wait, read, five sends: 7 | read, five sends: 6 | one call for all: 1 | wait, two reads, five sends: 8 |
//! | and to the console | one write: 8 | one write: 8 | one write: 7 | one write: 2 | one write: 9 |
//! | what must not happen | a call that blocks, anywhere else in the loop | the same | a write while the mutex is held | a buffer that is freed while the kernel has it | a call that blocks, or a borrow of the room, while a task waits |
//!
//! To count the system calls, run `strace -f -c -p PID` while six clients talk in turn, with `--quiet`, as in `tertulia bench`, or with
//! the transcript in a pipe. In a terminal that takes commands, two more ask for its size and its foreground. If stdout is a file, a
//! thread of its own writes the transcript, and waking that thread costs more calls.
//!
//! # A lesson: the same message, five ways
//!
//! It takes thirty minutes. For each mode, start the server with `tertulia serve --slow 1500 --mode MODE`, join twice with `nc`, and let
//! one say `hola`. Ask before each sentence appears: what comes next?
//!
//! 1. `epoll` (6 minutes): which steps does a line need? Which of them sleeps? Write the list on the board, with the system calls.
//! 2. `poll` (5 minutes): the list is the same. What does the server hand over with each `ppoll`? `strace -e ppoll -p PID` shows it.
//!    What would the call look like with 9000 clients who say nothing?
//! 3. `threaded` (6 minutes): where is the wait of the list now? Why is there a lock, and who else could need it?
//! 4. `uring` (6 minutes): nobody reads and nobody writes. What is queued, what is complete, and whose buffer is it meanwhile? How many
//!    system calls are left?
//! 5. `async` (7 minutes): which task is woken, which is polled, which is pending? Cover the task names: whose list is this? It is
//!    `epoll`'s.
//!
//! Then lay the five files side by side. Each begins with what it does in a turn.
//!
//! # To add a way of waiting
//!
//! Read the contract in [`chat::hub`](crate::chat::hub), which has a whole driver as an example.

#[cfg(feature = "async")]
mod r#async;
mod epoll;
#[cfg(feature = "poll")]
mod poll;
#[cfg(feature = "threaded")]
mod threaded;
#[cfg(all(feature = "uring", target_os = "linux"))]
mod uring;

// What the drivers stand on. Their tests put simulated modules of the same names in its place.
#[cfg(feature = "threaded")]
use super::blocking;
#[cfg(all(feature = "uring", target_os = "linux"))]
use super::ring;
use super::service::{ACCEPT_RETRY, STOP_PATIENCE, Service, WhenFull};
use super::signals::Order;
#[cfg(feature = "async")]
use super::tasks;
use super::{diagnostics, hub, lingering, listener, net, records};
use crate::text::Bilingual;
use crate::trace::Header;
use std::io;
use std::sync::OnceLock;

/// A driver: one way of waiting for clients.
pub struct Driver {
    /// The value of `--mode` that selects it.
    pub name: &'static str,
    /// What it does, as a heading: "one thread waits for every socket".
    pub title: Bilingual,
    /// Its name within a sentence: "the event loop".
    pub noun: Bilingual,
    /// What its main thread is called in a trace.
    pub main_thread: &'static str,
    /// The Linux system call in which its threads sleep while all clients are silent.
    pub sleeps_in: &'static str,
    /// True if each connection has a thread of its own that blocks in its calls. Otherwise one thread serves all
    /// connections, and its calls on sockets never block.
    pub blocks: bool,
    /// Whether it can look again and again instead of sleeping: `--spin`.
    pub spins: bool,
    /// Whether this machine can run it. The error is text for people, in a sentence: why it cannot.
    probe: fn() -> Result<(), String>,
    /// Serves until a signal tells it to stop.
    pub(crate) run: fn(Service) -> io::Result<()>,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Driver {
    /// What a trace records about the driver.
    pub(super) fn header(&self) -> Header {
        Header {
            mode: self.name.into(),
            title: self.title.clone(),
            sleeps_in: self.sleeps_in.into(),
            blocks: self.blocks,
            main: self.main_thread.into(),
        }
    }

    /// Whether this machine can run it. The error is text for people: why it cannot, and what to try.
    pub fn check(&self) -> Result<(), String> {
        (self.probe)().map_err(|why| diagnostics::mode_does_not_work(self.name, &why, DRIVERS[0].name))
    }

    /// The drivers that are built in and that this machine can run. Why it cannot run another one is logged, once.
    pub fn usable() -> Vec<&'static Driver> {
        static USABLE: OnceLock<Vec<&'static Driver>> = OnceLock::new();
        let is_usable = |driver: &&Driver| {
            driver.check().inspect_err(|why| log::warn!("{}", diagnostics::mode_left_out(why))).is_ok()
        };
        USABLE.get_or_init(|| DRIVERS.iter().filter(is_usable).collect()).clone()
    }

    /// The driver of this name, if it is built in.
    pub fn named(name: &str) -> Option<&'static Driver> {
        DRIVERS.iter().find(|driver| driver.name == name)
    }
}

/// The drivers that are built in. The first is the default.
pub static DRIVERS: &[Driver] = &[
    Driver {
        name: "epoll",
        title: Bilingual::new("one thread waits for every socket", "un hilo espera a todos los sockets"),
        noun: Bilingual::new("the event loop", "el bucle de eventos"),
        main_thread: "event loop",
        sleeps_in: "epoll_wait",
        blocks: false,
        spins: true,
        probe: || Ok(()),
        run: epoll::run,
    },
    #[cfg(feature = "poll")]
    Driver {
        name: "poll",
        title: Bilingual::new("one thread asks about every socket", "un hilo pregunta por todos los sockets"),
        noun: Bilingual::new("the poll loop", "el bucle de poll"),
        main_thread: "poll loop",
        sleeps_in: "ppoll",
        blocks: false,
        spins: true,
        probe: || Ok(()),
        run: poll::run,
    },
    #[cfg(feature = "threaded")]
    Driver {
        name: "threaded",
        title: Bilingual::new("one thread per client", "un hilo por cliente"),
        noun: Bilingual::new("a thread per client", "un hilo por cliente"),
        main_thread: "main",
        sleeps_in: "read",
        blocks: true,
        spins: false,
        probe: || Ok(()),
        run: threaded::run,
    },
    #[cfg(all(feature = "uring", target_os = "linux"))]
    Driver {
        name: "uring",
        title: Bilingual::new(
            "one thread hands its work to the kernel and is told when it is done",
            "un hilo encarga su trabajo al núcleo, que avisa cuando está hecho",
        ),
        noun: Bilingual::new("the completion loop", "el bucle de finalizaciones"),
        main_thread: "completion loop",
        sleeps_in: "io_uring_enter",
        blocks: false,
        spins: true,
        probe: ring::Ring::probe,
        run: uring::run,
    },
    #[cfg(feature = "async")]
    Driver {
        name: "async",
        title: Bilingual::new("one thread polls a task per client", "un hilo sondea una tarea por cliente"),
        noun: Bilingual::new("a task per client", "una tarea por cliente"),
        main_thread: "tasks",
        sleeps_in: "epoll_wait",
        blocks: false,
        spins: false,
        probe: || Ok(()),
        run: r#async::run,
    },
];

/// The drivers that this build leaves out, by the cargo features that would add them.
pub(crate) static LEFT_OUT: &[&str] = &[
    #[cfg(not(feature = "poll"))]
    "poll",
    #[cfg(not(feature = "threaded"))]
    "threaded",
    #[cfg(all(not(feature = "uring"), target_os = "linux"))]
    "uring",
    #[cfg(not(feature = "async"))]
    "async",
];
