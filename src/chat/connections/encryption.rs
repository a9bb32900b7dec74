//! Which connections are encrypted, and which handshake is next.
//!
//! Answering a client's first message is most of a handshake's work. A storm of handshakes must not keep those inside waiting, so
//! these answers have a [rate](HANDSHAKE_EVERY), and whoever comes too fast waits in a queue. A client takes a place in it only with
//! a whole first message: sending half of one keeps nobody waiting.

use super::heard::Heard;
use super::tls::{Session, Tls};
use super::{Connections, Id};
use crate::chat::limits::{HANDSHAKE_EVERY, HANDSHAKES_AT_ONCE, Limits};
use crate::chat::peer::Origin;
use crate::chat::rate::{Account, Rate};
use std::collections::VecDeque;
use std::time::Instant;

/// How many handshakes are answered.
const HANDSHAKES: Rate = Rate { at_once: HANDSHAKES_AT_ONCE, every: HANDSHAKE_EVERY };

/// What is known of all encrypted connections.
pub(super) struct Encryption {
    /// `None` if none is encrypted.
    pub tls: Option<Tls>,
    /// Those that wait for an answer to their first message, in the order in which it came.
    greeting: VecDeque<Id>,
    answers: Account,
}

impl Encryption {
    pub(super) fn new(limits: &Limits, now: Instant) -> Encryption {
        Encryption { tls: limits.tls.clone(), greeting: VecDeque::new(), answers: Account::new(now) }
    }

    /// What a connection from there is encrypted with, if it is.
    pub(super) fn session_for(&self, origin: Origin) -> Option<Box<Session>> {
        Some(Box::new(Session::new(self.tls_for(origin)?)))
    }

    /// Nobody overhears a Unix socket, so its connections are not encrypted.
    fn tls_for(&self, origin: Origin) -> Option<&Tls> {
        self.tls.as_ref().filter(|_| matches!(origin, Origin::Address(_)))
    }
}

impl Connections {
    /// Whether connections from there are encrypted.
    pub(in crate::chat) fn encrypts(&self, origin: Origin) -> bool {
        self.encryption.tls_for(origin).is_some()
    }

    /// Whether some connections are encrypted.
    #[inline]
    pub(in crate::chat) fn are_encrypted(&self) -> bool {
        self.encryption.tls.is_some()
    }

    /// Whether a connection is encrypted, and open.
    pub(in crate::chat) fn is_encrypted(&self, id: Id) -> bool {
        self.session(id).is_some()
    }

    /// Whether an encrypted connection has not sent a byte.
    pub(in crate::chat) fn is_silent(&self, id: Id) -> bool {
        self.session(id).is_some_and(Session::is_silent)
    }

    /// Decrypts what an open connection has sent.
    pub(in crate::chat) fn decrypt(&mut self, id: Id, bytes: &[u8]) -> Heard {
        let heard = self.with_session(id, |session, output| session.read(bytes, output));
        if heard.is_greeting {
            self.encryption.greeting.push_back(id);
        }
        heard
    }

    /// Answers the first message of the connection that has waited longest, if the rate permits it. Returns what the connection has
    /// sent behind it.
    pub(in crate::chat) fn next_handshake(&mut self) -> Option<(Id, Heard)> {
        while let Some(id) = self.encryption.greeting.front().copied() {
            let waits = self.is_encrypted(id);
            if waits && !self.encryption.answers.pay(HANDSHAKES, self.at.now) {
                return None;
            }
            self.encryption.greeting.pop_front();
            if waits {
                return Some((id, self.with_session(id, |session, output| session.answer(output))));
            }
        }
        None
    }

    /// When [`Connections::next_handshake`] has one; `None` if nobody waits for it.
    pub(in crate::chat) fn handshake_at(&self) -> Option<Instant> {
        let Encryption { greeting, answers, .. } = &self.encryption;
        greeting.front().map(|_| answers.ready_at(HANDSHAKES).max(self.at.now))
    }

    /// An encrypted connection turned out not to be: what it is told is told in plain text.
    pub(in crate::chat) fn give_up_encryption(&mut self, id: Id) {
        if let Some(connection) = self.table.get_mut(id) {
            connection.session = None;
        }
    }

    /// An encrypted connection has said that it sends nothing more.
    pub(in crate::chat) fn note_end(&mut self, id: Id) {
        if let Some(session) = self.table.get_mut(id).and_then(|connection| connection.session.as_mut()) {
            session.has_ended = true;
        }
    }

    /// Whether an encrypted connection has said that it sends nothing more.
    pub(in crate::chat) fn has_ended(&self, id: Id) -> bool {
        self.session(id).is_some_and(|session| session.has_ended)
    }

    fn session(&self, id: Id) -> Option<&Session> {
        self.table.get(id)?.session.as_deref()
    }

    /// Lets a connection's session work, and puts what it has to send into the outbox.
    fn with_session(
        &mut self,
        id: Id,
        work: impl FnOnce(&mut Session, &mut super::outbox::Writer<'_>) -> Heard,
    ) -> Heard {
        let at = self.at;
        let Some(connection) = self.table.get_mut(id) else { return Heard::default() };
        let Some(session) = &mut connection.session else { return Heard::default() };
        let before = connection.outbox.held();
        let heard = work(session, &mut connection.outbox.writer(at));
        let after = connection.outbox.held();
        self.queued = self.queued - before + after;
        if after > before {
            self.dirty.insert(id);
            self.update_blocking(id);
            self.judge(id);
        }
        heard
    }
}
