//! The room: who is in it, what they say to each other, who has to wait and who has to go.
//!
//! The hub is *without* sockets, threads and clocks. A driver owns those and follows one contract, turn by turn:
//!
//! 1. [`Hub::tick`] tells the time;
//! 2. [`Hub::connect`], [`Hub::receive`], [`Hub::receive_end`], [`Hub::disconnect`] tell what happened;
//! 3. [`Hub::poll_effect`] is asked until it answers `None`, and each [`Effect`] is carried out;
//! 4. [`Hub::end_turn`] forgets what was said in this turn;
//! 5. by [`Hub::next_deadline`] the next turn has to begin.
//!
//! A line that everybody gets is written once, into the turn's log. Carrying out [`Effect::Flush`] a driver writes straight
//! from that log ([`Hub::gather`], [`Hub::wrote`]): only what a socket does not take is copied into its member's outbox. A
//! driver that must not write while it holds the hub ends the turn first, which copies the log into the outboxes, and then
//! carries those off ([`Hub::carry_off`], [`Hub::carried`]). A copy a member instead of the log: at 1000 talking
//! members 1.8 times slower, and 76 MB instead of 2.

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

/// What a driver has to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Write to this client what it will take.
    Flush(Id),
    /// All that this client gets has been written, or will never be. The hub has forgotten it: close the connection.
    Close(Id, Reason),
    /// Try again to read from this client, who was kept waiting by [`Hub::may_receive`]. It may have sent meanwhile.
    Resume(Id),
}

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
    /// Members whose outbox has a deadline.
    lagging: Vec<Id>,
    /// Members that are told by an effect when they are read from again.
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
            lagging: Vec::new(),
            paused: Vec::new(),
            blockers: 0,
            queued: 0,
            transcript: None,
        }
    }

    /// Records what happens from now on, for [`Hub::swap_transcript`].
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

    /// It is `now`. All that happens until the next call happens now.
    pub fn tick(&mut self, now: Instant) {
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

    /// When [`Hub::tick`] has to be called at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.lagging.iter().filter_map(|id| self.get(*id)?.deadline()).min()
    }

    // 2. What happened.

    pub fn has_seat(&self) -> bool {
        self.seats_taken < self.limits.clients_max
    }

    /// The number that the next client gets.
    pub fn next_number(&self) -> u64 {
        self.last_number + 1
    }

    /// Somebody came, and there is a seat. `key` is the driver's own number for the connection, free when it is given and
    /// taken until the client is closed or disconnected. `replay` is what it gets to read of earlier, as whole lines.
    pub fn connect(&mut self, key: usize, peer: SocketAddr, replay: &[u8]) -> Id {
        debug_assert!(self.has_seat());
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
        debug_assert!(self.members[key].is_none(), "key {key} is taken");
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
        id
    }

    /// Somebody came and there is no seat. Returns what to tell it.
    pub fn refuse(&mut self, peer: SocketAddr) -> Vec<u8> {
        self.note(Event::Refused { peer });
        words::refusal(self.lang, self.limits.clients_max)
    }

    /// A client sent `bytes`, and [`Hub::may_receive`] has just said that it may; those of one who is leaving, or gone, are
    /// ignored.
    pub fn receive(&mut self, id: Id, bytes: &[u8]) {
        debug_assert!(self.may_receive(id), "{id} speaks while others cannot keep up");
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

    /// A client ended its stream. It may still read: it gets what is owed to it.
    pub fn receive_end(&mut self, id: Id) {
        let Some(member) = self.seated(id) else { return };
        let mut input = std::mem::take(&mut member.input);
        if let Some(line) = input.finish(self.limits.line_max) {
            self.line(id, line);
        }
        self.leave(id, Reason::EndOfInput);
    }

    /// A client's connection is gone, or cannot be served any more: nothing is written to it from now on.
    pub fn disconnect(&mut self, id: Id, reason: Reason) {
        self.leave(id, reason);
        self.forget(id);
    }

    /// Nobody may stay: everybody is told, and closed when that is written.
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

    // What a driver asks before it reads.

    /// Whether to read from a client, or to take in what was read. If not, somebody it talks to cannot keep up, and
    /// [`Effect::Resume`] tells when that is over. The kernel's window closes meanwhile, and the client can send no more:
    /// nothing is lost.
    pub fn may_receive(&mut self, id: Id) -> bool {
        if self.blockers == 0 || self.get(id).is_none_or(|member| !self.must_wait(member)) {
            return true;
        }
        if let Some(member) = find(&mut self.members, id)
            && !member.paused
        {
            member.paused = true;
            self.paused.push(id);
        }
        false
    }

    /// Bytes to read at a time from one client.
    pub fn read_max(&self) -> usize {
        read_max(self.seats_taken)
    }

    /// Whether a client is in the room: neither leaving nor gone.
    pub fn is_seated(&self, id: Id) -> bool {
        self.get(id).is_some_and(|member| member.leaving.is_none())
    }

    /// Whether the hub knows a client at all, if only to say goodbye.
    pub fn knows(&self, id: Id) -> bool {
        self.get(id).is_some()
    }

    /// How much was said in this turn to everybody. Bytes.
    pub fn said(&self) -> usize {
        self.log.bytes.len()
    }

    /// Whether the driver may read from another client in this turn. All outboxes could take what was said so far, even if
    /// no socket takes a byte.
    pub fn turn_has_room(&self) -> bool {
        const LEAST: usize = 16 << 10;
        let (said, room) = (self.said(), OUTBOX_TOTAL_MAX.saturating_sub(self.queued));
        said < LEAST || (said < TURN_MAX && said * self.seats_taken < room)
    }

    /// What happened since the last call. Give back an empty transcript, whose memory is used again.
    pub fn swap_transcript(&mut self, empty: &mut Transcript) {
        debug_assert!(empty.is_empty());
        if let Some(transcript) = &mut self.transcript {
            std::mem::swap(transcript, empty);
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
