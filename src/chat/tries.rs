//! How often a password may be tried from one address.

use super::rate::{Account, Rate};
use crate::chat::peer::Origin;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

/// The most addresses that are remembered one by one. All others share one account.
const ADDRESSES_MAX: usize = 1024;
/// Stands for those.
const OTHERS: Origin = Origin::Address(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

/// The addresses from which a wrong password came of late.
pub(super) struct Tries {
    rate: Rate,
    accounts: HashMap<Origin, Account>,
}

impl Tries {
    pub(super) fn new(rate: Rate) -> Tries {
        Tries { rate, accounts: HashMap::new() }
    }

    /// Counts a try. If there were too many, it does not count; returns how long to wait before the next one.
    pub(super) fn count(&mut self, addr: Origin, now: Instant) -> Result<(), Duration> {
        if self.accounts.len() >= ADDRESSES_MAX {
            self.accounts.retain(|_, account| !account.is_even(now));
        }
        let account = self.accounts.entry(self.account_of(addr)).or_insert(Account::new(now));
        match account.pay(self.rate, now) {
            true => Ok(()),
            false => Err(account.ready_at(self.rate).saturating_duration_since(now)),
        }
    }

    /// When the next try from an address counts.
    pub(super) fn ready_at(&self, addr: Origin) -> Option<Instant> {
        self.accounts.get(&self.account_of(addr)).map(|account| account.ready_at(self.rate))
    }

    /// Under which address the tries from an address are remembered.
    fn account_of(&self, addr: Origin) -> Origin {
        let addr = addr.network();
        if self.accounts.len() < ADDRESSES_MAX || self.accounts.contains_key(&addr) { addr } else { OTHERS }
    }

    /// The last try was right: it does not count.
    pub(super) fn take_back(&mut self, addr: Origin) {
        if let Some(account) = self.accounts.get_mut(&self.account_of(addr)) {
            account.take_back(self.rate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIES: Rate = Rate { at_once: 3, every: Duration::from_secs(10) };

    #[test]
    fn who_guesses_has_to_wait_and_others_do_not() {
        let (mut tries, now) = (Tries::new(TRIES), Instant::now());
        let (guesser, other) = (Origin::from([10, 0, 0, 1]), Origin::from([10, 0, 0, 2]));
        assert_eq!([(); 4].map(|()| tries.count(guesser, now).is_ok()), [true, true, true, false]);
        assert_eq!(tries.count(guesser, now), Err(TRIES.every));
        assert_eq!(tries.count(other, now), Ok(()));
        assert_eq!(tries.count(guesser, now + TRIES.every), Ok(()));
        tries.take_back(guesser);
        assert_eq!(tries.count(guesser, now + TRIES.every), Ok(()));
    }

    #[test]
    fn many_addresses_take_no_more_memory() {
        let (mut tries, now) = (Tries::new(TRIES), Instant::now());
        let came = (1..2001_u32).filter(|n| tries.count(Origin::from(n.to_be_bytes()), now).is_ok()).count();
        assert_eq!(came, ADDRESSES_MAX + TRIES.at_once as usize, "the others share one account");
        assert_eq!(tries.count(Origin::from([10, 0, 0, 1]), now + TRIES.every), Ok(()), "the others are forgotten");
    }
}
