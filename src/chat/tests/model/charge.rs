//! Whoever is in charge, in the reference model.

use super::Model;
use crate::chat::charge::{self, Order};
use crate::chat::limits::WHY_CHARS_MAX;
use crate::chat::messages::{Done, Listed, Notice, Said, Who};
use crate::chat::nick;
use crate::chat::peer::Origin;
use crate::chat::sanitize::sanitize;
use crate::chat::{Event, Id, Reason};
use crate::text::Lang;
use std::time::Duration;

/// A wrong password for `:op` is forgotten after this time.
const TRY_COST: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);

impl Model {
    pub(super) fn take_charge(&mut self, id: Id, password: &str) {
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
    pub(super) fn operate(&mut self, line: &str) {
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
    pub(super) fn order(&mut self, by: Option<Id>, line: &str, order: Order<'_>) -> String {
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
    pub(super) fn muted(&mut self, id: Id) -> Option<Option<Duration>> {
        let now = self.now;
        match self.person(id)?.muted? {
            Some(until) => (until > now).then(|| Some(until - now)),
            None => Some(None),
        }
    }

    pub(super) fn is_banned(&self, addr: Origin) -> bool {
        self.bans.iter().any(|(banned, until)| *banned == addr && until.is_none_or(|until| until > self.now))
    }
}

/// A notice that is an answer to somebody in charge.
fn answer(done: Done<'_>) -> String {
    say(&Notice::Done(done))
}

fn say(notice: &Notice<'_>) -> String {
    Said(Lang::En, notice).to_string()
}
