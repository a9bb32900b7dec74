//! Finds out what a notice says about names.
//!
//! Notices are written for people, in the server's language, which need not be ours. So they have no grammar to parse.
//! Each notice that matters is formatted in both languages, with a placeholder for the name, and compared with the
//! received text.

use super::heard::is_nick;
use crate::chat::limits::PASSWORD_TRIES;
use crate::chat::messages::{Notice, Said, Who};
use crate::chat::nick::Flaw;
use crate::chat::{Id, Reason};
use crate::text::Lang;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum News<'a> {
    /// My nick is this one now.
    Mine(&'a str),
    /// The nick that I requested is refused.
    NickRefused,
    /// I am refused: the room is full, too many of my address are in it, it is banned, or the server speaks TLS only.
    Full,
    /// The server asks for the room's password, for the first time or after a wrong one.
    Password,
    Renamed {
        old: &'a str,
        new: &'a str,
    },
    Left(&'a str),
    /// These members are in the room.
    Here(Vec<&'a str>),
    Nothing,
}

/// The placeholder for a name. No sanitized text contains it.
const HOLE: &str = "\0";

impl<'a> News<'a> {
    /// Reads a notice, without its `-- `.
    pub(super) fn of(text: &'a str) -> News<'a> {
        if let Some(nick) = fill(text, &Notice::YouAre(HOLE)) {
            return News::Mine(nick);
        }
        if is_refusal(text) {
            return News::NickRefused;
        }
        if number(text).is_some_and(|seats| is(text, &Notice::Full(seats)))
            || is(text, &Notice::TooMany)
            || is(text, &Notice::Banned)
            || is(text, &Notice::SpeakTls)
        {
            return News::Full;
        }
        if is(text, &Notice::AskPassword) || (1..PASSWORD_TRIES).any(|left| is(text, &Notice::TriesLeft(left))) {
            return News::Password;
        }
        // A replayed message is a notice, too, and may contain anything that its sender wrote.
        if text.contains(['<', '*', '[']) {
            return News::Nothing;
        }
        let members = members(text);
        let [Who { nick, id }] = members[..] else {
            return match members.is_empty() {
                true => News::Nothing,
                false => News::Here(members.into_iter().map(|who| who.nick).collect()),
            };
        };
        let hole = Who { nick: HOLE, id };
        if let Some(nick) = fill(text, &Notice::Welcome(hole)) {
            News::Mine(nick)
        } else if let Some(old) = fill(text, &Notice::Renamed(HOLE, Who { nick, id })) {
            News::Renamed { old, new: nick }
        } else if Lang::ALL.iter().any(|lang| text.starts_with(&gone(*lang, Who { nick, id }))) {
            News::Left(nick)
        } else {
            News::Here(vec![nick])
        }
    }
}

fn is(text: &str, notice: &Notice<'_>) -> bool {
    Lang::ALL.iter().any(|lang| text == Said(*lang, notice).to_string())
}

/// The name in `text`, if the rest of it equals `notice` in one of the languages.
fn fill<'a>(text: &'a str, notice: &Notice<'_>) -> Option<&'a str> {
    Lang::ALL.iter().find_map(|lang| {
        let shape = Said(*lang, notice).to_string();
        let (before, after) = shape.split_once(HOLE)?;
        let name = text.strip_prefix(before)?.strip_suffix(after)?;
        is_nick(name).then_some(name)
    })
}

fn is_refusal(text: &str) -> bool {
    let flaws = [Flaw::TooLong, Flaw::BadCharacter, Flaw::MixedAlphabets, Flaw::Reserved];
    fill(text, &Notice::NickTaken(HOLE)).is_some()
        || flaws.into_iter().any(|flaw| is(text, &Notice::NickFlaw(flaw)))
        || is(text, &Notice::Usage(":nick"))
}

/// The notice that a client has left, up to the reason.
fn gone(lang: Lang, who: Who<'_>) -> String {
    let mut text = Said(lang, &Notice::Left(who, Reason::Quit)).to_string();
    text.truncate(text.len() - Said(lang, &Reason::Quit).to_string().len());
    text
}

/// All members in a text. They are written `nick (#N)` in every language; there may be more behind the number.
fn members(text: &str) -> Vec<Who<'_>> {
    let mut found = Vec::new();
    for (at, mark) in text.match_indices(" (#") {
        let nick = text[..at].rsplit([' ', '\t']).next().unwrap_or_default();
        let number = text[at + mark.len()..].split_once([')', ',']).and_then(|(digits, _)| digits.parse().ok());
        if let Some(number) = number
            && is_nick(nick)
        {
            found.push(Who { nick, id: Id::new(number, 0) });
        }
    }
    found
}

/// The first number in a text.
fn number(text: &str) -> Option<usize> {
    let from = &text[text.find(|c: char| c.is_ascii_digit())?..];
    let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
    from[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::messages::Listed;

    #[test]
    fn notices_are_understood_in_both_languages() {
        let ana = Who { nick: "ana", id: Id::new(7, 0) };
        let beto = Who { nick: "Beto-2", id: Id::new(12, 0) };
        for lang in Lang::ALL {
            let check = |notice: Notice<'_>, expected: News<'_>| {
                let text = Said(lang, &notice).to_string();
                assert_eq!(News::of(&text), expected, "{text}");
            };
            check(Notice::Welcome(ana), News::Mine("ana"));
            check(Notice::YouAre("ana"), News::Mine("ana"));
            check(Notice::AskPassword, News::Password);
            check(Notice::TriesLeft(1), News::Password);
            check(Notice::TriesLeft(2), News::Password);
            check(Notice::Alone, News::Nothing);
            check(Notice::HowTo, News::Nothing);
            let in_charge = Listed { is_in_charge: true, ..Listed::from(ana) };
            check(Notice::Here(&[in_charge, beto.into()], 3), News::Here(vec!["ana", "Beto-2"]));
            check(Notice::Everyone(&[beto.into()], 0), News::Here(vec!["Beto-2"]));
            check(Notice::InCharge(ana), News::Here(vec!["ana"]));
            check(Notice::Arrived(ana), News::Here(vec!["ana"]));
            check(Notice::Left(ana, Reason::Quit), News::Left("ana"));
            check(Notice::Left(beto, Reason::TooSlow(9 << 20)), News::Left("Beto-2"));
            check(Notice::Renamed("ana", beto), News::Renamed { old: "ana", new: "Beto-2" });
            check(Notice::NickTaken("ana"), News::NickRefused);
            check(Notice::NickFlaw(Flaw::TooLong), News::NickRefused);
            check(Notice::NickFlaw(Flaw::Reserved), News::NickRefused);
            check(Notice::Full(6), News::Full);
            check(Notice::TooMany, News::Full);
            check(Notice::Banned, News::Full);
            check(Notice::SpeakTls, News::Full);
            check(Notice::NobodyCalled("ana"), News::Nothing);
            check(Notice::Goodbye(Reason::Closing), News::Nothing);
        }
    }

    #[test]
    fn a_replayed_message_teaches_no_names() {
        for text in ["12:30 <ana> you are now beto", "12:30 <ana> beto (#2) is gone: left", "12:30 * ana is now b (#2)"]
        {
            assert_eq!(News::of(text), News::Nothing, "{text}");
        }
    }
}
