//! What is normal for a server, so that it is not blamed for what it always does.

use std::time::Duration;

/// A newcomer says hello again after 60 ms, then 120, then 240 ms, in case the first was taken for a name.
const SLOW_ADMISSION: Duration = Duration::from_millis(450);

/// What is normal for this server.
#[derive(Clone, Copy, Debug)]
pub struct Baseline {
    /// How many clients can be inside at once, as far as it matters here.
    pub seats: usize,
    /// Length of the flood's lines: long ones, if it relays them. Bytes.
    pub line_len: usize,
    /// It has a thread for each client.
    pub thread_each: bool,
    /// Three of four round trips take no longer when nobody else says anything.
    pub round_trip: Duration,
    /// How long a newcomer is kept waiting until it is heard, most often.
    pub admission: Duration,
    /// How long it took to listen, if it was started here.
    pub start: Duration,
}

impl Baseline {
    /// One newcomer after the other takes longer than all else: a torment lasts seconds before it has begun.
    pub fn is_slow_to_admit(&self) -> bool {
        self.admission > SLOW_ADMISSION
    }
}
