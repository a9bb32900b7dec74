//! The steps that a driver takes: recorded, told, drawn.
//!
//! A driver marks a step where its system call is, in one line; what becomes of the mark is decided here. In reading order:
//!
//! * [`step`] names the steps: wait, read, told, write, …;
//! * [`tracer`] is what a driver holds. Off, it is one test of a field that never changes; without the cargo feature `trace`
//!   not even that;
//! * `recorder` takes the steps down, off the hot path: a bounded queue, and a thread that empties it;
//! * `ledger` finds out which write brought which message to whom;
//! * `words` says each step in a sentence, in English and Spanish; `narrator` puts them on stderr, `serve --explain`;
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
#[cfg(feature = "trace")]
pub mod narrator;
#[cfg(feature = "trace")]
pub mod page;
#[cfg(feature = "trace")]
pub mod recorder;
pub mod step;
pub mod tracer;
#[cfg(feature = "trace")]
pub mod words;

pub use step::{Ready, Source};
pub use tracer::{Options, Tracer};
