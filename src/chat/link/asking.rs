//! What a server knows while it has asked what the room is like, and what the log tells of the other servers.

use super::entry::{Event, Place, ServerId};
use super::redis::Entry;
use super::replica::{LIFETIME, pause};

/// What is known while a question has no answer.
pub(super) struct Asking {
    /// The number of the entry with the question.
    pub number: u64,
    /// The server knows the room, has missed something, and goes on meanwhile.
    pub again: bool,
    /// No other server is there, as far as it has seen.
    pub is_alone: bool,
    /// Where the question stands in the log.
    pub at: Option<Place>,
    /// The question, and what came after it.
    pub since: Vec<Entry>,
}

impl Asking {
    /// Whether nobody has answered for longer than a server may be silent.
    pub(super) fn has_waited_long(&self) -> bool {
        with_ages(self.since.iter().rev()).last().is_some_and(|(_, age)| is_over(age))
    }

    /// Whether all servers that are there have asked later, and so nobody knows a room.
    pub(super) fn is_first(&self, own: ServerId) -> bool {
        let asks = |entry: &Entry| {
            matches!(entry.text.lines().next().map(Event::read), Some(Ok(Event::Asked { again: false, .. })))
        };
        let has_asked = |server| self.since.iter().any(|entry| entry.server == server && asks(entry));
        let recent = with_ages(self.since.iter().rev()).take_while(|(_, age)| !is_over(*age));
        recent.map(|(entry, _)| entry.server).all(|server| server == own || has_asked(server))
    }
}

/// Whether all servers that the end of the log knows of have stopped. `entries` are the newest first, at most `most`.
pub(super) fn nobody_is_there(entries: &[Entry], most: usize) -> bool {
    let mut stopped = Vec::new();
    for (entry, age) in with_ages(entries.iter()) {
        if is_over(age) {
            return true;
        }
        match entry.text.lines().last() {
            Some("stopped") => stopped.push(entry.server),
            _ if stopped.contains(&entry.server) => {}
            _ => return false,
        }
    }
    // Those that are silent may stand farther back.
    entries.len() < most
}

/// A server from which nothing came for so long is gone.
fn is_over(age: u64) -> bool {
    age > LIFETIME.as_millis() as u64
}

/// Entries, the newest first, each with the time that has passed in the log since then: see [`pause`]. Milliseconds.
fn with_ages<'a>(entries: impl Iterator<Item = &'a Entry>) -> impl Iterator<Item = (&'a Entry, u64)> {
    entries.scan((None, 0), |(later, age), entry| {
        *age += later.replace(entry.place).map_or(0, |later| pause(entry.place, later));
        Some((entry, *age))
    })
}
