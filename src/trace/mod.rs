//! The trace: the steps that a driver takes are recorded, narrated and drawn.
//!
//! A step is marked in the layer between a driver and the kernel or the room, and not in the driver itself. In reading
//! order:
//!
//! * [`step`] names the steps: wait, read, ingested, write, …;
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
//! * the question which of several listening sockets has a connection (`ppoll`), in threaded mode;
//! * the question whether stdout takes something (`ppoll`), which is asked only when stdout cannot be opened again;
//! * writes to files: the threads that make them (`disk`) do nothing else. These are the history, and the transcript if
//!   stdout is a file;
//! * memory (`brk`, `mmap`, `munmap`), and the trace's own file and thread.

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
