//! The limits of the chat. The relations between them are checked at compile time.

use super::connections::Tls;
use super::secret::Secret;
use std::num::NonZeroU32;
use std::time::Duration;

/// A member whose outbox is longer than this makes the others wait, once they have used up their allowances, until it is half as
/// long. Bytes.
///
/// In rooms of more than 16 members the mark is lower: see [`share`].
pub const OUTBOX_HIGH_WATER: usize = 1 << 20;
/// A stalled member whose outbox reaches this is disconnected. Bytes.
pub const OUTBOX_MAX: usize = 8 << 20;
/// The limit for all outboxes and all input that has not been handled, together. Past it the member that takes most of it is
/// disconnected. Bytes.
pub const MEMORY_MAX: usize = 64 << 20;

/// A member above the high-water mark that has taken no byte for this long is stalled: nobody waits for it any more.
///
/// It is not shorter because a socket's buffer frees up in pieces of 64 KiB (on loopback, where a segment is as long):
/// the slowest reader that stays, at [`READER_RATE`], takes nothing for a quarter of a second at a time.
pub const STALL_AFTER: Duration = Duration::from_millis(300);
/// How fast a stalled member's outbox may grow beyond twice the high-water mark. At this rate it reaches [`OUTBOX_MAX`]
/// after another third of a second, and not after the few milliseconds that a flood would take. A reader that was
/// preempted on a busy machine has time to come back. Bytes a second.
pub const STALLED_GROWTH: usize = 16 << 20;
/// How often a write to a stalled member is tried.
pub const PROBE_EVERY: Duration = Duration::from_millis(20);
/// A member above the high-water mark has this long to take a byte, and this long to get below the low-water mark. For the latter it
/// has more time if it takes more: see [`READER_RATE`].
pub const PATIENCE_ABOVE: Duration = Duration::from_secs(2);
/// A member that takes this much stays, however far it is above the mark. Bytes a second.
pub const READER_RATE: usize = 256 << 10;
/// A member below the mark with bytes waiting has this long to take one.
pub const PATIENCE_BELOW: Duration = Duration::from_secs(30);
/// A client that is leaving has this long to take a byte of its pending output.
pub const GOODBYE_PATIENCE: Duration = Duration::from_secs(2);
/// A client that is leaving has this long to take all of its pending output.
pub const GOODBYE_MAX: Duration = Duration::from_secs(30);

/// Answers and whispers hold back only their author. Once they have made an outbox longer than this part of the high-water mark, their
/// author has to wait until it is shorter.
pub const PRIVATE_SHARE: usize = 4;

/// While others cannot keep up with a member, it has to wait when it has caused more output than this: see [`ALLOWANCE_RATE`]. So a
/// member that says little is heard at once, whoever floods or lags. Bytes.
pub const ALLOWANCE: usize = 8 << 10;
/// How fast an allowance comes back, in a room of at most four members. Bytes a second.
pub const ALLOWANCE_RATE: usize = 32 << 10;
/// How fast the allowances of all members together come back. It is half of [`READER_RATE`], so the outbox of a reader that stays gets
/// shorter. Bytes a second.
pub const ALLOWANCE_RATE_TOTAL: usize = 128 << 10;
/// An empty allowance is full again after this time at the latest: it is smaller than [`ALLOWANCE`] in rooms of more than 64
/// members, and all together are at most 512 KiB.
pub const ALLOWANCE_REFILL_MAX: Duration = Duration::from_secs(4);

/// A member that waits goes on when this much of its allowance is left: less would be a wake-up for a few bytes. Bytes.
pub const ALLOWANCE_LEAST: usize = 1 << 10;
/// Allowances count only while at most this much of [`MEMORY_MAX`] is taken. Above it everybody waits for those that cannot keep up.
/// Bytes.
pub const ALLOWANCE_MEMORY_MAX: usize = MEMORY_MAX / 2;

/// The time in which one byte of a member's allowance comes back, in a room with this many members. Nanoseconds.
pub const fn allowance_nanos(members: usize) -> u64 {
    const SECOND: u64 = 1_000_000_000;
    let (alone, shared) = (SECOND / ALLOWANCE_RATE as u64, SECOND / ALLOWANCE_RATE_TOTAL as u64 + 1);
    let shared = shared * members as u64;
    if shared > alone { shared } else { alone }
}

/// At most this much is read from one client at a time; less in a large room: see [`read_max`]. Bytes.
pub const READ_MAX: usize = 64 << 10;
/// At most this much is said in one turn before it is flushed, plus at most one read. Bytes.
pub const TURN_MAX: usize = 1 << 20;

/// The keys that a driver gives its connections are below this, because the hub holds an array by key. It is the
/// default maximum of descriptors for a process on Linux.
pub const KEYS_MAX: usize = 1 << 20;

/// A line of this many times `--max-line` without an end closes its sender's connection.
pub const ENDLESS_FACTOR: usize = 16;
/// A newcomer that has been silent for this long is greeted and announced. Whoever speaks another protocol begins at once: its first
/// bytes come with the connection, however far it is away, and are delayed only by its own machine.
pub const OPENING_PATIENCE: Duration = Duration::from_millis(30);
/// So many newcomers may wait for that one after the other. The others are greeted and announced at once.
pub const OPENINGS_AT_ONCE: u32 = 16;
/// After that, one in this time.
pub const OPENING_EVERY: Duration = Duration::from_millis(250);
/// A newcomer whose first line asks for a name that it cannot have is announced after this time: more than a round trip, in which
/// it may leave.
pub const NICK_PATIENCE: Duration = Duration::from_millis(300);

/// At most this many addresses are banned.
pub const BANS_MAX: usize = 1000;
/// The longest ban or mute that ends by itself: ten years. Minutes.
pub const MINUTES_MAX: u32 = 10 * 366 * 24 * 60;
/// The longest reason for showing somebody out, in characters.
pub const WHY_CHARS_MAX: usize = 200;

/// The longest nick, in characters.
pub const NICK_CHARS_MAX: usize = 20;
/// At most this many members are listed by name; the rest are given as a number.
pub const LISTED_MAX: usize = 50;
/// In a room with more members than this, arrivals and departures are only recorded, not announced. Announcing every
/// arrival to every member is quadratic: 9000 arrivals would make 40 million lines, queued for members who may never
/// read one.
pub const ANNOUNCE_MAX: usize = 256;

/// A member's share of a quarter of what all outboxes may hold. The rest leaves room for what comes in the turn in
/// which it is reached. Bytes.
pub const fn share(members: usize) -> usize {
    const LEAST: usize = 2 << 10;
    let share = MEMORY_MAX / 4 / if members == 0 { 1 } else { members };
    if share < LEAST { LEAST } else { share }
}

/// At most this much is read from one client at a time in a room with this many members. Bytes.
pub const fn read_max(members: usize) -> usize {
    let share = share(members);
    if share < READ_MAX { share } else { READ_MAX }
}

/// The most output that one read of [`READ_MAX`] bytes can make. The shortest input is one byte and its LF, and a byte
/// that is no UTF-8 becomes three. The longest prefix is a nick of four-byte characters with `<` and `> `. Bytes.
pub(super) const READ_SAID_MAX: usize = READ_MAX / 2 * (NICK_CHARS_MAX * 4 + 3 + 3 + 1);

// A member that was below the mark when a turn began must not reach the maximum within that turn.
const _: () = assert!(OUTBOX_HIGH_WATER + TURN_MAX + READ_SAID_MAX < OUTBOX_MAX);
const _: () = assert!(OUTBOX_MAX < MEMORY_MAX);
const _: () = assert!(ALLOWANCE_RATE_TOTAL <= READER_RATE / 2);

/// Who does not know the password is turned away after this many tries.
pub const PASSWORD_TRIES: u32 = 3;
/// Who has not said the password by then is turned away.
pub const PASSWORD_PATIENCE: Duration = Duration::from_secs(30);
/// After this many wrong tries from one address, ...
pub const WRONG_TRIES_AT_ONCE: u32 = 3;
/// ... the next answer that comes from there is read only after this time. So it makes no difference how many guess at once.
pub const WRONG_TRY_EVERY: Duration = Duration::from_secs(3);
/// Who has not ended its TLS handshake by then is turned away.
pub const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// So many TLS handshakes are answered at once, ...
pub const HANDSHAKES_AT_ONCE: u32 = 4;
/// ... and after that one in this time. An answer takes about a third of it.
pub const HANDSHAKE_EVERY: Duration = Duration::from_millis(1);
/// Clients without a seat that may be at the door at once: those that have not ended their handshake or said the password yet. If there
/// are more, the first of the most crowded address gives way.
pub const CALLERS_MAX: usize = 256;
/// Of those, at most this many may come from one address.
pub const CALLERS_PER_ADDRESS: usize = 32;

/// How a client's bytes become messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Framing {
    /// Each line is a message
    #[default]
    Line,
    // TCP keeps no message boundaries, and here one can see it.
    /// Each read is a message, as in the original program of 2018
    Raw,
}

/// The limits that the flags of `serve` set.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Seats in the room.
    pub clients_max: usize,
    /// Bytes in a line, without its end.
    pub line_max: usize,
    /// How a client's bytes become messages.
    pub framing: Framing,
    /// Lines that a member may send in a second. What it sends beyond that is read later.
    pub rate: Option<NonZeroU32>,
    /// How long a member may say nothing before its seat is given to others.
    pub idle: Option<Duration>,
    /// Members that may come from one address.
    pub per_address: Option<usize>,
    /// What who comes has to say before it gets a seat.
    pub password: Option<Secret>,
    /// All connections are encrypted with this.
    pub tls: Option<Tls>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            clients_max: 6,
            line_max: 1024,
            framing: Framing::Line,
            rate: None,
            idle: None,
            per_address: None,
            password: None,
            tls: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_come_their_shares_fit_and_are_no_smaller_than_need_be() {
        for members in [1, 6, 16, 17, 100, 1000, 8192] {
            let together = share(members) * members;
            let quarter = MEMORY_MAX / 4;
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
