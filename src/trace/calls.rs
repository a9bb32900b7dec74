//! Counts of the system calls of all steps, comparable with `strace -f -c`.

use super::chrome::Trace;
use super::ledger::Event;
use crate::text::{Lang, say};
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
pub fn table(trace: &Trace, lang: Lang) -> String {
    let mut counts: Vec<_> = count(trace).into_iter().collect();
    counts.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    let sum: usize = counts.iter().map(|(_, times)| times).sum();
    let mut text = say!(lang, "    calls  system call\n"; " llamadas  llamada al sistema\n");
    for (call, times) in &counts {
        text += &format!("{times:>9}  {call}\n");
    }
    text += &format!("{sum:>9}  total\n");
    if trace.lost > 0 {
        let lost = trace.lost;
        text += &say!(lang,
            "{lost} more steps are missing: they happened faster than they could be written\n";
            "faltan otros {lost} pasos: ocurrieron más rápido de lo que se podían escribir\n");
    }
    text
}
