//! One connection.

use super::broadcast::Place;
use super::line::LineDecoder;
use super::outbox::Outbox;
use crate::chat::limits::{GOODBYE_MAX, GOODBYE_PATIENCE};
use crate::chat::reason::Reason;
use std::time::Instant;

/// What is kept for one client's connection.
pub(crate) struct Connection {
    pub phase: Phase,
    pub input: LineDecoder,
    pub outbox: Outbox,
    /// How far it has got in the turn's log.
    pub place: Place,
    /// Some of what is in its outbox is what it asked for itself.
    pub self_fed: bool,
}

/// Where a connection is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// It is read from and written to.
    Open,
    /// It gets what is in its outbox, and is closed then.
    Leaving { since: Instant, reason: Reason },
}

impl Connection {
    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// When it has to be looked at, if no byte is taken until then.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open => self.outbox.deadline(),
            Phase::Leaving { since, .. } => Some((self.outbox.taken_at() + GOODBYE_PATIENCE).min(since + GOODBYE_MAX)),
        }
    }

    /// Whether its member must go: it does not read.
    pub(crate) fn is_hopeless(&self, now: Instant) -> bool {
        self.is_open() && self.outbox.is_hopeless(now)
    }
}
