//! The addresses that are kept out.

use super::limits::BANS_MAX;
use crate::chat::peer::Origin;
use std::time::{Duration, Instant};

/// The bans, the earliest first. There are few, so they are looked through.
#[derive(Default)]
pub(super) struct Bans(Vec<Ban>);

/// An address, and until when nobody comes in from there; `None` is for good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ban {
    pub network: Origin,
    until: Option<Instant>,
}

impl Bans {
    /// Keeps out whoever comes from this address, for a time or for good. It replaces an earlier ban of the address. Returns
    /// whether there was room for it.
    pub(super) fn add(&mut self, addr: Origin, time: Option<Duration>, now: Instant) -> bool {
        self.0.retain(|ban| !ban.is_over(now));
        self.remove(addr, now);
        let has_room = self.0.len() < BANS_MAX;
        if has_room {
            self.0.push(Ban { network: addr.network(), until: time.map(|time| now + time) });
        }
        has_room
    }

    /// Returns whether the address was banned.
    pub(super) fn remove(&mut self, addr: Origin, now: Instant) -> bool {
        let was_banned = self.keep_out(addr, now);
        self.0.retain(|ban| ban.network != addr.network());
        was_banned
    }

    /// Whether an address is banned.
    pub(super) fn keep_out(&self, addr: Origin, now: Instant) -> bool {
        !self.0.is_empty() && self.at(now).any(|ban| ban.network == addr.network())
    }

    /// The bans that are not over.
    pub(super) fn at(&self, now: Instant) -> impl Iterator<Item = &Ban> {
        self.0.iter().filter(move |ban| !ban.is_over(now))
    }
}

impl Ban {
    /// What is left of it; `None` if it is for good.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        Some(self.until?.saturating_duration_since(now))
    }

    fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_ban_is_of_a_subscriber_and_ends() {
        let (mut bans, now) = (Bans::default(), Instant::now());
        let addr = |text: &str| -> Origin { text.parse().expect("an address") };
        assert!(bans.add(addr("10.0.0.1"), None, now) && bans.add(addr("2001:db8::1"), Some(MINUTE), now));
        assert!(bans.keep_out(addr("::ffff:10.0.0.1"), now) && bans.keep_out(addr("2001:db8::9:9"), now));
        assert!(!bans.keep_out(addr("10.0.0.2"), now) && !bans.keep_out(addr("2001:db8:0:1::1"), now));
        assert!(!bans.keep_out(addr("2001:db8::1"), now + MINUTE) && bans.keep_out(addr("10.0.0.1"), now + MINUTE));
        assert_eq!(bans.at(now).map(|ban| ban.left(now)).collect::<Vec<_>>(), [None, Some(MINUTE)]);
        assert!(bans.remove(addr("10.0.0.1"), now) && !bans.remove(addr("10.0.0.1"), now));
    }

    #[test]
    fn there_are_only_so_many_and_those_that_are_over_make_room() {
        let (mut bans, now) = (Bans::default(), Instant::now());
        let mut addrs = (0..).map(|n: u32| Origin::from(n.to_be_bytes()));
        assert!(addrs.by_ref().take(BANS_MAX).all(|addr| bans.add(addr, Some(MINUTE), now)));
        assert!(bans.add(Origin::from([0, 0, 0, 1]), Some(MINUTE), now), "it is one of them");
        assert!(!bans.add(Origin::from([10, 0, 0, 1]), None, now));
        assert!(bans.add(Origin::from([10, 0, 0, 1]), None, now + MINUTE));
    }
}
