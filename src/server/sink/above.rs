//! Writes above the line that somebody types, in a terminal whose last row is for typing.
//!
//! The kernel echoes and edits what is typed, so nobody here knows it. It need not be known: the terminal scrolls all rows but the
//! last one (DECSTBM), gets the new lines there, and the cursor returns to where it was.

use super::Sink;
use rustix::termios::{tcgetpgrp, tcgetwinsize};
use std::fs::File;
use std::io::{self, ErrorKind, Write};

/// The most that is written at a time: the kernel takes that as a whole, so no echo comes in between. Bytes.
const PIECE_MAX: usize = 1 << 10;

pub(crate) struct Above {
    file: File,
    /// What the terminal has not taken of the last piece.
    rest: Vec<u8>,
    is_begun: bool,
}

impl Above {
    /// The same terminal, if it can be opened again and knows these commands.
    pub(super) fn of(sink: Sink) -> Sink {
        let is_able = std::env::var("TERM").is_ok_and(|term| !["", "dumb"].contains(&term.as_str()));
        match sink {
            Sink::File(file) if is_able => Sink::Above(Above { file, rest: Vec::new(), is_begun: false }),
            other => other,
        }
    }

    /// See [`Sink::write`].
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        while !self.rest.is_empty() {
            let written = self.file.write(&self.rest)?;
            self.rest.drain(..written);
        }
        // Of a job in the background the last row is not.
        let is_ours = tcgetpgrp(&self.file).is_ok_and(|group| group == rustix::process::getpgrp());
        let rows = tcgetwinsize(&self.file).map_or(0, |size| size.ws_row);
        let piece = &bytes[..bytes.len().min(PIECE_MAX)];
        let lines = memchr::memrchr(b'\n', piece).map_or(piece, |end| &piece[..end]);
        if !is_ours || rows < 3 {
            self.is_begun = false;
            return self.file.write(piece);
        }
        let begin = if self.is_begun { String::new() } else { format!("\x1b[{rows};1H") };
        let above = rows - 1;
        self.rest = format!("{begin}\x1b7\x1b[1;{above}r\x1b[{above};1H").into_bytes();
        self.rest.push(b'\n');
        self.rest.extend_from_slice(lines);
        self.rest.extend_from_slice(b"\x1b[r\x1b8");
        self.is_begun = true;
        match self.file.write(&self.rest) {
            Ok(written) => drop(self.rest.drain(..written)),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => {
                self.rest.clear();
                return Err(e);
            }
        }
        // A line longer than a piece goes on in the next row.
        Ok(if lines.len() < piece.len() { lines.len() + 1 } else { lines.len() })
    }
}

impl Drop for Above {
    /// What the shell writes next begins in a row of its own.
    fn drop(&mut self) {
        if self.is_begun {
            let _ = self.file.write(b"\r\n");
        }
    }
}
