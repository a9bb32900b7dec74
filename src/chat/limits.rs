//! A limit on everything, and the relations between them checked at compile time.

use std::time::Duration;

/// Above this a member's outbox is a reason to hold back whoever adds to it, until it is half as long. Bytes.
///
/// In rooms of more than 16 the mark is lower: see [`share`].
pub const OUTBOX_HIGH_WATER: usize = 1 << 20;
/// A stalled member whose outbox reaches this is disconnected. Bytes.
pub const OUTBOX_MAX: usize = 8 << 20;
/// All outboxes together; past this the member with the longest is disconnected. Bytes.
pub const OUTBOX_TOTAL_MAX: usize = 64 << 20;

/// A member above the high-water mark that has taken no byte for this long is stalled: nobody waits for it any more.
///
/// Not shorter, because a socket's buffer frees up in pieces of 64 KiB (on loopback, where a segment is as long): the
/// slowest reader that [`PATIENCE_ABOVE`] lets stay, one of 256 KiB a second, is silent for a quarter of a second at a time.
pub const STALL_AFTER: Duration = Duration::from_millis(300);
/// But the flood does not run over it either: from twice the mark on its outbox may grow so fast, which reaches
/// [`OUTBOX_MAX`] after another third of a second, and not after the few milliseconds that a flood takes for it. A reader
/// that a busy machine kept from running has time to come back. Bytes a second.
pub const STALLED_GROWTH: usize = 16 << 20;
/// How often it is seen by trying whether a stalled member takes bytes again.
pub const PROBE_EVERY: Duration = Duration::from_millis(20);
/// A member above the high-water mark has this long to take a byte, and this long to get below the low one.
pub const PATIENCE_ABOVE: Duration = Duration::from_secs(2);
/// A member below the mark with bytes waiting has this long to take one.
pub const PATIENCE_BELOW: Duration = Duration::from_secs(30);
/// One who is leaving has this long to take a byte of what is still owed to it ...
pub const GOODBYE_PATIENCE: Duration = Duration::from_secs(2);
/// ... and this long for all of it.
pub const GOODBYE_MAX: Duration = Duration::from_secs(30);

/// At most this much is read from one client at a time, and less in a large room: see [`read_max`]. Bytes.
pub const READ_MAX: usize = 64 << 10;
/// At most this much is said in one turn before it is flushed, give or take one read. Bytes.
pub const TURN_MAX: usize = 1 << 20;

/// Keys that a driver gives its connections are below this, for the hub holds an array by key: as many as Linux lets a
/// process have descriptors by default.
pub const KEYS_MAX: usize = 1 << 20;

/// A line of this many times `--max-line` without an end closes its sender's connection.
pub const ENDLESS_FACTOR: usize = 16;
/// A nick's longest, in characters.
pub const NICK_CHARS_MAX: usize = 20;
/// More members than this are not listed by name; the rest is a number.
pub const LISTED_MAX: usize = 50;
/// In a room with more members than this, comings and goings are told to the console only. Every arrival told to every
/// member is quadratic: 9000 arrivals would be 40 million lines, queued for people who may never read one.
pub const ANNOUNCE_MAX: usize = 256;

/// A member's part of what all outboxes may hold, with room for what comes in the turn in which it is reached. Bytes.
pub const fn share(members: usize) -> usize {
    const LEAST: usize = 2 << 10;
    let share = OUTBOX_TOTAL_MAX / 4 / if members == 0 { 1 } else { members };
    if share < LEAST { LEAST } else { share }
}

/// At most this much is read from one client in a room of so many before the next gets its turn. Bytes.
pub const fn read_max(members: usize) -> usize {
    let share = share(members);
    if share < READ_MAX { share } else { READ_MAX }
}

/// The shortest input is one byte and its LF; a byte that is no UTF-8 becomes three. The longest prefix is a nick of
/// four-byte characters and `<> `. So one read of [`READ_MAX`] bytes can become this much to say.
pub(super) const READ_SAID_MAX: usize = READ_MAX / 2 * (NICK_CHARS_MAX * 4 + 3 + 3 + 1);

// A member that was not yet above the mark when a turn began must not reach the maximum within that turn.
const _: () = assert!(OUTBOX_HIGH_WATER + TURN_MAX + READ_SAID_MAX < OUTBOX_MAX);
const _: () = assert!(OUTBOX_MAX < OUTBOX_TOTAL_MAX);

/// How a client's bytes become messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Framing {
    /// One line, one message
    #[default]
    Line,
    // TCP keeps no message boundaries, and here one can see it.
    /// One read, one message: the wire of the 2018 original
    Raw,
}

/// What `serve`'s flags decide about the room.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Seats in the room.
    pub clients_max: usize,
    /// Bytes in a line, without its end.
    pub line_max: usize,
    /// How a client's bytes become messages.
    pub framing: Framing,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { clients_max: 6, line_max: 1024, framing: Framing::Line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_come_their_shares_fit_and_are_no_smaller_than_need_be() {
        for members in [1, 6, 16, 17, 100, 1000, 8192] {
            let together = share(members) * members;
            let quarter = OUTBOX_TOTAL_MAX / 4;
            assert!((quarter - members..=quarter).contains(&together), "{members} have {together}");
        }
        assert!(share(16) >= OUTBOX_HIGH_WATER && share(17) < OUTBOX_HIGH_WATER, "as it is said there");
        assert!(share(1_000_000) > 1024 + 100, "a line and its prefix");
    }

    #[test]
    fn what_is_read_at_a_time_is_within_a_share() {
        assert_eq!((read_max(0), read_max(6), read_max(256)), (READ_MAX, READ_MAX, READ_MAX));
        for members in [257, 1000, 1_000_000] {
            let read = read_max(members);
            assert!(read <= share(members) && read >= 1 << 10, "{read} bytes in a room of {members}");
        }
    }
}
