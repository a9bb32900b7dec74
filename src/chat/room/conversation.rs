//! The room: it turns lines into messages, notices and answers, and sends each to its receivers.

use super::command::{self, Input};
use super::messages::{self, Notice, Who};
use super::nick::{self, Skeleton};
use super::transcript::{Event, Transcript};
use crate::chat::connections::{Connections, Protocol};
use crate::chat::id::{Id, Table};
use crate::chat::limits::{ANNOUNCE_MAX, LISTED_MAX};
use crate::chat::reason::{Reason, Refusal};
use crate::text::Lang;
use std::collections::HashMap;
use std::net::SocketAddr;

/// All members of the room.
pub(crate) struct Room {
    lang: Lang,
    seats: usize,
    names: Table<Name>,
    /// The number of members that are not announced.
    pub(in crate::chat) unannounced: usize,
    /// The wearer of each skeleton. A member has two.
    pub(in crate::chat) nicks: HashMap<Skeleton, Id>,
    transcript: Option<Transcript>,
}

/// A member's name.
pub(super) struct Name {
    /// In the form that stands before each of its lines: `<nick> `.
    prefix: Box<str>,
    /// The others were told that it is here.
    is_announced: bool,
}

impl Room {
    /// An empty room.
    pub(crate) fn new(lang: Lang, seats: usize) -> Room {
        Room { lang, seats, names: Table::default(), unannounced: 0, nicks: HashMap::new(), transcript: None }
    }

    /// Keeps a transcript from now on.
    pub(crate) fn record(&mut self) {
        self.transcript = Some(Transcript::default());
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
    pub(crate) fn enter(&mut self, connections: &mut Connections, id: Id, peer: SocketAddr, replay: &[u8]) {
        let nick = nick::guest(id.number());
        let who = Who { nick: &nick, id };
        let (others, more) = self.listing();
        let here = if others.is_empty() { Notice::Alone } else { Notice::Here(&others, more) };
        let mut greeting = Vec::new();
        for text in [Notice::Welcome(who), here, Notice::HowTo] {
            greeting.extend(messages::notice(self.lang, &text));
        }
        greeting.extend_from_slice(replay);

        connections.admit(id);
        self.names.insert(id, Name::new(&nick, false));
        self.unannounced += 1;
        self.nicks.extend(nick::skeletons(&nick).map(|skeleton| (skeleton, id)));
        self.note(Event::Arrived { id, nick: &nick, peer, seats_taken: self.count(), seats: self.seats });
        // Nobody is evicted for it before the line is handled for which it enters now.
        connections.send(id, &greeting);
    }

    /// The others are told that a member is here, if they were not.
    pub(crate) fn announce(&mut self, connections: &mut Connections, id: Id) {
        let is_small = self.count() <= ANNOUNCE_MAX;
        let Some(name) = self.names.get_mut(id).filter(|name| !name.is_announced) else { return };
        name.is_announced = true;
        self.unannounced -= 1;
        if is_small {
            let text = messages::notice(self.lang, &Notice::Arrived(Who { nick: name.nick(), id }));
            connections.send_others(id, |log| log.extend_from_slice(&text));
        }
    }

    /// A client is not let in, because there is no seat, or too many of its address are here. Returns what to write to it.
    pub(crate) fn refuse(&mut self, peer: SocketAddr, is_full: bool) -> Vec<u8> {
        let (why, text) = match is_full {
            true => (Refusal::Full, Notice::Full(self.seats)),
            false => (Refusal::Address, Notice::TooMany),
        };
        self.note(Event::Refused { peer, why });
        messages::notice(self.lang, &text)
    }

    /// A client is not let in, because it speaks another protocol.
    pub(crate) fn turn_away(&mut self, connections: &mut Connections, id: Id, peer: SocketAddr, protocol: Protocol) {
        self.note(Event::Refused { peer, why: Refusal::Foreign(protocol) });
        connections.leave(id, Reason::Foreign(protocol), &messages::to_stranger(self.lang, protocol));
    }

    /// A client leaves. What was said before may still be written to it; then it is closed.
    pub(crate) fn leave(&mut self, connections: &mut Connections, id: Id, reason: Reason) {
        if !connections.is_open(id) {
            return;
        }
        connections.leave(id, reason, &messages::notice(self.lang, &Notice::Goodbye(reason)));
        // A client that has not entered has none.
        let Some(name) = self.names.remove(id) else { return };
        let nick = name.nick();
        self.forget_nick(nick);
        if !name.is_announced {
            self.unannounced -= 1;
        } else if self.count() < ANNOUNCE_MAX {
            connections.send_all(&messages::notice(self.lang, &Notice::Left(Who { nick, id }, reason)));
        }
        self.note(Event::Left { id, nick, reason, seats_taken: self.count(), seats: self.seats });
    }

    /// All clients leave, because the room closes.
    pub(crate) fn close(&mut self, connections: &mut Connections) {
        self.note(Event::Closing);
        let everybody: Vec<Id> = self.names.iter().map(|(id, _)| id).collect();
        for id in everybody {
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
            Input::Say(text) => self.say(connections, id, text.as_bytes()),
            Input::Act(text) => self.act(connections, id, text),
            Input::Private { to, text } => self.whisper(connections, id, to, text),
            Input::Nick(nick) => self.rename(connections, id, nick),
            Input::Who => {
                let (everyone, more) = self.listing();
                let text = messages::notice(self.lang, &Notice::Everyone(&everyone, more));
                self.send(connections, id, &text);
            }
            Input::Help => self.tell(connections, id, &Notice::Help),
            Input::Quit => self.leave(connections, id, Reason::Quit),
            Input::Misused(command) => self.tell(connections, id, &Notice::Usage(command)),
            Input::Unknown(word) => self.tell(connections, id, &Notice::Unknown(word)),
        }
    }

    /// Says a line that is a message.
    #[inline]
    pub(crate) fn say(&mut self, connections: &mut Connections, id: Id, text: &[u8]) {
        let Some(name) = self.names.get(id) else { return };
        connections.send_others(id, |log| {
            log.extend_from_slice(name.before_line());
            log.extend_from_slice(text);
            log.push(b'\n');
        });
        if let Some(transcript) = &mut self.transcript {
            transcript.push(Event::Said { id, nick: name.nick(), text: &String::from_utf8_lossy(text) });
        }
    }

    fn act(&mut self, connections: &mut Connections, id: Id, text: &str) {
        let Some(name) = self.names.get(id) else { return };
        let nick = name.nick();
        connections.send_others(id, |log| log.extend(format!("* {nick} {text}\n").bytes()));
        if let Some(transcript) = &mut self.transcript {
            transcript.push(Event::Acted { id, nick, text });
        }
    }

    fn whisper(&mut self, connections: &mut Connections, id: Id, to: &str, text: &str) {
        let Some(&receiver) = nick::skeletons(to).iter().find_map(|skeleton| self.nicks.get(skeleton)) else {
            return self.tell(connections, id, &Notice::NobodyCalled(to));
        };
        let Some(name) = self.names.get(id) else { return };
        let nick = name.nick();
        let line = format!("[{nick} -> you] {text}\n");
        if let Some(transcript) = &mut self.transcript {
            transcript.push(Event::Whispered { id, nick, to });
        }
        self.send(connections, receiver, line.as_bytes());
    }

    fn rename(&mut self, connections: &mut Connections, id: Id, nick: &str) {
        let skeletons = match nick::check(nick, id.number()) {
            Ok(skeletons) => skeletons,
            Err(flaw) => return self.tell(connections, id, &Notice::NickFlaw(flaw)),
        };
        if skeletons.iter().any(|skeleton| self.nicks.get(skeleton).is_some_and(|wearer| *wearer != id)) {
            return self.tell(connections, id, &Notice::NickTaken(nick));
        }
        let Some(name) = self.names.get_mut(id) else { return };
        let is_announced = name.is_announced;
        let old = std::mem::replace(name, Name::new(nick, is_announced));
        let old = old.nick();
        self.forget_nick(old);
        self.nicks.extend(skeletons.map(|skeleton| (skeleton, id)));
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
    fn listing(&self) -> (Vec<Who<'_>>, usize) {
        let members = self.names.iter().filter(|(_, name)| name.is_announced).take(LISTED_MAX);
        let mut listed: Vec<_> = members.map(|(id, name)| Who { nick: name.nick(), id }).collect();
        listed.sort_by_key(|who| who.id);
        let more = self.count() - self.unannounced - listed.len();
        (listed, more)
    }

    /// The number of members, announced or not.
    pub(crate) fn count(&self) -> usize {
        self.nicks.len() / 2
    }

    fn forget_nick(&mut self, nick: &str) {
        for skeleton in nick::skeletons(nick) {
            self.nicks.remove(&skeleton);
        }
    }

    /// Sends a notice to one member only.
    pub(crate) fn tell(&mut self, connections: &mut Connections, id: Id, text: &Notice<'_>) {
        self.send(connections, id, &messages::notice(self.lang, text));
    }

    fn send(&mut self, connections: &mut Connections, id: Id, text: &[u8]) {
        connections.send(id, text);
        self.evict(connections);
    }

    fn note(&mut self, event: Event<'_>) {
        if let Some(transcript) = &mut self.transcript {
            transcript.push(event);
        }
    }

    /// The number of members that are not announced, counted anew.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn count_unannounced(&self) -> usize {
        self.names.iter().filter(|(_, name)| !name.is_announced).count()
    }

    /// The nick of a member.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn nick(&self, id: Id) -> Option<&str> {
        self.names.get(id).map(Name::nick)
    }
}

impl Name {
    fn new(nick: &str, is_announced: bool) -> Name {
        Name { prefix: format!("<{nick}> ").into(), is_announced }
    }

    fn nick(&self) -> &str {
        &self.prefix[1..self.prefix.len() - 2]
    }

    fn before_line(&self) -> &[u8] {
        self.prefix.as_bytes()
    }
}
