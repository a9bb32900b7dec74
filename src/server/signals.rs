//! What signals ask of the server.
//!
//! * SIGINT and SIGTERM tell it to stop. Once it is told, the next one ends the process at once, whatever the threads
//!   wait for.
//! * SIGUSR1 tells it to print its figures.
//! * SIGHUP tells it to stop if stdout is a terminal, because then the terminal was closed. Otherwise it tells it to
//!   open the history again, as a program that rotates logs does.

use super::diagnostics;
use super::supervisor::{self, State};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Lets a write beyond the limit for files (`ulimit -f`) fail like a write to a full disk. By default the signal that
/// comes with the error ends the process.
pub(crate) fn outlive_file_limit() -> io::Result<()> {
    // Any handler will do: nobody looks at this flag.
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// The signals that are orders.
pub(crate) const SIGNALS: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGUSR1];

/// Tells this server to stop, as a signal would: every driver waits for signals anyhow.
pub(crate) fn tell_to_stop() {
    if let Err(e) = signal_hook::low_level::raise(SIGTERM) {
        log::warn!("{}", diagnostics::cannot_handle_signals(&e));
    }
}

/// What a driver is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// Say goodbye, and end.
    Stop,
    /// Pass it on to the records.
    ReopenHistory,
    /// Print what is counted.
    PrintFigures,
}

/// Reads signals as orders.
pub(crate) struct Orders {
    /// The server is told to stop.
    told: Arc<AtomicBool>,
    has_terminal: bool,
}

impl Orders {
    /// Call it when the server starts: a terminal that was closed is none any more.
    pub(crate) fn new() -> io::Result<Orders> {
        let told = Arc::new(AtomicBool::new(false));
        // Not SIGHUP: when a terminal is closed, it may come from the kernel and from the shell.
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register_conditional_shutdown(signal, 0, told.clone())?;
        }
        Ok(Orders { told, has_terminal: io::stdout().is_terminal() })
    }

    pub(crate) fn read(&self, signal: i32) -> Order {
        if signal == SIGUSR1 {
            return Order::PrintFigures;
        }
        if signal == SIGHUP && !self.has_terminal {
            supervisor::tell(State::Reloading);
            return Order::ReopenHistory;
        }
        self.told.store(true, Ordering::SeqCst);
        supervisor::tell(State::Stopping);
        Order::Stop
    }
}
