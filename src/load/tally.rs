//! The tally of one receiver: what it got from each sender, and what it should have got.

use super::prefix::{Prefix, Prefixes};
use std::collections::BTreeMap;
use std::ops::{AddAssign, Range};

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
    /// Arrived behind another name than the sender's earlier lines, or with something else before it.
    pub mislabelled: u64,
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
        self.mislabelled += other.mislabelled;
    }
}

/// What one receiver got from one sender.
#[derive(Clone, Default, Debug)]
struct Account {
    /// The number of the next line.
    next: u32,
    /// Lines before `next` that have not arrived.
    missing: Gaps,
    prefixes: Prefixes,
}

/// Runs of numbers: the first of each, and the one after its last.
#[derive(Clone, Default, Debug)]
struct Gaps(BTreeMap<u32, u32>);

impl Gaps {
    /// Adds a run of numbers that are not there.
    fn push(&mut self, run: Range<u32>) {
        self.0.insert(run.start, run.end);
    }

    /// Removes a number. Returns whether it was there.
    fn remove(&mut self, number: u32) -> bool {
        let Some((&start, &end)) = self.0.range(..=number).next_back().filter(|(_, end)| number < **end) else {
            return false;
        };
        self.0.remove(&start);
        let rest = [start..number, number + 1..end];
        rest.into_iter().filter(|run| !run.is_empty()).for_each(|run| self.push(run));
        true
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|(start, end)| u64::from(end - start)).sum()
    }
}

/// What one receiver got.
#[derive(Debug)]
pub(crate) struct Tally {
    accounts: Vec<Account>,
    pub faults: Faults,
}

impl Tally {
    pub(crate) fn new(senders: usize) -> Tally {
        Tally { accounts: vec![Account::default(); senders], faults: Faults::default() }
    }

    /// The number of the next line of a sender, if none is lost.
    pub(crate) fn next(&self, sender: usize) -> u32 {
        self.accounts.get(sender).map_or(0, |account| account.next)
    }

    /// Records lines that arrived in order, all with the same prefix.
    pub(crate) fn note_run(&mut self, sender: usize, lines: u32, prefix: Option<Prefix>) {
        if let Some(account) = self.accounts.get_mut(sender) {
            account.next += lines;
            self.faults.mislabelled += u64::from(account.prefixes.take_in(prefix, lines));
        }
    }

    /// Records a line. Returns whether it arrived for the first time.
    pub(crate) fn note(&mut self, sender: u16, seq: u32, prefix: Option<Prefix>, sent: u32) -> bool {
        let Some(account) = self.accounts.get_mut(usize::from(sender)).filter(|_| seq < sent) else {
            // No such line was sent.
            self.faults.malformed += 1;
            return false;
        };
        if seq < account.next {
            // Its prefix is not checked, because it may hold an earlier time.
            let is_late = account.missing.remove(seq);
            self.faults.reordered += u64::from(is_late);
            self.faults.duplicate += u64::from(!is_late);
            return is_late;
        }
        if seq > account.next {
            account.missing.push(account.next..seq);
        }
        account.next = seq + 1;
        self.faults.mislabelled += u64::from(account.prefixes.take_in(prefix, 1));
        true
    }

    /// Ends the tally. `sent` holds for each sender the number of lines that should have arrived.
    pub(crate) fn close(mut self, sent: impl Iterator<Item = u32>) -> Faults {
        for (account, sent) in self.accounts.iter().zip(sent) {
            self.faults.lost += account.missing.count() + u64::from(sent.saturating_sub(account.next));
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
            tally.note(0, seq, Prefix::of(b"<ana> "), sent);
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

    #[test]
    fn a_late_line_is_not_lost_however_many_are_missing() {
        let none = Faults::default();
        let sent = 300_000;
        assert_eq!(faults(&[0, sent - 1, 200_000], sent), Faults { lost: 299_997, reordered: 1, ..none });
        // The first and the last of a gap, one in the middle, and that one again.
        assert_eq!(faults(&[5, 0, 4, 2, 2], 6), Faults { lost: 2, reordered: 3, duplicate: 1, ..none });
    }

    #[test]
    fn lines_behind_another_name_are_mislabelled() {
        let [ana, eva] = ["<ana> ", "<eva> "].map(|name| Prefix::of(name.as_bytes()));
        let mut tally = Tally::new(1);
        tally.note_run(0, 3, ana);
        tally.note(0, 3, eva, 9);
        tally.note_run(0, 2, eva);
        tally.note_run(0, 3, ana);
        assert_eq!(tally.close([9].into_iter()), Faults { mislabelled: 3, ..Faults::default() });
    }
}
