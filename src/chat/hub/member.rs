//! One client, and the log from which all of them are written to.

use super::super::limits::*;
use super::super::line::LineDecoder;
use super::super::outbox::Outbox;
use super::super::words::Reason;
use super::Id;
use std::ops::Range;
use std::time::Instant;

/// One client.
pub struct Member {
    pub id: Id,
    pub name: Name,
    pub input: LineDecoder,
    pub outbox: Outbox,
    /// How much of the log has been written to it or copied for it: a position in all that was ever logged. For one who is
    /// leaving it is beyond all.
    pub cursor: u64,
    /// The part of the log that this member said itself, and does not get back.
    pub own: Range<u64>,
    /// Since when it only gets what is still owed to it, and why.
    pub leaving: Option<(Instant, Reason)>,
    /// It waits to be flushed.
    pub dirty: bool,
    /// It is in `Hub::lagging`.
    pub lagging: bool,
    /// It is counted in `Hub::blockers`: the others wait for it.
    pub blocking: bool,
    /// It is in `Hub::paused`.
    pub paused: bool,
    /// What is in its outbox is, in part, what it asked for itself.
    pub self_fed: bool,
}

/// What a member is called, kept as it stands before each of its lines: `<nick> `.
pub struct Name(Box<str>);

impl Name {
    pub fn new(nick: &str) -> Name {
        Name(format!("<{nick}> ").into())
    }

    pub fn nick(&self) -> &str {
        &self.0[1..self.0.len() - 2]
    }

    pub fn before_line(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Member {
    pub fn deadline(&self) -> Option<Instant> {
        match self.leaving {
            Some((since, _)) => Some((self.outbox.taken_at() + GOODBYE_PATIENCE).min(since + GOODBYE_MAX)),
            None => self.outbox.deadline(),
        }
    }

    pub fn goodbye_is_over(&self, now: Instant) -> bool {
        self.leaving.is_some() && self.deadline().is_some_and(|at| at <= now)
    }
}

/// Finds a member, for when other fields of the hub are borrowed.
pub fn find(members: &mut [Option<Member>], id: Id) -> Option<&mut Member> {
    members.get_mut(id.key)?.as_mut().filter(|member| member.id.number == id.number)
}

/// What everybody gets of this turn, written once. Positions count all that was ever logged, so that a member's cursor need
/// not be set back when the log is cleared.
#[derive(Default)]
pub struct Log {
    pub base: u64,
    pub bytes: Vec<u8>,
}

impl Log {
    pub fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// How many bytes of the log a member has not got yet.
    pub fn pending(&self, member: &Member) -> usize {
        let (before, after) = self.parts(member);
        before.len() + after.len()
    }

    /// What a member has not got yet, before and after its own part.
    pub fn less_own(&self, member: &Member) -> (&[u8], &[u8]) {
        let (before, after) = self.parts(member);
        (&self.bytes[before], &self.bytes[after])
    }

    /// The same as places in `bytes`.
    fn parts(&self, member: &Member) -> (Range<usize>, Range<usize>) {
        let end = self.bytes.len();
        let place = |position: u64| (position.saturating_sub(self.base) as usize).min(end);
        let from = place(member.cursor);
        if member.own.end <= self.base {
            return (from..end, end..end);
        }
        let own = place(member.own.start).max(from)..place(member.own.end).max(from);
        (from..own.start, own.end..end)
    }
}
