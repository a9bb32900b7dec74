//! A reference model of the room: slow, and simple enough to be obviously right.

use super::sim::Happened;
use crate::chat::charge::{self, Order};
use crate::chat::command::{self, Input};
use crate::chat::connections::opening::Opening;
use crate::chat::limits::{
    ANNOUNCE_MAX, ENDLESS_FACTOR, Framing, Limits, NICK_PATIENCE, OPENING_EVERY, OPENING_PATIENCE, OPENINGS_AT_ONCE,
    WHY_CHARS_MAX,
};
use crate::chat::line::Line;
use crate::chat::messages::{self, Done, Listed, Notice, Said, Who};
use crate::chat::nick::{self, Skeleton};
use crate::chat::peer::Origin;
use crate::chat::sanitize::sanitize;
use crate::chat::{Event, Id, Peer, Protocol, Reason, Refusal};
use crate::text::Lang;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A wrong password for `:op` is forgotten after this time.
const TRY_COST: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);

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
        if is_in_charge && let Some(order) = charge::parse(&line) {
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
                        self.note(Event::Whispered { id, nick, to });
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

    // Whoever is in charge.

    fn take_charge(&mut self, id: Id, password: &str) {
        let (now, operator) = (self.now, self.operator.clone());
        let person = self.person(id).expect("it is here");
        let (nick, addr) = (person.nick.clone(), person.peer.origin());
        let Some(operator) = operator else { return self.notice(vec![id], &Notice::NoPassword) };
        if person.is_in_charge {
            return self.notice(vec![id], &Notice::IsInCharge);
        }
        // Three at once, and then one in ten seconds. A right one costs nothing.
        let paid_at = self.tries.get(&addr).copied().unwrap_or(now).max(now);
        if paid_at + TRY_COST > now + 3 * TRY_COST {
            self.notice(vec![id], &Notice::TooManyTries(paid_at - 2 * TRY_COST - now));
        } else if password == operator {
            self.person(id).expect("it is here").is_in_charge = true;
            self.notice(self.here(), &Notice::InCharge(Who { nick: &nick, id }));
            self.note(Event::TookCharge { id, nick: &nick });
        } else {
            self.tries.insert(addr, paid_at + TRY_COST);
            self.note(Event::WrongPassword { id, nick: &nick });
            self.notice(vec![id], &Notice::WrongPassword);
        }
    }

    /// A line is typed at the server's own terminal.
    fn operate(&mut self, line: &str) {
        let line = sanitize(line.as_bytes());
        self.welcome_newcomers();
        let answer = match charge::parse(&line) {
            _ if line.trim().is_empty() => String::new(),
            Some(order) => self.order(None, &line, order),
            None => answer(Done::NoOrder),
        };
        self.told.push(answer);
    }

    /// Returns the answer.
    fn order(&mut self, by: Option<Id>, line: &str, order: Order<'_>) -> String {
        let now = self.now;
        let until = |minutes: Option<u32>| minutes.map(|minutes| now + minutes * MINUTE);
        match order {
            Order::Kick { who, why } => match self.found(who) {
                None => say(&Notice::NobodyCalled(who)),
                Some(_) if why.chars().count() > WHY_CHARS_MAX => answer(Done::WhyTooLong),
                Some((id, _)) => {
                    self.note_order(by, line);
                    self.leave_with(id, Reason::ShownOut, why);
                    String::new()
                }
            },
            Order::Mute { who, minutes } => match self.found(who) {
                None => say(&Notice::NobodyCalled(who)),
                Some((id, nick)) => {
                    self.note_order(by, line);
                    self.person(id).expect("it is here").muted = Some(until(minutes));
                    let time = minutes.map(|minutes| minutes * MINUTE);
                    self.notice(vec![id], &Notice::Muted(time));
                    answer(Done::Muted(Who { nick: &nick, id }, time))
                }
            },
            Order::Unmute(who) => match self.found(who) {
                None => say(&Notice::NobodyCalled(who)),
                Some((id, nick)) if self.muted(id).is_none() => answer(Done::NotMuted(Who { nick: &nick, id })),
                Some((id, nick)) => {
                    self.note_order(by, line);
                    self.person(id).expect("it is here").muted = None;
                    self.notice(vec![id], &Notice::Unmuted);
                    answer(Done::Unmuted(Who { nick: &nick, id }))
                }
            },
            Order::Ban { whom, minutes } => {
                let member = self.found(whom).and_then(|(id, _)| self.person(id)).map(|person| person.peer.origin());
                let Some(addr) = whom.parse().ok().or(member).map(Origin::network) else {
                    return say(&Notice::NobodyCalled(whom));
                };
                let there =
                    self.here().into_iter().filter(|id| self.person(*id).expect("it is here").peer.origin() == addr);
                let there: Vec<Id> = there.collect();
                if by.is_some_and(|by| there.contains(&by)) {
                    return answer(Done::OwnAddress(addr));
                }
                self.bans.retain(|(banned, _)| *banned != addr);
                self.bans.push((addr, until(minutes)));
                self.note_order(by, line);
                self.note(Event::Banned { addr, minutes });
                there.into_iter().for_each(|id| self.leave(id, Reason::Banned));
                by.map_or(String::new(), |_| answer(Done::Banned(addr, minutes.map(|minutes| minutes * MINUTE))))
            }
            Order::Unban(text) => match text.parse().map(Origin::network) {
                Err(()) => answer(Done::NoAddress(text)),
                Ok(addr) if !self.is_banned(addr) => answer(Done::NotBanned(addr)),
                Ok(addr) => {
                    self.bans.retain(|(banned, _)| *banned != addr);
                    self.note_order(by, line);
                    self.note(Event::Unbanned { addr });
                    by.map_or(String::new(), |_| answer(Done::Unbanned(addr)))
                }
            },
            Order::Bans => {
                let bans = self.bans.iter().filter(|(_, until)| until.is_none_or(|until| until > now));
                let left: Vec<_> = bans.map(|(addr, until)| (*addr, until.map(|until| until - now))).collect();
                answer(Done::Bans(&left))
            }
            Order::Announce(text) => {
                self.note_order(by, line);
                self.notice(self.here(), &Notice::Announcement(text));
                String::new()
            }
            Order::Stop(why) => {
                self.note_order(by, line);
                if !why.is_empty() {
                    self.notice(self.here(), &Notice::Announcement(why));
                }
                self.close();
                String::new()
            }
            Order::Who => {
                let names = self.announced().into_iter().map(|person| (person.nick.clone(), person.id, person.peer));
                let names: Vec<_> = names.collect();
                let mut list = Vec::new();
                for (nick, id, peer) in &names {
                    let is_muted = self.muted(*id).is_some();
                    let is_in_charge = self.person(*id).expect("it is here").is_in_charge;
                    list.push(Listed { who: Who { nick, id: *id }, is_in_charge, is_muted, peer: Some(*peer) });
                }
                say(&Notice::Everyone(&list, 0))
            }
            Order::Help if by.is_none() => say(&Notice::HelpInCharge),
            Order::Help => format!("{}\n{}", say(&Notice::Help), say(&Notice::HelpInCharge)),
            Order::Misused(word) => say(&Notice::Usage(word)),
        }
    }

    fn note_order(&mut self, by: Option<Id>, line: &str) {
        let nick = by.and_then(|id| self.person(id)).map_or(String::new(), |person| person.nick.clone());
        self.note(Event::Ordered { by, nick: &nick, line });
    }

    /// The member with a nick or, if it is `#N`, with a number; and its nick.
    fn found(&mut self, who: &str) -> Option<(Id, String)> {
        let id = match who.strip_prefix('#') {
            Some(number) => self.here().into_iter().find(|id| Ok(id.number()) == number.parse())?,
            None => nick::skeletons(who).iter().find_map(|skeleton| self.wearer(skeleton))?,
        };
        self.person(id).map(|person| (id, person.nick.clone()))
    }

    /// If a member is muted: for how long still, or until it leaves.
    fn muted(&mut self, id: Id) -> Option<Option<Duration>> {
        let now = self.now;
        match self.person(id)?.muted? {
            Some(until) => (until > now).then(|| Some(until - now)),
            None => Some(None),
        }
    }

    fn is_banned(&self, addr: Origin) -> bool {
        self.bans.iter().any(|(banned, until)| *banned == addr && until.is_none_or(|until| until > self.now))
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

/// A notice that is an answer to somebody in charge.
fn answer(done: Done<'_>) -> String {
    say(&Notice::Done(done))
}

fn say(notice: &Notice<'_>) -> String {
    Said(Lang::En, notice).to_string()
}
