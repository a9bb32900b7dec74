//! The trace: the steps that a driver takes are recorded, narrated and drawn.
//!
//! A step is marked in the layer between a driver and the kernel or the room, and not in the driver itself. In reading
//! order:
//!
//! * [`step`] names the steps: wait, read, ingested, write, …; in uring mode also what is queued and complete, and in async
//!   mode which task is woken, polled and pending;
//! * [`record`] is what is recorded of one step;
//! * [`marks`] is what the layer calls to mark a step. When tracing is off, a mark is one test of a static that never
//!   changes; without the cargo feature `trace` it is nothing at all;
//! * [`sockets`] maps descriptors to clients;
//! * `recorder` records the steps off the hot path, with a bounded queue and a thread that empties it;
//! * `ledger` finds out which write brought which message to which member;
//! * `messages` has the sentence for each step, in English and Spanish; `narrator` writes them to stderr for `serve
//!   --explain`;
//! * `chrome` writes the steps to a file for `serve --trace`, and reads the file again;
//! * `page` draws them for `tertulia trace view`, with `page.html`, `page.css` and `page.js`;
//! * `calls` counts their system calls as strace does, for `tertulia trace calls`.
//!
//! # What is a step and what is not
//!
//! From the moment when the server reports that it listens, every system call on a socket or on the poll is a step, and
//! so is every write to stdout, unless it is a file. The following are not steps, although strace shows them:
//!
//! * calls by which threads wait for each other (`futex`). Only a mutex that is taken already costs one. Locking is a
//!   step that records how long it took;
//! * calls that start and end a thread (`clone3`, `mmap`, `mprotect`, `madvise`, `rseq`, …). Together they are one
//!   step, *start thread*;
//! * calls on a signal's own pipe (`sendto` by the handler, `recvfrom` or `read` by the receiver). Together they are
//!   one step, *signal*;
//! * the question whether a connection was reset (`getpeername`), which a thread asks at the end of a stream and while its
//!   client has to wait;
//! * the question whose connection was accepted (`getpeername`), in uring mode;
//! * what a runtime of tasks asks by itself, in async mode: whether there are new events while tasks are ready
//!   (`epoll_wait` that does not sleep), whether the listener's queue is empty now (`accept4`), and to watch a socket no more
//!   (`epoll_ctl`);
//! * the question which of several listening sockets has a connection (`ppoll`), in threaded mode;
//! * the question whether stdout takes something (`ppoll`), which is asked only when stdout cannot be opened again;
//! * writes to files: the threads that make them (`disk`) do nothing else. These are the history, and the transcript if
//!   stdout is a file;
//! * memory (`brk`, `mmap`, `munmap`), and the trace's own file and thread.
//!
//! This list can be checked: strace counts the same calls as the trace, and those of the list in addition. Both also
//! have the calls before the server listens and after it stops (`socket`, `bind`, two `epoll_ctl`, …).
//!
//! ```console
//! $ strace -f -c -o calls.txt tertulia serve --trace talk.json    # talk, then Ctrl-C
//! $ tertulia trace calls talk.json
//! $ cat calls.txt
//! ```
//!
//! # The file
//!
//! It has Chrome's trace format, so [Perfetto](https://ui.perfetto.dev) and `chrome://tracing` open it, too. It is
//! complete after Ctrl-C and SIGTERM. After `kill -9`, or a second signal, its last 20 ms and its closing bracket are
//! missing; these programs can still read it. Steps that come faster than they can be written are lost and counted, and
//! the file ends at 128 MiB: the chat never waits for its trace.
//!
//! # The page
//!
//! A server sleeps for seconds and works for microseconds, so the page folds the time. Where a thread works, time is
//! drawn to scale. Where all threads sleep, the time axis is folded, and the fold says for how long. A click on a step
//! of a message marks the way of the message, from the thread that wakes to its last receiver. `←` and `→` go from step
//! to step, with one sentence for each, `↑` and `↓` from message to message; `?` shows all keys. The page is in English
//! and Spanish.
//!
//! # What the marks cost
//!
//! While tracing is off, a mark costs a branch. Compared with a build that has no marks, with server and load on one
//! core, the difference is about as large as that between rounds:
//!
//! ```console
//! $ cargo build --release && cp target/release/tertulia with
//! $ cargo build --release --no-default-features --features poll,threaded,bench && cp target/release/tertulia without
//! $ for i in 1 2 3; do for t in with without; do ./$t bench --cores same; done; done
//! ```
//!
//! | processor time per delivery, three rounds | with marks | without |
//! |---|---|---|
//! | `--mode epoll` | 2.58, 2.63, 2.72 µs | 2.47, 2.42, 2.50 µs |
//! | `--mode poll` | 2.65, 2.79, 2.63 µs | 2.77, 2.39, 2.65 µs |
//! | `--mode threaded` | 6.70, 7.46, 6.33 µs | 7.37, 7.72, 6.71 µs |

#[cfg(feature = "trace")]
pub mod calls;
#[cfg(feature = "trace")]
pub mod chrome;
#[cfg(feature = "trace")]
pub mod ledger;
pub(crate) mod marks;
#[cfg(feature = "trace")]
pub(crate) mod messages;
#[cfg(feature = "trace")]
pub(crate) mod narrator;
#[cfg(feature = "trace")]
pub(crate) mod page;
pub(crate) mod record;
#[cfg(feature = "trace")]
pub(crate) mod recorder;
pub(crate) mod sockets;
pub mod step;

pub use marks::Call;
pub use record::Options;
pub use step::{Header, Source};
