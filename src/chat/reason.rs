//! The reasons for which a client leaves.

use super::connections::Protocol;
use std::time::Duration;

/// Why a client left the room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// It said `:q`.
    Quit,
    /// It ended its stream.
    EndOfInput,
    /// The connection broke.
    Lost,
    /// It sent this many bytes without a line end.
    EndlessLine(usize),
    /// It does not chat: its first line is another protocol's.
    Foreign(Protocol),
    /// It was at the door, and was not let in.
    Refused(Refusal),
    /// It did not read, and this many bytes were waiting.
    TooSlow(usize),
    /// All outboxes together were too long, and its own was the longest, with this many bytes.
    MemoryFull(usize),
    /// It said nothing for this long.
    Idle(Duration),
    /// Somebody in charge has shown it out.
    ShownOut,
    /// Somebody in charge has banned its address.
    Banned,
    /// The server could not start a thread that serves it.
    NoThread,
    /// The server closes.
    Closing,
    /// It was a client of another server, which is gone.
    ServerGone,
}

/// Why a client was not let into the room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// No seat was free.
    Full,
    /// As many members as are permitted came from its address.
    Address,
    /// Its address is banned.
    Banned,
    /// It does not chat: its first bytes are another protocol's.
    Foreign(Protocol),
    /// Too many are at the door, or too many from its address.
    Door,
    /// It did not know the password.
    Password,
    /// It did not say the password in time.
    Late,
    /// The server closes.
    Closing,
    /// It does not speak TLS.
    Unencrypted,
    /// Its TLS handshake failed, or took too long.
    Handshake,
}

impl Reason {
    /// Whether the client ended the connection itself, by something that the server read from it, or by its silence at the door.
    pub fn is_the_clients(self) -> bool {
        match self {
            Reason::Quit | Reason::EndOfInput | Reason::EndlessLine(_) | Reason::Foreign(_) => true,
            // Then another one has come.
            Reason::Refused(why) => why != Refusal::Door,
            _ => false,
        }
    }
}

/// Short names of the reasons, and the place of each.
impl Reason {
    pub(super) const NAMES: [&str; 14] = [
        "quit",
        "end_of_input",
        "lost",
        "endless_line",
        "foreign",
        "refused",
        "too_slow",
        "memory_full",
        "idle",
        "shown_out",
        "banned",
        "no_thread",
        "closing",
        "server_gone",
    ];

    pub(super) fn index(self) -> usize {
        match self {
            Reason::Quit => 0,
            Reason::EndOfInput => 1,
            Reason::Lost => 2,
            Reason::EndlessLine(_) => 3,
            Reason::Foreign(_) => 4,
            Reason::Refused(_) => 5,
            Reason::TooSlow(_) => 6,
            Reason::MemoryFull(_) => 7,
            Reason::Idle(_) => 8,
            Reason::ShownOut => 9,
            Reason::Banned => 10,
            Reason::NoThread => 11,
            Reason::Closing => 12,
            Reason::ServerGone => 13,
        }
    }
}

/// As the log of a room on several servers holds it: the name, and a number or words of whoever is in charge.
#[cfg(feature = "link")]
impl Reason {
    pub(super) fn write(self, words: &str) -> String {
        let name = Reason::NAMES[self.index()];
        match self {
            Reason::EndlessLine(len) | Reason::TooSlow(len) | Reason::MemoryFull(len) => format!("{name} {len}"),
            Reason::Idle(time) => format!("{name} {}", time.as_secs()),
            Reason::Foreign(protocol) => format!("{name} {protocol}"),
            _ => format!("{name} {words}"),
        }
    }

    /// Returns the words, too. What another version has written, and this one does not know, is [`Reason::Lost`].
    pub(super) fn read(text: &str) -> (Reason, &str) {
        let (name, words) = text.split_once(' ').unwrap_or((text, ""));
        let number: u64 = words.parse().unwrap_or_default();
        let reason = match name {
            "endless_line" => Reason::EndlessLine(number as usize),
            "too_slow" => Reason::TooSlow(number as usize),
            "memory_full" => Reason::MemoryFull(number as usize),
            "foreign" => match words {
                "HTTP" => Reason::Foreign(Protocol::Http),
                "TLS" => Reason::Foreign(Protocol::Tls),
                _ => Reason::Foreign(Protocol::Ssh),
            },
            "idle" => Reason::Idle(Duration::from_secs(number)),
            name => {
                let plain = [
                    Reason::Quit,
                    Reason::EndOfInput,
                    Reason::ShownOut,
                    Reason::Banned,
                    Reason::NoThread,
                    Reason::Closing,
                    Reason::ServerGone,
                ];
                let known = plain.into_iter().find(|reason| Reason::NAMES[reason.index()] == name);
                return (known.unwrap_or(Reason::Lost), words);
            }
        };
        (reason, "")
    }
}

impl Refusal {
    pub(super) const NAMES: [&str; 10] =
        ["full", "address", "banned", "foreign", "door", "password", "late", "closing", "unencrypted", "handshake"];

    pub(super) fn index(self) -> usize {
        match self {
            Refusal::Full => 0,
            Refusal::Address => 1,
            Refusal::Banned => 2,
            Refusal::Foreign(_) => 3,
            Refusal::Door => 4,
            Refusal::Password => 5,
            Refusal::Late => 6,
            Refusal::Closing => 7,
            Refusal::Unencrypted => 8,
            Refusal::Handshake => 9,
        }
    }
}

#[cfg(all(test, feature = "link"))]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_read_as_they_were_written() {
        for reason in [
            Reason::Quit,
            Reason::EndOfInput,
            Reason::Lost,
            Reason::EndlessLine(16384),
            Reason::TooSlow(7),
            Reason::MemoryFull(8),
            Reason::Idle(Duration::from_secs(60)),
            Reason::Foreign(Protocol::Http),
            Reason::Foreign(Protocol::Tls),
            Reason::Foreign(Protocol::Ssh),
            Reason::Banned,
            Reason::NoThread,
            Reason::Closing,
            Reason::ServerGone,
        ] {
            assert_eq!(Reason::read(&reason.write("")), (reason, ""));
        }
        assert_eq!(Reason::read(&Reason::ShownOut.write("it is late")), (Reason::ShownOut, "it is late"));
        assert_eq!(Reason::read("abducted"), (Reason::Lost, ""));
    }
}
