//! A reference model of the room: slow, and simple enough to be obviously right.

mod charge;

use super::sim::Happened;
use crate::chat::charge::parse as parse_order;
use crate::chat::command::{self, Input};
use crate::chat::connections::opening::Opening;
use crate::chat::limits::{
    ANNOUNCE_MAX, ENDLESS_FACTOR, Framing, Limits, NICK_PATIENCE, OPENING_EVERY, OPENING_PATIENCE, OPENINGS_AT_ONCE,
};
use crate::chat::line::Line;
use crate::chat::messages::{self, Listed, Notice, Said, Who};
use crate::chat::nick::{self, Skeleton};
use crate::chat::peer::Origin;
use crate::chat::sanitize::sanitize;
use crate::chat::{Event, Id, Peer, Protocol, Reason, Refusal};
use crate::text::Lang;
use std::collections::HashMap;
use std::time::Instant;

/// A room that keeps everything that was ever said, and the receivers of each line.
pub(super) struct Model {
    now: Instant,
    people: Vec<Person>,
    paid_at: Instant,
    /// Those that are not announced, and until when.
    newcomers: Vec<(Id, Instant)>,
    lines: Vec<(Vec<Id>, Vec<u8>)>,
    /// What the console shows, and what it is answered.
    pub told: Vec<String>,
    limits: Limits,
    /// Who says this to `:op` is in charge.
    operator: Option<String>,
    /// Until when the tries of an address are paid for.
    tries: HashMap<Origin, Instant>,
    /// The addresses that are kept out, the earliest first, and until when.
    bans: Vec<(Origin, Option<Instant>)>,
    is_closing: bool,
}

struct Person {
    id: Id,
    nick: String,
    peer: Peer,
    is_in_charge: bool,
    /// Nobody gets what it writes, until this time or until it leaves.
    muted: Option<Option<Instant>>,
    unread: Vec<u8>,
    /// Its first line is not complete.
    is_new: bool,
    place: Place,
}

#[derive(Clone, PartialEq)]
enum Place {
    /// It is not greeted. Holds the earlier messages that it gets.
    Outside(Vec<u8>),
    Unannounced,
    Here,
    Gone,
}

impl Model {
    /// The room after all these events.
    pub(super) fn after(history: &[Happened], start: Instant, limits: &Limits, operator: Option<&str>) -> Model {
        let mut model = Model {
            now: start,
            paid_at: start,
            people: Vec::new(),
            newcomers: Vec::new(),
            lines: Vec::new(),
            told: Vec::new(),
            limits: limits.clone(),
            operator: operator.map(str::to_owned),
            tries: HashMap::new(),
            bans: Vec::new(),
            is_closing: false,
        };
        for happened in history {
            match happened {
                Happened::Ticked(now) => model.tick(*now),
                #[cfg(test)]
                Happened::Welcomed => model.welcome_newcomers(),
                Happened::Came(id, peer, replay) => model.come(*id, *peer, replay),
                Happened::Refused(peer) => {
                    let why = match () {
                        () if model.is_closing => Refusal::Closing,
                        () if model.is_banned(peer.origin()) => Refusal::Banned,
                        () => Refusal::Full,
                    };
                    model.note(Event::Refused { peer: *peer, why });
                }
                Happened::Operated(line) => model.operate(line),
                Happened::Sent(id, bytes) => match limits.framing {
                    Framing::Line => model.read(*id, bytes),
                    Framing::Raw => model.read_raw(*id, bytes),
                },
                Happened::Ended(id) => model.end(*id),
                Happened::Lost(id) => model.leave(*id, Reason::Lost),
                Happened::ThrownOut(id, reason) => model.leave(*id, *reason),
                Happened::Closing => model.close(),
            }
        }
        model
    }

    /// All bytes that this client must get.
    pub(super) fn owed(&self, id: Id) -> Vec<u8> {
        let lines = self.lines.iter().filter(|(audience, _)| audience.contains(&id));
        lines.map(|(_, line)| line.as_slice()).collect::<Vec<_>>().concat()
    }

    fn tick(&mut self, now: Instant) {
        self.now = now;
        while let Some((id, _)) = self.newcomers.iter().find(|(_, until)| *until <= now).copied() {
            self.welcome(id);
        }
    }

    fn come(&mut self, id: Id, peer: Peer, replay: &[u8]) {
        let (nick, place) = (nick::guest(id.number()), Place::Outside(replay.to_vec()));
        let unread = Vec::new();
        self.people.push(Person { id, nick, peer, is_in_charge: false, muted: None, unread, is_new: true, place });
        let is_small = self.here().len() + self.newcomers.len() < ANNOUNCE_MAX;
        // A wait that takes long to be paid for is not granted.
        let paid_at = self.paid_at.max(self.now) + OPENING_EVERY;
        let may_wait = is_small && paid_at - self.now <= OPENINGS_AT_ONCE * OPENING_EVERY;
        if may_wait {
            self.paid_at = paid_at;
            self.newcomers.push((id, self.now + OPENING_PATIENCE));
        } else {
            self.welcome(id);
        }
    }

    fn welcome_newcomers(&mut self) {
        while let Some((id, _)) = self.newcomers.first().copied() {
            self.welcome(id);
        }
    }

    /// A newcomer is greeted, if it was not, and announced.
    fn welcome(&mut self, id: Id) {
        self.enter(id);
        self.announce(id);
    }

    /// A line of `id` is handled. It may ask for a name.
    fn welcome_all(&mut self, id: Id, asks_for_name: bool) {
        for (newcomer, _) in self.newcomers.clone() {
            let is_outside = matches!(self.person(newcomer), Some(Person { place: Place::Outside(_), .. }));
            if newcomer == id && is_outside && asks_for_name {
                self.enter(id);
                self.newcomers.retain(|(newcomer, _)| *newcomer != id);
                self.newcomers.push((id, self.now + NICK_PATIENCE));
            } else {
                self.welcome(newcomer);
            }
        }
    }

    fn announce(&mut self, id: Id) {
        self.newcomers.retain(|(newcomer, _)| *newcomer != id);
        let Some(person) = self.person(id).filter(|person| person.place != Place::Here) else { return };
        person.place = Place::Here;
        let nick = person.nick.clone();
        if self.here().len() <= ANNOUNCE_MAX {
            self.notice(self.others(id), &Notice::Arrived(Who { nick: &nick, id }));
        }
    }

    fn enter(&mut self, id: Id) {
        let Some(person) = self.person(id) else { return };
        let Place::Outside(replay) = person.place.clone() else { return };
        let (nick, peer) = (person.nick.clone(), person.peer);
        let you = Who { nick: &nick, id };
        self.notice(vec![id], &Notice::Welcome(you));
        self.with_list(|model, list| match list {
            [] => model.notice(vec![id], &Notice::Alone),
            _ => model.notice(vec![id], &Notice::Here(list, 0)),
        });
        self.notice(vec![id], &Notice::HowTo);
        self.lines.push((vec![id], replay));
        self.person(id).expect("it is there").place = Place::Unannounced;
        let (seats_taken, seats) = (self.here().len(), self.limits.clients_max);
        self.note(Event::Arrived { id, nick: &nick, peer, seats_taken, seats });
    }

    fn close(&mut self) {
        self.welcome_newcomers();
        if !std::mem::replace(&mut self.is_closing, true) {
            self.note(Event::Closing);
        }
        self.here().into_iter().for_each(|id| self.leave(id, Reason::Closing));
    }

    fn leave(&mut self, id: Id, reason: Reason) {
        self.leave_with(id, reason, "");
    }

    fn leave_with(&mut self, id: Id, reason: Reason, words: &str) {
        match (self.person(id).map(|person| (&person.place, person.peer)), reason) {
            (Some((Place::Outside(_), peer)), Reason::Foreign(protocol)) => {
                self.newcomers.retain(|(newcomer, _)| *newcomer != id);
                self.person(id).expect("it is there").place = Place::Gone;
                self.lines.push((vec![id], messages::to_stranger(Lang::En, protocol)));
                return self.note(Event::Refused { peer, why: Refusal::Foreign(protocol) });
            }
            (Some((Place::Outside(_), _)), _) => self.welcome(id),
            _ => self.newcomers.retain(|(newcomer, _)| *newcomer != id),
        }
        let Some(person) = self.person(id) else { return };
        let was_announced = std::mem::replace(&mut person.place, Place::Gone) == Place::Here;
        let nick = person.nick.clone();
        let with_words = |notice: &Notice<'_>| messages::notice_with(Lang::En, notice, words);
        self.lines.push((vec![id], with_words(&Notice::Goodbye(reason))));
        if was_announced && self.here().len() < ANNOUNCE_MAX {
            self.lines.push((self.here(), with_words(&Notice::Left(Who { nick: &nick, id }, reason))));
        }
        let (seats_taken, seats) = (self.here().len(), self.limits.clients_max);
        self.note(Event::Left { id, nick: &nick, reason, seats_taken, seats });
    }

    fn read(&mut self, id: Id, bytes: &[u8]) {
        let Some(person) = self.person(id) else { return };
        person.unread.extend(bytes);
        if person.is_new && person.unread.first() == Some(&22) {
            return self.leave(id, Reason::Foreign(Protocol::Tls));
        }
        let endless = self.limits.line_max * ENDLESS_FACTOR;
        loop {
            let Some(person) = self.person(id) else { return };
            let end = person.unread.iter().position(|byte| *byte == b'\n');
            if end.unwrap_or(person.unread.len()) >= endless {
                let unread = person.unread.clone();
                if let Some(protocol) = self.first_line(id, &unread, &Line::Endless) {
                    return self.leave(id, Reason::Foreign(protocol));
                }
                self.welcome_all(id, false);
                return self.leave(id, Reason::EndlessLine(endless));
            }
            let Some(end) = end else { return };
            let mut line: Vec<u8> = person.unread.drain(..=end).collect();
            line.pop();
            self.line(id, line);
        }
    }

    /// Each read is a message, or several if it is longer than a line may be.
    fn read_raw(&mut self, id: Id, bytes: &[u8]) {
        if self.person(id).is_some_and(|person| person.is_new) && bytes.first() == Some(&22) {
            return self.leave(id, Reason::Foreign(Protocol::Tls));
        }
        for message in bytes.chunks(self.limits.line_max) {
            if self.person(id).is_some() {
                let message = message.trim_ascii_end();
                self.line(id, message.iter().map(|&byte| if byte == b'\n' { b' ' } else { byte }).collect());
            }
        }
    }

    fn end(&mut self, id: Id) {
        let Some(person) = self.person(id) else { return };
        let rest = std::mem::take(&mut person.unread);
        if !rest.is_empty() {
            self.line(id, rest);
        }
        self.leave(id, Reason::EndOfInput);
    }

    /// The protocol that a client's first line shows. `bytes` are the line's.
    fn first_line(&mut self, id: Id, bytes: &[u8], line: &Line<'_>) -> Option<Protocol> {
        let person = self.person(id).filter(|person| person.is_new)?;
        person.is_new = false;
        let mut opening = Opening::NEW;
        opening.read(bytes);
        opening.line(line)
    }

    fn line(&mut self, id: Id, line: Vec<u8>) {
        let whole = line.strip_suffix(b"\r").unwrap_or(&line);
        let is_too_long = whole.len() > self.limits.line_max;
        let found = if is_too_long { Line::TooLong(line.len()) } else { Line::Text(whole) };
        if let Some(protocol) = self.first_line(id, &line, &found) {
            return self.leave(id, Reason::Foreign(protocol));
        }
        self.welcome_all(id, !is_too_long && matches!(command::parse(&sanitize(whole)), Input::Nick(_)));
        if whole.len() > self.limits.line_max {
            return self.notice(vec![id], &Notice::TooLong { len: line.len(), max: self.limits.line_max });
        }
        let line = sanitize(whole);
        let person = self.person(id).expect("only who is here is read");
        let (nick, is_in_charge) = (person.nick.clone(), person.is_in_charge);
        let nick = nick.as_str();
        if is_in_charge && let Some(order) = parse_order(&line) {
            let answer = self.order(Some(id), &line, order);
            return self.lines.push((vec![id], messages::marked(&answer)));
        }
        let input = command::parse(&line);
        let is_speech = match input {
            Input::Say(text) | Input::Act(text) => !text.trim().is_empty(),
            Input::Private { .. } | Input::Nick(_) => true,
            _ => false,
        };
        if is_speech && let Some(left) = self.muted(id) {
            return self.notice(vec![id], &Notice::Muted(left));
        }
        match input {
            Input::Say(text) | Input::Act(text) if text.trim().is_empty() => {}
            Input::Say(text) => {
                self.lines.push((self.others(id), format!("<{nick}> {text}\n").into()));
                self.note(Event::Said { id, nick, text });
            }
            Input::Act(text) => {
                self.lines.push((self.others(id), format!("* {nick} {text}\n").into()));
                self.note(Event::Acted { id, nick, text });
            }
            Input::Private { to, text } => {
                match nick::skeletons(to).iter().find_map(|skeleton| self.wearer(skeleton)) {
                    Some(receiver) => {
                        self.lines.push((vec![receiver], format!("[{nick} -> you] {text}\n").into()));
                        let to = self.person(receiver).expect("it is here").nick.clone();
                        self.note(Event::Whispered { id, nick, to: &to });
                    }
                    None => self.notice(vec![id], &Notice::NobodyCalled(to)),
                }
            }
            Input::Nick(new) => match nick::check(new, id.number()) {
                Err(flaw) => self.notice(vec![id], &Notice::NickFlaw(flaw)),
                Ok(skeletons) if skeletons.iter().any(|it| self.wearer(it).is_some_and(|wearer| wearer != id)) => {
                    self.notice(vec![id], &Notice::NickTaken(new));
                }
                Ok(_) => {
                    let person = self.person(id).expect("it is here");
                    person.nick = new.to_string();
                    if person.place == Place::Here {
                        self.notice(self.others(id), &Notice::Renamed(nick, Who { nick: new, id }));
                    } else {
                        self.announce(id);
                    }
                    self.notice(vec![id], &Notice::YouAre(new));
                    self.note(Event::Renamed { id, old: nick, nick: new });
                }
            },
            Input::Who => self.with_list(|model, list| model.notice(vec![id], &Notice::Everyone(list, 0))),
            Input::Help => self.notice(vec![id], &Notice::Help),
            Input::Quit => self.leave(id, Reason::Quit),
            Input::Op(password) => self.take_charge(id, password),
            Input::Misused(command) => self.notice(vec![id], &Notice::Usage(command)),
            Input::Unknown(word) => self.notice(vec![id], &Notice::Unknown(word)),
        }
    }

    fn notice(&mut self, audience: Vec<Id>, notice: &Notice<'_>) {
        self.lines.push((audience, messages::notice(Lang::En, notice)));
    }

    fn note(&mut self, event: Event<'_>) {
        self.told.push(Said(Lang::En, &event).to_string());
    }

    /// Those in the room, announced or not.
    fn here(&self) -> Vec<Id> {
        let is_here = |person: &&Person| matches!(person.place, Place::Here | Place::Unannounced);
        self.people.iter().filter(is_here).map(|person| person.id).collect()
    }

    fn others(&self, id: Id) -> Vec<Id> {
        self.here().into_iter().filter(|other| *other != id).collect()
    }

    fn announced(&self) -> Vec<&Person> {
        self.people.iter().filter(|person| person.place == Place::Here).collect()
    }

    fn with_list(&mut self, tell: impl FnOnce(&mut Model, &[Listed<'_>])) {
        let names = self.announced().into_iter().map(|person| (person.nick.clone(), person.id, person.is_in_charge));
        let names: Vec<_> = names.collect();
        let listed = |(nick, id, is_in_charge)| Listed { is_in_charge, ..Who { nick, id }.into() };
        let list: Vec<Listed> = names.iter().map(|(nick, id, is)| listed((nick.as_str(), *id, *is))).collect();
        tell(self, &list);
    }

    fn person(&mut self, id: Id) -> Option<&mut Person> {
        self.people.iter_mut().find(|person| person.place != Place::Gone && person.id == id)
    }

    fn wearer(&self, skeleton: &Skeleton) -> Option<Id> {
        let mut here = self.people.iter().filter(|it| matches!(it.place, Place::Here | Place::Unannounced));
        here.find(|person| nick::skeletons(&person.nick).contains(skeleton)).map(|person| person.id)
    }
}
