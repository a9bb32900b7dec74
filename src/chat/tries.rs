//! How often a password may be tried from one address.

use super::connections::network;
use super::rate::{Account, Rate};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// A person who mistypes has three tries, and a program that guesses has 8640 a day.
const TRIES: Rate = Rate { at_once: 3, every: Duration::from_secs(10) };
/// The most addresses that are remembered. Whoever comes from yet another one has to wait until one of them is forgotten.
const ADDRESSES_MAX: usize = 1024;

/// The addresses from which a wrong password came of late.
#[derive(Default)]
pub(super) struct Tries {
    accounts: HashMap<IpAddr, Account>,
}

impl Tries {
    /// Counts a try. If there were too many, it does not count; returns how long to wait before the next one.
    pub(super) fn count(&mut self, addr: IpAddr, now: Instant) -> Result<(), Duration> {
        let addr = network(addr);
        if self.accounts.len() >= ADDRESSES_MAX && !self.accounts.contains_key(&addr) {
            self.accounts.retain(|_, account| !account.is_even(now));
            if self.accounts.len() >= ADDRESSES_MAX {
                return Err(TRIES.every);
            }
        }
        let account = self.accounts.entry(addr).or_insert(Account::new(now));
        if account.pay(TRIES, now) { Ok(()) } else { Err(account.ready_at(TRIES).saturating_duration_since(now)) }
    }

    /// The last try was right: it does not count.
    pub(super) fn take_back(&mut self, addr: IpAddr) {
        if let Some(account) = self.accounts.get_mut(&network(addr)) {
            account.take_back(TRIES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_guesses_has_to_wait_and_others_do_not() {
        let (mut tries, now) = (Tries::default(), Instant::now());
        let (guesser, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        assert_eq!([(); 4].map(|()| tries.count(guesser, now).is_ok()), [true, true, true, false]);
        assert_eq!(tries.count(guesser, now), Err(TRIES.every));
        assert_eq!(tries.count(other, now), Ok(()));
        assert_eq!(tries.count(guesser, now + TRIES.every), Ok(()));
        tries.take_back(guesser);
        assert_eq!(tries.count(guesser, now + TRIES.every), Ok(()));
    }

    #[test]
    fn many_addresses_take_no_more_memory() {
        let (mut tries, now) = (Tries::default(), Instant::now());
        let came = (0..2000_u32).filter(|n| tries.count(IpAddr::from(n.to_be_bytes()), now).is_ok()).count();
        assert_eq!(came, ADDRESSES_MAX);
        assert_eq!(tries.count(IpAddr::from([10, 0, 0, 1]), now + TRIES.every), Ok(()), "the others are forgotten");
    }
}
