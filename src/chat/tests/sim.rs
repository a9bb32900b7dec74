//! Both styles of driver in memory, for the tests: with sockets that take as many bytes as the test says, and a clock
//! that it moves.
//!
//! The checks here run after every turn of every test.

use crate::chat::Peer;
use crate::chat::limits::*;
use crate::chat::messages::Said;
use crate::chat::{Effect, Event, Hub, Id, Lang, Limits, Reason, Refusal, Secret, Transcript, nick};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A socket buffer that is larger than all that a test writes.
pub(super) const ROOMY: usize = usize::MAX / 2;

/// The address of all clients that do not come from anywhere else.
pub(super) fn peer() -> Peer {
    peer_from(1)
}

/// An address of a host with this number.
pub(super) fn peer_from(host: u8) -> Peer {
    Peer::from(([127, 0, 0, host], 4000))
}

/// How a driver carries out a flush.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Style {
    /// Changes come first, then effects, written straight from the turn's log; then the turn ends.
    EventLoop,
    /// Every change is a turn of its own. Pending bytes are carried off, and a writer accounts for them later.
    Threaded,
}

pub(super) const STYLES: [Style; 2] = [Style::EventLoop, Style::Threaded];

/// The calls to the hub and its evictions, in order: all that the model has to know.
#[derive(Clone, Debug)]
pub(super) enum Happened {
    Ticked(Instant),
    /// All newcomers were greeted and announced.
    #[cfg(test)]
    Welcomed,
    Came(Id, Peer, Vec<u8>),
    Refused(Peer),
    Sent(Id, Vec<u8>),
    /// This was typed at the server's own terminal.
    Operated(String),
    Ended(Id),
    Lost(Id),
    ThrownOut(Id, Reason),
    Closing,
}

/// A client and its socket.
pub(super) struct SimClient {
    /// The number of bytes that its socket takes before the client reads again.
    pub room: usize,
    /// A write to it was short.
    pub was_full: bool,
    /// All bytes that its socket has taken.
    pub got: Vec<u8>,
    /// When `got` last grew.
    pub got_at: Instant,
    /// What it sent and the server has not read. As with sockets, an empty read is the end of the stream.
    sent: VecDeque<Vec<u8>>,
    /// What the server has read, and the hub has held back so far.
    held_back: Vec<u8>,
    /// What a writer has carried off. Only in the threaded style.
    flight: Vec<u8>,
    pub left: Option<(Instant, Reason)>,
    /// Its connection failed, perhaps while it was leaving.
    pub lost: bool,
    /// Since when its connection is closed, by either side.
    pub closed: Option<Instant>,
    pub resumed: usize,
    /// The output that it has caused, each line counted once. Bytes.
    caused: usize,
    /// It may have taken over a debt from one that left.
    may_have_debt: bool,
}

impl SimClient {
    /// It was closed because it did not read its goodbye, and the time for that was over.
    pub(super) fn was_given_up(&self) -> bool {
        let (Some((left, _)), Some(closed)) = (self.left, self.closed) else { return false };
        closed >= left + GOODBYE_MAX || closed >= self.got_at.max(left) + GOODBYE_PATIENCE
    }
}

/// The hub, a driver and clients.
pub(super) struct Sim {
    pub hub: Hub,
    pub style: Style,
    pub start: Instant,
    pub now: Instant,
    pub clients: BTreeMap<Id, SimClient>,
    pub history: Vec<Happened>,
    /// The transcript, as the console shows it, and what the console is answered.
    pub told: Vec<String>,
    /// Who says this to `:op` is in charge.
    pub operator: Option<&'static str>,
    /// The earlier messages that the next client gets.
    replay: Arc<Mutex<Vec<u8>>>,
    /// Writers move only by [`Sim::write`], and not in every turn.
    pub lazy_writers: bool,
    pub is_told_to_stop: bool,
    /// Clients that have to be read from, because they were resumed or sent more than one read.
    ready: Vec<Id>,
}

impl Sim {
    pub(super) fn new(style: Style, limits: Limits) -> Sim {
        let now = Instant::now();
        let replay: Arc<Mutex<Vec<u8>>> = Arc::default();
        let earlier = replay.clone();
        let hub = Hub::new(limits, Lang::En, now).record();
        Sim {
            hub: hub.replay(Box::new(move |_| earlier.lock().expect("nobody panics here").clone())),
            replay,
            style,
            start: now,
            now,
            clients: BTreeMap::new(),
            history: Vec::new(),
            told: Vec::new(),
            operator: None,
            lazy_writers: false,
            is_told_to_stop: false,
            ready: Vec::new(),
        }
    }

    /// Members that know the password are in charge.
    pub(super) fn with_operator(self, password: &'static str) -> Sim {
        let secret = Secret::new(password).expect("it can be typed");
        Sim { hub: self.hub.with_operator(secret), operator: Some(password), ..self }
    }

    // What clients do. In the event-loop style their actions are collected until the turn.

    /// A client comes whose socket takes `room` bytes before it reads. `None` when there is no seat.
    pub(super) fn come(&mut self, room: usize, replay: &[u8]) -> Option<Id> {
        self.come_from(peer(), room, replay)
    }

    /// The same from this address, which may be banned.
    pub(super) fn come_from(&mut self, peer: Peer, room: usize, replay: &[u8]) -> Option<Id> {
        let id = self.hub.has_seat().then(|| self.connect_from(peer, room, replay)).flatten();
        if id.is_none() {
            self.history.push(Happened::Refused(peer));
            let _ = self.hub.refuse(peer);
            self.changed();
        }
        id
    }

    /// A client connects, and is let in or at least to the door.
    #[cfg(test)]
    pub(super) fn connect(&mut self, room: usize, replay: &[u8]) -> Id {
        self.connect_from(peer(), room, replay).expect("there is a seat")
    }

    fn connect_from(&mut self, peer: Peer, room: usize, replay: &[u8]) -> Option<Id> {
        let key = (0..).find(|key| self.open().all(|id| id.key() != *key)).expect("keys are many");
        *self.replay.lock().expect("nobody panics here") = replay.to_vec();
        let may_have_debt = !self.hub.connections.debts.is_empty();
        let id = self.hub.connect(key, peer)?;
        assert!(self.clients.keys().all(|earlier| earlier.serial() < id.serial()), "{id} came back");
        self.history.push(Happened::Came(id, peer, replay.to_vec()));
        let client = SimClient {
            room,
            was_full: false,
            got: Vec::new(),
            got_at: self.now,
            sent: VecDeque::new(),
            held_back: Vec::new(),
            flight: Vec::new(),
            left: None,
            lost: false,
            closed: None,
            resumed: 0,
            caused: 0,
            may_have_debt,
        };
        self.clients.insert(id, client);
        self.changed();
        Some(id)
    }

    /// The same, and the client is greeted and announced at once.
    #[cfg(test)]
    pub(super) fn come_in(&mut self, room: usize, replay: &[u8]) -> Option<Id> {
        let id = self.come(room, replay);
        self.history.push(Happened::Welcomed);
        self.hub.welcome_newcomers();
        self.changed();
        id
    }

    pub(super) fn send(&mut self, id: Id, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.client(id).sent.push_back(bytes.to_vec());
            self.read_from(id);
        }
    }

    /// The client ends its stream, and may go on reading.
    pub(super) fn end(&mut self, id: Id) {
        self.client(id).sent.push_back(Vec::new());
        self.read_from(id);
    }

    /// The client's connection fails.
    pub(super) fn lose(&mut self, id: Id) {
        if self.client(id).closed.is_none() {
            self.history.push(Happened::Lost(id));
            self.client(id).lost = true;
            self.hang_up(id);
            self.hub.disconnect(id, Reason::Lost);
            self.changed();
        }
    }

    /// The client reads, so that its socket takes this many more bytes.
    pub(super) fn take(&mut self, id: Id, bytes: usize) {
        let client = self.client(id);
        client.room = (client.room + bytes).min(ROOMY);
        self.hub.writable(id);
        if !self.lazy_writers {
            self.changed();
        }
    }

    /// A writer writes at most this many bytes, and accounts for them.
    pub(super) fn write(&mut self, id: Id, at_most: usize) {
        let now = self.now;
        let client = self.client(id);
        if client.flight.is_empty() {
            return;
        }
        let taken = client.room.min(at_most).min(client.flight.len());
        client.was_full |= client.room < client.flight.len();
        client.room -= taken;
        client.got.extend(client.flight.drain(..taken));
        if taken > 0 {
            client.got_at = now;
        }
        let landed = client.flight.is_empty();
        self.hub.carried(id, taken);
        if landed {
            self.carry_off(id);
        }
        self.changed();
    }

    /// Somebody types a line at the server's own terminal.
    pub(super) fn operate(&mut self, line: &str) {
        self.history.push(Happened::Operated(line.into()));
        let answer = self.hub.operate(line);
        self.listen();
        self.told.push(answer);
        self.changed();
    }

    pub(super) fn close_room(&mut self) {
        self.history.push(Happened::Closing);
        self.hub.close_room();
        self.changed();
    }

    // What a driver does.

    /// Time passes, and the driver wakes up at each deadline of the hub.
    pub(super) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        self.turn();
        while let Some(at) = self.hub.next_deadline().filter(|at| *at < until) {
            self.tick(at);
        }
        self.tick(until);
    }

    /// It is `now`, and the driver has not run since the last call.
    pub(super) fn tick(&mut self, now: Instant) {
        self.now = now;
        self.history.push(Happened::Ticked(now));
        self.hub.tick(now);
        self.turn();
    }

    /// Polls the hub, until there is nothing more to do.
    pub(super) fn turn(&mut self) {
        loop {
            match self.style {
                Style::EventLoop => {
                    self.end_turn();
                }
                Style::Threaded => {
                    self.end_turn();
                    let writers = if self.lazy_writers { Vec::new() } else { self.writers() };
                    for id in writers {
                        self.write(id, ROOMY);
                    }
                }
            }
            for id in std::mem::take(&mut self.ready) {
                self.read_from(id);
            }
            let is_stuck = |id: &Id| self.clients[id].room == 0 || self.lazy_writers;
            if !self.is_due() && self.ready.is_empty() && self.writers().iter().all(is_stuck) {
                break;
            }
        }
        self.listen();
        self.hub.assert_consistent();
        self.assert_drained();
    }

    /// Reads one piece of what a client sent, or the most that is read at a time, if the client has a permit. A client
    /// that has sent more stays ready.
    fn read_from(&mut self, id: Id) {
        let client = self.clients.get_mut(&id).expect("every id was given to a client");
        if client.closed.is_some() {
            return;
        }
        let before = self.hub.connections.caused();
        // What was held back is handled now, and what is read is not joined to it.
        let _ = self.hub.permit(id);
        self.note_handled(id);
        let client = self.clients.get_mut(&id).expect("every id was given to a client");
        if let Some(permit) = self.hub.permit(id)
            && let Some(mut bytes) = client.sent.pop_front()
        {
            if bytes.len() > permit.read_max() {
                client.sent.push_front(bytes.split_off(permit.read_max()));
            }
            if bytes.is_empty() {
                self.hub.receive_end(id);
                self.history.push(Happened::Ended(id));
            } else {
                permit.receive(&bytes);
                client.held_back.extend(bytes);
            }
            if !client.sent.is_empty() {
                self.ready.push(id);
            }
        }
        self.client(id).caused += (self.hub.connections.caused() - before) as usize;
        self.note_handled(id);
        self.changed();
    }

    /// Notes what the hub has handled of a client's input: all but what it holds back.
    fn note_handled(&mut self, id: Id) {
        if self.hub.limits().tls.is_some() {
            return; // What is held back is not what was sent.
        }
        let left = self.hub.connections.table.get(id).map_or(0, |connection| connection.held_back.len());
        let client = self.client(id);
        let rest = client.held_back.split_off(client.held_back.len() - left);
        let handled = std::mem::replace(&mut client.held_back, rest);
        if !handled.is_empty() {
            self.history.push(Happened::Sent(id, handled));
        }
    }

    fn changed(&mut self) {
        self.listen();
        self.hub.assert_consistent();
        if self.style == Style::Threaded {
            self.end_turn();
        }
    }

    /// Steps 3 and 4 of a turn.
    fn end_turn(&mut self) {
        self.drain();
        self.assert_flushed();
        self.hub.end_turn();
    }

    /// Whether the hub's deadline has come.
    fn is_due(&self) -> bool {
        self.hub.next_deadline().is_some_and(|at| at <= self.now)
    }

    fn drain(&mut self) {
        loop {
            let is_due = self.is_due();
            let Some(effect) = self.hub.poll_effect() else { break };
            assert!(is_due, "a driver that asked before it slept has missed {effect:?}");
            if let Effect::Flush(id) = effect {
                self.assert_worth_a_write(id);
            }
            match effect {
                Effect::Dial(addr) => panic!("the room is on one server, and {addr} is to be dialled"),
                Effect::Flush(id) if self.style == Style::EventLoop => self.flush(id),
                Effect::Flush(id) => self.carry_off(id),
                Effect::Close(id, reason) => {
                    let now = self.now;
                    if matches!(reason, Reason::Refused(_)) {
                        self.client(id).left.get_or_insert((now, reason));
                    }
                    self.listen();
                    assert!(!self.hub.knows(id), "{id} is closed and still known");
                    // Nothing is told of those that leave at the door by themselves.
                    let left = self.client(id).left.map_or(reason, |(_, told)| told);
                    let limits = self.hub.limits();
                    let has_door = limits.password.is_some() || limits.tls.is_some();
                    assert_eq!((left, has_door || self.client(id).left.is_some()), (reason, true));
                    self.hang_up(id);
                }
                Effect::Stop => self.is_told_to_stop = true,
                Effect::Resume(id) => {
                    self.client(id).resumed += 1;
                    self.ready.push(id);
                }
            }
        }
        self.listen();
    }

    fn flush(&mut self, id: Id) {
        let now = self.now;
        let client = self.clients.get_mut(&id).expect("a flush is for somebody");
        assert!(client.closed.is_none(), "{id} is flushed and closed");
        let mut taken = 0;
        for slice in self.hub.gather(id) {
            let part = &slice[..slice.len().min(client.room)];
            client.was_full |= part.len() < slice.len();
            client.got.extend_from_slice(part);
            client.room -= part.len();
            taken += part.len();
        }
        if taken > 0 {
            client.got_at = now;
        }
        let _ = self.hub.wrote(id, taken);
    }

    fn carry_off(&mut self, id: Id) {
        if let Some(bytes) = self.hub.carry_off(id) {
            let client = self.client(id);
            assert!(client.flight.is_empty(), "two writers for {id}");
            assert!(client.closed.is_none(), "{id} is written to and closed");
            client.flight = bytes.to_vec();
        }
    }

    fn hang_up(&mut self, id: Id) {
        let now = self.now;
        let client = self.client(id);
        client.closed = Some(now);
        client.flight = Vec::new();
    }

    /// Reads the transcript.
    fn listen(&mut self) {
        let mut transcript = Transcript::default();
        self.hub.take_transcript(&mut transcript);
        for event in transcript.iter() {
            self.told.push(Said(Lang::En, &event).to_string());
            if let Event::Refused { why, .. } = event {
                let leaving = self.hub.connections.table.iter().filter(|(_, connection)| !connection.is_open());
                let turned_away = leaving.map(|(id, _)| id).find(|id| self.clients[id].left.is_none());
                let reason = match why {
                    Refusal::Foreign(protocol) => Reason::Foreign(protocol),
                    why => Reason::Refused(why),
                };
                match turned_away.and_then(|id| self.clients.get_mut(&id)) {
                    Some(client) => client.left = Some((self.now, reason)),
                    None => assert!(!matches!(why, Refusal::Foreign(_)), "it was not let in"),
                }
            }
            if let Event::Left { id, reason, .. } = event {
                let before = self.clients.get_mut(&id).expect("it came").left.replace((self.now, reason));
                assert_eq!(before, None, "{id} left twice");
                if matches!(reason, Reason::TooSlow(_) | Reason::MemoryFull(_)) {
                    self.history.push(Happened::ThrownOut(id, reason));
                }
            }
        }
    }

    // Queries.

    /// Whether no client was evicted or had to wait.
    pub(super) fn is_at_ease(&self) -> bool {
        let thrown_out = self.history.iter().any(|happened| matches!(happened, Happened::ThrownOut(..)));
        !thrown_out && self.clients.values().all(|client| client.resumed == 0)
    }

    pub(super) fn client(&mut self, id: Id) -> &mut SimClient {
        self.clients.get_mut(&id).expect("every id was given to a client")
    }

    /// The clients with an open connection, in order of arrival.
    pub(super) fn open(&self) -> impl Iterator<Item = Id> {
        self.clients.iter().filter(|(_, client)| client.closed.is_none()).map(|(id, _)| *id)
    }

    /// The clients that a writer is writing to.
    fn writers(&self) -> Vec<Id> {
        self.open().filter(|id| !self.clients[id].flight.is_empty()).collect()
    }

    /// A write costs a system call. Checks that the write has something to write, and is not known to be short.
    fn assert_worth_a_write(&self, id: Id) {
        assert!(self.hub.gather(id).iter().any(|slice| !slice.is_empty()), "{id} is flushed for nothing");
        let connection = self.hub.connections.table.get(id).expect("a flush is for somebody");
        assert!(connection.outbox.may_be_written(), "{id} is flushed, and takes nothing");
    }

    /// Checks that no client has pending bytes that its socket may take.
    fn assert_flushed(&self) {
        let connections = &self.hub.connections;
        for (id, connection) in connections.table.iter() {
            let unread = connections.log.unread_len(&connection.place);
            let is_due = !connection.outbox.waiting().is_empty() || unread > 0;
            assert!(!is_due || !connection.outbox.may_be_written(), "{id} is not flushed");
        }
    }

    // Checks between two turns.

    /// Checks the names, that nothing waits without a reason, and that the next deadline is in the future. So a driver
    /// that sleeps until the deadline neither spins nor oversleeps.
    fn assert_drained(&self) {
        let (connections, room) = (&self.hub.connections, &self.hub.room);
        assert!(connections.log.is_empty());
        for (id, client) in &self.clients {
            assert_eq!(self.hub.knows(*id), client.closed.is_none(), "{id}");
        }
        for (id, connection) in connections.table.iter() {
            let name = room.nick(id);
            let has_entered = connection.is_open() && !self.hub.is_outside(id);
            assert_eq!(name.is_some(), has_entered, "{id} wears {name:?}");
            if let Some(name) = name {
                let wearers = nick::skeletons(name).map(|skeleton| room.wearers.get(&skeleton));
                assert_eq!(wearers, [Some(id.key()); 2], "{id} wears {name}");
            }
            let may_be_written = connection.outbox.may_be_written();
            assert!(connection.outbox.is_empty() || !may_be_written, "{id} is forgotten");
        }
        // In a larger room allowances are smaller.
        if connections.count() <= 6 && connections.memory() <= ALLOWANCE_MEMORY_MAX {
            for (id, client) in self.clients.iter().filter(|(_, client)| !client.may_have_debt) {
                let has_allowance = client.caused < (ALLOWANCE - ALLOWANCE_LEAST) / 2;
                let may_wait = connections.has_rate() || !has_allowance || self.hub.is_outside(*id);
                assert!(may_wait || !connections.is_paused(*id), "{id} says little, and waits");
            }
        }
        if let Some(at) = self.hub.next_deadline() {
            assert!(at > self.now, "the deadline is {:?} ago", self.now - at);
        }
    }
}

impl Hub {
    /// Whether the hub knows a client, in the room or leaving.
    pub(super) fn knows(&self, id: Id) -> bool {
        self.connections.table.get(id).is_some()
    }

    /// Whether a client is at the door, or is not greeted yet.
    fn is_outside(&self, id: Id) -> bool {
        !self.connections.known(id).has_number() || self.newcomers.is_outside(id)
    }

    /// Checks that the stored numbers equal a recount.
    pub(super) fn assert_consistent(&self) {
        let connections = &self.connections;
        let all = || connections.table.iter();
        let count = all().filter(|(_, connection)| connection.is_open()).count();

        assert_eq!(connections.queued, all().map(|(_, connection)| connection.outbox.held()).sum::<usize>());
        assert_eq!(connections.lent, all().map(|(_, connection)| connection.outbox.lent()).sum::<usize>());
        // The output of a turn is not counted yet, and one member's last messages may not be.
        let most = MEMORY_MAX + connections.log.len() + (8 << 10);
        assert!(connections.memory() <= most, "{} bytes are taken", connections.memory());
        assert_eq!(connections.unhandled, all().map(|(_, connection)| connection.input_len()).sum::<usize>());
        assert!(all().all(|(id, connection)| !connections.is_paused(id) || !connection.held_back.is_empty()));

        assert_eq!(connections.count(), count);
        assert!(count - connections.callers() <= self.limits().clients_max);
        let outside = all().filter(|(id, connection)| connection.is_open() && self.is_outside(*id));
        let outside = outside.count();
        assert_eq!(self.room.unannounced, self.room.count_unannounced());
        assert_eq!(self.room.count(), count - outside, "two look the same");

        let ids =
            |which: &dyn Fn(Id) -> bool| -> BTreeSet<Id> { all().map(|(id, _)| id).filter(|id| which(*id)).collect() };
        let get = |id: Id| connections.table.get(id).expect("it is in the table");
        let blocking = |id: Id| get(id).is_open() && get(id).outbox.holds_others_back(connections.at);
        assert_eq!(connections.blockers.iter().collect::<BTreeSet<_>>(), ids(&blocking));
        for id in connections.paused.iter() {
            assert!(connections.must_wait(id), "{id} waits for nobody");
        }
        let has_timer = |id: Id| !get(id).is_open() || get(id).outbox.is_blocked();
        let without: Vec<Id> = ids(&has_timer).into_iter().filter(|id| !connections.timers.contains(*id)).collect();
        assert!(without.is_empty(), "{without:?} are blocked and have no deadline");
        for id in connections.timers.iter().chain(connections.dirty.iter()) {
            assert!(self.knows(id), "{id} is gone and still listed");
        }
        let allowances = connections.paused.iter().filter_map(|id| connections.resumed_by(id));
        let first = all().filter_map(|(_, connection)| connection.deadline()).chain(allowances).min();
        assert_eq!(connections.first_timer(), first, "nobody's patience ends unseen");
    }
}
