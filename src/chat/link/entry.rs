//! What the log holds: entries, each with events of one server.
//!
//! An entry is text, so that `redis-cli XRANGE` shows what was said. Texts are sanitized before, so none holds a line end.

use std::fmt::{self, Display, Formatter, Write};
use std::str::FromStr;

/// The place of an entry in the log, as a Redis stream gives it: the time of the log's clock, and a number within the
/// millisecond. Places only grow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug, Hash)]
pub(crate) struct Place {
    /// Milliseconds.
    pub time: u64,
    pub number: u64,
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.time, self.number)
    }
}

/// A text is no place, or no event, or no snapshot.
#[derive(Debug, PartialEq)]
pub(crate) struct NotOurs;

impl FromStr for Place {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Place, NotOurs> {
        let (time, number) = text.split_once('-').ok_or(NotOurs)?;
        Ok(Place { time: number_in(time)?, number: number_in(number)? })
    }
}

/// A server, as the others know it: a number drawn by chance when it starts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub(crate) struct ServerId(pub u64);

impl Display for ServerId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for ServerId {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<ServerId, NotOurs> {
        u64::from_str_radix(text, 16).map(ServerId).map_err(|_| NotOurs)
    }
}

/// One thing that happened, told by the server to which it happened.
///
/// A server names its own members by tickets: its own numbers for them, from 1 on. So what a member says may be appended together
/// with its arrival, and stays true if the server has to come back as a new one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Event<'a> {
    /// A server asks for what the room is like at this place of the log. A new one does, and (again) one that has missed something
    /// or was taken for gone. This is the first line of its entry. It has
    /// read the log up to the place that it has seen.
    Asked {
        again: bool,
        seen: Place,
    },
    /// The answer: what the room was like at that place.
    Answered {
        at: Place,
        snapshot: &'a str,
    },
    /// A server's digest of the room at the place of its last entry of this kind. The others compare it with theirs.
    Checked {
        at: Place,
        digest: u64,
    },
    /// A server leaves, with all its members.
    Stopped,
    /// A client came. It gets its number in the room when this is applied.
    Arrived {
        ticket: u64,
    },
    /// A member asks for a name. It gets it if nobody else has it when this is applied.
    Named {
        ticket: u64,
        nick: &'a str,
    },
    /// What a member says. The nick is for those who read the log later, and do not know who was in the room.
    Said {
        ticket: u64,
        nick: &'a str,
        text: &'a str,
    },
    Acted {
        ticket: u64,
        nick: &'a str,
        text: &'a str,
    },
    /// To the member with this number.
    Whispered {
        ticket: u64,
        to: u64,
        text: &'a str,
    },
    /// Why is a [reason](crate::chat::Reason), in words for programs.
    Left {
        ticket: u64,
        why: &'a str,
    },
    /// A member is in charge.
    TookCharge {
        ticket: u64,
    },
    /// Somebody in charge has ordered this, and other servers have to carry it out on their members.
    Ordered {
        line: &'a str,
    },
}

impl Event<'_> {
    /// Appends it to an entry.
    pub(crate) fn write_to(&self, entry: &mut String) {
        // Writing to a string does not fail.
        let _ = match self {
            Event::Asked { again: false, seen } => writeln!(entry, "asked {seen}"),
            Event::Asked { again: true, seen } => writeln!(entry, "asked {seen} again"),
            Event::Answered { at, snapshot } => writeln!(entry, "answered {at} {snapshot}"),
            Event::Checked { at, digest } => writeln!(entry, "checked {at} {digest}"),
            Event::Stopped => writeln!(entry, "stopped"),
            Event::Arrived { ticket } => writeln!(entry, "arrived {ticket}"),
            Event::Named { ticket, nick } => writeln!(entry, "named {ticket} {nick}"),
            Event::Said { ticket, nick, text } => writeln!(entry, "said {ticket} {nick} {text}"),
            Event::Acted { ticket, nick, text } => writeln!(entry, "acted {ticket} {nick} {text}"),
            Event::Whispered { ticket, to, text } => writeln!(entry, "whispered {ticket} {to} {text}"),
            Event::Left { ticket, why } => writeln!(entry, "left {ticket} {why}"),
            Event::TookCharge { ticket } => writeln!(entry, "took_charge {ticket}"),
            Event::Ordered { line } => writeln!(entry, "ordered {line}"),
        };
    }

    /// Reads one line of an entry.
    pub(crate) fn read(line: &str) -> Result<Event<'_>, NotOurs> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let two = || rest.split_once(' ').ok_or(NotOurs);
        let with_ticket = || two().and_then(|(ticket, text)| Ok((number_in(ticket)?, text)));
        let by_somebody = || {
            let (ticket, rest) = with_ticket()?;
            rest.split_once(' ').map(|(nick, text)| (ticket, nick, text)).ok_or(NotOurs)
        };
        Ok(match word {
            "asked" => {
                let (seen, again) = rest.split_once(' ').unwrap_or((rest, ""));
                Event::Asked { again: again == "again", seen: seen.parse()? }
            }
            "answered" => two().and_then(|(at, snapshot)| Ok(Event::Answered { at: at.parse()?, snapshot }))?,
            "checked" => {
                two().and_then(|(at, digest)| Ok(Event::Checked { at: at.parse()?, digest: number_in(digest)? }))?
            }
            "stopped" => Event::Stopped,
            "arrived" => Event::Arrived { ticket: number_in(rest)? },
            "named" => with_ticket().map(|(ticket, nick)| Event::Named { ticket, nick })?,
            "said" => by_somebody().map(|(ticket, nick, text)| Event::Said { ticket, nick, text })?,
            "acted" => by_somebody().map(|(ticket, nick, text)| Event::Acted { ticket, nick, text })?,
            "whispered" => {
                let (ticket, to, text) = by_somebody()?;
                Event::Whispered { ticket, to: number_in(to)?, text }
            }
            "left" => with_ticket().map(|(ticket, why)| Event::Left { ticket, why })?,
            "took_charge" => Event::TookCharge { ticket: number_in(rest)? },
            "ordered" => Event::Ordered { line: rest },
            _ => return Err(NotOurs),
        })
    }
}

/// Only digits: no sign, and no space.
pub(super) fn number_in(text: &str) -> Result<u64, NotOurs> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().map_err(|_| NotOurs) } else { Err(NotOurs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_they_were_written() {
        let events = [
            Event::Asked { again: false, seen: Place::default() },
            Event::Asked { again: true, seen: Place { time: 5, number: 0 } },
            Event::Answered { at: Place { time: 5, number: 1 }, snapshot: "a b" },
            Event::Checked { at: Place { time: 5, number: 1 }, digest: u64::MAX },
            Event::Stopped,
            Event::Arrived { ticket: 7 },
            Event::Named { ticket: 7, nick: "ana" },
            Event::Said { ticket: 7, nick: "ana", text: "  two spaces, and one at the end " },
            Event::Acted { ticket: 7, nick: "ana", text: "waves" },
            Event::TookCharge { ticket: 7 },
            Event::Ordered { line: ":kick #8 it is late" },
            Event::Whispered { ticket: 7, to: 8, text: "it is a secret" },
            Event::Left { ticket: 7, why: "quit" },
        ];
        let mut entry = String::new();
        events.iter().for_each(|event| event.write_to(&mut entry));
        let read: Vec<_> = entry.lines().map(|line| Event::read(line).expect("an event")).collect();
        assert_eq!(read, events);
    }

    #[test]
    fn what_somebody_else_wrote_is_no_event() {
        for line in
            ["", "said", "said 7", "said x hola", "said +7 hola", "whispered 7 hola", "greeted 7 ana", "answered 5 x"]
        {
            assert_eq!(Event::read(line), Err(NotOurs), "{line:?}");
        }
        for place in ["", "5", "5-", "x-1", "5-1-2", "-5-1"] {
            assert_eq!(place.parse::<Place>(), Err(NotOurs), "{place:?}");
        }
    }
}
