//! The commands that a person can type, and the words that people type instead, used to other programs.
//!
//! `/quit` and `:Q` are messages to a server. A person who types one wants something else, and `/msg ana a secret` would be
//! read by everybody. So the terminal's client does not send such a line, and says what to write.

use super::messages::Text;
use crate::chat::command::COMMANDS;
use crate::chat::messages::{Notice, Said};
use crate::text::Lang;
use std::borrow::Cow;
use unicode_width::UnicodeWidthStr;

/// The client's own command.
pub(super) const BELL: &str = ":bell";
const QUIT: &str = ":q";

/// What other programs call the commands.
const FOREIGN: [(&str, &[&str]); 5] = [
    (QUIT, &["quit", "exit", "leave", "part", "bye", "logout", "close", "wq", "qa", "salir"]),
    (":nick", &["name", "nombre"]),
    (":who", &["names", "list", "users", "quien"]),
    (":msg", &["query", "whisper", "tell", "w", "m"]),
    (":help", &["h", "?", "commands", "ayuda"]),
];

/// The commands in the order in which Tab proposes them. `:q` is the last one, so that one Tab too many leaves nobody
/// outside.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    COMMANDS.into_iter().filter(|command| *command != QUIT).chain([BELL, QUIT])
}

/// How a command is written, many blanks, and what it does.
pub(super) fn explain(command: &str, lang: Lang) -> String {
    let help = format!("{}\n{}", Said(lang, &Notice::Help), Text::MoreCommands.say(lang));
    let line = help.lines().find(|line| line.split(' ').next() == Some(command));
    line.unwrap_or(command).to_owned()
}

/// The length of what stands before a password in a line: `:op `, in capitals, too, or as other programs write it.
fn before_password(line: &str) -> Option<usize> {
    let (word, rest) = line.split_once([' ', '\t'])?;
    let is_op = word.strip_prefix([':', '/'])?.eq_ignore_ascii_case("op");
    (is_op && !rest.trim().is_empty()).then_some(word.len() + 1)
}

/// Whether a text, which may be of several lines, has a password in it.
pub(super) fn has_password(text: &str) -> bool {
    text.lines().any(|line| before_password(line).is_some())
}

/// The same text with a mark for each column of a password.
pub(super) fn masked(text: &str) -> Cow<'_, str> {
    if !has_password(text) {
        return Cow::Borrowed(text);
    }
    let mask = |line: &str| match before_password(line) {
        Some(len) => format!("{}{}", &line[..len], "*".repeat(line[len..].width())),
        None => line.to_owned(),
    };
    Cow::Owned(text.split('\n').map(mask).collect::<Vec<_>>().join("\n"))
}

/// A line that looks like a command of another program.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slip<'a> {
    /// The first word of the line.
    pub word: &'a str,
    /// The command that is probably meant.
    pub meant: Option<&'static str>,
}

/// Whether `line` should not be sent. A blank at its start makes it a message.
pub(super) fn slip(line: &str) -> Option<Slip<'_>> {
    let word = line.split_whitespace().next().filter(|word| line.starts_with(word))?;
    let name = word.strip_prefix(['/', ':'])?.trim_end_matches('!').to_lowercase();
    if all().any(|command| command == word) {
        return None;
    }
    let same = all().find(|command| command[1..] == name);
    let foreign = || FOREIGN.into_iter().find(|(_, names)| names.contains(&name.as_str())).map(|(command, _)| command);
    let meant = same.or_else(foreign);
    // The same rule by which the server does not relay an unknown `:word`. A path has more than letters.
    let looks_like_one = word.starts_with('/') && name.len() >= 2 && name.bytes().all(|byte| byte.is_ascii_lowercase());
    (meant.is_some() || looks_like_one).then_some(Slip { word, meant })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_other_programs_are_recognized() {
        for (line, word, meant) in [
            ("/quit", "/quit", Some(":q")),
            ("/q", "/q", Some(":q")),
            (":Q", ":Q", Some(":q")),
            (":q!", ":q!", Some(":q")),
            (":Quit", ":Quit", Some(":q")),
            (":quit now", ":quit", Some(":q")),
            ("/nick x", "/nick", Some(":nick")),
            (":Nick x", ":Nick", Some(":nick")),
            ("/msg ana a secret", "/msg", Some(":msg")),
            ("/me waves", "/me", Some(":me")),
            ("/help", "/help", Some(":help")),
            ("/?", "/?", Some(":help")),
            ("/names", "/names", Some(":who")),
            ("/bell", "/bell", Some(":bell")),
            ("/identify a password", "/identify", None),
        ] {
            assert_eq!(slip(line), Some(Slip { word, meant }), "{line:?}");
        }
    }

    #[test]
    fn messages_and_commands_are_not_held_back() {
        for line in [
            "hola",
            "",
            " ",
            ":q",
            ":q x",
            ":nick ana",
            ":bell",
            "::q",
            " /quit",
            " :Q",
            "//quit",
            "/etc/hosts is a file",
            "/",
            ":",
            ":)",
            ":D",
            ":P",
            ":-/",
            "/o\\",
            "/2",
            "and/or",
            "quit",
            ":smile:",
        ] {
            assert_eq!(slip(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_password_is_masked_and_nothing_else() {
        for (text, shown) in [
            (":op sésamo 7", ":op ********"),
            (":OP 日本", ":OP ****"),
            ("/op s", "/op *"),
            ("hola\n:op s\n:me waves", "hola\n:op *\n:me waves"),
        ] {
            assert_eq!((masked(text).as_ref(), has_password(text)), (shown, true));
        }
        for text in ["", ":op", ":op ", ":ops x", " :op x", "op x", ":msg op x", ":me op"] {
            assert_eq!((masked(text).as_ref(), has_password(text)), (text, false));
        }
    }

    #[test]
    fn every_command_is_explained_in_both_languages() {
        for (lang, command) in Lang::ALL.into_iter().flat_map(|lang| all().map(move |command| (lang, command))) {
            assert!(explain(command, lang).len() > command.len(), "{command}");
        }
        assert_eq!(all().last(), Some(":q"));
    }
}
