//! What systemd, or whatever supervises the server, hands over and is told. Without one, and without the feature `service`, nothing
//! happens here.
//!
//! * It may listen itself, and hand over its sockets (`LISTEN_FDS`). They live on when the server is started again, so that no client
//!   finds the port closed meanwhile.
//! * It is told when the server is ready, opens its history again, and stops (`NOTIFY_SOCKET`).
//! * It may expect a sign of life every so often (`WATCHDOG_USEC`). The sign comes with a turn of the chat, and not from a thread of its
//!   own: a chat that stands still sends none.

use std::net::TcpListener;
use std::time::{Duration, Instant};

/// The sockets that were handed over. The error is text for people.
#[cfg(feature = "service")]
pub(super) fn listeners() -> Result<Vec<TcpListener>, String> {
    use super::diagnostics;
    use std::os::fd::OwnedFd;
    let mut passed = listenfd::ListenFd::from_env();
    let mut listeners = Vec::new();
    for n in 0..passed.len() {
        let listener = match passed.take_unix_listener(n) {
            Ok(listener) => listener.map(|listener| OwnedFd::from(listener).into()),
            Err(_) => passed.take_tcp_listener(n).map_err(|e| diagnostics::no_listener(&e))?,
        };
        listeners.extend(listener);
    }
    // The server before may have used another mode.
    let block = |listener: &TcpListener| listener.set_nonblocking(false);
    listeners.iter().try_for_each(block).map_err(|e| diagnostics::no_listener(&e))?;
    Ok(listeners)
}

#[cfg(not(feature = "service"))]
pub(super) fn listeners() -> Result<Vec<TcpListener>, String> {
    Ok(Vec::new())
}

/// What a supervisor is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// The server listens, or has opened its history again.
    Ready,
    /// It opens its history again.
    Reloading,
    Stopping,
    /// It lives.
    Alive,
}

/// Tells the supervisor. It may be gone, and the chat goes on.
#[cfg(feature = "service")]
pub(super) fn tell(state: State) {
    use sd_notify::NotifyState::{self, Ready, Reloading, Stopping, Watchdog};
    let result = match state {
        State::Ready => sd_notify::notify(&[Ready]),
        // systemd asks when the reload began, so that it does not take an earlier `READY=1` for its end.
        State::Reloading => NotifyState::monotonic_usec_now().and_then(|now| sd_notify::notify(&[Reloading, now])),
        State::Stopping => sd_notify::notify(&[Stopping]),
        State::Alive => sd_notify::notify(&[Watchdog]),
    };
    result.unwrap_or_else(|e| log::debug!("NOTIFY_SOCKET: {e}"));
}

#[cfg(not(feature = "service"))]
pub(super) fn tell(_: State) {}

/// How often the supervisor expects a sign of life; `None` if it does not.
fn patience() -> Option<Duration> {
    #[cfg(feature = "service")]
    return sd_notify::watchdog_enabled();
    #[cfg(not(feature = "service"))]
    return None;
}

/// Sends the signs of life.
pub(super) struct Watchdog {
    /// How often; and when the next one is due.
    beats: Option<(Duration, Instant)>,
}

impl Watchdog {
    pub(super) fn new(now: Instant) -> Watchdog {
        // Twice as often as is asked for, as sd_watchdog_enabled(3) advises.
        Watchdog { beats: patience().map(|patience| (patience / 2, now)) }
    }

    /// Sends one if it is due.
    #[inline]
    pub(super) fn beat(&mut self, now: Instant) {
        if let Some((every, due)) = &mut self.beats
            && *due <= now
        {
            *due = now + *every;
            tell(State::Alive);
        }
    }

    /// When the next one is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.beats.map(|(_, due)| due)
    }
}
