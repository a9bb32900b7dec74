//! The state of one connection.

use super::allowance::Allowance;
use super::broadcast::Place;
use super::line::LineDecoder;
use super::opening::Opening;
use super::outbox::{Conditions, Outbox};
use super::tls::Session;
use crate::chat::id::Id;
use crate::chat::limits::{GOODBYE_MAX, GOODBYE_PATIENCE};
use crate::chat::reason::Reason;
use std::time::Instant;

/// The state of one client's connection.
pub(crate) struct Connection {
    /// `None` while it is read from and written to.
    pub leaving: Option<Box<Leaving>>,
    /// The line that is not complete yet.
    pub decoder: LineDecoder,
    /// Whole lines that are held back: they were read, and may not be said yet. Bytes.
    pub held_back: Vec<u8>,
    /// Its first line, which may show that it speaks another protocol.
    pub opening: Opening,
    pub outbox: Outbox,
    /// How much of the turn's log it has read. An encrypted connection has its place in its session.
    pub place: Place,
    /// What an encrypted connection is decrypted and encrypted with.
    pub session: Option<Box<Session>>,
    /// The output that it may cause while others cannot keep up with it.
    pub allowance: Allowance,
    /// Whose outbox it has filled up to the private mark, by answers to itself or by whispers. Most connections never do.
    pub fills: Option<Box<Id>>,
    /// A connection that is paused fills this outbox.
    pub is_waited_for: bool,
    /// It is no client's: this server has made it, for the log of a room on several servers.
    pub is_upstream: bool,
    /// It has to wait for the log of a room on several servers.
    pub waits_for_log: bool,
}

/// A connection that is leaving still gets what is in its outbox, and is closed then.
pub(crate) struct Leaving {
    since: Instant,
    pub reason: Reason,
}

impl Connection {
    /// It gets only what is sent to it alone.
    pub(crate) fn new(now: Instant) -> Connection {
        Connection {
            leaving: None,
            decoder: LineDecoder::default(),
            held_back: Vec::new(),
            opening: Opening::NEW,
            outbox: Outbox::new(now),
            place: Place::BEYOND,
            session: None,
            allowance: Allowance::new(now),
            fills: None,
            is_waited_for: false,
            is_upstream: false,
            waits_for_log: false,
        }
    }

    /// From now on it is leaving.
    pub(crate) fn leave(&mut self, reason: Reason, now: Instant) {
        self.leaving = Some(Box::new(Leaving { since: now, reason }));
    }

    /// Puts bytes into the outbox, encrypted if the connection is.
    pub(crate) fn put(&mut self, pieces: [&[u8]; 2], at: Conditions) {
        match &mut self.session {
            Some(session) => session.encrypt(pieces, &mut self.outbox.writer(at)),
            None => pieces.into_iter().for_each(|piece| self.outbox.push(piece, at)),
        }
    }

    /// How much of the turn's log it has read.
    #[inline]
    pub(crate) fn read_to(&self) -> &Place {
        match &self.session {
            Some(session) => &session.place,
            None => &self.place,
        }
    }

    #[inline]
    pub(crate) fn read_to_mut(&mut self) -> &mut Place {
        match &mut self.session {
            Some(session) => &mut session.place,
            None => &mut self.place,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.leaving.is_none()
    }

    /// When it has to be checked, if no byte is taken until then.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.leaving {
            None => self.outbox.deadline(),
            Some(it) => Some((self.outbox.taken_at() + GOODBYE_PATIENCE).min(it.since + GOODBYE_MAX)),
        }
    }

    /// Memory that it takes: bytes in its outbox, without those that are lent, and input that has not been handled.
    pub(crate) fn memory(&self) -> usize {
        self.outbox.held() + self.input_len()
    }

    /// Input that has not been handled: an incomplete line, and what is held back. Bytes.
    pub(crate) fn input_len(&self) -> usize {
        self.decoder.stored_len() + self.held_back.len()
    }

    /// Whether its member must be disconnected because it does not read.
    pub(crate) fn is_hopeless(&self, now: Instant) -> bool {
        self.is_open() && !self.is_upstream && self.outbox.is_hopeless(now)
    }
}
