//! Connects again when the server is gone, with growing pauses, under the same name.

use super::connect::{open, secured};
use super::hello::{check, is_question, only, pass_door, request_nick};
use super::inbox::{Inbox, Received};
use super::lock;
use super::nicks::NickBook;
use super::receiver::{Receiver, TerminalEvent};
use super::trust::Trust;
use std::thread;
use std::time::Duration;

/// The pause before the first attempt. Each further pause is twice as long.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// Thousands of clients may wait for the same server.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Where to connect.
pub(super) struct Target {
    pub addr: String,
    pub trust: Option<Trust>,
}

/// Why a connection ended.
enum End {
    /// The next attempt may succeed.
    Passing(String),
    /// The server does not let us in with the password that we have.
    Final(String),
}

impl From<String> for End {
    fn from(why: String) -> End {
        End::Passing(why)
    }
}

/// Connects again and again, and receives. Returns when the password is wrong now, or there is one now and we have none: each attempt
/// would count as a try of our address.
pub(super) fn run(receiver: &Receiver, target: &Target, password: Option<&str>, tell: &mut dyn FnMut(TerminalEvent)) {
    let mut nick = chosen_nick(receiver);
    let mut pause = PAUSE_MIN;
    loop {
        tell(TerminalEvent::Retrying(pause));
        thread::sleep(pause);
        *lock(&receiver.nicks) = NickBook::default();
        match visit(receiver, target, nick.as_deref(), password, tell) {
            Ok(()) => {}
            Err(End::Passing(e)) => log::debug!("not connected again: {e}"),
            Err(End::Final(words)) => {
                tell(TerminalEvent::Refused(words));
                return tell(TerminalEvent::Ended(Ok(())));
            }
        }
        let had_seat = lock(&receiver.nicks).mine().is_some();
        nick = chosen_nick(receiver).or(nick);
        pause = if had_seat { PAUSE_MIN } else { PAUSE_MAX.min(pause * 2) };
    }
}

/// Connects, and receives until the connection ends.
fn visit(
    receiver: &Receiver,
    target: &Target,
    nick: Option<&str>,
    password: Option<&str>,
    tell: &mut dyn FnMut(TerminalEvent),
) -> Result<(), End> {
    let Target { addr, trust } = target;
    let socket = open(addr, receiver.lang)?;
    // A server that is there and is not the right one is worth a word.
    let stream = secured(socket, addr, trust.as_ref(), receiver.lang)
        .inspect_err(|e| tell(TerminalEvent::Refused(e.clone())))?;
    let outbox = stream.clone();
    let mut inbox = Inbox::new(stream);
    if let Some(nick) = nick {
        request_nick(nick, &mut inbox, &outbox, receiver.lang, &mut |lines| receiver.receive(lines, tell))?;
    }
    let mut has_none = false;
    let mut passwords = only(password.map(str::to_owned), receiver.lang);
    let mut ask = || passwords().inspect_err(|_| has_none = true);
    // The question is not for the user.
    let mut show = |mut lines: Vec<Received>| {
        lines.retain(|line| !is_question(line));
        receiver.receive(lines, tell);
    };
    let passed = pass_door(&mut inbox, &outbox, receiver.lang, &mut ask, &mut show);
    passed.map_err(|e| if has_none { End::Final(e) } else { End::Passing(e) })?;
    tell(TerminalEvent::Connected(outbox));
    receiver.run(inbox, tell).map_err(|e| End::Passing(e.to_string()))
}

/// The client's nick, unless the server has given it.
fn chosen_nick(receiver: &Receiver) -> Option<String> {
    let nick = lock(&receiver.nicks).mine()?.to_owned();
    check(&nick, receiver.lang).is_ok().then_some(nick)
}
