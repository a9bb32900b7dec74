//! What has happened since the start, in numbers, and what the room is like now: for whoever watches over the server.

use super::reason::{Reason, Refusal};
use super::room::transcript::Event;

/// What has happened since the start.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Counters {
    /// Lines that members have said, in private, too.
    pub lines: u64,
    /// To how many members each of these lines went, together.
    pub deliveries: u64,
    refused: [u64; Refusal::NAMES.len()],
    left: [u64; Reason::NAMES.len()],
}

impl Counters {
    /// A member has said a line to so many others.
    #[inline]
    pub(super) fn count_line(&mut self, others: usize) {
        self.lines += 1;
        self.deliveries += others as u64;
    }

    pub(super) fn count(&mut self, event: &Event<'_>) {
        match event {
            Event::Refused { why, .. } => self.refused[why.index()] += 1,
            Event::Left { reason, .. } => self.left[reason.index()] += 1,
            _ => {}
        }
    }

    /// How many were not let in, by the name of the reason.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refusal::NAMES.into_iter().zip(self.refused)
    }

    /// How many members have left, by the name of the reason.
    pub fn left(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Reason::NAMES.into_iter().zip(self.left)
    }
}

/// What the room is like now.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Gauges {
    /// Seats that are taken.
    pub members: usize,
    /// All seats.
    pub seats: usize,
    /// Clients that have to say the password first.
    pub callers: usize,
    /// What is still to be written to all clients. Bytes.
    pub pending: usize,
    /// Clients that are not read from for now.
    pub paused: usize,
}
