//! The part of the room that is the same on all servers: who is in it, and what each is called.
//!
//! All servers apply the same entries in the same order, and [`Replica::apply`] depends on nothing else: no clock, no chance, no
//! order of a hash table. So they agree without asking each other.
//!
//! * A name belongs to the member whose entry comes first. Numbers are given in the order of the arrivals.
//! * Each server numbers its entries. A server that does not know whether an entry was appended appends it again, and the second
//!   one is ignored. A number that is missing shows that the log has lost something: see [`Applied::Missed`].
//! * A server from which nothing came for [`LIFETIME`] is gone, and its members with it. The time is the log's: that of the
//!   entries. A pause in which nobody appended anything (the log itself was away) counts as [`PAUSE_MAX`] at most.

use super::entry::{Event, NotOurs, Place, ServerId, number_in};
use crate::chat::nick::{self, Skeleton};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::time::Duration;

/// A server that has nothing to append for this long appends an empty entry.
pub(crate) const BEAT: Duration = Duration::from_secs(2);
/// A server is gone when nothing came from it for this long.
pub(crate) const LIFETIME: Duration = Duration::from_secs(12);
/// The most that a pause between two entries counts. Every server beats more often than this.
const PAUSE_MAX: Duration = Duration::from_secs(4);

#[derive(Clone, Default, Debug, PartialEq)]
pub(crate) struct Replica {
    servers: BTreeMap<ServerId, Server>,
    /// By number.
    members: BTreeMap<u64, Member>,
    wearers: HashMap<Skeleton, u64>,
    numbers: BTreeMap<(ServerId, u64), u64>,
    last_number: u64,
    /// Where it has read to.
    place: Place,
    /// The time that has passed in the log, with its pauses cut short. Milliseconds.
    lived: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Server {
    /// The number of its last entry.
    last: u64,
    /// When that was, in the time of [`Replica::lived`].
    heard: u64,
}

/// A member of the room, on whichever server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    pub server: ServerId,
    /// Its server's own number for it.
    pub ticket: u64,
    pub nick: String,
}

/// What an entry has changed, or what it says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Applied {
    Arrived {
        number: u64,
        server: ServerId,
        ticket: u64,
    },
    Renamed {
        number: u64,
        old: String,
        nick: String,
    },
    /// A member did not get a name, because it is taken or not allowed.
    Refused {
        number: u64,
        nick: String,
    },
    Said {
        number: u64,
        text: String,
    },
    Acted {
        number: u64,
        text: String,
    },
    Whispered {
        number: u64,
        to: u64,
        text: String,
    },
    Left {
        number: u64,
        server: ServerId,
        ticket: u64,
        nick: String,
        why: String,
    },
    /// A member is in charge.
    TookCharge {
        number: u64,
    },
    /// Somebody in charge on this server has ordered this.
    Ordered {
        server: ServerId,
        line: String,
    },
    /// A server is gone. Its members have left before.
    Gone {
        server: ServerId,
        stopped: bool,
    },
    /// A server asks what the room is like now.
    Asked {
        server: ServerId,
        at: Place,
        again: bool,
    },
    /// The question at this place is answered.
    Answered {
        at: Place,
    },
    Checked {
        server: ServerId,
        at: Place,
        digest: u64,
    },
    /// Entries of a server are missing: the log has lost them. What this replica holds may be wrong.
    Missed {
        server: ServerId,
        entries: u64,
    },
}

/// Why of the members of a server that is gone.
pub(crate) const SERVER_GONE: &str = "server_gone";

/// The time between two entries that follow each other, as far as it counts. Milliseconds.
pub(crate) fn pause(from: Place, to: Place) -> u64 {
    let begun = from != Place::default();
    if begun { to.time.saturating_sub(from.time).min(PAUSE_MAX.as_millis() as u64) } else { 0 }
}

/// Whether an entry is a question of somebody who has read the log until shortly before.
///
/// A question that was appended twice must not bring back a server that was taken for gone in between. That takes [`LIFETIME`] at
/// least, so the second one is too late. A question that is too late by chance is asked again.
pub(crate) fn is_question_in_time(at: Place, entry: &str) -> bool {
    let event = entry.lines().next().map(Event::read);
    matches!(event, Some(Ok(Event::Asked { seen, .. })) if at.time.saturating_sub(seen.time) <= LIFETIME.as_millis() as u64)
}

impl Replica {
    /// An empty room, at the place where a server begins to read.
    pub(crate) fn new(place: Place) -> Replica {
        Replica { place, ..Replica::default() }
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Reads on from another place. Entries that were applied are known by their numbers.
    pub(crate) fn go_on_from(&mut self, place: Place) {
        self.place = place;
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = (u64, &Member)> {
        self.members.iter().map(|(number, member)| (*number, member))
    }

    pub(crate) fn member(&self, number: u64) -> Option<&Member> {
        self.members.get(&number)
    }

    pub(crate) fn knows(&self, server: ServerId) -> bool {
        self.servers.contains_key(&server)
    }

    pub(crate) fn servers(&self) -> impl Iterator<Item = ServerId> {
        self.servers.keys().copied()
    }

    /// Applies an entry. `number` is the server's own number for it. Lines that are not ours are skipped.
    pub(crate) fn apply(
        &mut self,
        place: Place,
        server: ServerId,
        number: u64,
        entry: &str,
        applied: &mut Vec<Applied>,
    ) {
        self.lived += pause(self.place, place);
        self.place = place;
        self.bury(applied);

        let Some(known) = self.servers.get_mut(&server) else {
            // Whoever is new asks first. Anything else is from a server that was taken for gone: it comes back as a new one.
            if is_question_in_time(place, entry) {
                self.servers.insert(server, Server { last: number, heard: self.lived });
                self.take_in(place, server, entry, applied);
            }
            return;
        };
        known.heard = self.lived;
        if number <= known.last {
            return;
        }
        let missing = number - known.last - 1;
        known.last = number;
        if missing > 0 {
            applied.push(Applied::Missed { server, entries: missing });
        }
        self.take_in(place, server, entry, applied);
    }

    fn take_in(&mut self, place: Place, server: ServerId, entry: &str, applied: &mut Vec<Applied>) {
        for event in entry.lines().filter_map(|line| Event::read(line).ok()) {
            self.take(place, server, event, applied);
        }
    }

    fn take(&mut self, at: Place, server: ServerId, event: Event<'_>, applied: &mut Vec<Applied>) {
        let number = |ticket: u64| self.numbers.get(&(server, ticket)).copied();
        applied.push(match event {
            Event::Asked { again, .. } => Applied::Asked { server, at, again },
            Event::Answered { at, .. } => Applied::Answered { at },
            Event::Checked { at, digest } => Applied::Checked { server, at, digest },
            Event::Stopped => return self.lose_server(server, true, applied),
            Event::Arrived { ticket } => {
                if number(ticket).is_some() {
                    return;
                }
                self.last_number += 1;
                let number = self.last_number;
                self.insert(number, Member { server, ticket, nick: nick::guest(number) });
                Applied::Arrived { number, server, ticket }
            }
            Event::Named { ticket, nick } => {
                let Some(number) = number(ticket) else { return };
                match self.rename(number, nick) {
                    Some(old) => Applied::Renamed { number, old, nick: nick.into() },
                    None => Applied::Refused { number, nick: nick.into() },
                }
            }
            Event::Said { ticket, text, .. } => {
                let Some(number) = number(ticket) else { return };
                Applied::Said { number, text: text.into() }
            }
            Event::Acted { ticket, text, .. } => {
                let Some(number) = number(ticket) else { return };
                Applied::Acted { number, text: text.into() }
            }
            Event::Whispered { ticket, to, text } => {
                let Some(number) = number(ticket) else { return };
                Applied::Whispered { number, to, text: text.into() }
            }
            Event::TookCharge { ticket } => {
                let Some(number) = number(ticket) else { return };
                Applied::TookCharge { number }
            }
            Event::Ordered { line } => Applied::Ordered { server, line: line.into() },
            Event::Left { ticket, why } => {
                let Some(number) = number(ticket) else { return };
                return applied.extend(self.remove(number).map(|member| member.leaves(number, why)));
            }
        });
    }

    /// Those from which nothing came for too long are gone.
    fn bury(&mut self, applied: &mut Vec<Applied>) {
        let limit = LIFETIME.as_millis() as u64;
        let gone: Vec<ServerId> =
            self.servers.iter().filter(|(_, server)| self.lived - server.heard > limit).map(|(id, _)| *id).collect();
        for server in gone {
            self.lose_server(server, false, applied);
        }
    }

    fn lose_server(&mut self, server: ServerId, stopped: bool, applied: &mut Vec<Applied>) {
        let members: Vec<u64> =
            self.members.iter().filter(|(_, member)| member.server == server).map(|(number, _)| *number).collect();
        for number in members {
            applied.extend(self.remove(number).map(|member| member.leaves(number, SERVER_GONE)));
        }
        if self.servers.remove(&server).is_some() {
            applied.push(Applied::Gone { server, stopped });
        }
    }

    fn insert(&mut self, number: u64, member: Member) {
        self.wearers.extend(nick::skeletons(&member.nick).map(|skeleton| (skeleton, number)));
        self.numbers.insert((member.server, member.ticket), number);
        self.members.insert(number, member);
    }

    fn remove(&mut self, number: u64) -> Option<Member> {
        let member = self.members.remove(&number)?;
        self.numbers.remove(&(member.server, member.ticket));
        for skeleton in nick::skeletons(&member.nick) {
            self.wearers.remove(&skeleton);
        }
        Some(member)
    }

    /// Gives a member a name, unless somebody else has it. Returns the old one.
    fn rename(&mut self, number: u64, nick: &str) -> Option<String> {
        let skeletons = nick::check(nick, number).ok()?;
        if skeletons.iter().any(|skeleton| self.wearers.get(skeleton).is_some_and(|wearer| *wearer != number)) {
            return None;
        }
        let old = self.remove(number)?;
        self.insert(number, Member { nick: nick.into(), ..old });
        Some(old.nick)
    }

    // Snapshots.

    /// All of it, as one line of text: words, each a key and fields.
    pub(crate) fn snapshot(&self) -> String {
        let mut text = format!("numbers:{} lived:{}", self.last_number, self.lived);
        for (id, server) in &self.servers {
            let _ = write!(text, " server:{id}:{}:{}", server.last, server.heard);
        }
        for (number, member) in &self.members {
            // A nick holds no colon and no space.
            let _ = write!(text, " member:{number}:{}:{}:{}", member.server, member.ticket, member.nick);
        }
        text
    }

    /// A number that is the same for what is the same, and most likely another one for anything else (FNV-1a).
    pub(crate) fn digest(&self) -> u64 {
        self.snapshot()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
    }

    /// What a snapshot of this place tells.
    pub(crate) fn of(place: Place, snapshot: &str) -> Result<Replica, NotOurs> {
        let mut replica = Replica::new(place);
        for word in snapshot.split(' ') {
            let fields: Vec<&str> = word.split(':').collect();
            match fields[..] {
                ["numbers", last] => replica.last_number = number_in(last)?,
                ["lived", lived] => replica.lived = number_in(lived)?,
                ["server", id, last, heard] => {
                    let server = Server { last: number_in(last)?, heard: number_in(heard)? };
                    replica.servers.insert(id.parse()?, server);
                }
                ["member", number, server, ticket, nick] => {
                    let member = Member { server: server.parse()?, ticket: number_in(ticket)?, nick: nick.into() };
                    replica.insert(number_in(number)?, member);
                }
                _ => return Err(NotOurs),
            }
        }
        let all_known = replica.members.values().all(|member| replica.servers.contains_key(&member.server));
        let none_late = replica.servers.values().all(|server| server.heard <= replica.lived);
        if all_known && none_late { Ok(replica) } else { Err(NotOurs) }
    }

    /// What has to be told for another replica to become like this one.
    pub(crate) fn since(&self, other: &Replica) -> Vec<Applied> {
        let mut applied = Vec::new();
        for (number, member) in other.members().filter(|(number, _)| self.member(*number).is_none()) {
            applied.push(member.clone().leaves(number, SERVER_GONE));
        }
        for (number, member) in self.members() {
            match other.member(number) {
                None => {
                    applied.push(Applied::Arrived { number, server: member.server, ticket: member.ticket });
                    let guest = nick::guest(number);
                    if member.nick != guest {
                        applied.push(Applied::Renamed { number, old: guest, nick: member.nick.clone() });
                    }
                }
                Some(before) if before.nick != member.nick => {
                    applied.push(Applied::Renamed { number, old: before.nick.clone(), nick: member.nick.clone() });
                }
                Some(_) => {}
            }
        }
        applied
    }
}

impl Member {
    fn leaves(self, number: u64, why: &str) -> Applied {
        let Member { server, ticket, nick } = self;
        Applied::Left { number, server, ticket, nick, why: why.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ServerId = ServerId(1);
    const B: ServerId = ServerId(2);

    /// A log that is read by one replica.
    struct Log {
        replica: Replica,
        time: u64,
    }

    impl Log {
        fn new() -> Log {
            Log { replica: Replica::new(Place::default()), time: 1_000_000 }
        }

        fn append(&mut self, server: ServerId, number: u64, entry: &str) -> Vec<Applied> {
            let mut applied = Vec::new();
            self.time += 1;
            self.replica.apply(Place { time: self.time, number: 0 }, server, number, entry, &mut applied);
            applied
        }

        fn wait(&mut self, time: Duration) {
            self.time += time.as_millis() as u64;
        }
    }

    #[test]
    fn a_name_belongs_to_whose_entry_came_first() {
        let mut log = Log::new();
        log.append(A, 1, "asked 1000000-0");
        log.append(B, 1, "asked 1000000-0");
        assert_eq!(log.append(A, 2, "arrived 9"), [Applied::Arrived { number: 1, server: A, ticket: 9 }]);
        assert_eq!(log.append(B, 2, "arrived 9"), [Applied::Arrived { number: 2, server: B, ticket: 9 }]);
        let named = Applied::Renamed { number: 2, old: "guest2".into(), nick: "ana".into() };
        assert_eq!(log.append(B, 3, "named 9 ana"), [named]);
        assert_eq!(log.append(A, 3, "named 9 Ana"), [Applied::Refused { number: 1, nick: "Ana".into() }]);
        assert!(
            log.append(A, 4, "named 2 beto\nsaid 2 beto hola\nleft 2 quit").is_empty(),
            "those are nobody's tickets"
        );
        assert_eq!(log.append(B, 4, "left 9 quit").len(), 1);
        let named = Applied::Renamed { number: 1, old: "guest1".into(), nick: "Ana".into() };
        assert_eq!(log.append(A, 5, "named 9 Ana"), [named], "it is free again");
    }

    #[test]
    fn an_entry_counts_once_and_one_that_is_missing_is_noticed() {
        let mut log = Log::new();
        log.append(A, 1, "asked 1000000-0\narrived 1");
        let said = Applied::Said { number: 1, text: "hola".into() };
        assert_eq!(log.append(A, 2, "said 1 ana hola"), [said]);
        assert!(log.append(A, 2, "said 1 ana hola").is_empty());
        assert_eq!(log.append(A, 5, "")[..], [Applied::Missed { server: A, entries: 2 }]);
        assert!(log.append(B, 7, "arrived 1").is_empty(), "nobody knows it");
    }

    #[test]
    fn a_silent_server_is_gone_with_its_members_but_not_because_the_log_was_away() {
        let mut log = Log::new();
        log.append(A, 1, "asked 1000000-0\narrived 1");
        log.append(B, 1, "asked 1000000-0\narrived 1");
        log.wait(Duration::from_secs(3600));
        assert!(log.append(B, 2, "").is_empty(), "nobody could append anything");
        assert!(log.append(A, 2, "").is_empty());
        let mut number = 2;
        let mut told = Vec::new();
        while told.is_empty() && number < 20 {
            log.wait(BEAT);
            number += 1;
            told = log.append(B, number, "");
        }
        let left = Applied::Left { number: 1, server: A, ticket: 1, nick: "guest1".into(), why: SERVER_GONE.into() };
        assert_eq!(told, [left, Applied::Gone { server: A, stopped: false }]);
        assert_eq!(number, 2 + LIFETIME.as_secs() / BEAT.as_secs());
        assert!(log.append(A, 3, "said 1 ana hola").is_empty(), "it has to come back as a new one");
        assert!(log.append(A, 1, "asked 1000000-0\narrived 1").is_empty(), "this is too late");
        assert_eq!(log.append(B, number + 1, "stopped").len(), 2);
        assert_eq!((log.replica.servers().count(), log.replica.members().count()), (0, 0));
    }

    #[test]
    fn a_snapshot_is_all_of_it() {
        let mut log = Log::new();
        log.append(A, 1, "asked 1000000-0\narrived 1\narrived 2\nnamed 2 Ñandú");
        log.wait(Duration::from_secs(1));
        log.append(B, 1, "asked 1000000-0\narrived 1");
        let snapshot = log.replica.snapshot();
        let copy = Replica::of(log.replica.place(), &snapshot).expect("a snapshot");
        assert_eq!(copy, log.replica);
        assert_eq!(copy.since(&log.replica), []);
        assert_eq!(copy.since(&Replica::new(Place::default())).len(), 4);
        for broken in ["", "numbers:x", "member:1:0000000000000001:1:ana", "numbers:1 lived:1 server:1:1:2", "other"] {
            assert!(Replica::of(Place::default(), broken).is_err(), "{broken:?}");
        }
    }
}
