//! The state of one connection.

use super::allowance::Allowance;
use super::broadcast::Place;
use super::line::LineDecoder;
use super::opening::Opening;
use super::outbox::Outbox;
use crate::chat::limits::{GOODBYE_MAX, GOODBYE_PATIENCE};
use crate::chat::reason::Reason;
use std::time::Instant;

/// The state of one client's connection.
pub(crate) struct Connection {
    pub phase: Phase,
    pub input: LineDecoder,
    /// Its first line, which may show that it speaks another protocol.
    pub opening: Opening,
    pub outbox: Outbox,
    /// How much of the turn's log it has read.
    pub place: Place,
    /// The output that it may cause while an outbox is above the high-water mark.
    pub allowance: Allowance,
    /// The bytes for which it was refused a permit.
    pub wanted: usize,
    /// Its outbox holds output that it requested itself.
    pub self_fed: bool,
}

/// The phase of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// It is read from and written to.
    Open,
    /// It still gets what is in its outbox, and is closed then.
    Leaving { since: Instant, reason: Reason },
}

impl Connection {
    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// When it has to be checked, if no byte is taken until then.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open => self.outbox.deadline(),
            Phase::Leaving { since, .. } => Some((self.outbox.taken_at() + GOODBYE_PATIENCE).min(since + GOODBYE_MAX)),
        }
    }

    /// Whether its member must be disconnected because it does not read.
    pub(crate) fn is_hopeless(&self, now: Instant) -> bool {
        self.is_open() && self.outbox.is_hopeless(now)
    }
}
