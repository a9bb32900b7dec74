//! The command parser: it tells a command from a message.
//!
//! A command is a colon and a known word: `:q`, `:nick ana`. People also write `:)`, `:D` and `:p`, so a colon alone
//! makes no command. But `:qit` is probably a typing error and not meant for the room: a colon with two or more
//! lower-case letters that is no command is answered to its sender only. `::text` says `:text`, for any text.

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Input<'a> {
    Say(&'a str),
    Act(&'a str),
    Private {
        to: &'a str,
        text: &'a str,
    },
    Nick(&'a str),
    Who,
    Help,
    Quit,
    /// Holds the operator's password, as it is claimed.
    Op(&'a str),
    /// A known command without its argument, or with too many. Holds the word with its colon.
    Misused(&'a str),
    /// A colon and a word that is no command. Holds the word with its colon.
    Unknown(&'a str),
}

/// The words of all commands, for help and completion.
pub(crate) const COMMANDS: [&str; 6] = [":q", ":nick", ":who", ":msg", ":me", ":help"];

/// Whether a line is certainly a message: it does not begin with a colon, and is not blank.
pub(crate) fn is_surely_said(line: &[u8]) -> bool {
    line.first().is_some_and(|&first| first != b':' && !first.is_ascii_whitespace())
}

/// Reads one sanitized line.
pub(crate) fn parse(line: &str) -> Input<'_> {
    let Some(after_colon) = line.strip_prefix(':') else { return Input::Say(line) };
    if after_colon.starts_with(':') {
        return Input::Say(after_colon);
    }
    if let Some(password) = claims_charge(after_colon) {
        return if password.is_empty() { Input::Misused(":op") } else { Input::Op(password) };
    }
    let letters = after_colon.bytes().take_while(u8::is_ascii_lowercase).count();
    let (word, rest) = line.split_at(1 + letters);
    let parted = rest.is_empty() || rest.starts_with([' ', '\t']);
    let rest = rest.trim();

    match word {
        ":q" | ":who" | ":help" if parted => match (word, rest.is_empty()) {
            (":q", true) => Input::Quit,
            (":who", true) => Input::Who,
            (":help", true) => Input::Help,
            _ => Input::Misused(word),
        },
        ":nick" | ":me" | ":msg" if parted && rest.is_empty() => Input::Misused(word),
        ":nick" if parted => Input::Nick(rest),
        ":me" if parted => Input::Act(rest),
        ":msg" if parted => match rest.split_once([' ', '\t']) {
            Some((to, text)) => Input::Private { to, text: text.trim_start() },
            None => Input::Misused(word),
        },
        _ if letters >= 2 => Input::Unknown(word),
        _ => Input::Say(line),
    }
}

/// What follows `:op`, in capitals, too: a password that is typed with caps lock on is not for the room either.
fn claims_charge(after_colon: &str) -> Option<&str> {
    let (word, rest) = after_colon.split_at_checked(2)?;
    let is_op = word.eq_ignore_ascii_case("op") && (rest.is_empty() || rest.starts_with([' ', '\t']));
    is_op.then(|| rest.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::Input::*;
    use super::*;

    #[test]
    fn every_colon_line_is_what_the_design_says() {
        for (line, expected) in [
            (":q", Quit),
            (":q ", Quit),
            (" :q", Say(" :q")),
            (":Q", Say(":Q")),
            (":qx", Unknown(":qx")),
            (":q x", Misused(":q")),
            ("::q", Say(":q")),
            ("::", Say(":")),
            (":", Say(":")),
            (":)", Say(":)")),
            (":D", Say(":D")),
            (":p", Say(":p")),
            (":-)", Say(":-)")),
            (":p nice", Say(":p nice")),
            (":smile:", Unknown(":smile")),
            (":nick ana", Nick("ana")),
            (":nick", Misused(":nick")),
            (":nick  ana ", Nick("ana")),
            (":nickana", Unknown(":nickana")),
            (":nick-ana", Unknown(":nick")),
            (":me!", Unknown(":me")),
            (":msg, ana hi", Unknown(":msg")),
            (":who", Who),
            (":who?", Unknown(":who")),
            (":help", Help),
            (":op sésamo 7 ", Op("sésamo 7 ")),
            (":Op sésamo", Op("sésamo")),
            (":OP SÉSAMO", Op("SÉSAMO")),
            (":op", Misused(":op")),
            (":op ", Misused(":op")),
            (":opé", Unknown(":op")),
            (":O", Say(":O")),
            (":me waves", Act("waves")),
            (":me", Misused(":me")),
            (":msg ana hi there", Private { to: "ana", text: "hi there" }),
            (":msg ana", Misused(":msg")),
            (":msg", Misused(":msg")),
            ("q", Say("q")),
            ("a :q", Say("a :q")),
        ] {
            assert_eq!(parse(line), expected, "{line:?}");
            assert!(!is_surely_said(line.as_bytes()) || parse(line) == Say(line), "{line:?}");
        }
    }
}
