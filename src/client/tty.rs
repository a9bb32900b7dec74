//! The terminal's own state, so that it can be given back as it was.
//!
//! A process that ends while the terminal is raw leaves a shell that shows no typing. The editor puts things right when it
//! returns, but it can not be made to return: the server may be gone while the user looks out of the window.

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use std::io::{self, Write};
use std::thread;

const BRACKETED_PASTE_OFF: &str = "\x1b[?2004l";
/// To the beginning of the next row, and nothing below it: there may be more rows of an unfinished line.
const FRESH_LINE: &str = "\r\n\x1b[J";

#[derive(Clone)]
pub struct Tty {
    cooked: Termios,
}

impl Tty {
    /// The terminal as it is now.
    pub fn remember() -> io::Result<Tty> {
        Ok(Tty { cooked: tcgetattr(io::stdin())? })
    }

    /// Ends an editing that is under way: the terminal is as it was, and the cursor on a fresh line.
    pub fn restore(&self) {
        // Now, and not when all output is drained: a stopped terminal drains nothing.
        if let Err(e) = tcsetattr(io::stdin(), OptionalActions::Now, &self.cooked) {
            log::debug!("the terminal is gone: {e}");
        }
        let mut stdout = io::stdout().lock();
        let _ = write!(stdout, "{BRACKETED_PASTE_OFF}{FRESH_LINE}").and_then(|()| stdout.flush());
    }

    /// Restores the terminal also when the process is told to end.
    pub fn restore_on_sigterm(&self) -> io::Result<()> {
        let mut signals = Signals::new([SIGTERM])?;
        let tty = self.clone();
        thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                tty.restore();
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        })?;
        Ok(())
    }
}
