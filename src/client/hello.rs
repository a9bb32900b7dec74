//! Requests a nick before anything else is sent.

use super::heard::Heard;
use super::inbox::{Inbox, Received};
use super::messages::Text;
use super::news::News;
use super::stream::Stream;
use crate::chat::messages::{Notice, Said};
use crate::chat::nick;
use crate::text::Lang;
use std::io;
use std::time::{Duration, Instant};

/// The time that a server has to end the connection after we have.
const CLOSE_PATIENCE: Duration = Duration::from_millis(300);
/// The timeout for the answer. A foreign server may never answer, and a full server that lets clients wait answers only
/// when there is a free seat.
const ANSWER_PATIENCE: Duration = Duration::from_secs(3);

/// The timeout for the answer to a password: the server lets an address wait from which wrong ones came.
const PASSWORD_ANSWER: Duration = Duration::from_secs(60);
/// The timeout for the greeting of a server that has not asked for a password yet.
const GREETING_PATIENCE: Duration = Duration::from_millis(500);

/// Gives the next password to try; an error is the reason for which there is none.
pub(super) type Passwords<'a> = &'a mut dyn FnMut() -> Result<String, String>;

/// Gives this password, and no other after it.
pub(super) fn only(password: Option<String>, lang: Lang) -> impl FnMut() -> Result<String, String> {
    let mut left = password.ok_or(Text::PasswordNeeded.say(lang));
    move || std::mem::replace(&mut left, Err(Text::WrongPassword.say(lang)))
}

/// Says passwords for as long as the server asks for one. Returns when the first other line has come, or nothing in time.
pub(super) fn pass_door(
    inbox: &mut Inbox,
    outbox: &Stream,
    lang: Lang,
    passwords: Passwords<'_>,
    show: &mut dyn FnMut(Vec<Received>),
) -> Result<(), String> {
    let mut until = Instant::now() + GREETING_PATIENCE;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        let batch = inbox.read(Some(left));
        let says = |wanted: News<'_>| {
            batch.lines.iter().find_map(move |line| match line {
                Received::Text(text) => (news(text).as_ref() == Some(&wanted)).then(|| words_of(text).to_owned()),
                Received::TooLong(_) => None,
            })
        };
        let (is_asked, refusal) = (says(News::Password).is_some(), says(News::Full));
        let has_come = !batch.lines.is_empty();
        show(batch.lines);
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        if let Some(end) = batch.end {
            return Err(ending(end, lang));
        }
        if is_asked {
            say(&passwords()?, outbox);
            until = Instant::now() + PASSWORD_ANSWER;
        } else if has_come {
            return Ok(());
        }
    }
}

/// Sends a line. If the connection has ended, the inbox returns the reason.
fn say(line: &str, outbox: &Stream) {
    let _ = outbox.write_all(format!("{line}\n").as_bytes());
}

/// Checks that a nick is one that our server may accept. It may still be taken.
pub(super) fn check(nick: &str, lang: Lang) -> Result<&str, String> {
    // No member has this number, so all names of guests are refused.
    const NOBODY: u64 = u64::MAX;
    let nick = nick.trim();
    let refused = |flaw| Text::NickRefused(&Said(lang, &Notice::NickFlaw(flaw)).to_string()).say(lang);
    nick::check(nick, NOBODY).map_err(refused)?;
    Ok(nick)
}

/// Requests a nick with the first line, before the server has greeted us: then our server announces us by that nick. The lines that
/// arrive are passed to `show`.
pub(super) fn request_nick(
    nick: &str,
    inbox: &mut Inbox,
    outbox: &Stream,
    lang: Lang,
    show: &mut dyn FnMut(Vec<Received>),
) -> Result<(), String> {
    if outbox.write_all(format!(":nick {nick}\n").as_bytes()).is_err() {
        // The inbox returns the reason.
        listen(inbox, outbox, CLOSE_PATIENCE, lang, &mut only(None, lang), show, |_| false)?;
    }
    Ok(())
}

/// Enters under a nick, and waits until the server calls us so; without a nick, until it calls us anything. A missing answer is no
/// error. A refusal is an error with the server's text, which is not passed to `show`.
pub(super) fn enter(
    nick: Option<&str>,
    inbox: &mut Inbox,
    outbox: &Stream,
    lang: Lang,
    passwords: Passwords<'_>,
    show: &mut dyn FnMut(Vec<Received>),
) -> Result<Answer, String> {
    if let Some(nick) = nick {
        request_nick(nick, inbox, outbox, lang, show)?;
    }
    let is_answer = |line: &str| matches!(news(line), Some(News::Mine(mine)) if nick.is_none_or(|nick| mine == nick));
    listen(inbox, outbox, ANSWER_PATIENCE, lang, passwords, show, is_answer)
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Came,
    Missing,
}

/// The error message for a connection that we did not end.
pub(super) fn ending(end: io::Result<()>, lang: Lang) -> String {
    match end {
        Ok(()) => Text::ServerClosed.say(lang),
        Err(e) => Text::ConnectionLost(&e).say(lang),
    }
}

/// What a line says about names, if it is a notice.
pub(super) fn news(line: &str) -> Option<News<'_>> {
    match Heard::of(line) {
        Heard::Notice(text) => Some(News::of(text)),
        _ => None,
    }
}

/// Whether the server asks for the password with this line.
pub(super) fn is_question(line: &Received) -> bool {
    matches!(line, Received::Text(text) if news(text) == Some(News::Password))
}

/// The text of a notice without its leading `-- `.
pub(super) fn words_of(line: &str) -> &str {
    line.strip_prefix("-- ").unwrap_or(line)
}

/// Shows lines until the awaited one comes or the timeout expires.
fn listen(
    inbox: &mut Inbox,
    outbox: &Stream,
    patience: Duration,
    lang: Lang,
    passwords: Passwords<'_>,
    show: &mut dyn FnMut(Vec<Received>),
    awaited: impl Fn(&str) -> bool,
) -> Result<Answer, String> {
    let mut until = Instant::now() + patience;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Answer::Missing);
        }
        let mut batch = inbox.read(Some(left));
        let mut answer = Answer::Missing;
        for at in 0..batch.lines.len() {
            let Received::Text(line) = &batch.lines[at] else { continue };
            let refusal = match news(line) {
                Some(News::NickRefused) => Text::NickRefused(words_of(line)).say(lang),
                Some(News::Full) => words_of(line).to_owned(),
                Some(News::Password) => match passwords() {
                    Ok(password) => {
                        say(&password, outbox);
                        until = Instant::now() + PASSWORD_ANSWER;
                        continue;
                    }
                    Err(e) => e,
                },
                _ => {
                    if awaited(line) {
                        answer = Answer::Came;
                    }
                    continue;
                }
            };
            batch.lines.truncate(at);
            show(batch.lines);
            hang_up(inbox);
            return Err(refusal);
        }
        show(batch.lines);
        if let Some(end) = batch.end {
            return Err(ending(end, lang));
        }
        if answer == Answer::Came {
            return Ok(answer);
        }
    }
}

/// Closes the connection with an end-of-file, not with a reset.
fn hang_up(inbox: &mut Inbox) {
    inbox.end_output();
    let until = Instant::now() + CLOSE_PATIENCE;
    while Instant::now() < until && inbox.read(Some(CLOSE_PATIENCE)).end.is_none() {}
}
