//! Lingering connections: closed on our side, and read from until the peer closes too.
//!
//! Closing a socket with unread bytes sends a RST. The RST discards what the peer has not read yet, which is the reason
//! for the close. So our side is shut down first, and what still comes is discarded, for a limited time and for a
//! limited number of connections.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a connection lingers.
pub(crate) const LINGER: Duration = Duration::from_secs(1);
/// At most this many connections linger at a time, and fewer if descriptors are few: newcomers need them more.
pub(crate) const LINGERING_MAX: usize = 64;

/// The keys of the lingering connections, in the order of their deadlines.
pub(crate) struct Lingering {
    deadlines: VecDeque<(Instant, usize)>,
    max: usize,
}

impl Lingering {
    /// For at most `max` connections at a time.
    pub(crate) fn new(max: usize) -> Lingering {
        Lingering { deadlines: VecDeque::new(), max }
    }

    /// Adds a connection that lingers from `now` on. If there are too many, returns the key of the oldest: close that
    /// one.
    #[must_use = "the oldest connection is to be closed"]
    pub(crate) fn push(&mut self, key: usize, now: Instant) -> Option<usize> {
        self.deadlines.push_back((now + LINGER, key));
        if self.deadlines.len() > self.max { self.deadlines.pop_front().map(|(_, oldest)| oldest) } else { None }
    }

    /// Removes and returns a connection whose time is over by `now`. Close it, and call again until this returns
    /// `None`.
    pub(crate) fn pop_over(&mut self, now: Instant) -> Option<usize> {
        self.deadlines.front().filter(|(until, _)| *until <= now)?;
        self.deadlines.pop_front().map(|(_, key)| key)
    }

    /// Removes a connection that is closed.
    pub(crate) fn remove(&mut self, key: usize) {
        self.deadlines.retain(|(_, lingering)| *lingering != key);
    }

    /// When [`Lingering::pop_over`] has something to return.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadlines.front().map(|(until, _)| *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_ends_the_oldest() {
        let (mut lingering, now) = (Lingering::new(LINGERING_MAX), Instant::now());
        for key in 0..LINGERING_MAX {
            assert_eq!(lingering.push(key, now), None);
        }
        assert_eq!(lingering.push(LINGERING_MAX, now), Some(0));
        lingering.remove(1);
        assert_eq!(lingering.push(1, now), None);
    }

    #[test]
    fn each_lingers_for_its_time() {
        let (mut lingering, now) = (Lingering::new(LINGERING_MAX), Instant::now());
        assert_eq!(lingering.deadline(), None);
        for key in [7, 8] {
            assert_eq!(lingering.push(key, now), None);
        }
        let end = lingering.deadline().expect("two linger");
        assert_eq!(lingering.pop_over(end - Duration::from_nanos(1)), None);
        assert_eq!([(); 3].map(|()| lingering.pop_over(end)), [Some(7), Some(8), None]);
    }
}
