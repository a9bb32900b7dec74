//! Counts visits without a message instead of recording each: a program that connects and closes in a loop must not fill
//! the disk with arrivals and departures.
//!
//! A client that says something always has an arrival and a departure in the records. A silent client has them, too, unless
//! its address has had too many silent visits. Then its arrival is held back. It is recorded as soon as the client says
//! something, or after a minute if it stays. If it leaves before, its visit is only counted. The counts are recorded once a
//! minute, and at the end.

use crate::chat::rate::{Account, Rate};
use crate::chat::{Event, Id, Reason};
use crate::chat::{Origin, Peer};
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

/// The number of silent visits of one address that are recorded without a pause. A class that joins from behind one address
/// has fewer people, and those who say something no longer count.
const VISITS_AT_ONCE: u32 = 128;
/// After that, one in this time: less than 10,000 a day, or a megabyte.
const VISIT_EVERY: Duration = Duration::from_secs(10);
const VISITS: Rate = Rate { at_once: VISITS_AT_ONCE, every: VISIT_EVERY };
/// How long counts may wait to be recorded, and arrivals that are held back.
const REPORT_AFTER: Duration = Duration::from_secs(60);
/// The most addresses that are told apart. The others share one count.
const ADDRESSES_MAX: usize = 1024;
/// The address in the report of the others.
const OTHERS: Origin = Origin::Address(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

#[derive(Default)]
pub(crate) struct Visits {
    addresses: BTreeMap<Origin, Address>,
    /// The members that have not said anything.
    silent: HashMap<Id, Visit>,
    /// When counts are to be recorded; `None` while there are none.
    due: Option<Instant>,
}

/// What is known of an address. It is forgotten when its visits are paid for and its count is recorded.
struct Address {
    visits: Account,
    /// Visits that were not recorded.
    count: u64,
}

struct Visit {
    address: Origin,
    /// `None` if it is recorded.
    held_back: Option<Arrival>,
}

struct Arrival {
    nick: String,
    peer: Peer,
    seats_taken: usize,
    seats: usize,
}

impl Visits {
    /// Passes an event on to `record`, holds it back, or counts it.
    pub(crate) fn pass(&mut self, event: &Event<'_>, now: Instant, record: &mut impl FnMut(&Event<'_>)) {
        match *event {
            Event::Arrived { id, nick, peer, seats_taken, seats } => {
                let address = self.known(peer.origin(), now);
                let arrival = Arrival { nick: nick.into(), peer, seats_taken, seats };
                let held_back = if self.pays(address, now) { None } else { Some(arrival) };
                if held_back.is_none() {
                    record(event);
                } else {
                    self.due.get_or_insert(now + REPORT_AFTER);
                }
                self.silent.insert(id, Visit { address, held_back });
            }
            Event::Refused { peer, .. } => {
                let address = self.known(peer.origin(), now);
                if self.pays(address, now) { record(event) } else { self.count(address, now) }
            }
            Event::Left { id, reason, .. } => match self.silent.remove(&id) {
                // The server ended the visit, and somebody will ask why.
                Some(Visit { held_back: Some(arrival), .. }) if is_the_servers(reason) => {
                    arrival.record(id, record);
                    record(event);
                }
                Some(Visit { address, held_back: Some(_) }) => self.count(address, now),
                _ => record(event),
            },
            Event::Said { id, .. }
            | Event::Acted { id, .. }
            | Event::Whispered { id, .. }
            | Event::Renamed { id, .. }
            | Event::TookCharge { id, .. }
            | Event::WrongPassword { id, .. } => {
                if !self.silent.is_empty()
                    && let Some(visit) = self.silent.remove(&id)
                {
                    self.end_silence(id, visit, record);
                }
                record(event);
            }
            Event::Listening { .. }
            | Event::Ordered { .. }
            | Event::Answered { .. }
            | Event::Banned { .. }
            | Event::Unbanned { .. }
            | Event::CameAndWent { .. }
            | Event::Closing
            | Event::Lost { .. } => record(event),
        }
    }

    /// When [`Visits::report`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Records the counts, and the arrivals that are held back.
    pub(crate) fn report(&mut self, record: &mut impl FnMut(&Event<'_>)) {
        self.due = None;
        let held_back = self.silent.iter_mut().filter_map(|(id, visit)| Some((*id, visit.held_back.take()?)));
        let mut stayed: Vec<(Id, Arrival)> = held_back.collect();
        stayed.sort_by_key(|(id, _)| *id);
        stayed.iter().for_each(|(id, arrival)| arrival.record(*id, record));
        for (addr, address) in &mut self.addresses {
            let times = std::mem::take(&mut address.count);
            if times > 0 {
                record(&Event::CameAndWent { addr: *addr, times });
            }
        }
    }

    /// The address under which a visit is counted.
    fn known(&mut self, addr: Origin, now: Instant) -> Origin {
        let has_room = |addresses: &BTreeMap<_, _>| addresses.len() < ADDRESSES_MAX || addresses.contains_key(&addr);
        if !has_room(&self.addresses) {
            self.addresses.retain(|_, address| !address.visits.is_even(now) || address.count > 0);
        }
        let addr = if has_room(&self.addresses) { addr } else { OTHERS };
        self.addresses.entry(addr).or_insert(Address { visits: Account::new(now), count: 0 });
        addr
    }

    /// Lets an address pay for a visit. Returns whether it can.
    fn pays(&mut self, addr: Origin, now: Instant) -> bool {
        self.addresses.get_mut(&addr).is_none_or(|address| address.visits.pay(VISITS, now))
    }

    fn count(&mut self, addr: Origin, now: Instant) {
        if let Some(address) = self.addresses.get_mut(&addr) {
            address.count += 1;
            self.due.get_or_insert(now + REPORT_AFTER);
        }
    }

    /// A visitor speaks: records the arrival now if it was held back; otherwise the visit costs nothing after all.
    fn end_silence(&mut self, id: Id, visit: Visit, record: &mut impl FnMut(&Event<'_>)) {
        match (visit.held_back, self.addresses.get_mut(&visit.address)) {
            (Some(arrival), _) => arrival.record(id, record),
            (None, Some(address)) => {
                address.visits.take_back(VISITS);
            }
            (None, None) => {}
        }
    }
}

/// Whether the server has disconnected a client for its own sake. That takes seconds, so it cannot be repeated fast.
fn is_the_servers(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::TooSlow(_)
            | Reason::MemoryFull(_)
            | Reason::Idle(_)
            | Reason::NoThread
            | Reason::ShownOut
            | Reason::Banned
    )
}

impl Arrival {
    fn record(&self, id: Id, record: &mut impl FnMut(&Event<'_>)) {
        let Arrival { nick, peer, seats_taken, seats } = self;
        record(&Event::Arrived { id, nick, peer: *peer, seats_taken: *seats_taken, seats: *seats });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Refusal;
    use crate::chat::messages::Said;
    use crate::text::Lang;

    /// The records that a series of events leaves, as the console shows them.
    struct Book {
        visits: Visits,
        now: Instant,
        lines: Vec<String>,
        /// The next client's number.
        next: u64,
    }

    impl Book {
        fn new() -> Book {
            Book { visits: Visits::default(), now: Instant::now(), lines: Vec::new(), next: 1 }
        }

        fn note(&mut self, event: Event<'_>) {
            self.visits.pass(&event, self.now, &mut |event| self.lines.push(Said(Lang::En, event).to_string()));
        }

        fn arrives(&mut self, addr: [u8; 4]) -> Id {
            let id = Id::new(self.next, 0);
            self.next += 1;
            self.note(Event::Arrived { id, nick: "guest", peer: (addr, 4000).into(), seats_taken: 1, seats: 6 });
            id
        }

        fn leaves(&mut self, id: Id) {
            self.note(Event::Left { id, nick: "guest", reason: Reason::Quit, seats_taken: 0, seats: 6 });
        }

        fn visits(&mut self, addr: [u8; 4], times: u32) {
            for _ in 0..times {
                let id = self.arrives(addr);
                self.leaves(id);
            }
        }

        fn report(&mut self) -> Vec<String> {
            self.visits.report(&mut |event| self.lines.push(Said(Lang::En, event).to_string()));
            self.take()
        }

        fn take(&mut self) -> Vec<String> {
            std::mem::take(&mut self.lines)
        }
    }

    const HOME: [u8; 4] = [127, 0, 0, 1];

    #[test]
    fn the_first_silent_visits_are_recorded_and_then_one_in_a_while() {
        let mut book = Book::new();
        book.visits(HOME, VISITS_AT_ONCE);
        assert_eq!(book.take().len(), 2 * VISITS_AT_ONCE as usize);
        assert_eq!(book.visits.deadline(), None);
        book.visits(HOME, 1234);
        book.visits([10, 0, 0, 1], 1);
        assert_eq!(book.take().len(), 2, "another address is not affected");
        assert_eq!(book.visits.deadline(), Some(book.now + REPORT_AFTER));
        assert_eq!(book.report(), ["127.0.0.1 came and went 1234 times more, without a word"]);
        assert_eq!((book.visits.deadline(), book.report().len()), (None, 0), "each is counted once");
        book.now += VISIT_EVERY;
        book.visits(HOME, 2);
        assert_eq!(book.take().len(), 2);
        assert_eq!(book.report(), ["127.0.0.1 came and went once more, without a word"]);
    }

    #[test]
    fn whoever_speaks_is_recorded_with_arrival_and_departure() {
        let mut book = Book::new();
        book.visits(HOME, VISITS_AT_ONCE + 10);
        book.report();
        let ana = book.arrives(HOME);
        assert!(book.take().is_empty(), "it is held back");
        book.note(Event::Said { id: ana, nick: "guest", text: "hola" });
        book.note(Event::Said { id: ana, nick: "guest", text: "adiós" });
        book.leaves(ana);
        let lines = book.take();
        let number = ana.number();
        assert_eq!(lines[0], format!("#{number} guest arrived from 127.0.0.1:4000 (1 of 6 seats)"));
        assert_eq!(lines[1..3], [format!("#{number} <guest> hola"), format!("#{number} <guest> adiós")]);
        assert!(lines[3].contains("is gone") && lines.len() == 4, "{lines:?}");
        assert!(book.report().is_empty() && book.visits.silent.is_empty());
    }

    #[test]
    fn whoever_stays_is_recorded_within_a_minute() {
        let mut book = Book::new();
        book.visits(HOME, VISITS_AT_ONCE);
        book.take();
        let (ana, beto) = (book.arrives(HOME), book.arrives(HOME));
        assert!(book.take().is_empty() && book.visits.deadline() == Some(book.now + REPORT_AFTER));
        let lines = book.report();
        for (line, id) in lines.iter().zip([ana, beto]) {
            assert!(line.starts_with(&format!("#{} guest arrived", id.number())), "{line}");
        }
        book.leaves(ana);
        assert_eq!((lines.len(), book.take().len(), book.report().len()), (2, 1, 0), "each is recorded once");
    }

    #[test]
    fn visits_with_a_word_cost_nothing() {
        let mut book = Book::new();
        for _ in 0..10 * VISITS_AT_ONCE {
            let id = book.arrives(HOME);
            book.note(Event::Renamed { id, old: "guest", nick: "ana" });
            book.leaves(id);
            assert_eq!(book.take().len(), 3);
        }
    }

    #[test]
    fn whom_the_server_disconnects_is_recorded() {
        let mut book = Book::new();
        book.visits(HOME, VISITS_AT_ONCE);
        book.take();
        let id = book.arrives(HOME);
        book.note(Event::Left { id, nick: "guest", reason: Reason::TooSlow(1 << 20), seats_taken: 0, seats: 6 });
        let lines = book.take();
        assert!(lines.len() == 2 && lines[0].contains("arrived") && lines[1].contains("did not read"), "{lines:?}");
    }

    #[test]
    fn refusals_count_as_visits() {
        let mut book = Book::new();
        for _ in 0..VISITS_AT_ONCE + 5 {
            book.note(Event::Refused { peer: (HOME, 4000).into(), why: Refusal::Full });
        }
        assert_eq!(book.take().len(), VISITS_AT_ONCE as usize);
        assert_eq!(book.report(), ["127.0.0.1 came and went 5 times more, without a word"]);
    }

    #[test]
    fn only_so_many_addresses_are_told_apart_and_those_that_are_calm_make_room() {
        let mut book = Book::new();
        let addr = |n: u32| n.to_be_bytes();
        for n in 1..=2 * ADDRESSES_MAX as u32 {
            book.visits(addr(n), 1);
        }
        assert_eq!(book.visits.addresses.len(), ADDRESSES_MAX + 1);
        assert!(book.report().last().is_some_and(|line| line.starts_with("0.0.0.0 came and went ")));
        book.now += VISITS_AT_ONCE * VISIT_EVERY;
        book.visits(addr(u32::MAX), 1);
        assert_eq!(book.visits.addresses.len(), 1);
    }
}
