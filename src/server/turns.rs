//! How long turns take: from the time that a driver tells the hub to the end of its writes.
//!
//! A driver that waits elsewhere than in its one place, or has too much to do, shows here. One clock is read for each turn, and none for
//! a line.

use std::time::{Duration, Instant};

/// The first bucket has turns of less than a microsecond, and each one after it turns of less than twice as much. The last has the
/// longer ones, from half a second.
pub(crate) const BUCKETS: usize = 21;

#[derive(Default)]
pub(crate) struct Turns {
    began: Option<Instant>,
    counts: [u64; BUCKETS],
    pub total: Duration,
    pub longest: Duration,
}

impl Turns {
    /// A turn begins, unless one is under way.
    #[inline]
    pub(crate) fn begin(&mut self, now: Instant) {
        self.began.get_or_insert(now);
    }

    /// The turn that is under way ends.
    pub(crate) fn end(&mut self, now: Instant) {
        let Some(began) = self.began.take() else { return };
        let time = now.saturating_duration_since(began);
        self.counts[bucket(time)] += 1;
        self.total += time;
        self.longest = self.longest.max(time);
    }

    /// The number of turns.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// For each bucket but the last: the time that its turns do not reach, and the number of turns that took less.
    pub(crate) fn below(&self) -> impl Iterator<Item = (Duration, u64)> {
        let sum = |sum: &mut u64, count: &u64| {
            *sum += count;
            Some(*sum)
        };
        let sums = self.counts[..BUCKETS - 1].iter().scan(0, sum);
        sums.enumerate().map(|(n, sum)| (Duration::from_micros(1 << n), sum))
    }

    /// A time that this part of the turns does not reach; the longest if no bucket says less.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        let enough = (self.count() as f64 * part).ceil() as u64;
        self.below().find(|(_, count)| *count >= enough).map_or(self.longest, |(time, _)| time.min(self.longest))
    }
}

fn bucket(time: Duration) -> usize {
    let micros = time.as_micros();
    ((u128::BITS - micros.leading_zeros()) as usize).min(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_turn_is_in_the_bucket_that_it_does_not_reach_the_end_of() {
        let (mut turns, begin) = (Turns::default(), Instant::now());
        for micros in [0, 1, 2, 3, 4, 1000, 10_000_000] {
            turns.begin(begin);
            turns.begin(begin + Duration::from_micros(micros));
            turns.end(begin + Duration::from_micros(micros));
            turns.end(begin);
        }
        let below: Vec<_> = turns.below().map(|(time, count)| (time.as_micros(), count)).collect();
        assert_eq!(below[..4], [(1, 1), (2, 2), (4, 4), (8, 5)]);
        assert_eq!((below[10], below[BUCKETS - 2]), ((1024, 6), (1 << (BUCKETS - 2), 6)));
        assert_eq!((turns.count(), turns.longest), (7, Duration::from_secs(10)));
        assert_eq!(turns.quantile(0.5), Duration::from_micros(4));
        assert_eq!(turns.quantile(1.0), Duration::from_secs(10));
    }
}
