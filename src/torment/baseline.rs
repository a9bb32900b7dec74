//! What is normal for a server, so that it is not blamed for what it always does.

use std::time::Duration;

/// More than the pauses of 60, 120 and 240 ms after which a new client sends its hello again, in case a server took the first
/// for a name.
const SLOW_ADMISSION: Duration = Duration::from_millis(450);

/// What is normal for this server.
#[derive(Clone, Copy, Debug)]
pub struct Baseline {
    /// How many clients it lets in at once, up to the number that torments use.
    pub seats: usize,
    /// Length of a flood's lines: the longest that it relays of those tried. Bytes.
    pub line_len: usize,
    /// It has a thread for each client.
    pub thread_each: bool,
    /// The third quartile of round trips while nobody else sends.
    pub round_trip: Duration,
    /// The median time from connecting until a new client has exchanged lines.
    pub admission: Duration,
    /// How long it took to listen, if it was started here.
    pub start: Duration,
}

impl Baseline {
    /// Admitting clients takes most of the time: a torment lasts seconds before it begins.
    pub fn is_slow_to_admit(&self) -> bool {
        self.admission > SLOW_ADMISSION
    }
}
