//! The allowance of a client: the output that it may cause while an outbox is above the high-water mark.

use crate::chat::limits::{ALLOWANCE, ALLOWANCE_REFILL_MAX, allowance_nanos};
use std::time::{Duration, Instant};

/// A token bucket, stored as the time at which it is full again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Allowance {
    full_at: Instant,
}

impl Allowance {
    /// A full bucket.
    pub(crate) fn new(now: Instant) -> Allowance {
        Allowance { full_at: now }
    }

    /// Whether the bucket is not full.
    pub(crate) fn is_spent(&self, now: Instant) -> bool {
        self.full_at > now
    }

    /// Takes off output that a client of a room with this many members has caused. Output beyond what is left is a debt.
    pub(crate) fn spend(&mut self, bytes: usize, now: Instant, members: usize) {
        self.full_at = self.full_at.max(now) + Duration::from_nanos(bytes as u64 * allowance_nanos(members));
    }

    /// When this many bytes are left, in a room with this many members: now if that is past. `None` if the bucket is smaller.
    pub(crate) fn ready_at(&self, bytes: usize, members: usize) -> Option<Instant> {
        let spare = Allowance::most(members).checked_sub(bytes)?;
        let time = Duration::from_nanos(spare as u64 * allowance_nanos(members));
        // The clock may have begun less than that ago.
        Some(self.full_at.checked_sub(time).unwrap_or(self.full_at))
    }

    /// What is left in a room with this many members. Bytes.
    pub(crate) fn left(&self, now: Instant, members: usize) -> usize {
        let spent = self.full_at.saturating_duration_since(now).as_nanos() as u64 / allowance_nanos(members);
        Allowance::most(members).saturating_sub(spent as usize)
    }

    /// The size of a bucket in a room with this many members. Bytes.
    pub(crate) fn most(members: usize) -> usize {
        ALLOWANCE.min((ALLOWANCE_REFILL_MAX.as_nanos() as u64 / allowance_nanos(members)) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::limits::{ALLOWANCE_RATE, ALLOWANCE_RATE_TOTAL};

    #[test]
    fn what_is_left_comes_back_at_the_rate() {
        let now = Instant::now() + Duration::from_secs(100);
        let mut allowance = Allowance::new(now);
        assert!(allowance.ready_at(ALLOWANCE, 1) <= Some(now) && allowance.ready_at(ALLOWANCE + 1, 1).is_none());
        allowance.spend(ALLOWANCE - 1, now, 1);
        assert!(allowance.ready_at(1, 1) <= Some(now) && allowance.left(now, 1) == 1);
        allowance.spend(ALLOWANCE_RATE, now, 1);
        let debt = allowance.ready_at(1, 1).expect("it is enough") - now;
        assert!(debt.abs_diff(Duration::from_secs(1)) < Duration::from_millis(1), "{debt:?}");
        assert_eq!(allowance.left(now + debt, 1), 1);
    }

    #[test]
    fn all_together_cause_no_more_than_the_total() {
        for members in [1, 4, 6, 64, 100, 1000, 9000] {
            let rate = members as f64 * 1e9 / allowance_nanos(members) as f64;
            assert!(rate < ALLOWANCE_RATE_TOTAL as f64 * 1.001, "{members}: {rate}");
            let most = members * Allowance::most(members);
            assert!(most <= 512 << 10, "{members}: {most}");
        }
    }
}
