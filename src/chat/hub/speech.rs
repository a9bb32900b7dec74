//! What is said: lines become messages, notices and answers, and each is put where it will be read.

use super::member::find;
use super::*;

impl Hub {
    pub(super) fn line(&mut self, id: Id, line: Line<'_>) {
        let bytes = match line {
            Line::Text(bytes) => bytes,
            Line::TooLong(len) => return self.tell(id, &Notice::TooLong { len, max: self.limits.line_max }),
            Line::Endless => return self.leave(id, Reason::EndlessLine(self.limits.line_max * ENDLESS_FACTOR)),
        };
        if is_plain(bytes) && command::is_surely_said(bytes) {
            // Nearly all that is said: what follows would change nothing about it, and takes three times as long.
            return self.say(id, bytes);
        }
        let text = sanitize(bytes);
        match command::parse(&text) {
            Input::Say(text) | Input::Act(text) if text.trim().is_empty() => {}
            Input::Say(text) => self.say(id, text.as_bytes()),
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

    /// Says a line that has been sanitized.
    pub(super) fn say(&mut self, id: Id, text: &[u8]) {
        self.broadcast(id, |name, log| {
            let before = name.before_line();
            log.reserve(before.len() + text.len() + 1);
            log.extend_from_slice(before);
            log.extend_from_slice(text);
            log.push(b'\n');
        });
        if self.transcript.is_some() {
            let text = &String::from_utf8_lossy(text);
            self.note_said(id, |id, nick| Event::Said { id, nick, text });
        }
    }

    pub(super) fn act(&mut self, id: Id, text: &str) {
        self.broadcast(id, |name, log| log.extend(format!("* {} {text}\n", name.nick()).bytes()));
        self.note_said(id, |id, nick| Event::Acted { id, nick, text });
    }

    pub(super) fn whisper(&mut self, id: Id, to: &str, text: &str) {
        let Some(&receiver) = self.nicks.get(&nick::look(to)) else {
            return self.tell(id, &Notice::NobodyCalled(to));
        };
        let Some(nick) = self.get(id).map(|member| member.name.nick().to_owned()) else { return };
        self.note(Event::Whispered { id, nick: &nick, to });
        self.enqueue(receiver, format!("[{nick} -> you] {text}\n").as_bytes());
    }

    pub(super) fn rename(&mut self, id: Id, nick: &str) {
        let look = match nick::check(nick, id.number) {
            Ok(look) => look,
            Err(flaw) => return self.tell(id, &Notice::NickFlaw(flaw)),
        };
        if self.nicks.get(&look).is_some_and(|wearer| *wearer != id) {
            return self.tell(id, &Notice::NickTaken(nick));
        }
        let Some(member) = self.get_mut(id) else { return };
        let old = std::mem::replace(&mut member.name, Name::new(nick));
        let old = old.nick();
        self.nicks.remove(&nick::look(old));
        self.nicks.insert(look, id);
        let text = words::notice(self.lang, &Notice::Renamed(old, Who { nick, id }));
        self.broadcast(id, |_, log| log.extend_from_slice(&text));
        self.note(Event::Renamed { id, old, nick });
        self.tell(id, &Notice::YouAre(nick));
    }

    /// Those in the room, as many as are listed by name, and how many more there are.
    pub(super) fn listing(&self) -> (Vec<Who<'_>>, usize) {
        let seated = self.members.iter().flatten().filter(|member| member.leaving.is_none());
        let mut listed: Vec<_> =
            seated.take(LISTED_MAX).map(|member| Who { nick: member.name.nick(), id: member.id }).collect();
        listed.sort_by_key(|who| who.id);
        let more = self.seats_taken - listed.len();
        (listed, more)
    }

    // Ways of telling.

    /// Says something to all but the one it comes from.
    pub(super) fn broadcast(&mut self, from: Id, write: impl FnOnce(&Name, &mut Vec<u8>)) {
        let start = self.log.end();
        let Some(mut member) = find(&mut self.members, from) else { return };
        if member.own.end != start {
            if member.own.end > member.cursor.max(self.log.base) {
                // A member's own part of the log is one range. Others spoke since: it needs what they said.
                if self.catch_up(from) {
                    self.mark_dirty(from);
                }
                let Some(again) = find(&mut self.members, from) else { return };
                member = again;
            }
            member.own = start..start;
        }
        write(&member.name, &mut self.log.bytes);
        member.own.end = self.log.end();
    }

    /// Tells one member alone.
    pub(super) fn tell(&mut self, id: Id, text: &Notice<'_>) {
        let text = words::notice(self.lang, text);
        self.enqueue(id, &text);
    }

    /// Puts lines for one member alone behind all that was said before.
    pub(super) fn enqueue(&mut self, id: Id, text: &[u8]) {
        self.catch_up(id);
        let at = self.at;
        let Some(member) = self.seated(id) else { return };
        member.outbox.push(text, at);
        self.queued += text.len();
        self.mark_dirty(id);
        self.update_blocking(id);
        self.judge(id);
    }

    /// Copies what a member has not got of the turn's log into its outbox. Returns whether there was something: then the
    /// member may have to be judged, and flushed.
    pub(super) fn catch_up(&mut self, id: Id) -> bool {
        let Some(member) = find(&mut self.members, id) else { return false };
        let (before, after) = self.log.less_own(member);
        let grown = before.len() + after.len();
        if grown == 0 {
            return false;
        }
        member.outbox.push(before, self.at);
        member.outbox.push(after, self.at);
        member.cursor = self.log.end();
        self.queued += grown;
        self.update_blocking(id);
        true
    }

    pub(super) fn note(&mut self, event: Event<'_>) {
        if let Some(transcript) = &mut self.transcript {
            transcript.push(event);
        }
    }

    pub(super) fn note_said<'a>(&'a mut self, id: Id, event: impl FnOnce(Id, &'a str) -> Event<'a>) {
        let Hub { transcript, members, .. } = self;
        if let Some(transcript) = transcript
            && let Some(member) = find(members, id)
        {
            transcript.push(event(id, member.name.nick()));
        }
    }
}
