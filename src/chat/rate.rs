//! A rate limit: so many at once, and after that one in a while.

use std::time::{Duration, Instant};

/// How often something may happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub at_once: u32,
    /// After that, one in this time.
    pub every: Duration,
}

/// How far a rate is used up. Each time costs [`Rate::every`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    /// When all times will be paid for.
    paid_at: Instant,
}

impl Account {
    /// One of which nothing is used up.
    pub(crate) fn new(now: Instant) -> Account {
        Account { paid_at: now }
    }

    /// Pays for one time. Returns whether the rate allows it; if not, nothing is paid.
    pub(crate) fn pay(&mut self, rate: Rate, now: Instant) -> bool {
        let paid_at = self.paid_at.max(now) + rate.every;
        let may = paid_at <= now + rate.at_once * rate.every;
        if may {
            self.paid_at = paid_at;
        }
        may
    }

    /// When the rate allows the next time.
    pub(crate) fn ready_at(&self, rate: Rate) -> Instant {
        let spare = rate.at_once.saturating_sub(1) * rate.every;
        // The clock may have begun less than that ago.
        self.paid_at.checked_sub(spare).unwrap_or(self.paid_at)
    }

    /// Takes back one payment.
    pub(crate) fn take_back(&mut self, rate: Rate) {
        // The clock may have begun less than that ago.
        self.paid_at = self.paid_at.checked_sub(rate.every).unwrap_or(self.paid_at);
    }

    /// Whether nothing is used up any more.
    pub(crate) fn is_even(&self, now: Instant) -> bool {
        self.paid_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { at_once: 3, every: Duration::from_secs(10) };

    #[test]
    fn so_many_at_once_and_then_one_in_a_while() {
        let now = Instant::now();
        let mut account = Account::new(now);
        assert_eq!([(); 4].map(|()| account.pay(RATE, now)), [true, true, true, false]);
        assert_eq!(account.ready_at(RATE), now + RATE.every);
        account.take_back(RATE);
        assert_eq!([(); 2].map(|()| account.pay(RATE, now)), [true, false]);
        let later = now + RATE.every;
        assert_eq!([(); 2].map(|()| account.pay(RATE, later)), [true, false]);
        assert!(!account.is_even(later) && account.is_even(now + 4 * RATE.every));
    }
}
