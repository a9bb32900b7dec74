//! Formats lines for people: when a line came, who speaks, and whether it is meant for the user.

use super::heard::Heard;
use super::palette::style_of;
use anstyle::Style;
use jiff::{Timestamp, tz::TimeZone};

const MENTION: Style = Style::new().bold().invert();
const DIM: Style = Style::new().dimmed();

/// The local time, `HH:MM`.
pub(super) fn time_of_day() -> String {
    Timestamp::now().to_zoned_datetime(TimeZone::system()).strftime("%H:%M").to_string()
}

/// How lines are drawn.
#[derive(Clone, Copy)]
pub(super) enum Paint {
    Plain,
    Colors,
}

impl Paint {
    /// A formatted line of the server, and whether it is meant for me: it contains my nick, or it is private.
    pub(super) fn line(self, time: &str, line: &str, mine: Option<&str>) -> (String, bool) {
        let time_drawn = self.wrap(DIM, time);
        let mark = |text| self.mark_mentions(text, mine);
        match Heard::of(line) {
            Heard::Notice(text) => {
                let drawn = match replayed(text) {
                    Some((when, message)) => format!("{when} -- {message}"),
                    None => format!("{time} {line}"),
                };
                (self.wrap(DIM, &drawn), false)
            }
            Heard::Said { nick, text } => {
                let (text, mentioned) = mark(text);
                (format!("{time_drawn} <{}> {text}", self.nick(nick)), mentioned)
            }
            Heard::Acted { nick, text } => {
                let (text, mentioned) = mark(text);
                (format!("{time_drawn} * {} {text}", self.nick(nick)), mentioned)
            }
            Heard::Private { nick, text } => {
                let (text, _) = mark(text);
                (format!("{time_drawn} [{} -> you] {text}", self.nick(nick)), true)
            }
            Heard::Other(text) => {
                let (text, mentioned) = mark(text);
                (format!("{time_drawn} {text}"), mentioned)
            }
        }
    }

    /// A text of the client itself, with another mark than the server's notices.
    pub(super) fn own(self, text: &str) -> String {
        self.wrap(DIM, &format!("{} == {text}", time_of_day()))
    }

    /// The prompt before a line that is being typed, or, with its time, before one that was said.
    pub(super) fn prompt(self, prompt: &str) -> String {
        let named = prompt.strip_suffix("> ").unwrap_or_default();
        match named.split_once(' ').unwrap_or(("", named)) {
            (_, "") => prompt.to_owned(),
            ("", nick) => format!("{}> ", self.nick(nick)),
            (time, nick) => format!("{} {}> ", self.wrap(DIM, time), self.nick(nick)),
        }
    }

    /// A nick in its colour.
    pub(super) fn nick(self, nick: &str) -> String {
        self.wrap(style_of(nick), nick)
    }

    fn wrap(self, style: Style, text: &str) -> String {
        match self {
            Paint::Plain => text.to_owned(),
            Paint::Colors => format!("{style}{text}{style:#}"),
        }
    }

    /// `text` with my nick highlighted wherever it is a whole word, and whether it occurs.
    fn mark_mentions(self, text: &str, mine: Option<&str>) -> (String, bool) {
        let Some(mine) = mine.map(str::to_lowercase) else { return (text.to_owned(), false) };
        let mut marked = String::with_capacity(text.len());
        let mut mentioned = false;
        let mut rest = text;
        while !rest.is_empty() {
            let word_len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let gap = &rest[word_len..];
            let gap_len = gap.find(is_word).unwrap_or(gap.len());
            let word = &rest[..word_len];
            if word.to_lowercase() == mine {
                mentioned = true;
                marked.push_str(&self.wrap(MENTION, word));
            } else {
                marked.push_str(word);
            }
            marked.push_str(&gap[..gap_len]);
            rest = &gap[gap_len..];
        }
        (marked, mentioned)
    }
}

/// The time and the text of a message that was said before: the server replays it as a notice, `12:30 <ana> hola`. The date
/// stands before the time if it is not today's.
fn replayed(notice: &str) -> Option<(&str, &str)> {
    let (before, _) = notice.split_once(['<', '*'])?;
    let when = before.strip_suffix(' ')?;
    let is_time = ["00:00", "0000-00-00 00:00"].into_iter().any(|shape| has_shape(when, shape));
    is_time.then(|| (when, &notice[before.len()..]))
}

/// Whether `text` has a digit wherever `shape` has one, and is the same otherwise.
fn has_shape(text: &str, shape: &str) -> bool {
    let fits = |(byte, model): (u8, u8)| if model.is_ascii_digit() { byte.is_ascii_digit() } else { byte == model };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

/// Whether `c` is part of a word. `ana-maria` is one word and does not mention `ana`.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_color_a_line_is_its_time_and_itself() {
        for line in ["-- ana (#1) is here", "<ana> hola", "* ana waves", "[ana -> you] psst", "odd line"] {
            let (text, _) = Paint::Plain.line("12:30", line, Some("beto"));
            assert_eq!(text, format!("12:30 {line}"));
        }
    }

    #[test]
    fn a_replayed_message_has_its_own_time_alone() {
        for (line, drawn) in [
            ("-- 08:15 <ana> hola", "08:15 -- <ana> hola"),
            ("-- 2018-01-31 08:15 * ana waves", "2018-01-31 08:15 -- * ana waves"),
            ("-- 8 <ana> hola", "12:30 -- 8 <ana> hola"),
            ("-- 08:15 ana", "12:30 -- 08:15 ana"),
            ("<ana> -- 08:15 <ana> hola", "12:30 <ana> -- 08:15 <ana> hola"),
        ] {
            assert_eq!(Paint::Plain.line("12:30", line, None).0, drawn);
        }
    }

    #[test]
    fn mentions_are_whole_words_in_any_case_and_not_in_notices() {
        for (line, mentioned) in [
            ("<beto> hola ana", true),
            ("<beto> ANA: hola", true),
            ("<beto> ¿ana?", true),
            ("* beto hugs Ana.", true),
            ("[beto -> you] psst", true),
            ("<beto> banana", false),
            ("<beto> ana-maria", false),
            ("<beto> anañ", false),
            ("<ana> hola", false),
            ("-- ana (#1) is here", false),
            ("foreign says ana", true),
        ] {
            assert_eq!(Paint::Colors.line("12:30", line, Some("ana")).1, mentioned, "{line}");
        }
        assert!(!Paint::Colors.line("12:30", "<beto> ana", None).1);
    }

    #[test]
    fn a_mention_stands_out_and_nothing_is_lost() {
        let (text, _) = Paint::Colors.line("12:30", "<beto> oye, Ana!", Some("ana"));
        assert!(text.ends_with("oye, \x1b[1m\x1b[7mAna\x1b[0m!"), "{text:?}");
        let (notice, _) = Paint::Colors.line("12:30", "-- hola", Some("ana"));
        assert_eq!(notice, "\x1b[2m12:30 -- hola\x1b[0m");
    }
}
