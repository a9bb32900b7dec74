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
    pub(super) const NAMES: [&str; 13] = [
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
        }
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
