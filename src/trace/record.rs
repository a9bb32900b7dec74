//! What is recorded of a step, and where it goes.

use super::step::Step;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What to do with the steps.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Narrate them on stderr.
    pub explain: bool,
    /// How long the thread that took a step pauses after it is narrated. This slows the server down on purpose.
    pub slow: Option<Duration>,
    /// Write them to this file.
    pub file: Option<PathBuf>,
}

/// Writes to stderr what it takes without blocking, and returns the number of bytes.
pub(crate) type Stderr = Box<dyn FnMut(&[u8]) -> io::Result<usize> + Send>;

/// A step that was taken. Times are nanoseconds since the recorder started.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// The thread's number.
    pub track: u32,
    pub begin: u64,
    pub end: u64,
    pub step: Step,
    /// The step's system call, by its Linux name, and the number of calls. `None` if it needed none, or possibly none:
    /// a free mutex is locked without the kernel.
    pub call: Option<(&'static str, usize)>,
}
