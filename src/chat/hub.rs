//! The contract between the chat and a driver.
//!
//! A [`Hub`] has no sockets, no threads and no clock: a driver owns those. A driver works in turns, and every turn has
//! these five steps, in this order:
//!
//! 1. **Set the time**: [`Hub::tick`].
//! 2. **Report what happened**: [`Hub::connect`] or [`Hub::refuse`] for a new connection; [`Hub::permit`], a read and
//!    [`Permit::receive`] for bytes; [`Hub::receive_end`] for an end-of-file; [`Hub::writable`] for a socket that is
//!    writable again; [`Hub::disconnect`] for a connection that failed; [`Hub::operate`] for a line that was typed at the
//!    server's own terminal.
//! 3. **Carry out the effects**: call [`Hub::poll_effect`] until it returns `None`, and do what each [`Effect`] says.
//! 4. **End the turn**: [`Hub::end_turn`].
//! 5. **Wait** until something happens, but not past [`Hub::next_deadline`].
//!
//! What becomes of the bytes of a client is in [`input`], who has to say a password first in [`mod@door`], how bytes are decrypted in
//! [`encrypted`], when a newcomer is greeted
//! and announced in [`arrivals`], what becomes of members that say nothing in [`silence`], what those in charge may do in
//! [`charge`], and what is different in a room on several servers in [`linked`].
//!
//! # Two ways to write
//!
//! A line for everybody is stored once, in the turn's log. [`Effect::Flush`] asks the driver to write the pending bytes
//! of one client: its outbox, then its part of the log. There are two ways to do so. A driver chooses one; both have
//! the steps above.
//!
//! * **Direct**, for a driver that may write while it holds the hub. [`Hub::gather`] lends the bytes, the driver writes
//!   them at once, and [`Hub::wrote`] takes the number of bytes that the socket took. Only the rest is copied to the
//!   client's outbox. When `wrote` returns `true`, the socket is full: wait for it to become writable.
//! * **Detached**, for a driver that must not write while it holds the hub (threads), or cannot (io_uring).
//!   [`Hub::carry_off`] gives the bytes away. They are written later, and [`Hub::carried`] accounts for them in step 2
//!   of a later turn. When all of them are accounted for, call `carry_off` again: no `Flush` reports what was added
//!   meanwhile. All bytes that are carried off in one turn share that turn's log.
//!
//! # Calls at the wrong time
//!
//! No call panics, and none breaks the hub. An id whose client is gone is ignored everywhere. A number of bytes larger
//! than the hub gave out counts as the number that it gave out. A turn that ends before its effects were polled keeps
//! what was said in the outboxes. Each method says what it does in such a case.
//!
//! # Example
//!
//! A whole driver in memory, with the direct way to write. Its sockets are byte slices to read from and vectors to
//! write to.
//!
//! ```
//! use std::io::{self, Read, Write};
//! use std::time::Instant;
//! use tertulia::chat::{Effect, Hub, Id, Lang, Limits};
//!
//! struct Client {
//!     id: Id,
//!     input: &'static [u8],
//!     output: Vec<u8>,
//! }
//!
//! fn main() -> io::Result<()> {
//!     let mut hub = Hub::new(Limits::default(), Lang::En, Instant::now());
//!     let mut clients = Vec::new();
//!     for (key, input) in ["hola\n:q\n", "anybody here?\n"].into_iter().enumerate() {
//!         let id = hub.connect(key, ([127, 0, 0, 1], 4000).into()).expect("six seats");
//!         clients.push(Client { id, input: input.as_bytes(), output: Vec::new() });
//!     }
//!
//!     while !hub.is_deserted() {
//!         hub.tick(Instant::now()); // 1
//!         for client in &mut clients {
//!             // 2. Without a permit the client has to wait: `Effect::Resume` tells when to ask again.
//!             let Some(permit) = hub.permit(client.id) else { continue };
//!             let mut buffer = vec![0; permit.read_max()];
//!             match client.input.read(&mut buffer)? {
//!                 0 => hub.receive_end(client.id),
//!                 n => permit.receive(&buffer[..n]),
//!             }
//!         }
//!         while let Some(effect) = hub.poll_effect() {
//!             match effect { // 3
//!                 Effect::Flush(id) => {
//!                     let taken = clients[id.key()].output.write_vectored(&hub.gather(id))?;
//!                     let is_full = hub.wrote(id, taken);
//!                     assert!(!is_full, "a vector takes everything; a socket would be watched until it is writable");
//!                 }
//!                 Effect::Close(id, reason) => println!("{id} is closed: {reason:?}"),
//!                 Effect::Resume(id) => println!("{id} may be read from again"),
//!                 Effect::Stop => println!("the server was told to stop"),
//!                 Effect::Dial(_) => unreachable!("the room is on this server alone"),
//!             }
//!         }
//!         hub.end_turn(); // 4
//!         // 5. These sockets are always ready. Others are waited for until `hub.next_deadline()`.
//!     }
//!
//!     assert!(clients[0].output.ends_with(b"-- goodbye\n"));
//!     assert!(String::from_utf8_lossy(&clients[1].output).contains("\n<guest1> hola\n"));
//!     Ok(())
//! }
//! ```

mod arrivals;
mod charge;
mod door;
mod encrypted;
mod input;
#[cfg_attr(not(feature = "link"), path = "hub/not_linked.rs")]
mod linked;
mod silence;

use super::connections::{ACCESS_DENIED, Connections, Flight};
use super::counters::{Counters, Gauges};
use super::door::{Door, Stage};
use super::effect::Effect;
use super::id::Id;
use super::idle::Idle;
use super::limits::{KEYS_MAX, Limits};
use super::messages;
use super::newcomers::Newcomers;
use super::reason::{Reason, Refusal};
use super::room::Room;
use super::transcript::Transcript;
use crate::chat::peer::Peer;
use crate::text::Lang;
use charge::Charge;
use input::Handled;
use linked::Upstream;
use std::io::IoSlice;
use std::time::Instant;

/// The chat, as a driver sees it: the room, and the connections of its clients.
pub struct Hub {
    limits: Limits,
    pub(super) connections: Connections,
    pub(super) room: Room,
    pub(super) newcomers: Newcomers,
    idle: Idle,
    charge: Charge,
    replay: Option<Replay>,
    door: Option<Door>,
    /// The connections to the log, if the room is on several servers.
    upstream: Option<Upstream>,
    last_serial: u64,
    last_number: u64,
}

/// Tells a newcomer's earlier messages, in whole lines. It is given the events that [`Hub::take_transcript`] has not taken yet:
/// the messages among them are the last.
pub type Replay = Box<dyn FnMut(&Transcript) -> Vec<u8> + Send>;

/// What to wait for on a client's socket.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Interest {
    /// False while the client waits for an [`Effect::Resume`].
    pub readable: bool,
    /// True while the socket is full: it did not take everything that was offered.
    pub writable: bool,
}

/// Permission to hand over what one client sent: see [`Hub::permit`].
#[must_use = "the client's bytes are received with it"]
pub struct Permit<'a> {
    hub: &'a mut Hub,
    id: Id,
}

impl Permit<'_> {
    /// The most to read from the client at a time, so that the others get their turn. Bytes.
    ///
    /// A longer read is accepted, too; but then the output of the turn exceeds the bounds in [`limits`](super::limits).
    pub fn read_max(&self) -> usize {
        self.hub.connections.read_max(self.id)
    }

    /// The client sent `bytes`. Bytes of a client that is leaving or gone are ignored.
    pub fn receive(self, bytes: &[u8]) {
        self.hub.receive(self.id, bytes);
    }
}

impl Hub {
    /// An empty room.
    pub fn new(limits: Limits, lang: Lang, now: Instant) -> Hub {
        let room = Room::new(lang, limits.clients_max);
        let (connections, idle) = (Connections::new(&limits, now), Idle::new(limits.idle));
        let (newcomers, charge) = (Newcomers::new(now), Charge::new());
        let has_door = limits.password.is_some() || limits.tls.is_some();
        let door = has_door.then(|| Door::new(limits.password.clone()));
        let (replay, upstream, last_serial, last_number) = (None, None, 0, 0);
        Hub { limits, connections, room, newcomers, idle, charge, replay, door, upstream, last_serial, last_number }
    }

    /// Records events from now on, for [`Hub::take_transcript`].
    pub fn record(mut self) -> Hub {
        self.room.record();
        self
    }

    /// Shows newcomers from now on what was said before they came.
    pub fn replay(mut self, replay: Replay) -> Hub {
        self.replay = Some(replay);
        self
    }

    // 1. The time.

    /// Sets the time of all that happens until the next call. A time before that of the last call counts as the latter.
    ///
    /// Returns whether the time brought something: newcomers were greeted and announced, or members that say nothing were
    /// warned or disconnected.
    pub fn tick(&mut self, now: Instant) -> bool {
        self.connections.tick(now);
        self.shake_hands() | self.welcome_due() | self.dismiss_idle() | self.attend_door() | self.tick_link()
    }

    // 2. What happened.

    /// A client came, and takes a seat or has to end a TLS handshake or to say the password first. `key` is the driver's own number for the connection, as a
    /// slab gives it. It must be small, because the hub holds an array of that length. It is taken until the client is closed or
    /// disconnected.
    ///
    /// The client is greeted and announced a moment later: with its first line, before anybody else says a line, or when it has been
    /// silent for [`OPENING_PATIENCE`](super::limits::OPENING_PATIENCE). In a crowd, and in a large room, it is greeted at once.
    ///
    /// Returns `None`, and changes nothing, when there is no seat (or, with a password or TLS, no place at the door), when too
    /// many have come from its address or it is banned, or when `key` is taken or not below [`KEYS_MAX`].
    #[must_use = "everything else about the client is told by its id"]
    pub fn connect(&mut self, key: usize, peer: Peer) -> Option<Id> {
        if key >= KEYS_MAX || self.connections.has_key(key) || self.why_not(peer).is_some() {
            return None;
        }
        let stage = self.first_stage(peer);
        if stage.is_some() {
            self.make_place();
        }
        self.last_serial = self.next_serial();
        let mut id = Id::without_number(self.last_serial, key);
        self.connections.open(id, peer.origin());
        if let (Some(door), Some(stage)) = (&mut self.door, stage) {
            door.come(id, peer, stage, self.connections.now());
            self.connections.call(id, peer.origin());
        } else {
            id = self.take_seat(id);
            self.arrive(id, peer);
        }
        Some(id)
    }

    /// A client that is known to the connections takes a seat and gets a number, or will get it from the log.
    fn take_seat(&mut self, mut id: Id) -> Id {
        if !self.is_linked() {
            self.last_number += 1;
            id = id.numbered(self.last_number);
            self.connections.rename(id);
        }
        self.idle.come(id, self.connections.now());
        id
    }

    /// A client came and [`Hub::connect`] did not let it in. Returns what to write to it before it is closed.
    #[must_use = "whoever is refused is told so"]
    pub fn refuse(&mut self, peer: Peer) -> Vec<u8> {
        let why = self.why_not(peer).unwrap_or(Refusal::Full);
        let words = self.room.refuse(peer, why);
        self.to_newcomer(peer, words)
    }

    /// A client came, and the driver has no thread for it. Returns what to write to it before it is closed.
    #[must_use = "whoever is not served is told so"]
    pub fn refuse_without_thread(&self, peer: Peer) -> Vec<u8> {
        self.to_newcomer(peer, messages::no_thread(self.lang()))
    }

    /// What to write for these words to a client that has not said anything.
    fn to_newcomer(&self, peer: Peer, words: Vec<u8>) -> Vec<u8> {
        // Who waits for a handshake takes words for a mistake.
        if self.connections.encrypts(peer.origin()) { ACCESS_DENIED.to_vec() } else { words }
    }

    /// What a client from there has to do at the door; `None` if it takes a seat at once.
    fn first_stage(&self, peer: Peer) -> Option<Stage> {
        match self.connections.encrypts(peer.origin()) {
            true => Some(Stage::Handshake),
            false => self.limits.password.as_ref().map(|_| Stage::Password),
        }
    }

    /// Why a client from this address may not come in now.
    fn why_not(&self, peer: Peer) -> Option<Refusal> {
        let addr = peer.origin();
        if self.room.is_closing() {
            return Some(Refusal::Closing);
        }
        if self.charge.bans.keep_out(addr, self.connections.now()) {
            return Some(Refusal::Banned);
        }
        match self.first_stage(peer) {
            Some(_) if !self.connections.may_call(addr) => Some(Refusal::Door),
            None if !self.has_seat() => Some(Refusal::Full),
            _ if !self.connections.admits(addr) => Some(Refusal::Address),
            _ => None,
        }
    }

    /// Asks for permission to read from a client and to hand over what it sent.
    ///
    /// `None` means that the client has to wait: input of it is held back, because others cannot keep up with it and it has used
    /// up its [allowance](super::limits::ALLOWANCE), or because it sends more than the [rate](Limits::rate). [`Effect::Resume`]
    /// tells when to ask again. Until then do not read from it. The TCP window closes, and the client can send no more: nothing
    /// is lost. What is received all the same is for [`Hub::receive_ahead`]. A client that is leaving or gone gets a permit, and
    /// what it sent is ignored.
    ///
    /// Ask again after an [`Effect::Resume`] even when there is nothing to read: what was held back is said here.
    #[must_use = "without a permit nothing may be read"]
    pub fn permit(&mut self, id: Id) -> Option<Permit<'_>> {
        if self.holds_back(id) && !self.go_on(id) { None } else { Some(Permit { hub: self, id }) }
    }

    /// Hands over what a client sent although it has no permit. Only for a driver whose kernel receives by itself, and has
    /// received this before the driver could stop it (io_uring). The bytes wait behind those that are held back, and count
    /// as those do.
    pub fn receive_ahead(&mut self, id: Id, bytes: &[u8]) {
        self.receive(id, bytes);
    }

    /// A client ended its stream. It may still read, and gets what was said before. What was held back of it is not said: ask for a
    /// permit before the read that finds the end.
    ///
    /// An encrypted connection says inside when it ends. If it has not, this is an end like a reset.
    pub fn receive_end(&mut self, id: Id) {
        match self.connections.is_encrypted(id) && !self.connections.has_ended(id) {
            true => self.lose(id),
            false => self.end(id),
        }
    }

    /// A client said that it sends nothing more.
    fn end(&mut self, id: Id) {
        let Some(mut input) = self.connections.take_input(id) else { return };
        if let Some(line) = input.decoder.finish(self.limits.line_max) {
            self.line(self.known(id), line, &mut input.opening);
        }
        self.leave(self.known(id), Reason::EndOfInput);
    }

    /// A client's socket takes bytes again. Ignored for a socket that was not full.
    pub fn writable(&mut self, id: Id) {
        self.connections.writable(id);
    }

    /// A client's connection is gone, or cannot be served any more. Nothing is written to it from now on, and no
    /// [`Effect::Close`] follows. The driver closes it.
    pub fn disconnect(&mut self, id: Id, reason: Reason) {
        self.leave(self.known(id), reason);
        self.connections.forget(id);
    }

    /// Closes the room: every client gets a notice, and is closed when that is written. [`Hub::is_deserted`] tells when
    /// that is done.
    pub fn close_room(&mut self) {
        self.welcome_newcomers();
        while let Some(id) = self.door.as_ref().and_then(Door::any) {
            self.leave_door(id, Reason::Closing);
        }
        self.room.close(&mut self.connections);
        self.leave_room();
    }

    // 3. The effects.

    /// The next effect; `None` when there is none. Calls after that return `None` again.
    #[must_use = "an effect that is not carried out leaves a client unwritten, unread or open"]
    pub fn poll_effect(&mut self) -> Option<Effect> {
        match self.connections.next_flush() {
            Some(id) => Some(Effect::Flush(id)),
            None => self.poll_other_effect(),
        }
    }

    #[cold]
    fn poll_other_effect(&mut self) -> Option<Effect> {
        loop {
            let effect = self.connections.poll_effect();
            if effect.is_some() {
                return effect;
            }
            if self.connections.must_evict() {
                self.room.evict(&mut self.connections);
            } else if !self.append_turn() {
                return None;
            }
        }
    }

    /// The direct way: what to write to a client, in one gathered write. The three parts are its outbox, and the turn's
    /// log before and after the client's own lines. All are empty for a client that is gone, or while bytes are carried
    /// off for it: what is written now would overtake them.
    #[must_use = "the bytes are to be written"]
    pub fn gather(&self, id: Id) -> [IoSlice<'_>; 3] {
        self.connections.gather(id)
    }

    /// The socket took the first `taken` bytes of what [`Hub::gather`] returned, and not the rest. A number larger than
    /// that counts as all of it. Returns whether the socket is full: then wait for it to be writable, and call
    /// [`Hub::writable`].
    #[must_use = "a full socket has to be watched until it is writable"]
    pub fn wrote(&mut self, id: Id, taken: usize) -> bool {
        !self.connections.wrote_all(id, taken) && self.wrote_in_part(id, taken)
    }

    #[cold]
    fn wrote_in_part(&mut self, id: Id, taken: usize) -> bool {
        self.connections.wrote_in_part(id, taken);
        self.room.evict(&mut self.connections);
        self.connections.is_full(id)
    }

    /// The detached way: takes all that is to be written to a client, its outbox and its part of the turn's log. The
    /// driver must account for all these bytes by [`Hub::carried`]. When it has, call this again: no [`Effect::Flush`]
    /// reports what was added meanwhile.
    ///
    /// Returns `None` when there is nothing to write, when an earlier call is not accounted for yet (two writers would
    /// mix up the order), or when the client is gone.
    pub fn carry_off(&mut self, id: Id) -> Option<Flight> {
        self.connections.carry_off(id)
    }

    /// A client's socket took `taken` more of the bytes that were carried off. A number larger than those counts as all
    /// of them; when none are carried off, nothing happens. Report zero, too, several times in
    /// [`STALL_AFTER`](super::limits::STALL_AFTER): that is how the hub learns that a client does not read. No deadline
    /// wakes the driver for it.
    pub fn carried(&mut self, id: Id, taken: usize) {
        self.connections.carried(id, taken);
        self.room.evict(&mut self.connections);
    }

    // 4. The end of the turn.

    /// Forgets what was said in this turn. If it is called before [`Hub::poll_effect`] has returned `None`, it copies
    /// what was said to the outboxes of the clients that have not got it; then there are effects again.
    pub fn end_turn(&mut self) {
        while !self.connections.end_turn() {
            self.room.evict(&mut self.connections);
        }
    }

    // 5. The deadline.

    /// When the next turn has to begin at the latest; `None` if the hub waits only for clients. While there are effects
    /// to poll, this is the time of the last [`Hub::tick`]: do not wait at all.
    pub fn next_deadline(&self) -> Option<Instant> {
        let connections = &self.connections;
        if connections.is_dirty() {
            return Some(connections.now());
        }
        let door = self.door.as_ref().and_then(Door::deadline);
        let people = self.newcomers.deadline().into_iter().chain(self.idle.deadline()).chain(door);
        let log = self.link_deadline();
        connections.first_timer().into_iter().chain(connections.handshake_at()).chain(people).chain(log).min()
    }

    // Queries.

    /// Whether there is a free seat.
    pub fn has_seat(&self) -> bool {
        // Without a password, those at the door take a seat in a moment.
        let is_locked = self.door.as_ref().is_none_or(Door::is_locked);
        let taken = if is_locked { self.seats_taken() } else { self.connections.count() };
        taken < self.limits.clients_max
    }

    fn seats_taken(&self) -> usize {
        self.connections.count() - self.connections.callers()
    }

    /// The [serial number](Id::serial) that the next client gets.
    pub fn next_serial(&self) -> u64 {
        self.last_serial + 1
    }

    /// Whether a client is in the room or at the door: neither leaving nor gone.
    pub fn is_seated(&self, id: Id) -> bool {
        self.connections.is_open(id)
    }

    /// Whether no client is left, not even one that is leaving.
    pub fn is_deserted(&self) -> bool {
        self.connections.is_empty()
    }

    /// What to wait for on a client's socket, for a driver that asks the system anew each time. Nothing for a client
    /// that is gone.
    pub fn interest(&self, id: Id) -> Interest {
        let connections = &self.connections;
        if connections.knows(id) {
            Interest { readable: !connections.is_paused(id), writable: connections.is_full(id) }
        } else {
            Interest::default()
        }
    }

    /// Whether input of a client is held back: it was read, and may not be said yet.
    pub fn holds_back(&self, id: Id) -> bool {
        self.connections.holds_back(id)
    }

    /// When a client that was refused a permit is resumed at the latest, for a driver with a thread for each client: the thread
    /// must [tell the time](Hub::tick) then. `None` for a client that does not wait.
    pub fn resumed_by(&self, id: Id) -> Option<Instant> {
        self.connections.resumed_by(id)
    }

    /// Whether the others have not heard of a client yet.
    pub fn is_newcomer(&self, id: Id) -> bool {
        self.newcomers.until(id).is_some() || self.door.as_ref().is_some_and(|door| door.until(id).is_some())
    }

    /// When the time brings something for a client at the latest, for a driver with a thread for each client: the thread must
    /// [tell the time](Hub::tick) then. It is announced, or it is warned or disconnected because it says nothing. `None` if
    /// there is no such time.
    pub fn attended_by(&self, id: Id) -> Option<Instant> {
        let door = self.door.as_ref().and_then(|door| door.until(id));
        let handshake = door.and_then(|_| self.connections.handshake_at());
        self.newcomers.until(id).into_iter().chain(self.idle.until(id)).chain(door).chain(handshake).min()
    }

    /// Whether the driver may read from another client in this turn. While this is true, all outboxes could take what
    /// was said so far, even if no socket takes a byte.
    pub fn turn_has_room(&self) -> bool {
        self.connections.turn_has_room()
    }

    /// The clients with pending bytes, each with the number of bytes that are not accounted for as written.
    pub fn pending(&self) -> impl Iterator<Item = (Id, usize)> {
        self.connections.pending()
    }

    /// What has happened since the start, in numbers.
    pub fn counters(&self) -> &Counters {
        self.room.counters()
    }

    /// What the room is like now. It looks at each client.
    pub fn gauges(&self) -> Gauges {
        Gauges {
            members: self.connections.count() - self.connections.callers(),
            seats: self.limits.clients_max,
            callers: self.connections.callers(),
            pending: self.pending().map(|(_, bytes)| bytes).sum(),
            paused: self.connections.paused(),
        }
    }

    /// The events that [`Hub::take_transcript`] would append; `None` if the hub does not [record](Hub::record) them.
    pub fn transcript(&self) -> Option<&Transcript> {
        self.room.transcript()
    }

    /// Appends to `transcript` the events since the last call, if the hub [records](Hub::record) them. Pass an empty
    /// transcript that was used before, and its memory is reused.
    pub fn take_transcript(&mut self, transcript: &mut Transcript) {
        self.room.take_transcript(transcript);
    }

    /// The language of the room.
    pub fn lang(&self) -> Lang {
        self.room.lang()
    }

    /// The limits with which the hub was made.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}
