//! Connections that are closed on our side and read from until the peer closes, too.
//!
//! A socket that is closed with bytes unread sends a RST, and that throws away what its peer has not read yet: the reason why it was
//! closed. So our side is shut down first, and what still comes is thrown away, for a while and for a bounded number of connections.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a connection lingers.
pub(crate) const LINGER: Duration = Duration::from_secs(1);
/// At most this many connections linger at a time. More would be descriptors that newcomers need.
pub(crate) const LINGERING_MAX: usize = 64;

/// The keys of connections that linger, the first to end first.
#[derive(Default)]
pub(crate) struct Lingering(VecDeque<(Instant, usize)>);

impl Lingering {
    /// A connection lingers from `now` on. Returns the key of the oldest if they are too many: close that one.
    #[must_use = "the oldest connection is to be closed"]
    pub(crate) fn push(&mut self, key: usize, now: Instant) -> Option<usize> {
        self.0.push_back((now + LINGER, key));
        if self.0.len() > LINGERING_MAX { self.0.pop_front().map(|(_, oldest)| oldest) } else { None }
    }

    /// A connection that has lingered long enough by `now`: close it, and ask again.
    pub(crate) fn pop_over(&mut self, now: Instant) -> Option<usize> {
        self.0.front().filter(|(until, _)| *until <= now)?;
        self.0.pop_front().map(|(_, key)| key)
    }

    /// A connection is closed.
    pub(crate) fn remove(&mut self, key: usize) {
        self.0.retain(|(_, lingering)| *lingering != key);
    }

    /// When [`Lingering::pop_over`] has something to return.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.front().map(|(until, _)| *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_ends_the_oldest() {
        let (mut lingering, now) = (Lingering::default(), Instant::now());
        for key in 0..LINGERING_MAX {
            assert_eq!(lingering.push(key, now), None);
        }
        assert_eq!(lingering.push(LINGERING_MAX, now), Some(0));
        lingering.remove(1);
        assert_eq!(lingering.push(1, now), None);
    }

    #[test]
    fn each_lingers_for_its_time() {
        let (mut lingering, now) = (Lingering::default(), Instant::now());
        assert_eq!(lingering.deadline(), None);
        for key in [7, 8] {
            assert_eq!(lingering.push(key, now), None);
        }
        let end = lingering.deadline().expect("two linger");
        assert_eq!(lingering.pop_over(end - Duration::from_nanos(1)), None);
        assert_eq!([(); 3].map(|()| lingering.pop_over(end)), [Some(7), Some(8), None]);
    }
}
