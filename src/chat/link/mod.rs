//! One room on several servers: what happens is appended to a log, and all servers apply the log.
//!
//! The log is a Redis stream. It has one order, so the room has one order, too. A server does not act on what its own members
//! do: it appends it, and applies it when it reads it back.
//!
//! * [`entry`]: what the log holds;
//! * [`replica`]: the state that all servers share;
//! * [`redis`]: the commands and the answers;
//! * [`room`]: where the log is, and what may be wrong with it;
//! * [`connection`]: the two connections to Redis;
//! * [`asking`]: what is known while a question has no answer;
//! * this file: when to append, what to append again, and how a server joins.
//!
//! Like the rest of the chat it has no sockets and no clock. A driver dials the two connections when [`Link::dial`] says so, and
//! moves their bytes.
//!
//! # Exactly once
//!
//! A server appends one entry at a time, with all that happened since the one before. An entry whose answer did not come is
//! appended again, and may then be in the log twice. Entries are numbered, so the second one is ignored by all. An entry is
//! forgotten by its server only when it has been read back.
//!
//! # Joining
//!
//! A new server appends a question: [`Event::Asked`]. Whoever applies it answers with what the room was like at that place, which
//! is the same on all servers, so the first answer counts. The new server applies what was appended after its question, and has
//! joined. If all other servers have stopped, the room is empty. If they are silent, that is known after [`LIFETIME`](replica::LIFETIME); of several
//! that ask then, the first one begins with an empty room.
//!
//! # When it goes wrong
//!
//! * A server that was silent for [`LIFETIME`](replica::LIFETIME) is gone for all, itself included, as soon as the log says so. It comes back under
//!   another id, with its members, and appends again what was too late.
//! * The log may lose its end: a Redis that takes over for another one, or one that was killed, has not got the last entries. Then
//!   servers have applied different entries. A missing number shows it, or the place where a server last read, or a digest of the
//!   room that servers append now and then. Whoever notices asks as a new server does, goes on meanwhile with what it knows, and
//!   gives no answers. If all have noticed, the one that asked first goes on with what it knows.

mod asking;
pub(crate) mod connection;
pub(crate) mod entry;
#[cfg(test)]
mod real;
pub(crate) mod redis;
pub(crate) mod replica;
pub(crate) mod room;
#[cfg(test)]
pub(super) mod simulated;
#[cfg(test)]
mod tests;

use asking::{Asking, nobody_is_there};
use connection::{Connection, Question, Way};
use entry::{Event, NotOurs, Place, ServerId};
use redis::{Entry, Reply};
use replica::{Applied, BEAT, Replica, SERVER_GONE, is_question_in_time};
use room::{Room, Trouble};
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::time::Instant;

/// An entry holds about this much. Bytes.
const ENTRY_MAX: usize = 32 << 10;
/// When so much waits for the log, members have to wait, too. Bytes.
const WAITING_MAX: usize = 256 << 10;
/// So many entries are read at once.
const READ_AT_ONCE: &str = "16";
/// How long Redis keeps the reader waiting when there is nothing to read. Milliseconds.
const BLOCK: &str = "2000";
/// So many places are remembered at which servers have checked the room.
const MARKS_MAX: usize = 32;
/// The most entries that a new server looks back at.
const LOOK_BACK: usize = 256;

/// A server's part in the room.
pub(crate) struct Link {
    room: Room,
    server: ServerId,
    /// The log has taken it in, and not given it up.
    is_known: bool,
    now: Instant,
    appender: Connection,
    reader: Connection,
    stage: Stage,
    /// What this server has applied.
    replica: Replica,
    applied: VecDeque<Applied>,
    /// What happened since the last entry.
    pending: String,
    /// Own entries that were not read back yet, the oldest first.
    unconfirmed: VecDeque<Own>,
    /// The number of the one to append next.
    next: u64,
    last_number: u64,
    appended_at: Instant,
    /// The place of the newest own entry.
    newest: Place,
    /// What the room was like where a server has checked it, the newest last.
    marks: VecDeque<Mark>,
    /// The newest own one.
    own_mark: Mark,
    checked_at: Instant,
    /// The servers that have asked, and have no answer.
    in_doubt: BTreeMap<ServerId, Doubt>,
    /// The log is not read on, because members cannot keep up.
    is_held: bool,
    /// It leaves the room, and appends nothing more.
    has_stopped: bool,
}

/// A digest of the room at a place.
#[derive(Clone, Copy, Default)]
struct Mark {
    at: Place,
    digest: u64,
}

/// What is known of a server that has no answer yet.
struct Doubt {
    asked_at: Place,
    /// It knows a room: see [`Event::Asked`].
    again: bool,
}

/// An own entry.
struct Own {
    number: u64,
    text: String,
}

/// What a server knows of the room.
enum Stage {
    /// It has not seen the log.
    New,
    /// It has asked, and waits for the answer.
    Asking(Asking),
    /// It knows what the others know.
    Joined,
}

impl Link {
    pub(crate) fn new(room: Room, server: ServerId, now: Instant) -> Link {
        Link {
            appender: Connection::new(now),
            reader: Connection::new(now),
            room,
            server,
            is_known: false,
            now,
            stage: Stage::New,
            replica: Replica::default(),
            applied: VecDeque::new(),
            pending: String::new(),
            unconfirmed: VecDeque::new(),
            next: 1,
            last_number: 0,
            appended_at: now,
            newest: Place::default(),
            marks: VecDeque::new(),
            own_mark: Mark::default(),
            checked_at: now,
            in_doubt: BTreeMap::new(),
            is_held: false,
            has_stopped: false,
        }
    }

    pub(crate) fn server(&self) -> ServerId {
        self.server
    }

    /// The room, as far as this server has applied it.
    #[cfg(test)]
    pub(crate) fn replica(&self) -> &Replica {
        &self.replica
    }

    /// Whether it knows the room.
    pub(crate) fn has_joined(&self) -> bool {
        matches!(self.stage, Stage::Joined | Stage::Asking(Asking { again: true, .. }))
    }

    /// Why the room waits; `None` if nothing is wrong.
    pub(crate) fn trouble(&self) -> Option<&Trouble> {
        self.appender.trouble.as_ref().or(self.reader.trouble.as_ref())
    }

    /// Whether so much waits for the log that members have to wait, too.
    pub(crate) fn is_congested(&self) -> bool {
        self.pending.len() + self.unconfirmed.iter().map(|own| own.text.len()).sum::<usize>() > WAITING_MAX
    }

    // What happens here, and what becomes of it.

    /// Something happened to one of this server's members. It happens in the room when it comes back as an [`Applied`].
    pub(crate) fn append(&mut self, event: &Event<'_>) {
        if self.pending.len() >= ENTRY_MAX && self.has_joined() {
            self.push_entry();
        }
        event.write_to(&mut self.pending);
    }

    /// Whether what has changed next is that this member has got a name, or not.
    pub(crate) fn names_next(&self, number: u64) -> bool {
        let names = |it: &Applied| match it {
            Applied::Renamed { number: it, .. } | Applied::Refused { number: it, .. } => *it == number,
            _ => false,
        };
        self.applied.front().is_some_and(names)
    }

    /// What has changed in the room, in the order of the log.
    pub(crate) fn next_applied(&mut self) -> Option<Applied> {
        self.applied.pop_front()
    }

    /// While members cannot keep up, the log is not read on.
    pub(crate) fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
        self.read_on();
    }

    /// Whether there is something for [`Link::next_applied`].
    pub(crate) fn has_applied(&self) -> bool {
        !self.applied.is_empty()
    }

    /// How far this server is behind the newest of its own entries, by the log's clock. Milliseconds.
    pub(crate) fn lag(&self) -> u64 {
        self.newest.time.saturating_sub(self.replica.place().time)
    }

    /// Whether all that happened here is appended, and was read back.
    pub(crate) fn is_settled(&self) -> bool {
        self.pending.is_empty() && self.unconfirmed.is_empty()
    }

    /// This server leaves the room, with all its members.
    pub(crate) fn stop(&mut self) {
        if self.has_joined() && !self.has_stopped {
            self.append(&Event::Stopped);
        }
        self.has_stopped = true;
    }

    // The driver's side.

    /// Sets the time.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.now = now;
        for way in Way::BOTH {
            if self.connection(way).is_late(now) {
                self.fail(way, Trouble::Unreachable);
            }
        }
    }

    /// Appends what has happened in this turn.
    pub(crate) fn end_turn(&mut self) {
        if matches!(self.stage, Stage::Joined) && !self.has_stopped && self.now >= self.checked_at + BEAT {
            let Mark { at, digest } = self.own_mark;
            self.append(&Event::Checked { at, digest });
            self.checked_at = self.now;
        }
        let is_silent = !self.has_stopped && self.unconfirmed.is_empty() && self.now >= self.appended_at + BEAT;
        if self.has_news() || (is_silent && self.may_append() && self.has_asked()) {
            self.push_entry();
        }
        self.append_next();
    }

    /// What happens while an entry is under way is gathered.
    fn may_append(&self) -> bool {
        self.unconfirmed.iter().all(|own| own.number < self.next)
    }

    /// Whether something has happened that is to be appended now.
    fn has_news(&self) -> bool {
        !self.pending.is_empty() && self.has_joined() && self.may_append()
    }

    /// When the next turn has to begin at the latest.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let beat =
            (!self.has_stopped && self.has_asked() && self.unconfirmed.is_empty()).then_some(self.appended_at + BEAT);
        let check = (matches!(self.stage, Stage::Joined) && !self.has_stopped).then_some(self.checked_at + BEAT);
        let news = self.has_news().then_some(self.now);
        [self.appender.deadline(), self.reader.deadline(), beat, check, news].into_iter().flatten().min()
    }

    /// The next connection that has to be dialled now.
    pub(crate) fn dial(&mut self) -> Option<Way> {
        let now = self.now;
        Way::BOTH.into_iter().find(|way| self.connection(*way).dial(now))
    }

    /// A connection that was dialled stands.
    pub(crate) fn connected(&mut self, way: Way) {
        let (now, room) = (self.now, self.room.clone());
        self.connection(way).begin(now, &room);
        match way {
            Way::Append => {
                // It is not known which of these were appended.
                self.next = self.unconfirmed.front().map_or(self.last_number + 1, |own| own.number);
                self.appender.ask(Question::Version, &["INFO", "server"], now);
                self.appender.ask(Question::Type, &["TYPE", &room.key], now);
            }
            Way::Read => {
                if self.replica.place() != Place::default() {
                    let place = self.replica.place().to_string();
                    self.reader.ask(Question::Anchor, &["XRANGE", &room.key, &place, &place], now);
                }
                let count = if self.has_asked() { 1 } else { LOOK_BACK };
                let words = ["XREVRANGE", &room.key, "+", "-", "COUNT", &count.to_string()];
                self.reader.ask(Question::LookBack, &words, now);
            }
        }
    }

    /// Bytes came over a connection.
    pub(crate) fn receive(&mut self, way: Way, bytes: &[u8]) {
        self.connection(way).receive(bytes);
        loop {
            let now = self.now;
            match self.connection(way).next(now) {
                Ok(Some((question, reply))) => {
                    if let Err(trouble) = self.hear(question, &reply) {
                        return self.fail(way, trouble);
                    }
                }
                Ok(None) => return,
                Err(NotOurs) => return self.fail(way, Trouble::NotRedis),
            }
        }
    }

    /// A connection is gone, or could not be dialled.
    pub(crate) fn lost(&mut self, way: Way) {
        let now = self.now;
        let connection = self.connection(way);
        connection.has_failed = false;
        connection.lose(now, Trouble::Unreachable);
    }

    /// Takes the bytes that are to be sent over a connection.
    pub(crate) fn output(&mut self, way: Way) -> Vec<u8> {
        mem::take(&mut self.connection(way).output)
    }

    /// Whether the driver has to close a connection, and to report it as [lost](Link::lost).
    pub(crate) fn has_failed(&mut self, way: Way) -> bool {
        self.connection(way).has_failed
    }

    fn connection(&mut self, way: Way) -> &mut Connection {
        match way {
            Way::Append => &mut self.appender,
            Way::Read => &mut self.reader,
        }
    }

    fn fail(&mut self, way: Way, trouble: Trouble) {
        let now = self.now;
        let connection = self.connection(way);
        connection.has_failed = true;
        connection.lose(now, trouble);
    }

    // Answers of Redis.

    fn hear(&mut self, question: Question, reply: &Reply) -> Result<(), Trouble> {
        if let Reply::Error(text) = reply {
            return Err(Trouble::Refused(text.clone()));
        }
        let text = redis::text(reply).unwrap_or_default();
        match question {
            Question::Greeting => {}
            Question::Version => checked_version(text)?,
            Question::Type => {
                checked_type(text)?;
                self.appender.be_ready();
                if self.unconfirmed.is_empty() {
                    self.appender.be_well();
                }
                self.append_next();
            }
            Question::Append(server, number) => {
                self.appender.be_well();
                self.newest = text.parse().unwrap_or(self.newest);
                // It may have come back as a new server meanwhile.
                if server == self.server {
                    self.next = self.next.max(number + 1);
                }
                self.append_next();
            }
            Question::Anchor => {
                let entries = redis::entries(reply).map_err(|NotOurs| Trouble::Foreign)?;
                // The log has lost the last entry that was read, or was trimmed too early.
                if entries.is_empty() && matches!(self.stage, Stage::Joined) {
                    self.ask(true, false);
                }
            }
            Question::LookBack => {
                let entries = redis::entries(reply).map_err(|NotOurs| Trouble::Foreign)?;
                self.look_back(&entries);
                self.reader.be_ready();
                self.reader.be_well();
                self.read_on();
            }
            Question::Entries => {
                let entries = redis::entries_read(reply).map_err(|NotOurs| Trouble::Foreign)?;
                entries.into_iter().for_each(|entry| self.take(entry));
                self.read_on();
            }
        }
        Ok(())
    }

    /// The newest entries of the log, the newest first.
    fn look_back(&mut self, entries: &[Entry]) {
        let end = entries.first().map_or(Place::default(), |entry| entry.place);
        if !self.has_asked() {
            self.replica = Replica::new(end);
            self.ask(false, nobody_is_there(entries, LOOK_BACK));
        } else if end < self.replica.place() {
            // The log has lost its end, and goes on from here.
            self.replica.go_on_from(end);
        }
    }

    fn read_on(&mut self) {
        if self.is_held || !self.reader.is_ready() || self.reader.is_asking() {
            return;
        }
        let (key, place) = (self.room.key.clone(), self.replica.place().to_string());
        let words = ["XREAD", "COUNT", READ_AT_ONCE, "BLOCK", BLOCK, "STREAMS", &key, &place];
        self.reader.ask(Question::Entries, &words, self.now);
    }

    // Own entries.

    fn has_asked(&self) -> bool {
        !matches!(self.stage, Stage::New)
    }

    fn ask(&mut self, again: bool, is_alone: bool) {
        let mut text = String::new();
        Event::Asked { again, seen: self.replica.place() }.write_to(&mut text);
        if again {
            text.push_str(&mem::take(&mut self.pending));
        }
        self.push(text);
        let number = self.last_number;
        self.stage = Stage::Asking(Asking { number, again, is_alone, at: None, since: Vec::new() });
    }

    /// What happened is an entry now. An empty one tells the others that this server is there. What happens before it has joined
    /// waits: it would not learn if it was taken for gone meanwhile, and its entries were ignored.
    fn push_entry(&mut self) {
        let text = if self.has_joined() { mem::take(&mut self.pending) } else { String::new() };
        self.push(text);
    }

    fn push(&mut self, text: String) {
        self.last_number += 1;
        self.unconfirmed.push_back(Own { number: self.last_number, text });
        self.appended_at = self.now;
    }

    /// Appends the next entry, if the one before was answered.
    fn append_next(&mut self) {
        if !self.appender.is_ready() || self.appender.is_asking() {
            return;
        }
        let Some(own) = self.unconfirmed.iter().find(|own| own.number == self.next) else { return };
        let (server, number, kept) = (self.server.to_string(), own.number.to_string(), self.room.kept.to_string());
        let [of, nth, log] = redis::FIELDS;
        let words = ["XADD", &self.room.key, "MAXLEN", "~", &kept, "*", of, &server, nth, &number, log, &own.text];
        self.appender.ask(Question::Append(self.server, own.number), &words, self.now);
    }

    // Entries that are read.

    fn take(&mut self, entry: Entry) {
        let server = self.server;
        match &self.stage {
            Stage::Asking(asking) if !asking.again => self.replica.go_on_from(entry.place),
            _ => self.apply(&entry),
        }
        if entry.server == self.server && self.has_joined() && !self.is_known {
            // It came too late, and was ignored by all.
            self.come_back(&[]);
        }
        if server != self.server {
            return;
        }
        if entry.server == self.server {
            while self.unconfirmed.front().is_some_and(|own| own.number <= entry.number) {
                self.unconfirmed.pop_front();
            }
            self.next = self.next.max(entry.number + 1);
        }
        if let Stage::Asking(asking) = mem::replace(&mut self.stage, Stage::Joined) {
            self.look_for_answer(asking, entry);
        }
    }

    /// Applies an entry, and tells what it has changed.
    fn apply(&mut self, entry: &Entry) {
        let mut applied = Vec::new();
        self.replica.apply(entry.place, entry.server, entry.number, &entry.text, &mut applied);
        let has_missed = applied.iter().any(|it| matches!(it, Applied::Missed { .. }));
        let is_sure = matches!(self.stage, Stage::Joined) && !has_missed;
        let mut differs = false;
        for it in &applied {
            match it {
                Applied::Checked { server, at, digest } => {
                    differs |= self.marks.iter().any(|mark| mark.at == *at && mark.digest != *digest);
                    let mark = Mark { at: entry.place, digest: self.replica.digest() };
                    if *server == self.server {
                        self.own_mark = mark;
                    }
                    self.marks.push_back(mark);
                    self.marks.drain(..self.marks.len().saturating_sub(MARKS_MAX));
                }
                Applied::Asked { server, at, again } => {
                    self.in_doubt.insert(*server, Doubt { asked_at: *at, again: *again });
                    if is_sure && *server != self.server {
                        let snapshot = self.replica.snapshot();
                        self.append(&Event::Answered { at: *at, snapshot: &snapshot });
                    }
                }
                Applied::Answered { at } => self.in_doubt.retain(|_, doubt| doubt.asked_at != *at),
                Applied::Gone { server, .. } => {
                    self.in_doubt.remove(server);
                }
                _ => {}
            }
        }
        let was_known = mem::replace(&mut self.is_known, self.replica.knows(self.server));
        if was_known && !self.is_known {
            self.come_back(&applied);
        } else if (has_missed || differs) && matches!(self.stage, Stage::Joined) {
            self.ask(true, false);
        }
        self.applied.extend(applied);
    }

    /// The others take this server for gone, because nothing came from it for too long. It comes back as a new one, with its
    /// members, and says what was not read back. Nobody has applied that: it was too late.
    fn come_back(&mut self, applied: &[Applied]) {
        if self.has_stopped {
            return;
        }
        let mut again = String::new();
        for it in applied {
            let Applied::Left { server, ticket, nick, why, .. } = it else { continue };
            if *server == self.server && why == SERVER_GONE {
                write_arrival(*ticket, nick, &mut again);
            }
        }
        for own in mem::take(&mut self.unconfirmed) {
            let is_stale = |line: &&str| matches!(Event::read(line), Ok(Event::Asked { .. } | Event::Answered { .. }));
            own.text.lines().filter(|line| !is_stale(line)).for_each(|line| {
                again.push_str(line);
                again.push('\n');
            });
        }
        self.pending.insert_str(0, &again);
        self.server = ServerId(self.server.0.wrapping_add(1));
        (self.last_number, self.next) = (0, 1);
        // The others may have begun a new room.
        self.ask(true, false);
    }

    /// What this server has to say again when the room is another one than it knew: its members that are no longer there arrive,
    /// and those that are there again leave.
    fn say_again(&self, before: &Replica) -> String {
        let mut again = String::new();
        let own = |room: &Replica| -> BTreeMap<u64, String> {
            let own = room.members().filter(|(_, member)| member.server == self.server);
            own.map(|(_, member)| (member.ticket, member.nick.clone())).collect()
        };
        let (before, after) = (own(before), own(&self.replica));
        for (ticket, nick) in before.iter().filter(|(ticket, _)| !after.contains_key(ticket)) {
            write_arrival(*ticket, nick, &mut again);
        }
        for ticket in after.keys().filter(|ticket| !before.contains_key(ticket)) {
            Event::Left { ticket: *ticket, why: SERVER_GONE }.write_to(&mut again);
        }
        again
    }

    // The question and its answer.

    fn look_for_answer(&mut self, mut asking: Asking, entry: Entry) {
        let is_own = entry.server == self.server;
        match asking.at {
            None if is_own && entry.number == asking.number => {
                if !is_question_in_time(entry.place, &entry.text) {
                    return self.ask(asking.again, asking.is_alone);
                }
                asking.at = Some(entry.place);
                asking.since.push(entry);
                if asking.is_alone {
                    return self.join(&asking, Replica::new(asking.since[0].place), 0);
                }
            }
            None => asking.is_alone &= is_own,
            Some(at) => {
                let answer = entry.text.lines().find_map(|line| match Event::read(line) {
                    Ok(Event::Answered { at: place, snapshot }) if place == at => Replica::of(at, snapshot).ok(),
                    _ => None,
                });
                asking.since.push(entry);
                if let Some(known) = answer {
                    // The question is in the answer.
                    return self.join(&asking, known, 1);
                }
                if asking.has_waited_long() {
                    return self.give_up_waiting(asking, at);
                }
            }
        }
        self.stage = Stage::Asking(asking);
    }

    /// Nobody has answered for long.
    fn give_up_waiting(&mut self, asking: Asking, at: Place) {
        // If all that know the room have missed something, the one that asked first goes on with what it knows.
        let asked_later = |server| self.in_doubt.get(&server).is_some_and(|doubt| !doubt.again || doubt.asked_at > at);
        let all_in_doubt = self.replica.servers().all(|server| server == self.server || asked_later(server));
        if asking.again && all_in_doubt {
            self.in_doubt.remove(&self.server);
            self.stage = Stage::Joined;
        } else if !asking.again && asking.is_first(self.server) {
            self.join(&asking, Replica::new(at), 0);
        } else {
            self.ask(asking.again, false);
        }
    }

    /// It knows what the room was like, and what came since then.
    fn join(&mut self, asking: &Asking, known: Replica, skip: usize) {
        self.in_doubt.remove(&self.server);
        self.stage = Stage::Joined;
        let before = mem::replace(&mut self.replica, known);
        self.is_known = self.replica.knows(self.server);
        // What is remembered may be wrong.
        (self.marks, self.own_mark) = Default::default();
        if asking.again {
            // What came since then was told already.
            let told = mem::take(&mut self.applied);
            asking.since.iter().skip(skip).for_each(|entry| self.apply(entry));
            let again = self.say_again(&before);
            self.pending.insert_str(0, &again);
            self.applied = told;
            self.applied.extend(self.replica.since(&before));
        } else {
            self.applied.extend(self.replica.since(&Replica::default()));
            asking.since.iter().skip(skip).for_each(|entry| self.apply(entry));
        }
    }
}

/// A member that has a name arrives again.
fn write_arrival(ticket: u64, nick: &str, entry: &mut String) {
    Event::Arrived { ticket }.write_to(entry);
    Event::Named { ticket, nick }.write_to(entry);
}

/// Whether a member has left because its server is gone.
pub(crate) fn is_gone(why: &str) -> bool {
    why == SERVER_GONE
}

/// Whether this answer to `INFO server` is that of a Redis with all that is needed.
pub(crate) fn checked_version(info: &str) -> Result<(), Trouble> {
    let major = |version: &str| version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    match redis::version(info) {
        Some(version) if major(version) >= 7 => Ok(()),
        Some(version) => Err(Trouble::TooOld(version.into())),
        None => Err(Trouble::NotRedis),
    }
}

/// Whether this answer to TYPE is that for a log, or for nothing.
pub(crate) fn checked_type(answer: &str) -> Result<(), Trouble> {
    match answer {
        "stream" | "none" => Ok(()),
        other => Err(Trouble::WrongType(other.into())),
    }
}
