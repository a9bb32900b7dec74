//! The tally of one receiver: what it got from each sender, and what it should have got.

use std::collections::BTreeSet;
use std::ops::AddAssign;

/// What went wrong with deliveries. All zero with a healthy server.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Faults {
    /// Never arrived.
    pub lost: u64,
    /// Arrived again.
    pub duplicate: u64,
    /// Arrived after a line that the same client sent later.
    pub reordered: u64,
    /// Arrived in part, or with something else in it.
    pub malformed: u64,
}

impl Faults {
    /// Whether there was a fault.
    pub fn any(&self) -> bool {
        *self != Faults::default()
    }
}

impl AddAssign for Faults {
    fn add_assign(&mut self, other: Faults) {
        self.lost += other.lost;
        self.duplicate += other.duplicate;
        self.reordered += other.reordered;
        self.malformed += other.malformed;
    }
}

/// What one receiver got from one sender.
#[derive(Clone, Default, Debug)]
struct Account {
    /// The number of the next line.
    next: u32,
    /// Lines before `next` that have not arrived.
    missing: BTreeSet<u32>,
}

/// What one receiver got.
#[derive(Debug)]
pub(crate) struct Tally {
    accounts: Vec<Account>,
    pub faults: Faults,
}

/// At most this many missing lines are remembered. Beyond that, a line that arrives late counts as lost and as
/// duplicate.
const MISSING_MAX: usize = 100_000;

impl Tally {
    pub(crate) fn new(senders: usize) -> Tally {
        Tally { accounts: vec![Account::default(); senders], faults: Faults::default() }
    }

    /// The number of the next line of a sender, if none is lost.
    pub(crate) fn next(&self, sender: usize) -> u32 {
        self.accounts.get(sender).map_or(0, |account| account.next)
    }

    /// Records lines that arrived in order.
    pub(crate) fn note_run(&mut self, sender: usize, lines: u32) {
        if let Some(account) = self.accounts.get_mut(sender) {
            account.next += lines;
        }
    }

    /// Records a line. Returns whether it arrived for the first time.
    pub(crate) fn note(&mut self, sender: u16, seq: u32, sent: u32) -> bool {
        let Some(account) = self.accounts.get_mut(usize::from(sender)).filter(|_| seq < sent) else {
            // No such line was sent.
            self.faults.malformed += 1;
            return false;
        };
        if seq == account.next {
            account.next += 1;
            return true;
        }
        if seq > account.next {
            let room = MISSING_MAX.saturating_sub(account.missing.len());
            account.missing.extend((account.next..seq).take(room));
            self.faults.lost += u64::from(seq - account.next).saturating_sub(room as u64);
            account.next = seq + 1;
            return true;
        }
        if account.missing.remove(&seq) {
            self.faults.reordered += 1;
            return true;
        }
        self.faults.duplicate += 1;
        false
    }

    /// Ends the tally. `sent` holds for each sender the number of lines that should have arrived.
    pub(crate) fn close(mut self, sent: impl Iterator<Item = u32>) -> Faults {
        for (account, sent) in self.accounts.iter().zip(sent) {
            self.faults.lost += account.missing.len() as u64 + u64::from(sent.saturating_sub(account.next));
        }
        self.faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(seqs: &[u32], sent: u32) -> Faults {
        let mut tally = Tally::new(1);
        for &seq in seqs {
            tally.note(0, seq, sent);
        }
        tally.close([sent].into_iter())
    }

    #[test]
    fn each_fault_is_distinguished_from_the_others() {
        let none = Faults::default();
        assert_eq!(faults(&[0, 1, 2, 3], 4), none);
        assert_eq!(faults(&[0, 2, 3], 4), Faults { lost: 1, ..none });
        assert_eq!(faults(&[0, 1], 4), Faults { lost: 2, ..none });
        assert_eq!(faults(&[0, 1, 1, 2, 3], 4), Faults { duplicate: 1, ..none });
        assert_eq!(faults(&[0, 2, 1, 3], 4), Faults { reordered: 1, ..none });
        assert_eq!(faults(&[0, 2, 1, 1, 3], 4), Faults { reordered: 1, duplicate: 1, ..none });
        assert_eq!(faults(&[0, 1, 2, 3, 9], 4), Faults { malformed: 1, ..none });
    }
}
