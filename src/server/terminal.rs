//! The server's own terminal: what is typed there are commands, if stdin and stdout are a terminal.
//!
//! The terminal keeps its modes: the kernel echoes and edits the line, and a whole line is read at once. Nothing has to be restored,
//! however the server ends. The transcript is written above what is typed: see `sink::above`. O_NONBLOCK would be the shell's, too, so the kernel is asked before each read.
//!
//! A job in the background must not read, or the kernel stops it; and what is typed then is for others, but makes the
//! terminal readable. A poll(2) for it would return at once, again and again. So an epoll of its own watches the terminal,
//! edge-triggered, and the drivers watch that epoll. An edge that is not for us is used up by looking at it.

use crate::trace::marks;
use crate::trace::step::Source;
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// The longest line that a terminal gives. Bytes.
const LINE_MAX: usize = 4096;
/// Lines taken at a time; the rest of a pasted text follows with the next edge.
const LINES_MAX: usize = 64;
/// What stands for Ctrl-D: it is no command, and the answer says what is.
const END_KEY: &str = "^D";

pub(crate) struct Terminal {
    epoll: OwnedFd,
}

impl Terminal {
    /// `None` if nobody sits there.
    pub(crate) fn open() -> Option<Terminal> {
        if !is_attended() {
            return None;
        }
        let stdin = io::stdin();
        let watch = || {
            let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
            let events = epoll::EventFlags::IN | epoll::EventFlags::ET;
            epoll::add(&epoll, &stdin, epoll::EventData::new_u64(0), events)?;
            Ok::<_, io::Error>(epoll)
        };
        let epoll = watch().inspect_err(|e| log::debug!("no commands from this terminal: {e}")).ok()?;
        marks::is(epoll.as_raw_fd(), Source::Terminal);
        Some(Terminal { epoll })
    }

    /// The lines that were typed since the last call. Does not block.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut edges = Vec::with_capacity(1);
        // Uses up the edge.
        let _ = epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut edges), Some(&Timespec::default()));
        let stdin = io::stdin();
        let mut buffer = [0; LINE_MAX];
        while lines.len() < LINES_MAX && is_ours(&stdin) && is_readable(&stdin) {
            match rustix::io::read(&stdin, &mut buffer) {
                Ok(0) => {
                    lines.push(END_KEY.to_owned());
                    // A terminal that is closed stays at its end.
                    break;
                }
                Ok(len) => lines.push(String::from_utf8_lossy(&buffer[..len]).trim_end().to_owned()),
                Err(_) => break,
            }
        }
        lines
    }

    /// Blocks until something is typed.
    #[cfg(feature = "threaded")]
    pub(crate) fn wait(&self) -> io::Result<()> {
        poll(&mut [PollFd::new(&self.epoll, PollFlags::IN)], None)?;
        Ok(())
    }
}

/// Whether somebody sits there: stdin and stdout are a terminal.
pub(super) fn is_attended() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Whether this process is in the terminal's foreground.
fn is_ours(stdin: &impl AsFd) -> bool {
    rustix::termios::tcgetpgrp(stdin).is_ok_and(|group| group == rustix::process::getpgrp())
}

fn is_readable(stdin: &impl AsFd) -> bool {
    poll(&mut [PollFd::new(stdin, PollFlags::IN)], Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl AsRawFd for Terminal {
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }
}
