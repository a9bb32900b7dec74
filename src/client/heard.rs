//! Tells the kind of a line from the server by its first characters.

/// The longest word that is taken for a nick. Foreign servers may allow longer ones than ours. Bytes.
const NICK_LEN_MAX: usize = 80;

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum Heard<'a> {
    /// `-- text`: a notice from the server itself.
    Notice(&'a str),
    /// `<nick> text`
    Said { nick: &'a str, text: &'a str },
    /// `* nick text`
    Acted { nick: &'a str, text: &'a str },
    /// `[nick -> you] text`
    Private { nick: &'a str, text: &'a str },
    /// A line in no known form, from a foreign server.
    Other(&'a str),
}

impl<'a> Heard<'a> {
    pub(super) fn of(line: &'a str) -> Heard<'a> {
        let parted = |open: &str, close: &str| {
            let (nick, text) = line.strip_prefix(open)?.split_once(close)?;
            is_nick(nick).then_some((nick, text))
        };
        if let Some(text) = line.strip_prefix("-- ") {
            Heard::Notice(text)
        } else if let Some((nick, text)) = parted("<", "> ") {
            Heard::Said { nick, text }
        } else if let Some((nick, text)) = parted("* ", " ") {
            Heard::Acted { nick, text }
        } else if let Some((nick, text)) = parted("[", " -> you] ") {
            Heard::Private { nick, text }
        } else {
            Heard::Other(line)
        }
    }
}

/// Whether `word` may be a nick. Other servers have other rules, but none has nicks of two words.
pub(super) fn is_nick(word: &str) -> bool {
    !word.is_empty() && word.len() <= NICK_LEN_MAX && !word.contains([' ', '\t', '<', '>', '[', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        for (line, expected) in [
            ("-- ana (#1) is here", Heard::Notice("ana (#1) is here")),
            ("<ana> hola", Heard::Said { nick: "ana", text: "hola" }),
            ("<ana> <beto> hola", Heard::Said { nick: "ana", text: "<beto> hola" }),
            ("* ana waves", Heard::Acted { nick: "ana", text: "waves" }),
            ("[ana -> you] psst", Heard::Private { nick: "ana", text: "psst" }),
            ("[2018-01-01 -> you] x", Heard::Private { nick: "2018-01-01", text: "x" }),
            ("<two words> x", Heard::Other("<two words> x")),
            ("<> x", Heard::Other("<> x")),
            ("hola", Heard::Other("hola")),
            ("", Heard::Other("")),
        ] {
            assert_eq!(Heard::of(line), expected, "{line:?}");
        }
    }
}
