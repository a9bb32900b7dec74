//! Every text of the server, in English and Spanish.
//!
//! Each text is one match arm with both languages in it, so a missing translation does not compile.

use super::nick::Flaw;
use super::transcript::Event;
use crate::chat::connections::Protocol;
use crate::chat::id::Id;
use crate::chat::limits::{BANS_MAX, WHY_CHARS_MAX};
use crate::chat::peer::{Origin, Peer};
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

/// A member in a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed<'a> {
    pub who: Who<'a>,
    pub is_in_charge: bool,
    pub is_muted: bool,
    /// For those in charge only.
    pub peer: Option<Peer>,
}

impl<'a> From<Who<'a>> for Listed<'a> {
    fn from(who: Who<'a>) -> Listed<'a> {
        Listed { who, is_in_charge: false, is_muted: false, peer: None }
    }
}

/// A notice from the server to members. Each is one or more lines, without the leading `-- ` and without line ends.
pub(crate) enum Notice<'a> {
    Welcome(Who<'a>),
    Alone,
    /// The other members, and the number of those that are not listed.
    Here(&'a [Listed<'a>], usize),
    HowTo,
    Arrived(Who<'a>),
    Left(Who<'a>, Reason),
    /// A member's old name, and its new one.
    Renamed(&'a str, Who<'a>),
    YouAre(&'a str),
    /// The answer to `:who`: all members, including the one who asks.
    Everyone(&'a [Listed<'a>], usize),
    Help,
    /// The commands of those in charge.
    HelpInCharge,
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
    /// Nobody gets what the member writes, for this time or for good.
    Muted(Option<Duration>),
    Unmuted,
    /// The log of a room on several servers cannot be reached, or the other servers have not said yet who is there.
    RoomWaits,
    RoomGoesOn,
    /// The log has lost this many entries.
    EntriesLost(u64),
    InCharge(Who<'a>),
    IsInCharge,
    /// The server has no operator's password.
    NoPassword,
    WrongPassword,
    /// There were too many wrong passwords: the next one may be tried after this time.
    TooManyTries(Duration),
    /// Somebody in charge says this to all.
    Announcement(&'a str),
    /// An answer to somebody in charge.
    Done(Done<'a>),
    Banned,
    /// For a client at the door.
    AskPassword,
    /// This many tries are left at the door.
    TriesLeft(u32),
    /// As many as are permitted are here from its address.
    TooMany,
    Full(usize),
    /// For a client that does not speak TLS to a server that does.
    SpeakTls,
}

/// What became of an order.
pub(crate) enum Done<'a> {
    /// Nobody gets what this member writes, for a time or until it leaves.
    Muted(Who<'a>, Option<Duration>),
    Unmuted(Who<'a>),
    NotMuted(Who<'a>),
    Banned(Origin, Option<Duration>),
    Unbanned(Origin),
    NotBanned(Origin),
    NoAddress(&'a str),
    OwnAddress(Origin),
    TooManyBans,
    /// The bans, and what is left of each.
    Bans(&'a [(Origin, Option<Duration>)]),
    WhyTooLong,
    /// What was typed at the console is no command.
    NoOrder,
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
            Notice::HelpInCharge => say!(lang, f,
                "in charge; WHO is a nick or #N:\n\
                 :kick WHO [REASON]       show somebody out\n\
                 :mute WHO [MINUTES]      nobody gets what WHO writes; :unmute WHO\n\
                 :ban WHO|ADDRESS [MINUTES]\n\
                 \u{20}                        show out whoever is there, and let nobody in from there\n\
                 :bans                    the addresses that are banned\n\
                 :unban ADDRESS           let them in again\n\
                 :say TEXT                a notice to all\n\
                 :who                     who is here, with addresses\n\
                 :stop [REASON]           end the server";
                "a cargo; QUIEN es un nick o #N:\n\
                 :kick QUIEN [MOTIVO]     expulsar a alguien\n\
                 :mute QUIEN [MINUTOS]    nadie recibe lo que escribe; :unmute QUIEN\n\
                 :ban QUIEN|DIRECCIÓN [MINUTOS]\n\
                 \u{20}                        expulsar a quien esté allí y no dejar entrar a nadie desde allí\n\
                 :bans                    las direcciones vetadas\n\
                 :unban DIRECCIÓN         dejarlos entrar de nuevo\n\
                 :say TEXTO               un aviso a todos\n\
                 :who                     quién está, con direcciones\n\
                 :stop [MOTIVO]           cerrar el servidor"),
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
                ":op" => say!(lang, f, "write :op PASSWORD"; "escribe :op CONTRASEÑA"),
                ":kick" => say!(lang, f, "write :kick WHO [REASON]"; "escribe :kick QUIEN [MOTIVO]"),
                ":mute" => say!(lang, f, "write :mute WHO [MINUTES]"; "escribe :mute QUIEN [MINUTOS]"),
                ":unmute" => say!(lang, f, "write :unmute WHO"; "escribe :unmute QUIEN"),
                ":ban" => say!(lang, f,
                    "write :ban WHO [MINUTES] or :ban ADDRESS [MINUTES]";
                    "escribe :ban QUIEN [MINUTOS] o :ban DIRECCIÓN [MINUTOS]"),
                ":unban" => say!(lang, f, "write :unban ADDRESS"; "escribe :unban DIRECCIÓN"),
                ":say" => say!(lang, f, "write :say TEXT"; "escribe :say TEXTO"),
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
            Notice::RoomWaits => say!(lang, f,
                "the room waits for its log; what you say is kept, and goes out later";
                "la sala espera su registro; lo que digas se guarda y saldrá después"),
            Notice::RoomGoesOn => say!(lang, f, "the room goes on"; "la sala sigue"),
            Notice::EntriesLost(1) => say!(lang, f,
                "the log of the room has lost an entry: something that was said is missing here";
                "el registro de la sala ha perdido una entrada: aquí falta algo que se dijo"),
            Notice::EntriesLost(entries) => say!(lang, f,
                "the log of the room has lost {entries} entries: something that was said is missing here";
                "el registro de la sala ha perdido {entries} entradas: aquí falta algo que se dijo"),
            Notice::Idle(left) => {
                let left = span(*left);
                say!(lang, f,
                    "say something within {left}, or your seat is given to somebody else";
                    "di algo antes de {left}, o tu plaza será para otro")
            }
            Notice::Muted(Some(left)) => {
                let left = span(*left);
                say!(lang, f,
                    "you are muted for {left}: nobody gets what you write";
                    "estás en silencio {left}: nadie recibe lo que escribes")
            }
            Notice::Muted(None) => say!(lang, f,
                "you are muted: nobody gets what you write";
                "estás en silencio: nadie recibe lo que escribes"),
            Notice::Unmuted => say!(lang, f, "you may write again"; "ya puedes escribir otra vez"),
            Notice::InCharge(who) => say!(lang, f, "{who} is in charge"; "{who} está a cargo"),
            Notice::IsInCharge => say!(lang, f, "you are in charge already"; "ya estás a cargo"),
            Notice::NoPassword => say!(lang, f,
                "this server has no password for :op";
                "este servidor no tiene contraseña para :op"),
            Notice::WrongPassword => say!(lang, f, "that is not the password"; "esa no es la contraseña"),
            Notice::TooManyTries(left) => {
                let left = seconds(*left);
                say!(lang, f,
                    "too many wrong passwords from your address; try again in {left} s";
                    "demasiadas contraseñas erróneas desde tu dirección; prueba en {left} s")
            }
            Notice::Announcement(text) => say!(lang, f, "attention: {text}"; "atención: {text}"),
            Notice::Done(done) => Said(lang, done).fmt(f),
            Notice::Banned => say!(lang, f,
                "your address is banned here; goodbye";
                "tu dirección está vetada aquí; hasta luego"),
            Notice::AskPassword => say!(lang, f,
                "this room has a password; type it and press Enter";
                "esta sala tiene contraseña; escríbela y pulsa Intro"),
            Notice::TriesLeft(1) => say!(lang, f,
                "that is not the password; you have one more try";
                "esa no es la contraseña; te queda un intento"),
            Notice::TriesLeft(left) => say!(lang, f,
                "that is not the password; you have {left} more tries";
                "esa no es la contraseña; te quedan {left} intentos"),
            Notice::TooMany => say!(lang, f,
                "there are as many here from your address as are permitted; try again when one has left";
                "ya hay tantos desde tu dirección como se permite; prueba cuando uno se haya ido"),
            Notice::Full(seats) => say!(lang, f,
                "the room is full ({seats} of {seats} seats taken); try again later";
                "la sala está llena ({seats} de {seats} plazas ocupadas); prueba más tarde"),
            Notice::SpeakTls => say!(lang, f,
                "this server speaks TLS only; join with tertulia join --tls, ncat --ssl or openssl s_client -quiet";
                "este servidor solo habla TLS; entra con tertulia join --tls, ncat --ssl u openssl s_client -quiet"),
        }
    }
}

impl Display for Said<'_, Done<'_>> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Said(lang, done) = *self;
        match done {
            Done::Muted(who, Some(time)) => {
                let time = span(*time);
                say!(lang, f, "{who} is muted for {time}"; "{who} está en silencio {time}")
            }
            Done::Muted(who, None) => say!(lang, f,
                "{who} is muted until it leaves";
                "{who} está en silencio hasta que se vaya"),
            Done::Unmuted(who) => say!(lang, f, "{who} may write again"; "{who} puede escribir otra vez"),
            Done::NotMuted(who) => say!(lang, f, "{who} is not muted"; "{who} no está en silencio"),
            Done::Banned(addr, Some(time)) => {
                let time = span(*time);
                say!(lang, f, "{addr} is banned for {time}"; "{addr} queda vetada {time}")
            }
            Done::Banned(addr, None) => say!(lang, f, "{addr} is banned"; "{addr} queda vetada"),
            Done::Unbanned(addr) => say!(lang, f, "{addr} is let in again"; "{addr} puede entrar de nuevo"),
            Done::NotBanned(addr) => say!(lang, f,
                "{addr} is not banned; :bans lists those that are";
                "{addr} no está vetada; :bans da las que lo están"),
            Done::NoAddress(text) => say!(lang, f,
                "{text} is no address; write one like 192.0.2.7 or 2001:db8::7";
                "{text} no es una dirección; escribe una como 192.0.2.7 o 2001:db8::7"),
            Done::OwnAddress(addr) => say!(lang, f,
                "{addr} is your own address, too, and was not banned";
                "{addr} es también tu dirección, y no se ha vetado"),
            Done::TooManyBans => say!(lang, f,
                "there are {BANS_MAX} bans, and no room for more; :unban some";
                "hay {BANS_MAX} vetos y no caben más; quita alguno con :unban"),
            Done::Bans([]) => say!(lang, f, "no address is banned"; "no hay direcciones vetadas"),
            Done::Bans(bans) => {
                let count = bans.len();
                say!(lang, f, "banned: {count}"; "vetadas: {count}")?;
                bans.iter().try_for_each(|(addr, left)| match left.map(span) {
                    Some(left) => say!(lang, f, "\n{addr}, {left} more"; "\n{addr}, {left} más"),
                    None => write!(f, "\n{addr}"),
                })
            }
            Done::WhyTooLong => say!(lang, f,
                "a reason has at most {WHY_CHARS_MAX} characters";
                "un motivo tiene {WHY_CHARS_MAX} caracteres como mucho"),
            Done::NoOrder => say!(lang, f,
                "commands only: :help lists them, :say TEXT tells all";
                "solo órdenes: :help da la lista, :say TEXTO lo dice a todos"),
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
            Reason::Refused(why) => Said(lang, why).fmt(f),
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
            Reason::ShownOut => say!(lang, f, "shown out"; "expulsado"),
            Reason::Banned => say!(lang, f, "its address is banned"; "su dirección está vetada"),
            Reason::NoThread => say!(lang, f, "no thread for it"; "no hay hilo para este cliente"),
            Reason::Closing => say!(lang, f, "the server closes"; "el servidor se cierra"),
            Reason::ServerGone => say!(lang, f, "its server is gone"; "su servidor ya no está"),
        }
    }
}

impl Display for Said<'_, Refusal> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Said(lang, why) = *self;
        match why {
            Refusal::Full => say!(lang, f, "the room is full"; "la sala está llena"),
            Refusal::Address => say!(lang, f, "too many from this address"; "demasiados desde esta dirección"),
            Refusal::Banned => say!(lang, f, "banned"; "dirección vetada"),
            Refusal::Foreign(protocol) => Said(lang, &Reason::Foreign(*protocol)).fmt(f),
            Refusal::Door => say!(lang, f,
                "too many have not said the password yet; try again in a moment";
                "son demasiados los que aún no han dicho la contraseña; prueba dentro de un momento"),
            Refusal::Password => say!(lang, f, "that is not the password"; "esa no es la contraseña"),
            Refusal::Late => say!(lang, f, "no password in time"; "sin contraseña a tiempo"),
            Refusal::Closing => Said(lang, &Reason::Closing).fmt(f),
            Refusal::Unencrypted => say!(lang, f, "it does not speak TLS"; "no habla TLS"),
            Refusal::Handshake => say!(lang, f, "no TLS handshake"; "sin negociación TLS"),
        }
    }
}

/// A line of the transcript, without time and colours.
impl Display for Said<'_, Event<'_>> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Said(lang, event) = *self;
        match event {
            Event::Arrived { id, nick, peer: Peer::Elsewhere, .. } => say!(lang, f,
                "{id} {nick} arrived at another server";
                "{id} {nick} llega a otro servidor"),
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
            Event::Refused { peer, why } => {
                let reason = Said(lang, why);
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
            Event::TookCharge { id, nick } => say!(lang, f, "{id} {nick} is in charge"; "{id} {nick} está a cargo"),
            Event::WrongPassword { id, nick } => say!(lang, f,
                "{id} {nick} tried a wrong password for :op";
                "{id} {nick} ha probado una contraseña errónea con :op"),
            Event::Ordered { by: Some(id), nick, line } => say!(lang, f,
                "{id} {nick}, in charge: {line}";
                "{id} {nick}, a cargo: {line}"),
            Event::Ordered { by: None, line, .. } => say!(lang, f, "console: {line}"; "consola: {line}"),
            Event::Answered { text } => f.write_str(text),
            Event::Banned { addr, minutes: Some(minutes) } => say!(lang, f,
                "{addr} is banned for {minutes} min";
                "{addr} queda vetada {minutes} min"),
            Event::Banned { addr, minutes: None } => say!(lang, f, "{addr} is banned"; "{addr} queda vetada"),
            Event::Unbanned { addr } => say!(lang, f, "{addr} is let in again"; "{addr} puede entrar de nuevo"),
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

/// A time in whole seconds, at least one.
fn seconds(time: Duration) -> u64 {
    time.as_secs_f64().ceil().max(1.0) as u64
}

impl Display for Said<'_, Listed<'_>> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Said(lang, Listed { who: Who { nick, id }, is_in_charge, is_muted, peer }) = *self;
        write!(f, "{nick} ({id}")?;
        if *is_in_charge {
            say!(lang, f, ", in charge"; ", a cargo")?;
        }
        if *is_muted {
            say!(lang, f, ", muted"; ", en silencio")?;
        }
        match peer {
            Some(Peer::Elsewhere) => say!(lang, f, ", at another server)"; ", en otro servidor)"),
            Some(peer) => write!(f, ", {peer})"),
            None => write!(f, ")"),
        }
    }
}

/// A list of members, and the number of those that are left out.
struct List<'a>(Lang, &'a [Listed<'a>], usize);

impl Display for List<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let List(lang, members, more) = *self;
        for (i, member) in members.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{}", Said(lang, member))?;
        }
        match more {
            0 => Ok(()),
            more => say!(lang, f, " and {more} more"; " y {more} más"),
        }
    }
}

/// The whole notice as it goes over the wire: each line begins with `-- ` and ends with LF.
pub(crate) fn notice(lang: Lang, notice: &Notice<'_>) -> Vec<u8> {
    marked(&Said(lang, notice).to_string())
}

/// The same for a text that is a notice, and the words that somebody in charge adds to it.
pub(crate) fn notice_with(lang: Lang, notice: &Notice<'_>, words: &str) -> Vec<u8> {
    let text = Said(lang, notice);
    marked(&if words.is_empty() { text.to_string() } else { format!("{text}: {words}") })
}

/// The lines of a text as notices.
pub(crate) fn marked(text: &str) -> Vec<u8> {
    let mut wire = String::new();
    for line in text.lines() {
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
