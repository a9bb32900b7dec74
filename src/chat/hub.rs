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
use super::sanitize::sanitize;
use super::transcript::{Event, Transcript};
use super::words::{self, Lang, Notice, Reason, Who};
use std::collections::{HashMap, VecDeque};
use std::fmt::{self, Display, Formatter};
use std::io::IoSlice;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod talk;

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
    #[cfg(any(test, feature = "join"))]
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

/// One client.
struct Member {
    id: Id,
    nick: Box<str>,
    input: LineDecoder,
    outbox: Outbox,
    /// How much of the log has been written to it or copied for it: a position in all that was ever logged.
    cursor: u64,
    /// The part of the log that this member said itself, and does not get back.
    own: Range<u64>,
    /// Since when it only gets what is still owed to it, and why.
    leaving: Option<(Instant, Reason)>,
    /// Its arrival was told to the others, and so its leaving will be.
    announced: bool,
    /// It waits to be flushed.
    dirty: bool,
    /// It is in `Hub::lagging`.
    lagging: bool,
    /// It is counted in `Hub::blockers`: the others wait for it.
    blocking: bool,
    /// It is in `Hub::paused`.
    paused: bool,
    /// What is in its outbox is, in part, what it asked for itself.
    self_fed: bool,
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
        self.last_number += 1;
        let id = Id::new(self.last_number, key);
        let nick = nick::guest(id.number);
        let look = nick::look(&nick);
        let who = Who { nick: &nick, id };

        let announced = self.seats_taken < ANNOUNCE_MAX;
        if announced {
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
            nick: nick.into(),
            input: LineDecoder::default(),
            outbox: Outbox::new(self.at.now),
            cursor: end,
            own: end..end,
            leaving: None,
            announced,
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

    /// A client sent `bytes`; those of one who is leaving, or gone, are ignored.
    pub fn receive(&mut self, id: Id, bytes: &[u8]) {
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

    // 3. What to do.

    /// The next thing to do, until there is none.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if let Some(effect) = self.effects.pop_front() {
            return Some(effect);
        }
        while let Some(id) = self.dirty.pop_front() {
            let Some(member) = self.get_mut(id) else { continue };
            member.dirty = false;
            if self.wants_flush(id.key) {
                return Some(Effect::Flush(id));
            }
        }
        loop {
            while self.sweep < self.members.len() {
                let key = self.sweep;
                self.sweep += 1;
                if self.wants_flush(key) {
                    return self.members[key].as_ref().map(|member| Effect::Flush(member.id));
                }
            }
            if self.swept_to == self.log.end() {
                return None;
            }
            self.swept_to = self.log.end();
            self.sweep = 0;
        }
    }

    /// Whether [`Hub::poll_effect`] has something to do, as far as can be told without doing it.
    pub fn is_dirty(&self) -> bool {
        !self.effects.is_empty() || !self.dirty.is_empty() || !self.log.bytes.is_empty()
    }

    /// What to write to a client: its outbox, then the turn's log less its own lines. Gather them in one write.
    pub fn gather(&self, id: Id) -> [IoSlice<'_>; 3] {
        match self.get(id) {
            Some(member) => {
                let (before, after) = self.log.less_own(member);
                [IoSlice::new(member.outbox.waiting()), IoSlice::new(before), IoSlice::new(after)]
            }
            None => [IoSlice::new(&[]); 3],
        }
    }

    /// Of what [`Hub::gather`] returned, the socket took the first `taken` bytes and would not take more.
    pub fn wrote(&mut self, id: Id, taken: usize) {
        let at = self.at;
        let Some(member) = find(&mut self.members, id) else { return };
        let before = member.outbox.len();
        let from_outbox = taken.min(member.outbox.waiting().len());
        member.outbox.consume(from_outbox);
        let mut from_log = taken - from_outbox;
        if member.leaving.is_none() {
            let (first, second) = self.log.less_own(member);
            for part in [first, second] {
                let skip = from_log.min(part.len());
                from_log -= skip;
                member.outbox.push(&part[skip..], at);
            }
            member.cursor = self.log.end();
        }
        member.outbox.note_write(taken, at);
        self.queued = self.queued - before + member.outbox.len();
        self.after_write(id);
    }

    /// Hands what waits for a client to a writer, which must account for all of it by [`Hub::carried`] and then ask again:
    /// no [`Effect::Flush`] tells of what was added meanwhile. `None` when nothing waits or another writer is under way.
    pub fn carry_off(&mut self, id: Id) -> Option<Vec<u8>> {
        self.get_mut(id)?.outbox.carry_off()
    }

    /// Of the bytes that were carried off for a client, its socket took `taken` more. Zero is worth telling too, several
    /// times in [`STALL_AFTER`]: that is how the hub learns that a member does not read. No deadline wakes anybody for it.
    pub fn carried(&mut self, id: Id, taken: usize) {
        let at = self.at;
        let Some(member) = find(&mut self.members, id) else { return };
        let before = member.outbox.len();
        member.outbox.settle_flight(taken, at);
        self.queued = self.queued - before + member.outbox.len();
        self.after_write(id);
    }

    /// A client's socket takes bytes again.
    pub fn writable(&mut self, id: Id) {
        if let Some(member) = self.get_mut(id)
            && member.outbox.is_blocked()
        {
            member.outbox.unblock();
            self.mark_dirty(id);
        }
    }

    /// Whether the client's socket is full and the driver should wait for it to be writable.
    pub fn is_blocked(&self, id: Id) -> bool {
        self.get(id).is_some_and(|member| member.outbox.is_blocked())
    }

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

    /// Whether the driver may read from another client in this turn. All outboxes could take what was said so far, even if
    /// no socket takes a byte.
    pub fn turn_has_room(&self) -> bool {
        const LEAST: usize = 16 << 10;
        let each = OUTBOX_TOTAL_MAX.saturating_sub(self.queued) / self.seats_taken.max(1);
        self.log.bytes.len() < each.clamp(LEAST, TURN_MAX)
    }

    // 4. The end of the turn.

    /// Copies what was said in this turn for those that were not flushed, and forgets it. Somebody may have to go for that:
    /// see [`Hub::is_dirty`] before you wait.
    pub fn end_turn(&mut self) {
        if self.log.bytes.is_empty() {
            return;
        }
        loop {
            let end = self.log.end();
            for key in 0..self.members.len() {
                if let Some(id) = self.members[key].as_ref().map(|member| member.id)
                    && self.catch_up(id)
                {
                    self.judge(id);
                }
            }
            // Who went for being too slow has added a notice that those before it have not got.
            if self.log.end() == end {
                break;
            }
        }
        self.log.base = self.log.end();
        self.log.bytes.clear();
        // Everybody's part is in the outboxes: there is nothing left to walk for.
        self.swept_to = self.log.end();
        self.sweep = usize::MAX;
    }

    /// What happened since the last call. Give back an empty transcript, whose memory is used again.
    pub fn swap_transcript(&mut self, empty: &mut Transcript) {
        debug_assert!(empty.is_empty());
        if let Some(transcript) = &mut self.transcript {
            std::mem::swap(transcript, empty);
        }
    }

    // Lines.

    fn line(&mut self, id: Id, line: Line<'_>) {
        let text = match line {
            Line::Text(bytes) => sanitize(bytes),
            Line::TooLong(len) => return self.tell(id, &Notice::TooLong { len, max: self.limits.line_max }),
            Line::Endless => return self.leave(id, Reason::EndlessLine(self.limits.line_max * ENDLESS_FACTOR)),
        };
        match command::parse(&text) {
            Input::Say(text) | Input::Act(text) if text.trim().is_empty() => {}
            Input::Say(text) => self.say(id, text),
            Input::Act(text) => self.act(id, text),
            Input::Private { to, text } => self.whisper(id, to, text),
            Input::Nick(nick) => self.rename(id, nick),
            Input::Who => {
                let (everyone, more) = self.listing();
                let text = words::notice(self.lang, &Notice::Everyone(&everyone, more));
                self.enqueue(id, &text);
            }
            Input::Help => self.tell(id, &Notice::Help),
            Input::Quit => self.leave(id, Reason::Quit),
            Input::Misused(command) => self.tell(id, &Notice::Usage(command)),
            Input::Unknown(word) => self.tell(id, &Notice::Unknown(word)),
        }
    }

    fn say(&mut self, id: Id, text: &str) {
        self.broadcast(id, |nick, log| {
            log.push(b'<');
            log.extend_from_slice(nick.as_bytes());
            log.extend_from_slice(b"> ");
            log.extend_from_slice(text.as_bytes());
            log.push(b'\n');
        });
        self.note_said(id, |id, nick| Event::Said { id, nick, text });
    }

    fn act(&mut self, id: Id, text: &str) {
        self.broadcast(id, |nick, log| log.extend(format!("* {nick} {text}\n").bytes()));
        self.note_said(id, |id, nick| Event::Acted { id, nick, text });
    }

    fn whisper(&mut self, id: Id, to: &str, text: &str) {
        let Some(&receiver) = self.nicks.get(&nick::look(to)) else {
            return self.tell(id, &Notice::NobodyCalled(to));
        };
        let Some(nick) = self.get(id).map(|member| member.nick.clone()) else { return };
        self.note(Event::Whispered { id, nick: &nick, to });
        self.enqueue(receiver, format!("[{nick} -> you] {text}\n").as_bytes());
    }

    fn rename(&mut self, id: Id, nick: &str) {
        let look = match nick::check(nick, id.number) {
            Ok(look) => look,
            Err(flaw) => return self.tell(id, &Notice::NickFlaw(flaw)),
        };
        if self.nicks.get(&look).is_some_and(|wearer| *wearer != id) {
            return self.tell(id, &Notice::NickTaken(nick));
        }
        let Some(member) = self.get_mut(id) else { return };
        let old = std::mem::replace(&mut member.nick, nick.into());
        self.nicks.remove(&nick::look(&old));
        self.nicks.insert(look, id);
        let text = words::notice(self.lang, &Notice::Renamed(&old, Who { nick, id }));
        self.broadcast(id, |_, log| log.extend_from_slice(&text));
        self.note(Event::Renamed { id, old: &old, nick });
        self.tell(id, &Notice::YouAre(nick));
    }

    /// Those in the room, as many as are listed by name, and how many more there are.
    fn listing(&self) -> (Vec<Who<'_>>, usize) {
        let seated = self.members.iter().flatten().filter(|member| member.leaving.is_none());
        let mut listed: Vec<_> =
            seated.take(LISTED_MAX).map(|member| Who { nick: &member.nick, id: member.id }).collect();
        listed.sort_by_key(|who| who.id);
        let more = self.seats_taken - listed.len();
        (listed, more)
    }

    // Ways of telling.

    /// Says something to all but the one it comes from.
    fn broadcast(&mut self, from: Id, write: impl FnOnce(&str, &mut Vec<u8>)) {
        let start = self.log.end();
        let Some(member) = self.get(from) else { return };
        if member.own.end != start && member.own.end > member.cursor.max(self.log.base) {
            // A member's own part of the log is one range. Others spoke since: it needs what they said.
            self.catch_up(from);
        }
        let Some(member) = find(&mut self.members, from) else { return };
        if member.own.end != start {
            member.own = start..start;
        }
        write(&member.nick, &mut self.log.bytes);
        member.own.end = self.log.end();
    }

    /// Tells one member alone.
    fn tell(&mut self, id: Id, text: &Notice<'_>) {
        let text = words::notice(self.lang, text);
        self.enqueue(id, &text);
    }

    /// Puts lines for one member alone behind all that was said before.
    fn enqueue(&mut self, id: Id, text: &[u8]) {
        self.catch_up(id);
        let at = self.at;
        let Some(member) = self.seated(id) else { return };
        member.outbox.push(text, at);
        self.queued += text.len();
        self.mark_dirty(id);
        self.update_blocking(id);
        self.judge(id);
    }

    /// Copies what a member has not got of the turn's log into its outbox. Returns whether that was anything; if so, the
    /// member may have to be judged.
    fn catch_up(&mut self, id: Id) -> bool {
        let Some(member) = find(&mut self.members, id) else { return false };
        let (before, after) = self.log.less_own(member);
        let grown = before.len() + after.len();
        member.outbox.push(before, self.at);
        member.outbox.push(after, self.at);
        member.cursor = self.log.end();
        self.queued += grown;
        if grown > 0 {
            self.mark_dirty(id);
            self.update_blocking(id);
        }
        grown > 0
    }

    fn note(&mut self, event: Event<'_>) {
        if let Some(transcript) = &mut self.transcript {
            transcript.push(event);
        }
    }

    fn note_said<'a>(&'a mut self, id: Id, event: impl FnOnce(Id, &'a str) -> Event<'a>) {
        let Hub { transcript, members, .. } = self;
        if let Some(transcript) = transcript
            && let Some(member) = find(members, id)
        {
            transcript.push(event(id, &member.nick));
        }
    }

    // Pressure.

    /// What a write has shown about its member.
    fn after_write(&mut self, id: Id) {
        let Some(member) = self.get_mut(id) else { return };
        if member.outbox.is_empty() {
            member.self_fed = false;
            if member.leaving.is_some() {
                return self.close(id);
            }
            if member.blocking {
                self.update_blocking(id);
            }
            return;
        }
        if !member.lagging {
            member.lagging = true;
            self.lagging.push(id);
        }
        self.update_blocking(id);
        self.judge(id);
    }

    /// Disconnects a member that does not read, and whoever has to go when memory is short.
    fn judge(&mut self, id: Id) {
        if let Some(member) = self.get(id)
            && member.leaving.is_none()
            && member.outbox.is_hopeless(self.at.now)
        {
            let waiting = member.outbox.len();
            self.leave(id, Reason::TooSlow(waiting));
        }
        self.shed();
    }

    /// Disconnects the members with the longest outboxes until all together are within the limit. Those who are leaving
    /// already, and what a writer has in its hands, cannot be made shorter: they are closed.
    fn shed(&mut self) {
        while self.queued > OUTBOX_TOTAL_MAX {
            let Some(longest) = self.members.iter().flatten().max_by_key(|member| member.outbox.len()) else { return };
            let (id, waiting) = (longest.id, longest.outbox.len());
            match longest.leaving {
                None => self.leave(id, Reason::MemoryFull(waiting)),
                Some(_) => self.close(id),
            }
        }
    }

    fn update_blocking(&mut self, id: Id) {
        let Some(member) = find(&mut self.members, id) else { return };
        let blocking = member.leaving.is_none() && member.outbox.holds_others_back(self.at);
        if blocking == member.blocking {
            return;
        }
        member.blocking = blocking;
        if blocking {
            self.blockers += 1;
        } else {
            self.blockers -= 1;
            self.resume_who_may();
        }
    }

    /// Whether a member must wait: for others that cannot keep up, or for itself if it asks for more than it reads.
    fn must_wait(&self, member: &Member) -> bool {
        if member.leaving.is_some() {
            return false;
        }
        let others = self.blockers - usize::from(member.blocking);
        others > 0 || (member.self_fed && member.blocking)
    }

    fn resume_who_may(&mut self) {
        if self.paused.is_empty() {
            return;
        }
        for id in std::mem::take(&mut self.paused) {
            match self.get(id) {
                Some(member) if self.must_wait(member) => self.paused.push(id),
                Some(_) => self.resume(id),
                None => {}
            }
        }
    }

    fn resume(&mut self, id: Id) {
        if let Some(member) = self.get_mut(id) {
            member.paused = false;
            self.effects.push_back(Effect::Resume(id));
        }
    }

    // Leaving.

    /// Takes a member out of the room. What is owed to it may still be written; then it is closed.
    fn leave(&mut self, id: Id, reason: Reason) {
        if self.seated(id).is_none() {
            return;
        }
        // What was said while it was in the room is owed to it.
        self.catch_up(id);
        let at = self.at;
        let goodbye = words::notice(self.lang, &Notice::Goodbye(reason));
        let Some(member) = find(&mut self.members, id) else { return };
        let before = member.outbox.len();
        if matches!(reason, Reason::TooSlow(_) | Reason::MemoryFull(_)) {
            member.outbox.cut(at);
        }
        member.outbox.push(&goodbye, at);
        member.outbox.give_time(at.now);
        self.queued = self.queued - before + member.outbox.len();
        member.leaving = Some((at.now, reason));
        member.input = LineDecoder::default();
        let (announced, nick, was_paused) = (member.announced, member.nick.clone(), member.paused);
        if !member.lagging {
            member.lagging = true;
            self.lagging.push(id);
        }

        self.seats_taken -= 1;
        self.nicks.remove(&nick::look(&nick));
        self.update_blocking(id);
        if was_paused {
            // Its reader may be waiting, and has to see that it is over.
            self.paused.retain(|paused| *paused != id);
            self.resume(id);
        }
        self.mark_dirty(id);
        if announced {
            let text = words::notice(self.lang, &Notice::Left(Who { nick: &nick, id }, reason));
            self.log.bytes.extend_from_slice(&text);
        }
        let (seats_taken, seats) = (self.seats_taken, self.limits.clients_max);
        self.note(Event::Left { id, nick: &nick, reason, seats_taken, seats });
    }

    /// Tells the driver to close a connection, and forgets it.
    fn close(&mut self, id: Id) {
        if let Some((_, reason)) = self.get(id).and_then(|member| member.leaving) {
            self.effects.push_back(Effect::Close(id, reason));
            self.forget(id);
        }
    }

    fn forget(&mut self, id: Id) {
        if let Some(slot) = self.members.get_mut(id.key)
            && let Some(member) = slot.take_if(|member| member.id == id)
        {
            self.queued -= member.outbox.len();
        }
    }

    // Finding.

    fn get(&self, id: Id) -> Option<&Member> {
        self.members.get(id.key)?.as_ref().filter(|member| member.id == id)
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

    /// Whether a client has something to be written that its socket may take.
    fn wants_flush(&self, key: usize) -> bool {
        let Some(member) = &self.members[key] else { return false };
        if member.outbox.is_blocked() || member.outbox.is_in_flight() {
            return false;
        }
        let (before, after) = self.log.less_own(member);
        !(member.outbox.waiting().is_empty() && before.is_empty() && after.is_empty())
    }
}

impl Member {
    fn deadline(&self) -> Option<Instant> {
        match self.leaving {
            Some((since, _)) => Some((self.outbox.taken_at() + GOODBYE_PATIENCE).min(since + GOODBYE_MAX)),
            None => self.outbox.deadline(),
        }
    }

    fn goodbye_is_over(&self, now: Instant) -> bool {
        self.leaving.is_some() && self.deadline().is_some_and(|at| at <= now)
    }
}

/// Like [`Hub::get_mut`], for when other fields of the hub are borrowed.
fn find(members: &mut [Option<Member>], id: Id) -> Option<&mut Member> {
    members.get_mut(id.key)?.as_mut().filter(|member| member.id == id)
}

/// What everybody gets of this turn, written once. Positions count all that was ever logged, so that a member's cursor need
/// not be set back when the log is cleared.
#[derive(Default)]
struct Log {
    base: u64,
    bytes: Vec<u8>,
}

impl Log {
    fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// What a member has not got yet, before and after its own part.
    fn less_own(&self, member: &Member) -> (&[u8], &[u8]) {
        let end = self.end();
        if member.leaving.is_some() || member.cursor >= end {
            return (&[], &[]);
        }
        let from = member.cursor.max(self.base);
        let own = member.own.start.clamp(from, end)..member.own.end.clamp(from, end);
        (self.slice(from..own.start), self.slice(own.end..end))
    }

    fn slice(&self, range: Range<u64>) -> &[u8] {
        &self.bytes[(range.start - self.base) as usize..(range.end - self.base) as usize]
    }
}
