//! Whether threads of the server wait for each other, as far as the kernel shows it.

use super::arena::Arena;
use super::messages;
use crate::harness::{Crowd, Kind, Reading, SHORT_LEN, proc};
use crate::text::Bilingual;
use std::time::Duration;

/// For so long, nothing may happen.
const STILL: Duration = Duration::from_millis(300);
/// A busy machine may take so many times as long until all threads sleep.
const LOOKS_MAX: usize = 8;
/// The least number of threads of which each can wait for another.
const THREADS_MIN: usize = 2;

/// Describes a deadlock, if there is one: threads wait for others, more than in calm; nobody runs, or waits until a client
/// reads; and yet bytes of clients stay unread.
///
/// It cannot be seen in servers that run many tasks in a few threads: a task that waits is no thread that sleeps.
pub(crate) fn deadlock(arena: &Arena, crowd: &mut Crowd) -> Option<Bilingual> {
    if !arena.baseline.thread_each || crowd.members.iter().any(|client| client.reading != Reading::Eagerly) {
        return None;
    }
    let look = || {
        // Those that are not accepted have no thread, and those that have left may still have one.
        let in_calm = arena.baseline.waiting_threads?.with(proc::accepted(arena.addr)?);
        let (sleepers, status) = (arena.ask(proc::sleepers)?, arena.ask(proc::status)?);
        let waiting = sleepers.for_threads.saturating_sub(in_calm);
        (waiting >= THREADS_MIN && sleepers.in_writes == 0).then_some((waiting, status.cpu))
    };
    look()?;
    // A thread that waits has read its client's line, so each client sends another one.
    crowd.members.iter_mut().filter(|client| client.is_open()).for_each(|client| {
        client.say(Kind::Line, SHORT_LEN);
    });
    let mut before = None;
    for _ in 0..LOOKS_MAX {
        crowd.go_on(STILL);
        let now = look();
        if let Some((waiting, _)) = now.filter(|_| now == before) {
            let unread = proc::accepted_unread(arena.addr).filter(|unread| *unread > 0)?;
            return Some(messages::deadlock(waiting, unread));
        }
        before = now;
    }
    None
}
