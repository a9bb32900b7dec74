//! The room: it turns lines into messages, notices and answers, and sends each to its receivers.
//!
//! What members want (`say`, `rename`, `leave`) and what becomes of it (`said`, `renamed`, `left`) are two steps. In a room that is on
//! this server alone, the second one follows at once. In a room on several servers the first one appends to the log, and the second
//! one is taken when that comes back: see `linked`.

use super::command::{self, Input};
use super::linked::Linked;
use super::members::Members;
use super::messages::{self, Listed, Notice, Said, Who};
use super::nick::{self, Wearers};
use super::transcript::{Event, Transcript};
use crate::chat::connections::{Connections, Protocol};
use crate::chat::counters::Counters;
use crate::chat::id::Id;
use crate::chat::limits::{ANNOUNCE_MAX, LISTED_MAX};
use crate::chat::peer::{Origin, Peer};
use crate::chat::reason::{Reason, Refusal};
use crate::text::Lang;
use std::time::{Duration, Instant};

/// All members of the room.
pub(crate) struct Room {
    lang: Lang,
    seats: usize,
    pub(super) members: Members<Member>,
    /// The number of members that are not announced.
    pub(in crate::chat) unannounced: usize,
    pub(in crate::chat) wearers: Wearers,
    pub(super) transcript: Option<Transcript>,
    counters: Counters,
    is_closing: bool,
    /// The log, if the room is on several servers.
    pub(in crate::chat) link: Option<Box<Linked>>,
}

/// A member.
pub(super) struct Member {
    /// Its name, in the form that stands before each of its lines: `<nick> `.
    prefix: Box<str>,
    peer: Peer,
    /// The others were told that it is here.
    is_announced: bool,
    is_in_charge: bool,
    muted: Option<Mute>,
    /// What it says is said at once: it is not muted, and there is no log.
    is_direct: bool,
}

/// Nobody gets what a member writes until this time; without one, until it leaves.
#[derive(Clone, Copy)]
struct Mute(Option<Instant>);

impl Mute {
    /// Whether it is not over.
    fn holds(self, now: Instant) -> bool {
        self.0.is_none_or(|until| until > now)
    }
}

impl Room {
    /// An empty room.
    pub(crate) fn new(lang: Lang, seats: usize) -> Room {
        Room {
            lang,
            seats,
            members: Members::default(),
            unannounced: 0,
            wearers: Wearers::default(),
            transcript: None,
            counters: Counters::default(),
            is_closing: false,
            link: None,
        }
    }

    /// Keeps a transcript from now on.
    pub(crate) fn record(&mut self) {
        self.transcript = Some(Transcript::default());
    }

    /// What has happened, in numbers.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What happened since it was last taken; `None` if no transcript is kept.
    pub(crate) fn transcript(&self) -> Option<&Transcript> {
        self.transcript.as_ref()
    }

    /// Appends to `transcript` what happened since the last call.
    pub(crate) fn take_transcript(&mut self, transcript: &mut Transcript) {
        if let Some(ours) = &mut self.transcript {
            transcript.append(ours);
        }
    }

    /// The language of all notices.
    pub(crate) fn lang(&self) -> Lang {
        self.lang
    }

    // Arrivals and departures.

    /// A client enters and is greeted. The others do not learn of it until it is [announced](Room::announce). `replay` is the
    /// earlier messages that it gets.
    pub(crate) fn enter(&mut self, connections: &mut Connections, id: Id, peer: Peer, replay: &[u8]) {
        let greeting = self.greeting(id, replay);
        connections.admit(id);
        self.entered(id, peer);
        // Nobody is evicted for it before the line is handled for which it enters now.
        connections.send(id, &greeting);
    }

    fn greeting(&self, id: Id, replay: &[u8]) -> Vec<u8> {
        let nick = nick::guest(id.number());
        let who = Who { nick: &nick, id };
        let (others, more) = self.listing();
        let here = if others.is_empty() { Notice::Alone } else { Notice::Here(&others, more) };
        let mut greeting = Vec::new();
        for text in [Notice::Welcome(who), here, Notice::HowTo] {
            greeting.extend(messages::notice(self.lang, &text));
        }
        greeting.extend_from_slice(replay);
        greeting
    }

    /// There is one member more.
    pub(super) fn entered(&mut self, id: Id, peer: Peer) {
        let nick = nick::guest(id.number());
        self.members.insert(id, Member::new(&nick, peer, self.link.is_none()));
        self.unannounced += 1;
        self.wearers.insert(nick::skeletons(&nick), id);
        self.note(Event::Arrived { id, nick: &nick, peer, seats_taken: self.seats_taken(), seats: self.seats });
    }

    /// The others are told that a member is here, if they were not.
    pub(crate) fn announce(&mut self, connections: &mut Connections, id: Id) {
        let is_small = self.count() <= ANNOUNCE_MAX;
        let Some(member) = self.members.get_mut(id).filter(|member| !member.is_announced) else { return };
        member.is_announced = true;
        self.unannounced -= 1;
        if is_small {
            let text = messages::notice(self.lang, &Notice::Arrived(Who { nick: member.nick(), id }));
            connections.send_others(id, |log| log.extend_from_slice(&text));
        }
    }

    /// A client is not let in. Returns what to write to it.
    pub(crate) fn refuse(&mut self, peer: Peer, why: Refusal) -> Vec<u8> {
        self.note(Event::Refused { peer, why });
        let text = match why {
            Refusal::Full => Notice::Full(self.seats),
            Refusal::Address => Notice::TooMany,
            Refusal::Banned => Notice::Banned,
            Refusal::Unencrypted => Notice::SpeakTls,
            why => Notice::Goodbye(Reason::Refused(why)),
        };
        messages::notice(self.lang, &text)
    }

    /// A client at the door is not let in.
    pub(crate) fn turn_back(&mut self, connections: &mut Connections, id: Id, peer: Peer, why: Refusal) {
        let text = self.refuse(peer, why);
        connections.leave(id, Reason::Refused(why), &text);
    }

    /// A client is not let in, because it speaks another protocol.
    pub(crate) fn turn_away(&mut self, connections: &mut Connections, id: Id, peer: Peer, protocol: Protocol) {
        self.note(Event::Refused { peer, why: Refusal::Foreign(protocol) });
        connections.leave(id, Reason::Foreign(protocol), &messages::to_stranger(self.lang, protocol));
    }

    /// A client leaves. What was said before may still be written to it; then it is closed.
    pub(crate) fn leave(&mut self, connections: &mut Connections, id: Id, reason: Reason) {
        self.leave_with(connections, id, reason, "");
    }

    /// The same. Everybody also reads these words, unless they are empty.
    pub(crate) fn leave_with(&mut self, connections: &mut Connections, id: Id, reason: Reason, words: &str) {
        if !connections.is_open(id) {
            return;
        }
        connections.leave(id, reason, &messages::notice_with(self.lang, &Notice::Goodbye(reason), words));
        match &mut self.link {
            Some(_) => self.ask_to_leave(id, reason, words),
            None => self.left(connections, id, reason, words),
        }
    }

    /// There is one member less, and the others learn of it.
    pub(super) fn left(&mut self, connections: &mut Connections, id: Id, reason: Reason, words: &str) {
        // A client that has not entered is no member.
        let Some(member) = self.members.remove(id) else { return };
        let nick = member.nick();
        self.forget_nick(nick);
        if !member.is_announced {
            self.unannounced -= 1;
        } else if self.count() < ANNOUNCE_MAX {
            let left = Notice::Left(Who { nick, id }, reason);
            connections.send_all(&messages::notice_with(self.lang, &left, words));
        }
        self.note(Event::Left { id, nick, reason, seats_taken: self.seats_taken(), seats: self.seats });
    }

    /// Whether it is closed.
    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// All clients leave, because the room closes.
    pub(crate) fn close(&mut self, connections: &mut Connections) {
        if !std::mem::replace(&mut self.is_closing, true) {
            self.note(Event::Closing);
        }
        for id in self.those_from(|_| true).into_iter().chain(self.expected()) {
            self.leave(connections, id, Reason::Closing);
        }
    }

    /// Removes the clients that the connections give up, and announces it. Call it after anything that makes an outbox
    /// longer, or shows that it does not get shorter.
    pub(crate) fn evict(&mut self, connections: &mut Connections) {
        while let Some((id, reason)) = connections.next_eviction() {
            self.leave(connections, id, reason);
        }
    }

    // What is said.

    /// Handles a sanitized line of a member: a message or a command.
    pub(crate) fn hear(&mut self, connections: &mut Connections, id: Id, line: &str) {
        match command::parse(line) {
            Input::Say(text) | Input::Act(text) if text.trim().is_empty() => {}
            Input::Say(_) | Input::Act(_) | Input::Private { .. } | Input::Nick(_) if self.hushes(connections, id) => {}
            Input::Say(text) => self.say_if_heard(connections, id, text.as_bytes()),
            Input::Act(text) => match &mut self.link {
                Some(_) => self.ask_to_act(id, text),
                None => self.acted(connections, id, text),
            },
            Input::Private { to, text } => self.whisper(connections, id, to, text),
            Input::Nick(nick) => self.rename(connections, id, nick),
            Input::Who => {
                let (everyone, more) = self.listing();
                let text = messages::notice(self.lang, &Notice::Everyone(&everyone, more));
                self.send(connections, id, &text);
            }
            Input::Help => self.tell(connections, id, &Notice::Help),
            Input::Quit => self.leave(connections, id, Reason::Quit),
            Input::Op(_) => self.tell(connections, id, &Notice::NoPassword),
            Input::Misused(command) => self.tell(connections, id, &Notice::Usage(command)),
            Input::Unknown(word) => self.tell(connections, id, &Notice::Unknown(word)),
        }
    }

    /// A member says a line that is a message.
    #[inline]
    pub(crate) fn say(&mut self, connections: &mut Connections, id: Id, text: &[u8]) {
        let Some(member) = self.members.get(id).filter(|member| member.is_direct) else {
            return self.say_if_heard(connections, id, text);
        };
        // Nearly all lines: `said` would do the same, with a copy.
        connections.send_others(id, |log| {
            log.extend_from_slice(member.before_line());
            log.extend_from_slice(text);
            log.push(b'\n');
        });
        self.counters.count_line(self.count().saturating_sub(1));
        if let Some(transcript) = &mut self.transcript {
            transcript.push(Event::Said { id, nick: member.nick(), text: &String::from_utf8_lossy(text) });
        }
    }

    #[cold]
    fn say_if_heard(&mut self, connections: &mut Connections, id: Id, text: &[u8]) {
        if !self.has(id) || self.hushes(connections, id) {
            return;
        }
        let text = String::from_utf8_lossy(text);
        match &mut self.link {
            Some(_) => self.ask_to_say(id, &text),
            None => self.said(connections, id, &text),
        }
    }

    /// A member has said a line.
    pub(super) fn said(&mut self, connections: &mut Connections, id: Id, text: &str) {
        let Some(nick) = self.nick(id).map(str::to_owned) else { return };
        self.tell_others(connections, id, &format!("<{nick}> {text}\n"));
        self.note(Event::Said { id, nick: &nick, text });
    }

    /// A member has done something.
    pub(super) fn acted(&mut self, connections: &mut Connections, id: Id, text: &str) {
        let Some(nick) = self.nick(id).map(str::to_owned) else { return };
        self.tell_others(connections, id, &format!("* {nick} {text}\n"));
        self.note(Event::Acted { id, nick: &nick, text });
    }

    fn tell_others(&mut self, connections: &mut Connections, id: Id, line: &str) {
        connections.send_others(id, |log| log.extend_from_slice(line.as_bytes()));
        self.counters.count_line(self.count().saturating_sub(1));
    }

    fn whisper(&mut self, connections: &mut Connections, id: Id, to: &str, text: &str) {
        let Some(receiver) = self.called(to) else {
            return self.tell(connections, id, &Notice::NobodyCalled(to));
        };
        match &mut self.link {
            Some(_) => self.ask_to_whisper(id, receiver, text),
            None => self.whispered(connections, id, receiver, text),
        }
    }

    /// A member has said something to one only.
    pub(super) fn whispered(&mut self, connections: &mut Connections, id: Id, receiver: Id, text: &str) {
        let (Some(member), Some(to)) = (self.members.get(id), self.members.get(receiver)) else { return };
        let (nick, to) = (member.nick(), to.nick());
        let line = format!("[{nick} -> you] {text}\n");
        if let Some(transcript) = &mut self.transcript {
            transcript.push(Event::Whispered { id, nick, to });
        }
        self.counters.count_line(1);
        self.send(connections, receiver, line.as_bytes());
    }

    fn rename(&mut self, connections: &mut Connections, id: Id, nick: &str) {
        let skeletons = match nick::check(nick, id.number()) {
            Ok(skeletons) => skeletons,
            Err(flaw) => return self.tell(connections, id, &Notice::NickFlaw(flaw)),
        };
        if skeletons.iter().any(|skeleton| self.wearers.get(skeleton).is_some_and(|key| key != id.key())) {
            return self.tell(connections, id, &Notice::NickTaken(nick));
        }
        match &mut self.link {
            Some(_) => self.ask_for_name(connections, id, nick),
            None => self.renamed(connections, id, nick),
        }
    }

    /// A member has got a name.
    pub(super) fn renamed(&mut self, connections: &mut Connections, id: Id, nick: &str) {
        let Some(member) = self.members.get_mut(id) else { return };
        let is_announced = member.is_announced;
        let old = member.nick().to_owned();
        member.rename(nick);
        let old = old.as_str();
        self.forget_nick(old);
        self.wearers.insert(nick::skeletons(nick), id);
        if is_announced {
            let text = messages::notice(self.lang, &Notice::Renamed(old, Who { nick, id }));
            connections.send_others(id, |log| log.extend_from_slice(&text));
        } else {
            self.announce(connections, id);
        }
        self.note(Event::Renamed { id, old, nick });
        self.tell(connections, id, &Notice::YouAre(nick));
    }

    /// The members that are listed by name, and the number of those that are not. Those that are not announced do not count.
    fn listing(&self) -> (Vec<Listed<'_>>, usize) {
        let members = self.members.iter().filter(|(_, member)| member.is_announced).take(LISTED_MAX);
        let mut listed: Vec<_> = members.map(|(id, member)| member.listed(id)).collect();
        listed.sort_by_key(|member| member.who.id.number());
        let more = self.count() - self.unannounced - listed.len();
        (listed, more)
    }

    /// The number of members, announced or not.
    pub(crate) fn count(&self) -> usize {
        self.wearers.count()
    }

    /// The number of members that have a seat on this server.
    fn seats_taken(&self) -> usize {
        match &self.link {
            Some(_) => self.count_here(),
            None => self.count(),
        }
    }

    fn forget_nick(&mut self, nick: &str) {
        self.wearers.remove(nick::skeletons(nick));
    }

    /// Sends a notice to one member only.
    pub(crate) fn tell(&mut self, connections: &mut Connections, id: Id, text: &Notice<'_>) {
        self.send(connections, id, &messages::notice(self.lang, text));
    }

    pub(super) fn send(&mut self, connections: &mut Connections, id: Id, text: &[u8]) {
        connections.send(id, text);
        self.evict(connections);
    }

    pub(crate) fn note(&mut self, event: Event<'_>) {
        self.counters.count(&event);
        if let Some(transcript) = &mut self.transcript {
            transcript.push(event);
        }
    }

    // Whoever is in charge, and whoever may not speak.

    fn has(&self, id: Id) -> bool {
        self.members.get(id).is_some()
    }

    /// The member with this nick, or with a nick that looks like it.
    fn called(&self, nick: &str) -> Option<Id> {
        let key = nick::skeletons(nick).iter().find_map(|skeleton| self.wearers.get(skeleton))?;
        self.members.at(key)
    }

    /// The member with this nick or, if it is `#N`, with this number.
    pub(crate) fn find(&self, who: &str) -> Option<Id> {
        match who.strip_prefix('#') {
            Some(number) => {
                let number: u64 = number.parse().ok()?;
                self.members.iter().map(|(id, _)| id).find(|id| id.number() == number)
            }
            None => self.called(who),
        }
    }

    /// A member's address.
    pub(crate) fn peer(&self, id: Id) -> Option<Peer> {
        self.members.get(id).map(|member| member.peer)
    }

    /// The members that have come to this server from an address which this is true of, in the order in which they came.
    pub(crate) fn those_from(&self, is_there: impl Fn(Origin) -> bool) -> Vec<Id> {
        let there = self.members.here().filter(|(_, member)| is_there(member.peer.origin()));
        let mut there: Vec<Id> = there.map(|(id, _)| id).collect();
        there.sort();
        there
    }

    pub(crate) fn is_in_charge(&self, id: Id) -> bool {
        self.members.get(id).is_some_and(|member| member.is_in_charge)
    }

    /// A member is in charge from now on, and everybody learns of it.
    pub(crate) fn put_in_charge(&mut self, connections: &mut Connections, id: Id) {
        match &mut self.link {
            Some(_) => self.ask_for_charge(id),
            None => self.took_charge(connections, id),
        }
    }

    /// A member is in charge.
    pub(super) fn took_charge(&mut self, connections: &mut Connections, id: Id) {
        let Some(member) = self.members.get_mut(id) else { return };
        member.is_in_charge = true;
        let nick = member.nick();
        connections.send_all(&messages::notice(self.lang, &Notice::InCharge(Who { nick, id })));
        if let Some(transcript) = &mut self.transcript {
            transcript.push(Event::TookCharge { id, nick });
        }
    }

    /// Records that a member tried a wrong password.
    pub(crate) fn note_wrong_password(&mut self, id: Id) {
        if let (Some(member), Some(transcript)) = (self.members.get(id), &mut self.transcript) {
            transcript.push(Event::WrongPassword { id, nick: member.nick() });
        }
    }

    /// Records an order of a member or, if it is `None`, of the console.
    pub(crate) fn note_order(&mut self, by: Option<Id>, line: &str) {
        let nick = by.and_then(|id| self.members.get(id)).map_or("", Member::nick);
        if let Some(transcript) = &mut self.transcript {
            transcript.push(Event::Ordered { by, nick, line });
        }
    }

    /// Nobody gets what a member writes, for a time or until it leaves. It is told.
    pub(crate) fn mute(&mut self, connections: &mut Connections, id: Id, time: Option<Duration>) {
        let Some(member) = self.members.get_mut(id) else { return };
        member.is_direct = false;
        member.muted = Some(Mute(time.map(|time| connections.now() + time)));
        self.tell(connections, id, &Notice::Muted(time));
    }

    /// A muted member may write again, and is told. Returns whether it was muted.
    pub(crate) fn unmute(&mut self, connections: &mut Connections, id: Id) -> bool {
        let mute = self.members.get_mut(id).and_then(|member| member.muted.take());
        self.let_speak(id);
        let was_muted = mute.is_some_and(|mute| mute.holds(connections.now()));
        if was_muted {
            self.tell(connections, id, &Notice::Unmuted);
        }
        was_muted
    }

    /// Whether nobody gets what a member writes. If so, it is told.
    fn hushes(&mut self, connections: &mut Connections, id: Id) -> bool {
        let Some(member) = self.members.get_mut(id) else { return false };
        let Some(mute) = member.muted else { return false };
        let now = connections.now();
        if mute.holds(now) {
            let left = mute.0.map(|until| until.saturating_duration_since(now));
            self.tell(connections, id, &Notice::Muted(left));
            return true;
        }
        member.muted = None;
        self.let_speak(id);
        false
    }

    fn let_speak(&mut self, id: Id) {
        let is_alone = self.link.is_none();
        if let Some(member) = self.members.get_mut(id) {
            member.is_direct = is_alone;
        }
    }

    /// The answer to `:who` for somebody in charge: with addresses.
    pub(crate) fn roll(&self, now: Instant) -> String {
        let (mut everyone, more) = self.listing();
        for listed in &mut everyone {
            let Some(member) = self.members.get(listed.who.id) else { continue };
            listed.peer = Some(member.peer);
            listed.is_muted = member.muted.is_some_and(|mute| mute.holds(now));
        }
        Said(self.lang, &Notice::Everyone(&everyone, more)).to_string()
    }

    /// The number of members that are not announced, counted anew.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn count_unannounced(&self) -> usize {
        self.members.iter().filter(|(_, member)| !member.is_announced).count()
    }

    /// The nick of a member.
    pub(crate) fn nick(&self, id: Id) -> Option<&str> {
        self.members.get(id).map(Member::nick)
    }
}

impl Member {
    fn new(nick: &str, peer: Peer, is_direct: bool) -> Member {
        Member { prefix: prefix(nick), peer, is_announced: false, is_in_charge: false, muted: None, is_direct }
    }

    fn rename(&mut self, nick: &str) {
        self.prefix = prefix(nick);
    }

    #[cfg(feature = "link")]
    pub(super) fn be_in_charge(&mut self) {
        self.is_in_charge = true;
    }

    pub(super) fn nick(&self) -> &str {
        &self.prefix[1..self.prefix.len() - 2]
    }

    fn before_line(&self) -> &[u8] {
        self.prefix.as_bytes()
    }

    fn listed(&self, id: Id) -> Listed<'_> {
        let who = Who { nick: self.nick(), id };
        Listed { who, is_in_charge: self.is_in_charge, is_muted: false, peer: None }
    }
}

fn prefix(nick: &str) -> Box<str> {
    format!("<{nick}> ").into()
}
