//! On this system nothing is read from the server's own terminal.

use std::convert::Infallible;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

pub(crate) struct Terminal(Infallible);

pub(in crate::server) fn is_attended() -> bool {
    false
}

impl Terminal {
    pub(crate) fn open() -> Option<Terminal> {
        None
    }

    pub(crate) fn lines(&mut self) -> Vec<String> {
        match self.0 {}
    }

    #[cfg(feature = "threaded")]
    pub(crate) fn wait(&self) -> io::Result<()> {
        match self.0 {}
    }
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self.0 {}
    }
}

impl AsRawFd for Terminal {
    fn as_raw_fd(&self) -> RawFd {
        match self.0 {}
    }
}
