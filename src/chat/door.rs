//! The door: a room with a password lets in only who knows it, and a server that speaks TLS only whose handshake has ended.
//!
//! Who connects has no seat and no number yet, and nobody in the room learns of it. It has [`HANDSHAKE_PATIENCE`] for a handshake.
//! Then it is asked for the password, and has [`PASSWORD_TRIES`] tries and [`PASSWORD_PATIENCE`]. Wrong tries slow down all that come from the same address, and nobody else:
//! that is in [`throttle`](super::connections). The question waits a moment, as the greeting does in a room without a door: a
//! program that sends the password at once is not asked, and a stranger is turned away in its own protocol. A command is no try:
//! who asks for a name first gets it later.

use super::id::Id;
use super::limits::{HANDSHAKE_PATIENCE, OPENING_PATIENCE, PASSWORD_PATIENCE, PASSWORD_TRIES};
use super::reason::Refusal;
use super::secret::Secret;
use crate::chat::peer::Peer;
use std::time::Instant;

/// All that are not let in yet.
pub(super) struct Door {
    /// What they have to say.
    password: Option<Secret>,
    /// In the order in which they came.
    callers: Vec<Caller>,
}

/// What somebody at the door has to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// To end its TLS handshake.
    Handshake,
    /// To say the password.
    Password,
}

/// Somebody at the door.
struct Caller {
    id: Id,
    peer: Peer,
    stage: Stage,
    /// When it is asked for the password, if it was not.
    ask_at: Option<Instant>,
    /// When it is turned away.
    until: Instant,
    tries_left: u32,
    /// The line with which it asked for a name. It counts when the caller is let in.
    wish: Option<Box<[u8]>>,
}

/// A line that asks for a name is not longer, or the name is. Bytes.
const WISH_MAX: usize = 128;

/// What a line of a caller is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Right,
    /// It has this many tries left.
    Wrong(u32),
}

impl Door {
    pub(super) fn new(password: Option<Secret>) -> Door {
        Door { password, callers: Vec::new() }
    }

    /// Whether there is a password.
    pub(super) fn is_locked(&self) -> bool {
        self.password.is_some()
    }

    /// Somebody comes.
    pub(super) fn come(&mut self, id: Id, peer: Peer, stage: Stage, now: Instant) {
        let until = now + HANDSHAKE_PATIENCE;
        let mut caller = Caller { id, peer, stage, ask_at: None, until, tries_left: PASSWORD_TRIES, wish: None };
        if stage == Stage::Password {
            caller.expect_password(now);
        }
        self.callers.push(caller);
    }

    /// A caller's handshake has ended, and it has to say the password.
    pub(super) fn expect_password(&mut self, id: Id, now: Instant) {
        if let Some(caller) = self.callers.iter_mut().find(|caller| caller.id == id) {
            caller.expect_password(now);
        }
    }

    /// What a caller has to do.
    pub(super) fn stage(&self, id: Id) -> Option<Stage> {
        self.callers.iter().find(|caller| caller.id == id).map(|caller| caller.stage)
    }

    /// A caller answered.
    pub(super) fn answer(&mut self, id: Id, tried: &[u8]) -> Option<Answer> {
        // Whoever was wrong is told so, and need not be asked.
        self.ask(id);
        let caller = self.callers.iter_mut().find(|caller| caller.id == id)?;
        Some(match self.password.as_ref()?.is(tried) {
            true => Answer::Right,
            false => {
                caller.tries_left -= 1;
                Answer::Wrong(caller.tries_left)
            }
        })
    }

    /// A caller asked for a name by this line.
    pub(super) fn wish(&mut self, id: Id, line: &[u8]) {
        if let Some(caller) = self.callers.iter_mut().find(|caller| caller.id == id)
            && line.len() <= WISH_MAX
        {
            caller.wish = Some(line.into());
        }
    }

    /// A caller is asked for the password now.
    pub(super) fn ask(&mut self, id: Id) {
        if let Some(caller) = self.callers.iter_mut().find(|caller| caller.id == id) {
            caller.ask_at = None;
        }
    }

    /// A caller is let in or leaves. Returns where it came from, and the line with which it asked for a name.
    pub(super) fn remove(&mut self, id: Id) -> Option<(Peer, Option<Box<[u8]>>)> {
        let at = self.callers.iter().position(|caller| caller.id == id)?;
        let caller = self.callers.remove(at);
        Some((caller.peer, caller.wish))
    }

    /// Where a caller came from.
    pub(super) fn peer(&self, id: Id) -> Option<Peer> {
        self.callers.iter().find(|caller| caller.id == id).map(|caller| caller.peer)
    }

    /// The first that came, of those for whose peer this is true.
    pub(super) fn first(&self, is_wanted: impl Fn(Peer) -> bool) -> Option<Id> {
        self.callers.iter().find(|caller| is_wanted(caller.peer)).map(|caller| caller.id)
    }

    pub(super) fn any(&self) -> Option<Id> {
        self.callers.first().map(|caller| caller.id)
    }

    /// One that is to be asked by `now`.
    pub(super) fn pop_unasked(&mut self, now: Instant) -> Option<Id> {
        let unasked = |caller: &&mut Caller| caller.ask_at.is_some_and(|at| at <= now);
        let caller = self.callers.iter_mut().find(unasked)?;
        caller.ask_at = None;
        Some(caller.id)
    }

    /// One whose time is over by `now`, and why it is not let in.
    pub(super) fn late(&self, now: Instant) -> Option<(Id, Refusal)> {
        let caller = self.callers.iter().find(|caller| caller.until <= now)?;
        let why = match caller.stage {
            Stage::Handshake => Refusal::Handshake,
            Stage::Password => Refusal::Late,
        };
        Some((caller.id, why))
    }

    /// When [`Door::pop_unasked`] or [`Door::late`] has one at the earliest.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.callers.iter().map(Caller::deadline).min()
    }

    /// When they have this one.
    pub(super) fn until(&self, id: Id) -> Option<Instant> {
        self.callers.iter().find(|caller| caller.id == id).map(Caller::deadline)
    }
}

impl Caller {
    fn expect_password(&mut self, now: Instant) {
        self.stage = Stage::Password;
        (self.ask_at, self.until) = (Some(now + OPENING_PATIENCE), now + PASSWORD_PATIENCE);
    }

    fn deadline(&self) -> Instant {
        self.ask_at.map_or(self.until, |at| at.min(self.until))
    }
}
