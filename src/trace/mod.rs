//! The steps that a driver takes: recorded, narrated, drawn.
//!
//! A step is marked in the seam where a driver meets the kernel or the room, not in the driver: what is marked there, and how, is
//! the business of [`marks`]. In reading order:
//!
//! * [`step`] names the steps: wait, read, ingested, write, …;
//! * [`record`] is what is recorded of one;
//! * [`marks`] is what the seam calls. Off, a mark is one test of a static that never changes; without the cargo feature `trace`
//!   not even that;
//! * [`sockets`] knows whose socket is behind a descriptor;
//! * `recorder` takes the steps down, off the hot path: a bounded queue, and a thread that empties it;
//! * `ledger` finds out which write brought which message to whom;
//! * `messages` says each step in a sentence, in English and Spanish; `narrator` puts them on stderr, `serve --explain`;
//! * `chrome` writes them to a file, `serve --trace`, and reads that back;
//! * `page` draws them, `tertulia trace view`: `page.html`, `page.css` and `page.js`;
//! * `calls` counts them as strace does, `tertulia trace calls`.
//!
//! # What is a step and what is not
//!
//! From the moment the server says that it listens, every system call on a socket or on the poll is a step, and so is every
//! write to stdout. Not steps, though strace shows them:
//!
//! * what threads ask of the kernel to wait for each other (`futex`): only a lock that is taken already costs one. The step
//!   is there, and says how long it took;
//! * what a thread costs to start and to end (`clone3`, `mmap`, `mprotect`, `madvise`, `rseq`, …): one step, *start thread*;
//! * a signal's own pipe (`sendto` by the handler, `recvfrom` or `read` by who takes it in): one step, *signal*;
//! * the question whether stdout takes something (`ppoll`), which is asked only where it cannot be opened anew;
//! * memory (`brk`, `mmap`, `munmap`), the history's file, and the trace's own file and thread.

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
