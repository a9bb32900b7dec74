//! Every text of the server, in English and Spanish.
//!
//! Each text is one match arm with both languages in it, so a missing translation does not compile.

use super::nick::Flaw;
use super::transcript::Event;
use crate::chat::connections::Protocol;
use crate::chat::id::Id;
use crate::chat::reason::{Reason, Refusal};
use crate::text::numbers::whole_bytes;
use crate::text::{Lang, say};
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// A member as others see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who<'a> {
    pub nick: &'a str,
    pub id: Id,
}

impl Display for Who<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{} ({})", self.nick, self.id)
    }
}

/// A notice from the server to members. Each is one or more lines, without the leading `-- ` and without line ends.
pub(crate) enum Notice<'a> {
    Welcome(Who<'a>),
    Alone,
    /// The other members, and the number of those that are not listed.
    Here(&'a [Who<'a>], usize),
    HowTo,
    Arrived(Who<'a>),
    Left(Who<'a>, Reason),
    /// A member's old name, and its new one.
    Renamed(&'a str, Who<'a>),
    YouAre(&'a str),
    /// The answer to `:who`: all members, including the one who asks.
    Everyone(&'a [Who<'a>], usize),
    Help,
    NickFlaw(Flaw),
    NickTaken(&'a str),
    NobodyCalled(&'a str),
    Usage(&'a str),
    Unknown(&'a str),
    TooLong {
        len: usize,
        max: usize,
    },
    /// For the client that leaves.
    Goodbye(Reason),
    /// The member has been silent for long, and has this time to say something.
    Idle(Duration),
    /// As many as are permitted are here from its address.
    TooMany,
    Full(usize),
}

/// A text in a language, to be formatted.
pub(crate) struct Said<'a, T>(pub Lang, pub &'a T);

impl Display for Said<'_, Notice<'_>> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Said(lang, notice) = *self;
        match notice {
            Notice::Welcome(you) => {
                say!(lang, f, "welcome to tertulia: you are {you}"; "te damos la bienvenida a tertulia: eres {you}")
            }
            Notice::Alone => say!(lang, f, "nobody else is here yet"; "todavía no hay nadie más"),
            Notice::Here(others, more) => {
                let list = List(lang, others, *more);
                say!(lang, f, "here: {list}"; "están: {list}")
            }
            Notice::HowTo => say!(lang, f,
                ":nick NAME takes a name, :help tells the rest, :q leaves";
                ":nick NOMBRE toma un nombre, :help explica el resto, :q sale"),
            Notice::Arrived(who) => say!(lang, f, "{who} is here"; "{who} ha llegado"),
            Notice::Left(who, reason) => {
                let reason = Said(lang, reason);
                say!(lang, f, "{who} is gone: {reason}"; "{who} ya no está: {reason}")
            }
            Notice::Renamed(old, who) => say!(lang, f, "{old} is now {who}"; "{old} ahora es {who}"),
            Notice::YouAre(nick) => say!(lang, f, "you are now {nick}"; "ahora eres {nick}"),
            Notice::Everyone(all, more) => {
                let (list, count) = (List(lang, all, *more), all.len() + more);
                say!(lang, f, "{count} here: {list}"; "{count} aquí: {list}")
            }
            Notice::Help => say!(lang, f,
                "write a line and everybody reads it; these are commands:\n\
                 :q               leave\n\
                 :nick NAME       take a name\n\
                 :who             who is here\n\
                 :msg NICK TEXT   tell only NICK\n\
                 :me TEXT         say what you do\n\
                 ::TEXT           say :TEXT";
                "escribe una línea y todos la leen; estas son las órdenes:\n\
                 :q               salir\n\
                 :nick NOMBRE     tomar un nombre\n\
                 :who             quién está\n\
                 :msg NICK TEXTO  decírselo solo a NICK\n\
                 :me TEXTO        decir qué haces\n\
                 ::TEXTO          decir :TEXTO"),
            Notice::NickFlaw(Flaw::TooLong) => say!(lang, f,
                "a name has at most 20 characters; take a shorter one";
                "un nombre tiene 20 caracteres como mucho; elige uno más corto"),
            Notice::NickFlaw(Flaw::BadCharacter) => say!(lang, f,
                "a name has only letters, digits, _ and -; take another one";
                "un nombre solo tiene letras, cifras, _ y -; elige otro"),
            Notice::NickFlaw(Flaw::MixedAlphabets) => say!(lang, f,
                "a name keeps to the letters of one alphabet; take another one";
                "un nombre usa letras de un solo alfabeto; elige otro"),
            Notice::NickFlaw(Flaw::Reserved) => say!(lang, f,
                "names that look like guest… are given by the server; take another one";
                "los nombres que parecen guest… los da el servidor; elige otro"),
            Notice::NickTaken(nick) => say!(lang, f,
                "{nick} is taken, or looks like a name that is; take another one";
                "{nick} ya se usa o se parece a uno que se usa; elige otro"),
            Notice::NobodyCalled(nick) => say!(lang, f,
                "nobody here is called {nick}; :who lists the names";
                "aquí nadie se llama {nick}; :who da los nombres"),
            Notice::Usage(command) => match *command {
                ":nick" => say!(lang, f, "write :nick NAME"; "escribe :nick NOMBRE"),
                ":msg" => say!(lang, f, "write :msg NICK TEXT"; "escribe :msg NICK TEXTO"),
                ":me" => say!(lang, f, "write :me TEXT"; "escribe :me TEXTO"),
                _ => say!(lang, f, "write {command} alone on its line"; "escribe {command} solo en su línea"),
            },
            Notice::Unknown(word) => say!(lang, f,
                "{word} is no command and was not sent; :help lists them, :{word} says it";
                "{word} no es una orden y no se ha enviado; :help da la lista, :{word} lo dice"),
            Notice::TooLong { len, max } => say!(lang, f,
                "your line of {len} bytes was not sent: a line holds at most {max}";
                "tu línea de {len} bytes no se ha enviado: una línea tiene {max} como mucho"),
            Notice::Goodbye(reason) => match reason {
                Reason::Quit | Reason::EndOfInput => say!(lang, f, "goodbye"; "hasta luego"),
                Reason::Closing => say!(lang, f, "the server closes; goodbye"; "el servidor se cierra; hasta luego"),
                other => {
                    let reason = Said(lang, other);
                    say!(lang, f, "disconnected: {reason}"; "desconexión: {reason}")
                }
            },
            Notice::Idle(left) => {
                let left = span(*left);
                say!(lang, f,
                    "say something within {left}, or your seat is given to somebody else";
                    "di algo antes de {left}, o tu plaza será para otro")
            }
            Notice::TooMany => say!(lang, f,
                "there are as many here from your address as are permitted; try again when one has left";
                "ya hay tantos desde tu dirección como se permite; prueba cuando uno se haya ido"),
            Notice::Full(seats) => say!(lang, f,
                "the room is full ({seats} of {seats} seats taken); try again later";
                "la sala está llena ({seats} de {seats} plazas ocupadas); prueba más tarde"),
        }
    }
}

impl Display for Said<'_, Reason> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Said(lang, reason) = *self;
        match reason {
            Reason::Quit => say!(lang, f, "left"; "se ha ido"),
            Reason::EndOfInput => say!(lang, f, "hung up"; "ha colgado"),
            Reason::Lost => say!(lang, f, "connection lost"; "conexión perdida"),
            Reason::EndlessLine(len) => say!(lang, f, "{len} bytes without a line end"; "{len} bytes sin fin de línea"),
            Reason::Foreign(protocol) => {
                say!(lang, f, "this is a chat, and it speaks {protocol}"; "esto es un chat, y habla {protocol}")
            }
            Reason::TooSlow(waiting) => {
                let waiting = whole_bytes(*waiting);
                say!(lang, f, "did not read, {waiting} waiting"; "no leía, {waiting} en espera")
            }
            Reason::MemoryFull(waiting) => {
                let waiting = whole_bytes(*waiting);
                say!(lang, f, "memory is short, {waiting} waiting"; "el servidor anda escaso de memoria, {waiting} en espera")
            }
            Reason::Idle(time) => {
                let time = span(*time);
                say!(lang, f, "said nothing for {time}"; "no ha dicho nada en {time}")
            }
            Reason::NoThread => say!(lang, f, "no thread for it"; "no hay hilo para este cliente"),
            Reason::Closing => say!(lang, f, "the server closes"; "el servidor se cierra"),
        }
    }
}

/// A line of the transcript, without time and colours.
impl Display for Said<'_, Event<'_>> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Said(lang, event) = *self;
        match event {
            Event::Arrived { id, nick, peer, seats_taken, seats } => say!(lang, f,
                "{id} {nick} arrived from {peer} ({seats_taken} of {seats} seats)";
                "{id} {nick} llega de {peer} ({seats_taken} de {seats} plazas)"),
            Event::Left { id, nick, reason, seats_taken, seats } => {
                let reason = Said(lang, reason);
                say!(lang, f,
                    "{id} {nick} is gone: {reason} ({seats_taken} of {seats} seats)";
                    "{id} {nick} ya no está: {reason} ({seats_taken} de {seats} plazas)")
            }
            Event::Renamed { id, old, nick } => say!(lang, f, "{id} {old} is now {nick}"; "{id} {old} ahora es {nick}"),
            Event::Said { id, nick, text } => write!(f, "{id} <{nick}> {text}"),
            Event::Acted { id, nick, text } => write!(f, "{id} * {nick} {text}"),
            Event::Whispered { id, nick, to } => say!(lang, f,
                "{id} {nick} to {to}, in private";
                "{id} {nick} a {to}, en privado"),
            Event::Refused { peer, why: Refusal::Full } => {
                say!(lang, f, "{peer} turned away: the room is full"; "{peer} no entra: la sala está llena")
            }
            Event::Refused { peer, why: Refusal::Address } => say!(lang, f,
                "{peer} turned away: too many from this address";
                "{peer} no entra: demasiados desde esta dirección"),
            Event::Refused { peer, why: Refusal::Foreign(protocol) } => {
                let reason = Said(lang, &Reason::Foreign(*protocol));
                say!(lang, f, "{peer} turned away: {reason}"; "{peer} no entra: {reason}")
            }
            Event::CameAndWent { addr, times: 1 } => say!(lang, f,
                "{addr} came and went once more, without a word";
                "{addr} ha venido y se ha ido una vez más, sin decir nada"),
            Event::CameAndWent { addr, times } => say!(lang, f,
                "{addr} came and went {times} times more, without a word";
                "{addr} ha venido y se ha ido {times} veces más, sin decir nada"),
            Event::Listening { addr, mode, seats } => say!(lang, f,
                "listening on {addr} ({mode}, {seats} seats)";
                "a la escucha en {addr} ({mode}, {seats} plazas)"),
            Event::Closing => say!(lang, f, "closing"; "cerrando"),
            Event::Lost { lines } => {
                say!(lang, f, "{lines} lines of this transcript were lost"; "se han perdido {lines} líneas de esta transcripción")
            }
        }
    }
}

/// A time in whole minutes or, if it is shorter than two, in seconds. Both languages write it alike.
fn span(time: Duration) -> String {
    match time.as_secs_f64().round() as u64 {
        seconds @ 120.. => format!("{} min", (seconds + 30) / 60),
        seconds => format!("{seconds} s"),
    }
}

/// A list of names, and the number of those that are left out.
struct List<'a>(Lang, &'a [Who<'a>], usize);

impl Display for List<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let List(lang, whos, more) = *self;
        for (i, who) in whos.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{who}")?;
        }
        match more {
            0 => Ok(()),
            more => say!(lang, f, " and {more} more"; " y {more} más"),
        }
    }
}

/// The whole notice as it goes over the wire: each line begins with `-- ` and ends with LF.
pub(crate) fn notice(lang: Lang, notice: &Notice<'_>) -> Vec<u8> {
    let mut wire = String::new();
    for line in Said(lang, notice).to_string().lines() {
        wire.push_str("-- ");
        wire.push_str(line);
        wire.push('\n');
    }
    wire.into_bytes()
}

/// What the server writes to a client that speaks another protocol, before it has written anything else to it. A browser shows the
/// answer to its request.
pub(crate) fn to_stranger(lang: Lang, protocol: Protocol) -> Vec<u8> {
    let text = notice(lang, &Notice::Goodbye(Reason::Foreign(protocol)));
    match protocol {
        Protocol::Http => {
            let head = format!(
                "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                text.len()
            );
            [head.as_bytes(), &text].concat()
        }
        Protocol::Tls | Protocol::Ssh => text,
    }
}

/// What the server writes before it closes a client for which it has no thread.
pub(crate) fn no_thread(lang: Lang) -> Vec<u8> {
    notice(lang, &Notice::Goodbye(Reason::NoThread))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_notice_is_marked() {
        for lang in [Lang::En, Lang::Es] {
            let help = String::from_utf8(notice(lang, &Notice::Help)).expect("our own words");
            assert!(help.lines().count() > 5 && help.lines().all(|line| line.starts_with("-- ")), "{help}");
        }
    }

    #[test]
    fn who_misuses_a_command_is_told_how_to_use_it() {
        for (command, usage) in [
            (":nick", "-- write :nick NAME\n"),
            (":msg", "-- write :msg NICK TEXT\n"),
            (":me", "-- write :me TEXT\n"),
            (":q", "-- write :q alone on its line\n"),
            (":who", "-- write :who alone on its line\n"),
        ] {
            assert_eq!(notice(Lang::En, &Notice::Usage(command)), usage.as_bytes(), "{command}");
        }
    }
}
