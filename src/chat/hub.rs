//! The contract between the chat and a driver.
//!
//! A [`Hub`] has no sockets, no threads and no clock: a driver owns those. A driver works in turns, and every turn has
//! these five steps, in this order:
//!
//! 1. **Tell the time**: [`Hub::tick`].
//! 2. **Tell what happened**: [`Hub::connect`] or [`Hub::refuse`] for a new connection; [`Hub::permit`], a read and
//!    [`Permit::receive`] for bytes; [`Hub::receive_end`] for an end-of-file; [`Hub::writable`] for a socket that has room
//!    again; [`Hub::disconnect`] for a connection that failed.
//! 3. **Carry out the effects**: call [`Hub::poll_effect`] until it returns `None`, and do what each [`Effect`] says.
//! 4. **End the turn**: [`Hub::end_turn`].
//! 5. **Wait** until something happens, but not past [`Hub::next_deadline`].
//!
//! # Two ways to write
//!
//! A line for everybody is stored once, in the turn's log. [`Effect::Flush`] asks the driver to write to one client what it
//! has not got yet: its outbox, then its part of the log. There are two ways to do so. A driver chooses one; both have the
//! steps above.
//!
//! * **Direct**, for a driver that may write while it holds the hub. [`Hub::gather`] lends the bytes, the driver writes them
//!   at once, and [`Hub::wrote`] takes the number of bytes that went. Only what the socket did not take is copied to the
//!   client's outbox. When `wrote` returns `true`, the socket is full: wait for it to become writable.
//! * **Detached**, for a driver that must not write while it holds the hub (threads), or cannot (io_uring).
//!   [`Hub::carry_off`] gives the bytes away. They are written later, and [`Hub::carried`] accounts for them in step 2 of a
//!   later turn. When all of them are accounted for, call `carry_off` again: no `Flush` tells of what was added meanwhile.
//!   This costs one copy a client: with 1000 clients that talk it is 1.8 times slower, and takes 76 MB instead of 2.
//!
//! # Calls at the wrong time
//!
//! No call panics, and none breaks the hub. An id whose client is gone is ignored everywhere. More bytes than were given
//! count as those that were given. A turn that ends before its effects were polled keeps what was said in the outboxes.
//! Each method says what it does in such a case.
//!
//! # Example
//!
//! A whole driver in memory, with the direct way to write. Its sockets are byte slices to read from and vectors to write to.
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
//!         let id = hub.connect(key, ([127, 0, 0, 1], 4000).into(), b"").expect("six seats");
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

use super::command::{self, Input};
use super::limits::*;
use super::line::{Line, LineDecoder};
use super::nick::{self, Look};
use super::outbox::{Conditions, Outbox};
use super::sanitize::{is_plain, sanitize};
use super::transcript::{Event, Transcript};
use super::words::{self, Lang, Notice, Reason, Who};
use std::collections::{HashMap, VecDeque};
use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::time::Instant;

mod flushing;
mod leaving;
mod member;
mod pressure;
mod speech;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod misuse;
#[cfg(any(test, feature = "fuzz"))]
mod model;
#[cfg(any(test, feature = "fuzz"))]
pub(super) mod script;
#[cfg(any(test, feature = "fuzz"))]
mod sim;
#[cfg(test)]
mod talk;

use member::{Log, Member, Name, find};

/// A client, for as long as the server lives: `#1`, `#2`, … Never used twice.
///
/// It also holds the driver's key for the client, which is used again: a stale id finds nobody.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Id {
    number: u64,
    key: usize,
}

impl Id {
    /// An id that was read, not given: `join` reads them in notices.
    pub(crate) fn new(number: u64, key: usize) -> Id {
        Id { number, key }
    }

    pub fn number(self) -> u64 {
        self.number
    }

    /// The key that the driver gave.
    pub fn key(self) -> usize {
        self.key
    }
}

impl Display for Id {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "#{}", self.number)
    }
}

/// What a driver has to do in step 3 of a turn.
#[must_use = "an effect that is not carried out leaves a client unwritten, unread or open"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Write to this client, the direct or the detached way.
    Flush(Id),
    /// Close this connection. All bytes for it are written, or never will be, and the hub has forgotten the client.
    Close(Id, Reason),
    /// Ask [`Hub::permit`] again for this client: it had to wait, and need not any more. It may have sent meanwhile.
    Resume(Id),
}

/// What to wait for on a client's socket.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Interest {
    /// A permit was not refused.
    pub readable: bool,
    /// The socket did not take all that was offered.
    pub writable: bool,
}

/// Leave to hand over what one client sent: see [`Hub::permit`].
#[must_use = "the client's bytes are received with it"]
pub struct Permit<'a> {
    hub: &'a mut Hub,
    id: Id,
}

impl Permit<'_> {
    /// How much to read from the client at a time, so that the others get their turn. Bytes.
    ///
    /// More is received, too; but what is said in one turn then exceeds the bounds in [`limits`](super::limits).
    pub fn read_max(&self) -> usize {
        read_max(self.hub.seats_taken)
    }

    /// The client sent `bytes`. Those of a client that is leaving or gone are ignored.
    pub fn receive(self, bytes: &[u8]) {
        self.hub.receive(self.id, bytes);
    }
}

/// No driver's key.
const NOBODY: usize = usize::MAX;

/// The room.
pub struct Hub {
    limits: Limits,
    lang: Lang,
    at: Conditions,
    /// By the driver's keys.
    members: Vec<Option<Member>>,
    seats_taken: usize,
    last_number: u64,
    nicks: HashMap<Look, Id>,
    log: Log,
    effects: VecDeque<Effect>,
    dirty: VecDeque<Id>,
    /// Where the walk over all members that get the log stands, and up to where the log was when it began.
    sweep: usize,
    swept_to: u64,
    /// The key of the member that the walk has found last and that has not been written to since; [`NOBODY`] if it has.
    offered: usize,
    /// A member that the walk had found was not written to.
    left_out: bool,
    /// Members whose outbox has a deadline.
    lagging: Vec<Id>,
    /// Members that were refused a permit, and get an [`Effect::Resume`] for it.
    paused: Vec<Id>,
    /// Members that the others wait for.
    blockers: usize,
    /// Bytes in all outboxes.
    queued: usize,
    transcript: Option<Transcript>,
}

impl Hub {
    pub fn new(limits: Limits, lang: Lang, now: Instant) -> Hub {
        Hub {
            limits,
            lang,
            at: Conditions::new(now, 0),
            members: Vec::new(),
            seats_taken: 0,
            last_number: 0,
            nicks: HashMap::new(),
            log: Log::default(),
            effects: VecDeque::new(),
            dirty: VecDeque::new(),
            sweep: usize::MAX,
            swept_to: 0,
            offered: NOBODY,
            left_out: false,
            lagging: Vec::new(),
            paused: Vec::new(),
            blockers: 0,
            queued: 0,
            transcript: None,
        }
    }

    /// Records what happens from now on, for [`Hub::take_transcript`].
    pub fn record(mut self) -> Hub {
        self.transcript = Some(Transcript::default());
        self
    }

    pub fn lang(&self) -> Lang {
        self.lang
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    // 1. The time.

    /// It is `now`. All that happens until the next call happens now. A time before that of the last call counts as that.
    pub fn tick(&mut self, now: Instant) {
        let now = now.max(self.at.now);
        self.at = Conditions::new(now, self.seats_taken);
        if self.lagging.is_empty() {
            return;
        }
        for id in std::mem::take(&mut self.lagging) {
            let Some(member) = self.get_mut(id) else { continue };
            if member.outbox.is_empty() && member.leaving.is_none() {
                member.lagging = false;
                continue;
            }
            let due = member.deadline().is_some_and(|at| at <= now);
            if due && member.goodbye_is_over(now) {
                self.close(id);
                continue;
            }
            if due {
                // Whether it takes bytes is seen by trying, not by waiting to be told: a socket is called writable when
                // a third of its buffer is free, and a slow reader may need more than a stall's time for that.
                member.outbox.unblock();
                self.mark_dirty(id);
            }
            self.update_blocking(id);
            self.lagging.push(id);
        }
    }

    /// When the next turn has to begin at the latest; `None` if the hub waits for nothing but the clients. While there are
    /// effects to poll, this is the time of the last [`Hub::tick`]: do not wait at all.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.is_dirty() { Some(self.at.now) } else { self.first_timer() }
    }

    fn first_timer(&self) -> Option<Instant> {
        self.lagging.iter().filter_map(|id| self.get(*id)?.deadline()).min()
    }

    // 2. What happened.

    /// Whether there is a free seat for [`Hub::connect`].
    pub fn has_seat(&self) -> bool {
        self.seats_taken < self.limits.clients_max
    }

    /// The number that the next client gets.
    pub fn next_number(&self) -> u64 {
        self.last_number + 1
    }

    /// Somebody came and takes a seat. `key` is the driver's own number for the connection, as a slab gives it: small, because
    /// the hub holds an array of that length, and taken until the client is closed or disconnected. `replay` is what the
    /// client gets to read of earlier, in whole lines.
    ///
    /// `None`, and nothing is changed, when there is no seat, or `key` is taken or not below [`KEYS_MAX`].
    #[must_use = "everything else about the client is told by its id"]
    pub fn connect(&mut self, key: usize, peer: SocketAddr, replay: &[u8]) -> Option<Id> {
        let key_is_free = key < KEYS_MAX && self.members.get(key).is_none_or(Option::is_none);
        if !key_is_free || !self.has_seat() {
            return None;
        }
        self.last_number = self.next_number();
        let id = Id::new(self.last_number, key);
        let nick = nick::guest(id.number);
        let look = nick::look(&nick);
        let who = Who { nick: &nick, id };

        if self.seats_taken < ANNOUNCE_MAX {
            self.log.bytes.extend(words::notice(self.lang, &Notice::Arrived(who)));
        }
        let (others, more) = self.listing();
        let here = if others.is_empty() { Notice::Alone } else { Notice::Here(&others, more) };
        let mut greeting = Vec::new();
        for text in [Notice::Welcome(who), here, Notice::HowTo] {
            greeting.extend(words::notice(self.lang, &text));
        }
        greeting.extend_from_slice(replay);

        self.seats_taken += 1;
        let (seats_taken, seats) = (self.seats_taken, self.limits.clients_max);
        self.note(Event::Arrived { id, nick: &nick, peer, seats_taken, seats });
        self.nicks.insert(look, id);
        if self.members.len() <= key {
            self.members.resize_with(key + 1, || None);
        }
        let end = self.log.end();
        self.members[key] = Some(Member {
            id,
            name: Name::new(&nick),
            input: LineDecoder::default(),
            outbox: Outbox::new(self.at.now),
            cursor: end,
            own: end..end,
            leaving: None,
            dirty: false,
            lagging: false,
            blocking: false,
            paused: false,
            self_fed: false,
        });
        self.enqueue(id, &greeting);
        Some(id)
    }

    /// Somebody came and there is no seat. Returns what to write to it before it is closed.
    #[must_use = "whoever is refused is told so"]
    pub fn refuse(&mut self, peer: SocketAddr) -> Vec<u8> {
        self.note(Event::Refused { peer });
        words::refusal(self.lang, self.limits.clients_max)
    }

    /// Asks to read from a client and to hand over what it sent.
    ///
    /// `None` means that the client has to wait, for itself or for another that cannot keep up. This registers it:
    /// [`Effect::Resume`] tells when to ask again. Until then do not read from it. The kernel's window closes, and the client
    /// can send no more: nothing is lost. A client that is leaving or gone gets a permit, and what it sent is ignored.
    #[must_use = "without a permit nothing may be read"]
    pub fn permit(&mut self, id: Id) -> Option<Permit<'_>> {
        if self.blockers > 0 && self.is_to_wait(id) {
            return None;
        }
        Some(Permit { hub: self, id })
    }

    /// What to wait for on a client's socket: for a driver that asks the system anew each time. Nothing for a client that is gone.
    pub fn interest(&self, id: Id) -> Interest {
        let of = |member: &Member| Interest { readable: !member.paused, writable: member.outbox.is_blocked() };
        self.get(id).map(of).unwrap_or_default()
    }

    /// Whether a client must wait; if so, it is told by an effect when that is over.
    #[cold]
    fn is_to_wait(&mut self, id: Id) -> bool {
        let must_wait = self.get(id).is_some_and(|member| self.must_wait(member));
        if must_wait
            && let Some(member) = find(&mut self.members, id)
            && !member.paused
        {
            member.paused = true;
            self.paused.push(id);
        }
        must_wait
    }

    fn receive(&mut self, id: Id, bytes: &[u8]) {
        let Some(member) = self.seated(id) else { return };
        let waiting_before = member.outbox.len();
        let mut input = std::mem::take(&mut member.input);
        let line_max = self.limits.line_max;
        match self.limits.framing {
            Framing::Line => {
                let mut rest = bytes;
                while let Some(line) = input.next(&mut rest, line_max, line_max * ENDLESS_FACTOR) {
                    self.line(id, line);
                    if self.seated(id).is_none() {
                        return;
                    }
                }
            }
            Framing::Raw => {
                for message in bytes.chunks(line_max) {
                    // A line end within the message is a control character like others, and shown as a blank.
                    let message = message.trim_ascii_end();
                    let flat: Vec<u8> = message.iter().map(|&b| if b == b'\n' { b' ' } else { b }).collect();
                    self.line(id, Line::Text(&flat));
                    if self.seated(id).is_none() {
                        return;
                    }
                }
            }
        }
        input.shrink();
        if let Some(member) = self.seated(id) {
            member.input = input;
            member.self_fed |= member.outbox.len() > waiting_before;
        }
    }

    /// A client ended its stream. It may still read, and gets what was said before. Needs no permit.
    pub fn receive_end(&mut self, id: Id) {
        let Some(member) = self.seated(id) else { return };
        let mut input = std::mem::take(&mut member.input);
        if let Some(line) = input.finish(self.limits.line_max) {
            self.line(id, line);
        }
        self.leave(id, Reason::EndOfInput);
    }

    /// A client's connection is gone, or cannot be served any more: nothing is written to it from now on, and no
    /// [`Effect::Close`] follows. The driver closes it.
    pub fn disconnect(&mut self, id: Id, reason: Reason) {
        self.leave(id, reason);
        self.forget(id);
    }

    /// Nobody may stay: everybody is told, and closed when that is written. [`Hub::is_deserted`] tells when that is done.
    pub fn close_room(&mut self) {
        self.note(Event::Closing);
        for key in 0..self.members.len() {
            if let Some(member) = &self.members[key] {
                let id = member.id;
                self.leave(id, Reason::Closing);
            }
        }
    }

    /// Whether nobody is left, not even one who is leaving.
    pub fn is_deserted(&self) -> bool {
        self.members.iter().all(Option::is_none)
    }

    // Queries.

    /// Whether a client is in the room: neither leaving nor gone.
    pub fn is_seated(&self, id: Id) -> bool {
        self.get(id).is_some_and(|member| member.leaving.is_none())
    }

    /// Whether the hub knows a client at all, if only to say goodbye.
    #[cfg(any(test, feature = "fuzz"))]
    fn knows(&self, id: Id) -> bool {
        self.get(id).is_some()
    }

    /// How much was said in this turn to everybody. Bytes.
    pub(crate) fn said(&self) -> usize {
        self.log.bytes.len()
    }

    /// Whether the driver may read from another client in this turn. All outboxes could take what was said so far, even if
    /// no socket takes a byte.
    pub fn turn_has_room(&self) -> bool {
        const LEAST: usize = 16 << 10;
        let (said, room) = (self.said(), OUTBOX_TOTAL_MAX.saturating_sub(self.queued));
        said < LEAST || (said < TURN_MAX && said * self.seats_taken < room)
    }

    /// Appends to `transcript` what happened since the last call, if the hub was told to [`record`](Hub::record). Pass an
    /// empty transcript that was used before, and its memory is used again.
    pub fn take_transcript(&mut self, transcript: &mut Transcript) {
        if let Some(ours) = &mut self.transcript {
            transcript.append(ours);
        }
    }

    // Finding.

    fn get(&self, id: Id) -> Option<&Member> {
        self.members.get(id.key)?.as_ref().filter(|member| member.id.number == id.number)
    }

    fn get_mut(&mut self, id: Id) -> Option<&mut Member> {
        find(&mut self.members, id)
    }

    fn seated(&mut self, id: Id) -> Option<&mut Member> {
        self.get_mut(id).filter(|member| member.leaving.is_none())
    }

    fn mark_dirty(&mut self, id: Id) {
        if let Some(member) = find(&mut self.members, id)
            && !member.dirty
        {
            member.dirty = true;
            self.dirty.push_back(id);
        }
    }
}
