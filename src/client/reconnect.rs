//! Connects again when the server is gone, with growing pauses, under the same name.

use super::connect::{open, secured};
use super::hello::{check, only, pass_door, request_nick};
use super::inbox::Inbox;
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

/// Connects again and again, and receives. Never returns.
pub(super) fn run(receiver: &Receiver, target: &Target, password: Option<&str>, tell: &mut dyn FnMut(TerminalEvent)) {
    let mut nick = chosen_nick(receiver);
    let mut pause = PAUSE_MIN;
    loop {
        tell(TerminalEvent::Retrying(pause));
        thread::sleep(pause);
        *lock(&receiver.nicks) = NickBook::default();
        if let Err(e) = visit(receiver, target, nick.as_deref(), password, tell) {
            log::debug!("not connected again: {e}");
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
) -> Result<(), String> {
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
    if let Some(password) = password {
        let passwords = &mut only(Some(password.to_owned()), receiver.lang);
        pass_door(&mut inbox, &outbox, receiver.lang, passwords, &mut |lines| receiver.receive(lines, tell))?;
    }
    tell(TerminalEvent::Connected(outbox));
    receiver.run(inbox, tell).map_err(|e| e.to_string())
}

/// The client's nick, unless the server has given it.
fn chosen_nick(receiver: &Receiver) -> Option<String> {
    let nick = lock(&receiver.nicks).mine()?.to_owned();
    check(&nick, receiver.lang).is_ok().then_some(nick)
}
