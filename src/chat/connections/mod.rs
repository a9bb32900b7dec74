//! The half of the chat that handles bytes: the input of each client, its pending output, and what happens to clients
//! that cannot keep up.
//!
//! * [`mod@line`], [`sanitize`] and [`characters`]: the input;
//! * [`opening`]: clients that speak another protocol;
//! * [`outbox`]: what one client's socket has not taken yet;
//! * [`broadcast`]: what all clients get, stored once per turn;
//! * [`flight`]: what a writer has carried off;
//! * [`queue`]: queues of clients, such as those that wait to be read from;
//! * [`connection`]: the state of one client;
//! * [`flush`]: what to write to which client, in the two ways of the contract;
//! * `tls`: decrypts what a client sends, and encrypts what it gets; [`heard`]: what it makes of what a client sends; [`encryption`]: which connections that is done for;
//! * [`throttle`]: limits for each client and each address, which are off unless they are set;
//! * [`allowance`]: the output that a client may cause while others wait;
//! * [`backpressure`]: which clients have to wait, which have to go, and when;
//! * `upstream`: the connections that this server has made, for the log of a room on several servers.
//!
//! It knows nothing of nicks and messages. It does not remove a client that it gives up, because the room has to
//! announce that first. [`Connections::next_eviction`] returns such clients.

mod allowance;
mod backpressure;
mod broadcast;
pub(super) mod characters;
mod connection;
mod encryption;
mod flight;
mod flush;
mod heard;
pub mod line;
pub(super) mod opening;
mod outbox;
mod queue;
pub mod sanitize;
mod throttle;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;
#[cfg(feature = "link")]
mod upstream;

use super::effect::Effect;
use super::id::{Id, Table};
use super::limits::{Limits, read_max};
use super::reason::Reason;
use crate::chat::peer::Origin;
use allowance::Allowance;
use broadcast::{Broadcast, Place};
use connection::Connection;
use encryption::Encryption;
pub use flight::Flight;
pub(super) use heard::Heard;
use line::LineDecoder;
use opening::Opening;
pub use opening::Protocol;
use outbox::Conditions;
use queue::Queue;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Instant;
use throttle::Throttle;
pub(super) use tls::ACCESS_DENIED;
pub use tls::Tls;

/// All connections.
pub(super) struct Connections {
    pub(super) table: Table<Connection>,
    pub(super) log: Broadcast,
    pub(super) at: Conditions,
    /// The number of connections that are open, and not leaving.
    pub(super) open: usize,
    /// Bytes that were ever sent to one connection only.
    sent: u64,
    /// Bytes in all outboxes, including those that were carried off from there.
    pub(super) queued: usize,
    /// Input of all connections that has not been handled: incomplete lines, and what is held back. Bytes.
    pub(super) unhandled: usize,
    /// All connections together take more memory than [`ALLOWANCE_MEMORY_MAX`](crate::chat::limits::ALLOWANCE_MEMORY_MAX).
    memory_is_short: bool,
    /// Bytes of the turns' logs that writers have carried off and not accounted for yet.
    pub(super) lent: usize,
    effects: VecDeque<Effect>,
    /// Connections with bytes in their outboxes that their sockets may take.
    pub(super) dirty: Queue,
    /// Connections that have a deadline, or may get one by the next write: those that are leaving, and those whose
    /// socket did not take everything.
    pub(super) timers: Queue,
    /// Connections with input that is held back. They will get an [`Effect::Resume`].
    pub(super) paused: Queue,
    /// Connections that cannot keep up: the others wait for them.
    pub(super) blockers: Queue,
    /// A connection that does not read and has to be evicted.
    hopeless: Option<Id>,
    /// The connection that was the last to get something for itself alone.
    addressed: Option<Id>,
    /// When the allowances of those that have left would have been full again. Whoever comes takes over the largest debt, so that
    /// leaving and coming back gains nothing.
    pub(super) debts: BinaryHeap<Allowance>,
    walk: flush::Walk,
    /// The same for the encrypted connections.
    encrypted_walk: flush::Walk,
    encryption: Encryption,
    throttle: Throttle,
    /// Connections may have to wait for the log of a room on several servers.
    has_log: bool,
    /// All have to.
    log_is_full: bool,
}

/// A client's decoder while its lines are taken out, one by one. It has to be [put back](Connections::put_back).
pub(super) struct Input {
    pub decoder: LineDecoder,
    pub opening: Opening,
    /// The client has filled an outbox, perhaps long ago.
    pub fills_some: bool,
}

impl Connections {
    pub(super) fn new(limits: &Limits, now: Instant) -> Connections {
        Connections {
            table: Table::default(),
            log: Broadcast::default(),
            at: Conditions::new(now, 0),
            open: 0,
            sent: 0,
            queued: 0,
            unhandled: 0,
            memory_is_short: false,
            lent: 0,
            effects: VecDeque::new(),
            dirty: Queue::default(),
            timers: Queue::default(),
            paused: Queue::default(),
            blockers: Queue::default(),
            hopeless: None,
            addressed: None,
            debts: BinaryHeap::new(),
            walk: flush::Walk::default(),
            encrypted_walk: flush::Walk::default(),
            encryption: Encryption::new(limits, now),
            throttle: Throttle::new(limits),
            has_log: false,
            log_is_full: false,
        }
    }

    // Arrivals and departures.

    /// Adds a connection. It gets only what is sent to it alone, until it is [admitted](Connections::admit).
    pub(super) fn open(&mut self, id: Id, addr: Origin) {
        self.open += 1;
        self.throttle.open(id, addr, self.at.now);
        let session = self.encryption.session_for(addr);
        let allowance = self.debts.pop().unwrap_or(Allowance::new(self.at.now));
        self.table.insert(id, Connection { session, allowance, ..Connection::new(self.at.now) });
    }

    /// Whether a client from this address may take a seat.
    pub(super) fn admits(&self, addr: Origin) -> bool {
        self.throttle.admits(addr)
    }

    /// Whether a client from this address may be at the door.
    pub(super) fn may_call(&self, addr: Origin) -> bool {
        self.throttle.may_call(addr)
    }

    pub(super) fn door_is_full(&self) -> bool {
        self.throttle.door_is_full()
    }

    /// Whether as many from this address are at the door as from any.
    pub(super) fn is_crowded(&self, addr: Origin) -> bool {
        self.throttle.is_crowded(addr)
    }

    /// The number of connections at the door.
    pub(super) fn callers(&self) -> usize {
        self.throttle.callers()
    }

    /// A connection is at the door.
    pub(super) fn call(&mut self, id: Id, addr: Origin) {
        self.throttle.call(id, addr);
    }

    /// A connection at the door has sent a wrong password.
    pub(super) fn note_wrong_try(&mut self, id: Id) {
        self.throttle.note_wrong_try(id, self.at.now);
    }

    /// A connection is no longer at the door.
    pub(super) fn come_in(&mut self, id: Id) {
        self.throttle.come_in(id);
    }

    /// The id under which a connection is kept.
    pub(super) fn known(&self, id: Id) -> Id {
        self.table.find(id).map_or(id, |(known, _)| known)
    }

    /// Keeps a connection under this id of the same client.
    pub(super) fn rename(&mut self, id: Id) {
        self.table.rename(id);
    }

    /// An open connection gets all that is sent to everybody from now on.
    pub(super) fn admit(&mut self, id: Id) {
        if let Some(connection) = self.table.get_mut(id).filter(|connection| connection.is_open()) {
            *connection.read_to_mut() = self.log.end_place();
        }
    }

    /// Ends an open connection with a last message: it gets nothing else any more, and is closed when its outbox is
    /// written. An evicted connection gets, of the rest of its outbox, only the line that may have been written in
    /// part.
    pub(super) fn leave(&mut self, id: Id, reason: Reason, last_word: &[u8]) {
        // What was said before is for this connection, too.
        self.catch_up(id);
        let at = self.at;
        let Some(connection) = self.table.get_mut(id).filter(|connection| connection.is_open()) else { return };
        let before = connection.outbox.held();
        let must_go = matches!(reason, Reason::TooSlow(_) | Reason::MemoryFull(_));
        // Of encrypted bytes none can be left out: each record counts for those behind it.
        if must_go && connection.session.is_none() {
            connection.outbox.cut(at);
        }
        connection.put([last_word, &[]], at);
        if let Some(mut session) = connection.session.take() {
            session.end(&mut connection.outbox.writer(at));
        }
        connection.outbox.give_time(at.now);
        self.queued = self.queued - before + connection.outbox.held();
        connection.leave(reason, at.now);
        connection.place = Place::BEYOND;
        self.unhandled -= connection.input_len();
        (connection.decoder, connection.held_back) = Default::default();
        if !connection.is_upstream {
            self.debts.extend(Some(connection.allowance).filter(|it| it.is_spent(at.now)));
            self.open -= 1;
            self.throttle.close(id);
        }
        // In a smaller room the allowances are larger.
        self.check_memory();
        self.resume();
        self.timers.insert(id);
        self.dirty.insert(id);
        self.update_blocking(id);
        if self.paused.remove(id) {
            // Its reader may be waiting, and has to notice that the connection has ended.
            self.effects.push_back(Effect::Resume(id));
        }
    }

    /// Forgets a connection that is leaving. No effect tells the driver to close it.
    pub(super) fn forget(&mut self, id: Id) {
        if let Some(connection) = self.table.remove(id) {
            self.queued -= connection.outbox.held();
            self.lent -= connection.outbox.lent();
            self.check_memory();
            self.dirty.remove(id);
            self.timers.remove(id);
        }
    }

    /// Forgets a connection that is leaving, and tells the driver to close it.
    fn close(&mut self, id: Id) {
        let leaving = self.table.get(id).and_then(|connection| connection.leaving.as_ref());
        if let Some(reason) = leaving.map(|it| it.reason) {
            self.forget(id);
            self.effects.push_back(Effect::Close(id, reason));
        }
    }

    /// Tells the driver to stop.
    pub(super) fn stop(&mut self) {
        self.effects.push_back(Effect::Stop);
    }

    #[inline]
    pub(super) fn is_open(&self, id: Id) -> bool {
        self.table.get(id).is_some_and(Connection::is_open)
    }

    /// Whether there is such a connection, open or leaving.
    pub(super) fn knows(&self, id: Id) -> bool {
        self.table.get(id).is_some()
    }

    /// The time of the last tick.
    pub(super) fn now(&self) -> Instant {
        self.at.now
    }

    /// Whether there are no connections, open or leaving.
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Whether a driver's key is taken.
    pub(super) fn has_key(&self, key: usize) -> bool {
        self.table.has_key(key)
    }

    /// The number of connections that are open, and not leaving.
    pub(super) fn count(&self) -> usize {
        self.open
    }

    // Input.

    /// How much to read from a client that has a permit. Bytes.
    pub(super) fn read_max(&self, id: Id) -> usize {
        let most = read_max(self.open);
        if self.blockers.is_empty() {
            return most;
        }
        let left = |it: &Connection| it.allowance.left(self.at.now, self.open).max(self.least_spent());
        self.table.get(id).map_or(most, |connection| most.min(left(connection)))
    }

    /// Takes out the decoder of an open connection.
    #[inline]
    pub(super) fn take_input(&mut self, id: Id) -> Option<Input> {
        let connection = self.table.get_mut(id).filter(|connection| connection.is_open())?;
        self.unhandled -= connection.decoder.stored_len();
        let (opening, fills_some) = (connection.opening, connection.fills.is_some());
        Some(Input { decoder: std::mem::take(&mut connection.decoder), opening, fills_some })
    }

    /// Puts back the decoder of a connection, if it is still open.
    #[inline]
    pub(super) fn put_back(&mut self, id: Id, mut input: Input) {
        let Some(connection) = self.table.get_mut(id).filter(|connection| connection.is_open()) else { return };
        input.decoder.shrink();
        if !input.decoder.is_idle() {
            self.unhandled += input.decoder.stored_len();
            connection.decoder = input.decoder;
        }
        connection.opening = input.opening;
    }

    /// All output so far, each line counted once. Bytes.
    #[inline]
    pub(super) fn caused(&self) -> u64 {
        self.log.end() + self.sent
    }

    // Output.

    /// Sends bytes to all connections.
    pub(super) fn send_all(&mut self, bytes: &[u8]) {
        self.log.push(bytes);
    }

    /// Sends bytes to all connections but the one that they come from. It may be none of these.
    #[inline]
    pub(super) fn send_others(&mut self, from: Id, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(connection) = self.table.get_mut(from) else { return self.log.write(write) };
        let mut place = connection.read_to_mut();
        if self.log.parts_own(place) {
            if self.catch_up(from) {
                self.dirty.insert(from);
            }
            let Some(connection) = self.table.get_mut(from) else { return };
            place = connection.read_to_mut();
        }
        self.log.push_own(place, write);
    }

    /// Sends bytes to one connection only, behind all that was said before. A connection may have to be evicted for
    /// that.
    pub(super) fn send(&mut self, id: Id, bytes: &[u8]) {
        self.catch_up(id);
        let at = self.at;
        let Some(connection) = self.table.get_mut(id).filter(|connection| connection.is_open()) else { return };
        let before = connection.outbox.held();
        connection.put([bytes, &[]], at);
        self.queued = self.queued - before + connection.outbox.held();
        self.sent += bytes.len() as u64;
        self.addressed = Some(id);
        self.dirty.insert(id);
        self.update_blocking(id);
        self.judge(id);
    }

    /// Copies the unread part of the turn's log to a connection's outbox, encrypted if the connection is. Returns whether there was any: then the
    /// connection has to be judged and flushed.
    fn catch_up(&mut self, id: Id) -> bool {
        let Some(connection) = self.table.get_mut(id) else { return false };
        let (before, after) = self.log.unread(connection.read_to());
        if before.len() + after.len() == 0 {
            return false;
        }
        let held = connection.outbox.held();
        connection.put([before, after], self.at);
        self.log.read_all(connection.read_to_mut());
        self.queued = self.queued - held + connection.outbox.held();
        self.update_blocking(id);
        true
    }
}
