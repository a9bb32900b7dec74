//! What is recorded of a step, and what to do with it.

use super::step::Step;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What to do with the steps.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Narrate them on stderr.
    pub explain: bool,
    /// How long to pause after each step that is narrated, in the thread that took it: the server is slowed down on purpose.
    pub slow: Option<Duration>,
    /// Write them to this file.
    pub file: Option<PathBuf>,
}

/// Writes to stderr what it takes without blocking. Returns how many bytes that was.
pub(crate) type Stderr = Box<dyn Fn(&[u8]) -> io::Result<usize> + Send>;

/// A step that was taken. Times are nanoseconds since the recorder began.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// The thread's number.
    pub track: u32,
    pub begin: u64,
    pub end: u64,
    pub step: Step,
    /// The system call that it was, by its name on Linux, and how many of it. `None` if it needed none, or none for certain: a
    /// lock that is free is taken without the kernel.
    pub call: Option<(&'static str, usize)>,
}
