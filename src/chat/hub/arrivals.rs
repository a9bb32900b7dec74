//! When a newcomer is greeted and announced, and when it is turned away: the rule is in [`newcomers`](crate::chat::newcomers).

use super::Hub;
use crate::chat::command;
use crate::chat::connections::line::Line;
use crate::chat::connections::sanitize::sanitize;
use crate::chat::limits::ANNOUNCE_MAX;
use crate::chat::newcomers::{Arrival, Newcomer};
use crate::chat::peer::Peer;
use crate::chat::{Id, Reason, Transcript};

impl Hub {
    /// A client has taken a seat. It is greeted and announced a moment later, or at once: in a large room, and in a crowd.
    pub(super) fn arrive(&mut self, id: Id, peer: Peer) {
        let replay = match &mut self.replay {
            // It is told when the log says that the client has entered.
            _ if self.upstream.is_some() => Vec::new(),
            Some(replay) => replay(self.room.transcript().unwrap_or(&Transcript::default())),
            None => Vec::new(),
        };
        let now = self.connections.now();
        if self.room.count() + self.newcomers.len() < ANNOUNCE_MAX && self.newcomers.may_wait(now) {
            return self.newcomers.push(id, now, Arrival { peer, replay });
        }
        self.greet(id, peer, &replay);
        self.room.evict(&mut self.connections);
    }

    /// A client enters and is announced, or asks the log for it.
    fn greet(&mut self, id: Id, peer: Peer, replay: &[u8]) {
        if self.is_linked() {
            return self.let_enter(id, peer);
        }
        self.room.enter(&mut self.connections, id, peer, replay);
        self.room.announce(&mut self.connections, id);
    }

    /// Those whose time is over are greeted and announced. Returns whether there were any.
    pub(super) fn welcome_due(&mut self) -> bool {
        let mut were_any = false;
        while let Some(newcomer) = self.newcomers.pop_over(self.connections.now()) {
            self.welcome(newcomer);
            self.room.evict(&mut self.connections);
            were_any = true;
        }
        were_any
    }

    /// A newcomer is greeted and announced.
    fn welcome(&mut self, newcomer: Newcomer) {
        let Newcomer { id, arrival, .. } = newcomer;
        if !self.connections.is_open(id) {
            return;
        }
        match arrival {
            Some(Arrival { peer, replay }) => self.greet(id, peer, &replay),
            None => self.room.announce(&mut self.connections, id),
        }
    }

    /// All newcomers are greeted and announced.
    pub(in crate::chat) fn welcome_newcomers(&mut self) {
        while let Some(newcomer) = self.newcomers.pop() {
            self.welcome(newcomer);
            self.room.evict(&mut self.connections);
        }
    }

    /// All newcomers are greeted and announced before a line of `id` is handled. If that line asks for a name and is its first, the
    /// answer decides under which name it is announced.
    #[cold]
    pub(super) fn welcome_all(&mut self, id: Id, line: &Line<'_>) {
        for _ in 0..self.newcomers.len() {
            let Some(newcomer) = self.newcomers.pop() else { return };
            match newcomer {
                Newcomer { id: it, arrival: Some(Arrival { peer, replay }), .. } if it == id && asks_for_name(line) => {
                    self.room.enter(&mut self.connections, id, peer, &replay);
                    self.newcomers.push_greeted(id, self.connections.now());
                }
                newcomer => self.welcome(newcomer),
            }
        }
    }

    /// A client leaves. If it is a newcomer, it is greeted and announced first, unless it is a stranger or did not get its name.
    pub(super) fn leave(&mut self, id: Id, reason: Reason) {
        if !id.has_number() && self.is_linked() && self.lose_upstream(id) {
            return;
        }
        let id = self.known(id);
        if !id.has_number() && !self.gets_number_from_log(id) {
            return self.leave_door(id, reason);
        }
        if let Some(newcomer) = self.newcomers.remove(id) {
            match (&newcomer.arrival, reason) {
                (Some(arrival), Reason::Foreign(protocol)) => {
                    return self.room.turn_away(&mut self.connections, id, arrival.peer, protocol);
                }
                (Some(_), _) => self.welcome(newcomer),
                // It did not get the name that it asked for. Nobody has heard of it.
                (None, _) => {}
            }
        }
        self.room.leave(&mut self.connections, id, reason);
    }
}

/// Whether a line asks for a name.
pub(super) fn asks_for_name(line: &Line<'_>) -> bool {
    matches!(line, Line::Text(bytes) if matches!(command::parse(&sanitize(bytes)), command::Input::Nick(_)))
}
