//! The terminal's own state, so that it can be given back as it was.
//!
//! A process that ends while the terminal is raw leaves a shell that shows no typing. The editor puts things right when it
//! returns, but it waits for keys, and the server may be gone while the user looks out of the window.

use super::screen::Screen;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGCONT, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, OnceLock};
use std::thread;

const BRACKETED_PASTE_ON: &str = "\x1b[?2004h";
const BRACKETED_PASTE_OFF: &str = "\x1b[?2004l";
/// Nothing to the right and below: there may be more rows of an unfinished line.
const CLEAR_BELOW: &str = "\x1b[J";

/// Shared, and not opened anew: that would be another file to close.
#[derive(Clone)]
pub(super) struct Tty(Arc<Remembered>);

struct Remembered {
    /// Not stdin itself, which may be hung up.
    terminal: OwnedFd,
    cooked: Termios,
    /// As the editor wants it.
    raw: OnceLock<Termios>,
}

/// Where the cursor is when an editing ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cursor {
    /// The editor has returned: on a line of its own.
    OnFreshLine,
    /// In the middle of what was typed.
    InText,
}

impl Tty {
    /// The terminal as it is now.
    pub(super) fn remember() -> io::Result<Tty> {
        let terminal = io::stdin().as_fd().try_clone_to_owned()?;
        let cooked = tcgetattr(&terminal)?;
        Ok(Tty(Arc::new(Remembered { terminal, cooked, raw: OnceLock::new() })))
    }

    /// No echo, and no keys held back, until the terminal is restored: between two lines the editor leaves it for a moment.
    /// What is typed then would be shown twice, and a Ctrl-D would be lost.
    pub(super) fn mute(&self) {
        let mut mute = self.0.cooked.clone();
        mute.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
        self.set(&mute, "");
    }

    /// The terminal as it is now is as the editor wants it.
    pub(super) fn remember_raw(&self) {
        if let Ok(raw) = tcgetattr(&self.0.terminal) {
            let _ = self.0.raw.set(raw);
        }
    }

    /// The terminal is as it was, and the cursor on a fresh line.
    pub(super) fn restore(&self, cursor: Cursor) {
        let fresh_line = if cursor == Cursor::InText { "\r\n" } else { "\r" };
        self.set(&self.0.cooked, &format!("{BRACKETED_PASTE_OFF}{fresh_line}{CLEAR_BELOW}"));
    }

    fn set(&self, modes: &Termios, written: &str) {
        // Now, and not when all output is drained: a stopped terminal drains nothing.
        if let Err(e) = tcsetattr(&self.0.terminal, OptionalActions::Now, modes) {
            log::debug!("the terminal is gone: {e}");
        }
        if takes_output() {
            let mut stdout = io::stdout().lock();
            let _ = stdout.write_all(written.as_bytes()).and_then(|()| stdout.flush());
        }
    }

    /// Restores the terminal also when the process is told to end, and takes it again when the process goes on after Ctrl-Z.
    ///
    /// The editor takes it, too, but may do so before it is stopped: a signal to the process need not stop the thread first
    /// that sent it. What the shell then does to the terminal would stay.
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

/// From now on stdin is at its end, whatever it was. Whoever waits for keys there finds that out when something wakes it.
pub(super) fn hang_up_stdin() -> io::Result<()> {
    Ok(rustix::stdio::dup2_stdin(File::open("/dev/null")?)?)
}
