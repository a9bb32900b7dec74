//! Members that say nothing for so long that their seats are given to others, if `--idle` asks for it.

use super::id::{Id, Table};
use std::time::{Duration, Instant};

/// A member is warned this long before it has to go, or at half of the time if that is shorter.
const WARNING: Duration = Duration::from_secs(60);

/// When each member was last heard. Nothing while there is no limit.
pub(super) struct Idle {
    limit: Option<Duration>,
    heard: Table<Heard>,
    /// No member's time is over before this. It may be too early: whoever speaks does not move it.
    due: Option<Instant>,
}

struct Heard {
    at: Instant,
    is_warned: bool,
}

/// What becomes of a member whose time is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It has to say something within this time.
    Warn(Duration),
    /// It said nothing for this time.
    Leave(Duration),
}

impl Idle {
    pub(super) fn new(limit: Option<Duration>) -> Idle {
        Idle { limit, heard: Table::default(), due: None }
    }

    /// A member came.
    pub(super) fn come(&mut self, id: Id, now: Instant) {
        if self.limit.is_some() {
            self.heard.insert(id, Heard { at: now, is_warned: false });
            self.due = self.due.or_else(|| self.until(id));
        }
    }

    /// A member sent something. One that has left is not listed again.
    #[inline]
    pub(super) fn hear(&mut self, id: Id, now: Instant) {
        if self.limit.is_some()
            && let Some(heard) = self.heard.get_mut(id)
        {
            *heard = Heard { at: now, is_warned: false };
        }
    }

    pub(super) fn forget(&mut self, id: Id) {
        self.heard.remove(id);
    }

    /// When a member's time is over, if it says nothing until then.
    pub(super) fn until(&self, id: Id) -> Option<Instant> {
        let (limit, heard) = (self.limit?, self.heard.get(id)?);
        Some(heard.until(limit))
    }

    /// When the first member's time is over at the earliest.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// The members whose time is over by `now`, at once or after a warning.
    pub(super) fn over(&mut self, now: Instant) -> Vec<(Id, Verdict)> {
        let Some(limit) = self.limit else { return Vec::new() };
        let over = self.heard.iter().filter(|(_, heard)| heard.until(limit) <= now);
        let over: Vec<Id> = over.map(|(id, _)| id).collect();
        let judge = |id| {
            let heard = self.heard.get_mut(id)?;
            let verdict = match heard.is_warned {
                false => Verdict::Warn((heard.at + limit).saturating_duration_since(now)),
                true => Verdict::Leave(limit),
            };
            heard.is_warned = true;
            Some((id, verdict))
        };
        over.into_iter().filter_map(judge).collect()
    }

    /// Finds out whose time is over first. To be called when all of [`Idle::over`] are dealt with.
    pub(super) fn look_ahead(&mut self) {
        self.due = self.limit.and_then(|limit| self.heard.iter().map(|(_, heard)| heard.until(limit)).min());
    }
}

impl Heard {
    fn until(&self, limit: Duration) -> Instant {
        match self.is_warned {
            false => self.at + limit - WARNING.min(limit / 2),
            true => self.at + limit,
        }
    }
}
