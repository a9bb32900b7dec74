//! Takes a name before anything else is said.

use super::heard::Heard;
use super::inbox::{Inbox, Received};
use super::messages::Text;
use super::news::News;
use crate::chat::messages::{Notice, Said};
use crate::chat::nick::Flaw;
use crate::text::Lang;
use std::io::{self, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A server greets, or says that it is full. Asking before it had the time to would turn its refusal into a reset.
const GREETING_PATIENCE: Duration = Duration::from_millis(300);
/// A foreign server may never answer, and a full one that lets people wait answers when there is a seat.
const ANSWER_PATIENCE: Duration = Duration::from_secs(3);

/// Whether a name can be asked for: one word. The server knows the other rules.
pub(super) fn check(nick: &str, lang: Lang) -> Result<&str, String> {
    let nick = nick.trim();
    if nick.is_empty() || nick.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let flaw = Said(lang, &Notice::NickFlaw(Flaw::BadCharacter)).to_string();
        return Err(Text::NickRefused(&flaw).say(lang));
    }
    Ok(nick)
}

/// Asks for a name and waits for the answer. What else arrives is passed to `show`.
///
/// An answer that does not come in time is not waited for. The error holds the server's words, which are not shown.
pub(super) fn take_nick(
    nick: &str,
    inbox: &mut Inbox,
    outbox: &TcpStream,
    lang: Lang,
    show: &mut dyn FnMut(Vec<Received>),
) -> Result<Answer, String> {
    if let Answer::Came = listen(inbox, GREETING_PATIENCE, lang, show, |_| true)? {
        log::debug!("the server has greeted");
    }
    let mut outbox = outbox;
    if outbox.write_all(format!(":nick {nick}\n").as_bytes()).is_err() {
        // Why, the inbox knows.
        return listen(inbox, GREETING_PATIENCE, lang, show, |_| false);
    }
    listen(inbox, ANSWER_PATIENCE, lang, show, |line| matches!(news(line), Some(News::Mine(mine)) if mine == nick))
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Came,
    Missing,
}

/// Why a connection is over that we did not end.
pub(super) fn ending(end: io::Result<()>, lang: Lang) -> String {
    match end {
        Ok(()) => Text::ServerClosed.say(lang),
        Err(e) => Text::ConnectionLost(&e).say(lang),
    }
}

/// What a line tells about names, if it is a notice.
pub(super) fn news(line: &str) -> Option<News<'_>> {
    match Heard::of(line) {
        Heard::Notice(text) => Some(News::of(text)),
        _ => None,
    }
}

/// The words after a notice's mark.
pub(super) fn words_of(line: &str) -> &str {
    line.strip_prefix("-- ").unwrap_or(line)
}

/// Shows what comes, until a line is the awaited one or the time is up.
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

/// Leaves as one who leaves, not as one whose connection broke.
fn hang_up(inbox: &mut Inbox) {
    inbox.end_output();
    let until = Instant::now() + GREETING_PATIENCE;
    while Instant::now() < until && inbox.read(Some(GREETING_PATIENCE)).end.is_none() {}
}
