//! What somebody in charge orders, at the server's own terminal or as a member that knows the operator's password. Which commands
//! there are is in [`charge`].

use super::Hub;
use crate::chat::bans::Bans;
use crate::chat::charge::{self, Order};
use crate::chat::command::{self, Input};
use crate::chat::connections::sanitize::sanitize;
use crate::chat::limits::WHY_CHARS_MAX;
use crate::chat::messages::{self, Done, Notice, Said, Who};
use crate::chat::peer::Origin;
use crate::chat::rate::Rate;
use crate::chat::tries::Tries;
use crate::chat::{Event, Id, Reason, Secret};
use std::time::Duration;

/// A person who mistypes has three tries, and a program that guesses has 8640 a day.
const TRIES: Rate = Rate { at_once: 3, every: Duration::from_secs(10) };

/// Who may be in charge, and whom they keep out.
pub(super) struct Charge {
    password: Option<Secret>,
    tries: Tries,
    pub(super) bans: Bans,
}

impl Charge {
    pub(super) fn new() -> Charge {
        Charge { password: None, tries: Tries::new(TRIES), bans: Bans::default() }
    }
}

impl Hub {
    /// Members that say `:op` and this password are in charge.
    pub fn with_operator(mut self, password: Secret) -> Hub {
        self.charge.password = Some(password);
        self
    }

    /// Lets nobody in from an address, for a time or for good, as an earlier server was ordered. Without effect when there are
    /// [`BANS_MAX`](crate::chat::limits::BANS_MAX) bans.
    pub fn ban(&mut self, addr: Origin, time: Option<Duration>) {
        self.charge.bans.add(addr, time, self.connections.now());
    }

    /// Carries out what was typed at the server's own terminal. Returns the answer, in lines; it is empty if what happens says
    /// enough.
    pub fn operate(&mut self, line: &str) -> String {
        let line = sanitize(line.as_bytes());
        self.welcome_newcomers();
        match charge::parse(&line) {
            _ if line.trim().is_empty() => String::new(),
            Some(order) => self.carry_out(None, &line, order),
            None => self.text(&Notice::Done(Done::NoOrder)),
        }
    }

    /// Records the answer to what was typed at the server's own terminal.
    pub(crate) fn record_answer(&mut self, text: &str) {
        self.room.note(Event::Answered { text });
    }

    /// Handles a sanitized line of a member.
    pub(super) fn hear(&mut self, id: Id, line: &str) {
        if let Input::Op(password) = command::parse(line) {
            return self.take_charge(id, password);
        }
        if self.room.is_in_charge(id)
            && let Some(order) = charge::parse(line)
        {
            let answer = self.carry_out(Some(id), line, order);
            if !answer.is_empty() {
                self.connections.send(id, &messages::marked(&answer));
            }
            return self.room.evict(&mut self.connections);
        }
        self.room.hear(&mut self.connections, id, line);
    }

    fn take_charge(&mut self, id: Id, password: &str) {
        let (Some(peer), now) = (self.room.peer(id), self.connections.now()) else { return };
        let notice = match &self.charge.password {
            None => Notice::NoPassword,
            Some(_) if self.room.is_in_charge(id) => Notice::IsInCharge,
            Some(secret) => match self.charge.tries.count(peer.origin(), now) {
                Err(wait) => Notice::TooManyTries(wait),
                Ok(()) if secret.is(password.as_bytes()) => {
                    self.charge.tries.take_back(peer.origin());
                    return self.room.put_in_charge(&mut self.connections, id);
                }
                Ok(()) => {
                    self.room.note_wrong_password(id);
                    Notice::WrongPassword
                }
            },
        };
        self.room.tell(&mut self.connections, id, &notice);
    }

    /// Returns the answer.
    fn carry_out(&mut self, by: Option<Id>, line: &str, order: Order<'_>) -> String {
        if self.is_linked()
            && let Some(answer) = self.forward(by, line, &order)
        {
            return answer;
        }
        self.carry_out_here(by, line, order)
    }

    pub(super) fn carry_out_here(&mut self, by: Option<Id>, line: &str, order: Order<'_>) -> String {
        match order {
            Order::Kick { who, why } => self.kick(by, line, who, why),
            Order::Mute { who, minutes } => self.mute(by, line, who, minutes.map(minutes_long)),
            Order::Unmute(who) => self.unmute(by, line, who),
            Order::Ban { whom, minutes } => self.order_ban(by, line, whom, minutes),
            Order::Bans => self.list_bans(),
            Order::Unban(addr) => self.unban(by, line, addr),
            Order::Announce(text) => {
                self.room.note_order(by, line);
                let notice = messages::notice(self.lang(), &Notice::Announcement(text));
                self.connections.send_all(&notice);
                String::new()
            }
            Order::Stop(why) => self.stop(by, line, why),
            Order::Who => self.room.roll(self.connections.now()),
            Order::Help => match by {
                Some(_) => format!("{}\n{}", self.text(&Notice::Help), self.text(&Notice::HelpInCharge)),
                None => self.text(&Notice::HelpInCharge),
            },
            Order::Misused(word) => self.text(&Notice::Usage(word)),
        }
    }

    fn kick(&mut self, by: Option<Id>, line: &str, who: &str, why: &str) -> String {
        let Some(id) = self.room.find(who) else { return self.text(&Notice::NobodyCalled(who)) };
        if why.chars().count() > WHY_CHARS_MAX {
            return self.text(&Notice::Done(Done::WhyTooLong));
        }
        self.room.note_order(by, line);
        self.room.leave_with(&mut self.connections, id, Reason::ShownOut, why);
        String::new()
    }

    fn mute(&mut self, by: Option<Id>, line: &str, who: &str, time: Option<Duration>) -> String {
        let Some(id) = self.room.find(who) else { return self.text(&Notice::NobodyCalled(who)) };
        self.room.note_order(by, line);
        self.room.mute(&mut self.connections, id, time);
        self.about(id, |who| Done::Muted(who, time))
    }

    fn unmute(&mut self, by: Option<Id>, line: &str, who: &str) -> String {
        let Some(id) = self.room.find(who) else { return self.text(&Notice::NobodyCalled(who)) };
        if !self.room.unmute(&mut self.connections, id) {
            return self.about(id, Done::NotMuted);
        }
        self.room.note_order(by, line);
        self.about(id, Done::Unmuted)
    }

    /// Bans an address, or that of a member, and shows out whoever has come from there.
    fn order_ban(&mut self, by: Option<Id>, line: &str, whom: &str, minutes: Option<u32>) -> String {
        let of_member = || Some(self.room.peer(self.room.find(whom)?)?.origin());
        let Some(addr) = whom.parse().ok().or_else(of_member).map(Origin::network) else {
            return self.text(&Notice::NobodyCalled(whom));
        };
        let there = self.room.those_from(|it| it.network() == addr);
        if by.is_some_and(|by| there.contains(&by)) {
            return self.text(&Notice::Done(Done::OwnAddress(addr)));
        }
        let time = minutes.map(minutes_long);
        if !self.charge.bans.add(addr, time, self.connections.now()) {
            return self.text(&Notice::Done(Done::TooManyBans));
        }
        self.room.note_order(by, line);
        self.room.note(Event::Banned { addr, minutes });
        for id in there {
            self.room.leave(&mut self.connections, id, Reason::Banned);
        }
        self.answer_to(by, Done::Banned(addr, time))
    }

    fn unban(&mut self, by: Option<Id>, line: &str, addr: &str) -> String {
        let Ok(addr) = addr.parse().map(Origin::network) else {
            return self.text(&Notice::Done(Done::NoAddress(addr)));
        };
        if !self.charge.bans.remove(addr, self.connections.now()) {
            return self.text(&Notice::Done(Done::NotBanned(addr)));
        }
        self.room.note_order(by, line);
        self.room.note(Event::Unbanned { addr });
        self.answer_to(by, Done::Unbanned(addr))
    }

    fn list_bans(&self) -> String {
        let now = self.connections.now();
        let bans: Vec<_> = self.charge.bans.at(now).map(|ban| (ban.network, ban.left(now))).collect();
        self.text(&Notice::Done(Done::Bans(&bans)))
    }

    fn stop(&mut self, by: Option<Id>, line: &str, why: &str) -> String {
        self.room.note_order(by, line);
        self.welcome_newcomers();
        if !why.is_empty() {
            let notice = messages::notice(self.lang(), &Notice::Announcement(why));
            self.connections.send_all(&notice);
        }
        self.connections.stop();
        self.close_room();
        String::new()
    }

    /// What is an event, too, the server's own terminal shows anyway.
    fn answer_to(&self, by: Option<Id>, done: Done<'_>) -> String {
        by.map_or_else(String::new, |_| self.text(&Notice::Done(done)))
    }

    fn about<'a>(&'a self, id: Id, done: impl FnOnce(Who<'a>) -> Done<'a>) -> String {
        match self.room.nick(id) {
            Some(nick) => self.text(&Notice::Done(done(Who { nick, id }))),
            None => String::new(),
        }
    }

    fn text(&self, notice: &Notice<'_>) -> String {
        Said(self.lang(), notice).to_string()
    }
}

fn minutes_long(minutes: u32) -> Duration {
    Duration::from_secs(60 * u64::from(minutes))
}
