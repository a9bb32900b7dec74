//! Counts of the system calls of all steps, comparable with `strace -f -c`.

use super::chrome::Trace;
use super::ledger::Event;
use std::collections::BTreeMap;

/// How often each system call was made, by its Linux name.
pub fn count(trace: &Trace) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for (call, times) in trace.events.iter().filter_map(Event::system_calls) {
        *counts.entry(call).or_default() += times;
    }
    counts
}

/// The counts as a table for people, the most frequent call first.
pub fn table(trace: &Trace) -> String {
    let mut counts: Vec<_> = count(trace).into_iter().collect();
    counts.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    let mut text = format!("{:>9}  syscall\n", "calls");
    for (call, times) in &counts {
        text += &format!("{times:>9}  {call}\n");
    }
    text += &format!("{:>9}  total\n", counts.iter().map(|(_, times)| times).sum::<usize>());
    if trace.lost > 0 {
        text += &format!("and {} steps that were lost\n", trace.lost);
    }
    text
}
