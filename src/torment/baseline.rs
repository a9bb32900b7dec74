//! The baseline: what is normal for a server, so that it is not blamed for what it always does.

use crate::harness::{LoginPace, SHORT_LEN};
use std::time::Duration;

/// No torment needs more seats.
pub(crate) const SEATS: usize = 8;
/// More than the pauses of 60, 120 and 240 ms after which a new client sends its hello again, in case a server took the
/// first hello as a name.
const SLOW_ADMISSION: Duration = Duration::from_millis(450);
/// A server that works for this long until it listens takes most of the time from the torments.
const SLOW_START: Duration = Duration::from_secs(1);

/// Threads that wait for other threads while nobody sends anything.
#[derive(Clone, Copy, Debug)]
pub struct WaitingThreads {
    /// So many without clients.
    pub alone: usize,
    /// So many more with each client: a server may have a thread that waits for lines to write.
    pub each: usize,
}

impl WaitingThreads {
    /// How many are normal with this number of clients.
    pub fn with(self, clients: usize) -> usize {
        self.alone + self.each * clients
    }
}

/// What is normal for this server.
#[derive(Clone, Copy, Debug)]
pub struct Baseline {
    /// How many clients it lets in at once, up to the number that torments use.
    pub seats: usize,
    /// The longest line of those tried that the server relays whole. Bytes.
    pub line_len: usize,
    /// It has a thread for each client.
    pub thread_each: bool,
    /// Threads that wait for other threads while nobody sends anything, if the system shows it.
    pub waiting_threads: Option<WaitingThreads>,
    /// The third quartile of round trips while no other client sends.
    pub round_trip: Duration,
    /// How many lines a second it takes from a client that goes on sending, if it makes such a client wait.
    pub lines_per_second: Option<f64>,
    /// The median time from connecting until a new client has exchanged lines.
    pub admission: Duration,
    /// Step by step if the server throws away what is sent before it asks.
    pub login_pace: LoginPace,
    /// How long the server took to listen, if it was started here.
    pub start: Duration,
}

impl Baseline {
    /// Of a server that is not known yet.
    pub fn unknown() -> Baseline {
        Baseline {
            seats: SEATS,
            line_len: SHORT_LEN,
            thread_each: false,
            waiting_threads: None,
            round_trip: Duration::ZERO,
            lines_per_second: None,
            admission: Duration::ZERO,
            login_pace: LoginPace::AtOnce,
            start: Duration::ZERO,
        }
    }

    /// Whether starting the server, admitting clients or its limit on their rate may take most of the time.
    pub fn may_run_out_of_time(&self) -> bool {
        self.admission > SLOW_ADMISSION || self.start > SLOW_START || self.lines_per_second.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_with_a_waiting_thread_for_each_client_is_calm_in_a_crowd() {
        let calm = WaitingThreads { alone: 1, each: 1 };
        assert_eq!([0, 2, 30].map(|clients| calm.with(clients)), [1, 3, 31]);
        let shared = WaitingThreads { alone: 4, each: 0 };
        assert_eq!([0, 30].map(|clients| shared.with(clients)), [4, 4]);
    }
}
