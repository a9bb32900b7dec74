//! Saves and restores the modes of the terminal.
//!
//! If a process ends while the terminal is in raw mode, the shell does not echo what is typed. The editor restores the
//! modes when it returns, but the server may close the connection while the editor waits for a key.

use super::screen::Screen;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGCONT, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

const BRACKETED_PASTE_ON: &str = "\x1b[?2004h";
const BRACKETED_PASTE_OFF: &str = "\x1b[?2004l";
/// Clears everything to the right and below: there may be more rows of an unfinished line.
const CLEAR_BELOW: &str = "\x1b[J";

/// The terminal. Clones share one file descriptor, so that there is only one to close.
#[derive(Clone)]
pub(super) struct Tty(Arc<Remembered>);

struct Remembered {
    /// A duplicate of stdin, because stdin itself may be replaced by `/dev/null`.
    terminal: OwnedFd,
    cooked: Termios,
    /// The modes that the editor sets.
    raw: OnceLock<Termios>,
    /// stdin is not the terminal, but a pipe with keys that nobody has pressed.
    has_pretence: AtomicBool,
}

/// The position of the cursor when the editing ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cursor {
    /// On an empty line: the editor has returned.
    OnFreshLine,
    /// In the typed text.
    InText,
}

impl Tty {
    /// Saves the terminal's current modes.
    pub(super) fn remember() -> io::Result<Tty> {
        let terminal = io::stdin().as_fd().try_clone_to_owned()?;
        let cooked = tcgetattr(&terminal)?;
        Ok(Tty(Arc::new(Remembered { terminal, cooked, raw: OnceLock::new(), has_pretence: AtomicBool::new(false) })))
    }

    /// Turns off the echo and the line buffering of input until the terminal is restored. Between two lines the editor
    /// leaves raw mode for a moment; what is typed then would be shown twice, and a Ctrl-D would be lost.
    pub(super) fn mute(&self) {
        let mut mute = self.0.cooked.clone();
        mute.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
        self.set(&mute, "");
    }

    /// Reads a line that is not shown while it is typed. An error if the input ends before it.
    pub(super) fn read_hidden(&self) -> io::Result<String> {
        let mut hidden = self.0.cooked.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        self.set(&hidden, "");
        let mut line = String::new();
        let result = io::stdin().read_line(&mut line);
        self.mute();
        match result {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            result => result.map(|_| line.trim_end_matches(['\r', '\n']).to_owned()),
        }
    }

    /// Saves the terminal's current modes as those that the editor sets.
    pub(super) fn remember_raw(&self) {
        if let Ok(raw) = tcgetattr(&self.0.terminal) {
            let _ = self.0.raw.set(raw);
        }
    }

    /// Restores the saved modes, and puts the cursor on a fresh line.
    pub(super) fn restore(&self, cursor: Cursor) {
        let fresh_line = if cursor == Cursor::InText { "\r\n" } else { "\r" };
        self.set(&self.0.cooked, &format!("{BRACKETED_PASTE_OFF}{fresh_line}{CLEAR_BELOW}"));
    }

    /// The editor gets these keys when it is woken, and none from the terminal until [`Tty::end_pretence`].
    pub(super) fn pretend_keys(&self, keys: &[u8]) -> io::Result<()> {
        let (reader, mut writer) = io::pipe()?;
        writer.write_all(keys)?;
        self.0.has_pretence.store(true, Ordering::Release);
        Ok(rustix::stdio::dup2_stdin(reader)?)
    }

    pub(super) fn has_pretence(&self) -> bool {
        self.0.has_pretence.load(Ordering::Acquire)
    }

    /// Makes the terminal stdin again, and returns whether it was not.
    pub(super) fn end_pretence(&self) -> bool {
        let had_pretence = self.0.has_pretence.swap(false, Ordering::AcqRel);
        if had_pretence && let Err(e) = rustix::stdio::dup2_stdin(&self.0.terminal) {
            log::debug!("the terminal is not stdin any more: {e}");
        }
        had_pretence
    }

    /// Erases the row above the cursor, and puts the cursor there.
    pub(super) fn erase_row_above(&self) {
        self.write(&format!("\x1b[A\r{CLEAR_BELOW}"));
    }

    /// Writes this, unless the terminal takes no output.
    pub(super) fn write(&self, text: &str) {
        if takes_output() {
            let mut stdout = io::stdout().lock();
            let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        }
    }

    fn set(&self, modes: &Termios, written: &str) {
        // Immediately, without waiting until the output is drained: a stopped terminal drains nothing.
        if let Err(e) = tcsetattr(&self.0.terminal, OptionalActions::Now, modes) {
            log::debug!("the terminal modes cannot be set: {e}");
        }
        self.write(written);
    }

    /// Restores the terminal on SIGTERM and SIGINT, and sets the editor's modes again when the process continues after
    /// Ctrl-Z.
    ///
    /// The editor sets them, too, but may do so too early: the thread that sends the stop signal to the process may run
    /// on before it is stopped. The modes that the shell sets after that would stay.
    pub(super) fn mind_signals(&self, screen: Screen) -> io::Result<()> {
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGCONT])?;
        let tty = self.clone();
        thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                if signal != SIGCONT {
                    tty.restore(Cursor::InText);
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                } else if let Some(raw) = tty.0.raw.get()
                    && screen.is_open()
                {
                    tty.set(raw, BRACKETED_PASTE_ON);
                    screen.redraw();
                }
            }
        })?;
        Ok(())
    }
}

/// Whether the terminal takes output: it may be stopped, or at the far end of a frozen connection.
pub(super) fn takes_output() -> bool {
    let stdout = io::stdout();
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], Some(&now)).is_ok_and(|ready| ready > 0)
}

/// Replaces stdin by `/dev/null`, so that it is at its end. A thread that waits for keys notices that only when it is
/// woken.
pub(super) fn hang_up_stdin() -> io::Result<()> {
    Ok(rustix::stdio::dup2_stdin(File::open("/dev/null")?)?)
}
