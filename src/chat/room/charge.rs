//! The commands of whoever is in charge: at the server's own terminal, and members that know the operator's password.

use crate::chat::limits::MINUTES_MAX;

/// What a line orders. `who` is a nick or `#N`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order<'a> {
    Kick {
        who: &'a str,
        why: &'a str,
    },
    Mute {
        who: &'a str,
        minutes: Option<u32>,
    },
    Unmute(&'a str),
    /// Holds a member or an address.
    Ban {
        whom: &'a str,
        minutes: Option<u32>,
    },
    Bans,
    /// Holds an address.
    Unban(&'a str),
    /// A notice to all.
    Announce(&'a str),
    /// Holds the reason, which may be empty.
    Stop(&'a str),
    Who,
    Help,
    /// A known command with wrong arguments. Holds the word with its colon.
    Misused(&'a str),
}

#[cfg(feature = "link")]
impl<'a> Order<'a> {
    /// The member or the address that it concerns.
    pub(crate) fn whom(&self) -> Option<&'a str> {
        match *self {
            Order::Kick { who, .. } | Order::Mute { who, .. } | Order::Unmute(who) | Order::Ban { whom: who, .. } => {
                Some(who)
            }
            _ => None,
        }
    }
}

/// The words that only those in charge may use.
#[cfg(test)]
pub(crate) const WORDS: [&str; 8] = [":kick", ":mute", ":unmute", ":ban", ":bans", ":unban", ":say", ":stop"];

/// Reads one sanitized line. `None` if it is no such command.
pub(crate) fn parse(line: &str) -> Option<Order<'_>> {
    let (word, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let rest = rest.trim();
    let order = match word {
        ":kick" => {
            let (who, why) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
            needed(who).map(|who| Order::Kick { who, why: why.trim_start() })
        }
        ":mute" => for_a_time(rest).map(|(who, minutes)| Order::Mute { who, minutes }),
        ":unmute" => needed(rest).map(Order::Unmute),
        ":ban" => for_a_time(rest).map(|(whom, minutes)| Order::Ban { whom, minutes }),
        ":bans" => rest.is_empty().then_some(Order::Bans),
        ":unban" => needed(rest).map(Order::Unban),
        ":say" => needed(rest).map(Order::Announce),
        ":stop" => Some(Order::Stop(rest)),
        ":who" => rest.is_empty().then_some(Order::Who),
        ":help" => rest.is_empty().then_some(Order::Help),
        _ => return None,
    };
    Some(order.unwrap_or(Order::Misused(word)))
}

fn needed(argument: &str) -> Option<&str> {
    Some(argument).filter(|argument| !argument.is_empty())
}

/// Somebody or an address, and a number of minutes if one is given.
fn for_a_time(arguments: &str) -> Option<(&str, Option<u32>)> {
    let mut words = arguments.split_whitespace();
    let whom = words.next()?;
    let minutes = words.next().map(|word| word.parse().ok().filter(|minutes| (1..=MINUTES_MAX).contains(minutes)));
    match (minutes, words.next()) {
        (None, _) => Some((whom, None)),
        (Some(minutes @ Some(_)), None) => Some((whom, minutes)),
        (Some(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Order::*;
    use super::*;

    #[test]
    fn orders_are_read_with_all_their_arguments_or_not_at_all() {
        for (line, expected) in [
            (":kick ana", Kick { who: "ana", why: "" }),
            (":kick #3  says too much ", Kick { who: "#3", why: "says too much" }),
            (":kick", Misused(":kick")),
            (":mute ana", Mute { who: "ana", minutes: None }),
            (":mute ana 5", Mute { who: "ana", minutes: Some(5) }),
            (":mute ana 0", Misused(":mute")),
            (":mute ana -5", Misused(":mute")),
            (":mute ana 5 6", Misused(":mute")),
            (":mute ana soon", Misused(":mute")),
            (":mute ana 99999999999", Misused(":mute")),
            (":unmute ana", Unmute("ana")),
            (":ban 10.0.0.1 60", Ban { whom: "10.0.0.1", minutes: Some(60) }),
            (":ban", Misused(":ban")),
            (":bans", Bans),
            (":bans all", Misused(":bans")),
            (":unban ::1", Unban("::1")),
            (":say we close at noon", Announce("we close at noon")),
            (":say ", Misused(":say")),
            (":stop", Stop("")),
            (":stop for today", Stop("for today")),
            (":who", Who),
            (":help", Help),
        ] {
            assert_eq!(parse(line), Some(expected), "{line:?}");
        }
        for line in ["", "kick ana", ":kickana", ":Kick ana", "::kick ana", " :kick ana", ":me waves", ":q"] {
            assert_eq!(parse(line), None, "{line:?}");
        }
        assert!(WORDS.iter().all(|word| parse(word).is_some()));
    }
}
