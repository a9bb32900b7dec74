//! Requests a nick before anything else is sent.

use super::heard::Heard;
use super::inbox::{Inbox, Received};
use super::messages::Text;
use super::news::News;
use crate::chat::messages::{Notice, Said};
use crate::chat::nick;
use crate::text::Lang;
use std::io::{self, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The time that a server has to end the connection after we have.
const CLOSE_PATIENCE: Duration = Duration::from_millis(300);
/// The timeout for the answer. A foreign server may never answer, and a full server that lets clients wait answers only
/// when there is a free seat.
const ANSWER_PATIENCE: Duration = Duration::from_secs(3);

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
    outbox: &TcpStream,
    lang: Lang,
    show: &mut dyn FnMut(Vec<Received>),
) -> Result<(), String> {
    let mut outbox = outbox;
    if outbox.write_all(format!(":nick {nick}\n").as_bytes()).is_err() {
        // The inbox returns the reason.
        listen(inbox, CLOSE_PATIENCE, lang, show, |_| false)?;
    }
    Ok(())
}

/// Requests a nick, and waits for the answer. A missing answer is no error. A refusal is an error with the server's text, which is
/// not passed to `show`.
pub(super) fn take_nick(
    nick: &str,
    inbox: &mut Inbox,
    outbox: &TcpStream,
    lang: Lang,
    show: &mut dyn FnMut(Vec<Received>),
) -> Result<Answer, String> {
    request_nick(nick, inbox, outbox, lang, show)?;
    listen(inbox, ANSWER_PATIENCE, lang, show, |line| matches!(news(line), Some(News::Mine(mine)) if mine == nick))
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

/// The text of a notice without its leading `-- `.
pub(super) fn words_of(line: &str) -> &str {
    line.strip_prefix("-- ").unwrap_or(line)
}

/// Shows lines until the awaited one comes or the timeout expires.
fn listen(
    inbox: &mut Inbox,
    patience: Duration,
    lang: Lang,
    show: &mut dyn FnMut(Vec<Received>),
    awaited: impl Fn(&str) -> bool,
) -> Result<Answer, String> {
    let until = Instant::now() + patience;
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
