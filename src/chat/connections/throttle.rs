//! Limits for each member and each address: how many lines a member may send in a second, how many members may come from one
//! address, and how often those from one address may be wrong about the password. They are off unless they are set.

use crate::chat::id::{Id, Table};
use crate::chat::limits::{CALLERS_MAX, CALLERS_PER_ADDRESS, Limits, WRONG_TRIES_AT_ONCE, WRONG_TRY_EVERY};
use crate::chat::peer::Origin;
use crate::chat::rate::{Account, Rate};
use crate::chat::tries::Tries;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// What is counted for these limits. Nothing while they are off.
pub(crate) struct Throttle {
    rate: Option<Rate>,
    accounts: Table<Account>,
    per_address: Option<usize>,
    /// All open connections, if their number is limited.
    open: PerAddress,
    /// Those at the door.
    callers: PerAddress,
    /// The wrong tries of those at the door.
    tries: Tries,
}

/// The address of each of some connections, and the number of those from each address.
#[derive(Default)]
struct PerAddress {
    addresses: Table<Origin>,
    counts: HashMap<Origin, usize>,
}

/// How often those from one address may be wrong.
const WRONG_TRIES: Rate = Rate { at_once: WRONG_TRIES_AT_ONCE, every: WRONG_TRY_EVERY };

impl Throttle {
    pub(super) fn new(limits: &Limits) -> Throttle {
        // Those of a second at once, and then one after the other.
        let rate = |lines: NonZeroU32| Rate { at_once: lines.get(), every: Duration::from_secs(1) / lines.get() };
        Throttle {
            rate: limits.rate.map(rate),
            accounts: Table::default(),
            per_address: limits.per_address,
            open: PerAddress::default(),
            callers: PerAddress::default(),
            tries: Tries::new(WRONG_TRIES),
        }
    }

    /// Whether a client from this address may take a seat.
    pub(super) fn admits(&self, addr: Origin) -> bool {
        self.per_address.is_none_or(|most| self.open.count(addr) < most)
    }

    pub(super) fn open(&mut self, id: Id, addr: Origin, now: Instant) {
        if self.rate.is_some() {
            self.accounts.insert(id, Account::new(now));
        }
        if self.per_address.is_some() {
            self.open.insert(id, addr);
        }
    }

    pub(super) fn close(&mut self, id: Id) {
        self.accounts.remove(id);
        self.open.remove(id);
        self.callers.remove(id);
    }

    /// Whether another client from this address may be at the door, if need be in the place of one from a more crowded address.
    pub(super) fn may_call(&self, addr: Origin) -> bool {
        let others = self.callers.count(addr);
        others < CALLERS_PER_ADDRESS && (!self.door_is_full() || others < self.callers.most())
    }

    pub(super) fn door_is_full(&self) -> bool {
        self.callers.len() >= CALLERS_MAX
    }

    /// Whether as many from this address are at the door as from any.
    pub(super) fn is_crowded(&self, addr: Origin) -> bool {
        self.callers.count(addr) == self.callers.most()
    }

    /// The number of clients at the door.
    pub(super) fn callers(&self) -> usize {
        self.callers.len()
    }

    /// A client is at the door.
    pub(super) fn call(&mut self, id: Id, addr: Origin) {
        self.callers.insert(id, addr);
    }

    /// A client is no longer at the door.
    pub(super) fn come_in(&mut self, id: Id) {
        self.callers.remove(id);
    }

    /// A client at the door was wrong about the password.
    pub(super) fn note_wrong_try(&mut self, id: Id, now: Instant) {
        if let Some(addr) = self.callers.addresses.get(id) {
            // Whoever tries too early waits, so there are never too many.
            let _ = self.tries.count(*addr, now);
        }
    }

    /// Whether lines are counted.
    #[inline]
    pub(super) fn has_rate(&self) -> bool {
        self.rate.is_some()
    }

    /// A line of this client was handled.
    pub(super) fn count(&mut self, id: Id, now: Instant) {
        if let (Some(rate), Some(account)) = (self.rate, self.accounts.get_mut(id)) {
            account.pay(rate, now);
        }
    }

    /// When the next line of this client may be handled. `None` if nothing limits that.
    pub(super) fn ready_at(&self, id: Id) -> Option<Instant> {
        if let Some(addr) = self.callers.addresses.get(id) {
            return self.tries.ready_at(*addr);
        }
        Some(self.accounts.get(id)?.ready_at(self.rate?))
    }
}

impl PerAddress {
    fn insert(&mut self, id: Id, addr: Origin) {
        let addr = addr.network();
        self.addresses.insert(id, addr);
        *self.counts.entry(addr).or_default() += 1;
    }

    fn remove(&mut self, id: Id) {
        let Some(addr) = self.addresses.remove(id) else { return };
        if let Some(count) = self.counts.get_mut(&addr) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&addr);
            }
        }
    }

    /// The number of those from this address.
    fn count(&self, addr: Origin) -> usize {
        self.counts.get(&addr.network()).copied().unwrap_or_default()
    }

    /// The number of those from the address with the most.
    fn most(&self) -> usize {
        self.counts.values().copied().max().unwrap_or_default()
    }

    fn len(&self) -> usize {
        self.counts.values().sum()
    }
}
