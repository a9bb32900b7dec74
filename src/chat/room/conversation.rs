//! The room: it turns lines into messages, notices and answers, and sends each to its receivers.

use super::command::{self, Input};
use super::messages::{self, Notice, Who};
use super::nick::{self, Skeleton};
use super::transcript::{Event, Transcript};
use crate::chat::connections::Connections;
use crate::chat::id::{Id, Table};
use crate::chat::limits::{ANNOUNCE_MAX, LISTED_MAX};
use crate::chat::reason::Reason;
use crate::text::Lang;
use std::collections::HashMap;
use std::net::SocketAddr;

/// All members of the room.
pub(crate) struct Room {
    lang: Lang,
    seats: usize,
    names: Table<Name>,
    /// The wearer of each skeleton. A member has two.
    pub(in crate::chat) nicks: HashMap<Skeleton, Id>,
    transcript: Option<Transcript>,
}

/// A member's name in the form that stands before each of its lines: `<nick> `.
pub(super) struct Name(Box<str>);

impl Room {
    /// An empty room.
    pub(crate) fn new(lang: Lang, seats: usize) -> Room {
        Room { lang, seats, names: Table::default(), nicks: HashMap::new(), transcript: None }
    }

    /// Keeps a transcript from now on.
    pub(crate) fn record(&mut self) {
        self.transcript = Some(Transcript::default());
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

    /// A client enters, is greeted and announced. `replay` is the earlier messages that it gets.
    pub(crate) fn join(&mut self, connections: &mut Connections, id: Id, peer: SocketAddr, replay: &[u8]) {
        let nick = nick::guest(id.number());
        let who = Who { nick: &nick, id };
        if self.count() < ANNOUNCE_MAX {
            connections.send_all(&messages::notice(self.lang, &Notice::Arrived(who)));
        }
        let (others, more) = self.listing();
        let here = if others.is_empty() { Notice::Alone } else { Notice::Here(&others, more) };
        let mut greeting = Vec::new();
        for text in [Notice::Welcome(who), here, Notice::HowTo] {
            greeting.extend(messages::notice(self.lang, &text));
        }
        greeting.extend_from_slice(replay);

        connections.open(id);
        self.names.insert(id, Name::new(&nick));
        self.nicks.extend(nick::skeletons(&nick).map(|skeleton| (skeleton, id)));
        self.note(Event::Arrived { id, nick: &nick, peer, seats_taken: self.count(), seats: self.seats });
        self.send(connections, id, &greeting);
    }

    /// A client is not let in. Returns what to write to it.
    pub(crate) fn refuse(&mut self, peer: SocketAddr) -> Vec<u8> {
        self.note(Event::Refused { peer });
        messages::refusal(self.lang, self.seats)
    }

    /// A client leaves. What was said before may still be written to it; then it is closed.
    pub(crate) fn leave(&mut self, connections: &mut Connections, id: Id, reason: Reason) {
        let Some(name) = self.names.remove(id) else { return };
        let nick = name.nick();
        self.forget_nick(nick);
        connections.leave(id, reason, &messages::notice(self.lang, &Notice::Goodbye(reason)));
        if self.count() < ANNOUNCE_MAX {
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
        let old = std::mem::replace(name, Name::new(nick));
        let old = old.nick();
        self.forget_nick(old);
        self.nicks.extend(skeletons.map(|skeleton| (skeleton, id)));
        let text = messages::notice(self.lang, &Notice::Renamed(old, Who { nick, id }));
        connections.send_others(id, |log| log.extend_from_slice(&text));
        self.note(Event::Renamed { id, old, nick });
        self.tell(connections, id, &Notice::YouAre(nick));
    }

    /// The members that are listed by name, and the number of those that are not.
    fn listing(&self) -> (Vec<Who<'_>>, usize) {
        let members = self.names.iter().take(LISTED_MAX);
        let mut listed: Vec<_> = members.map(|(id, name)| Who { nick: name.nick(), id }).collect();
        listed.sort_by_key(|who| who.id);
        let more = self.count() - listed.len();
        (listed, more)
    }

    /// The number of members.
    fn count(&self) -> usize {
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

    /// The nick of a member.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn nick(&self, id: Id) -> Option<&str> {
        self.names.get(id).map(Name::nick)
    }
}

impl Name {
    fn new(nick: &str) -> Name {
        Name(format!("<{nick}> ").into())
    }

    fn nick(&self) -> &str {
        &self.0[1..self.0.len() - 2]
    }

    fn before_line(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
