//! Conversations, each run with both ways to write.

use super::sim::{self, ROOMY, STYLES, Sim};
use crate::chat::limits::*;
use crate::chat::messages;
use crate::chat::{Hub, Id, Lang, Reason};
use std::cell::{Cell, Ref, RefCell, RefMut};
use std::rc::Rc;
use std::time::{Duration, Instant};

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);

/// A room with a driver.
pub(super) struct TestRoom(Rc<RefCell<Sim>>);

impl TestRoom {
    /// One room for each style of driver.
    pub(super) fn each(limits: Limits) -> [TestRoom; 2] {
        STYLES.map(|style| TestRoom(Rc::new(RefCell::new(Sim::new(style, limits.clone())))))
    }

    pub(super) fn each_by_default() -> [TestRoom; 2] {
        TestRoom::each(Limits::default())
    }

    pub(super) fn sim(&self) -> RefMut<'_, Sim> {
        self.0.borrow_mut()
    }

    /// A client enters and reads its greeting, after the lines of `earlier`.
    pub(super) fn greets(&self, earlier: &[u8]) -> Guest {
        let id = self.sim().come_in(ROOMY, earlier).expect("there is a seat");
        self.sim().turn();
        Guest { room: TestRoom(self.0.clone()), id, seen: Cell::new(0) }
    }

    /// A client comes, and the driver has not waited yet.
    pub(super) fn comes(&self, earlier: &[u8]) -> Id {
        let id = self.sim().come(ROOMY, earlier).expect("there is a place");
        self.sim().turn();
        id
    }

    /// A client sends this, greeted or not.
    pub(super) fn sends(&self, id: Id, text: &str) {
        self.sim().send(id, text.as_bytes());
        self.sim().turn();
    }

    /// All that a client has got.
    pub(super) fn got(&self, id: Id) -> String {
        String::from_utf8(self.sim().client(id).got.clone()).expect("text")
    }

    /// Clients enter, take these names, and read all that is said about it.
    pub(super) fn welcomes<const N: usize>(&self, names: [&str; N]) -> [Guest; N] {
        let guests = names.map(|name| {
            let guest = self.greets(b"");
            guest.says(&format!(":nick {name}"));
            guest
        });
        guests.iter().for_each(Guest::has_read);
        guests
    }

    pub(super) fn waits(&self, time: Duration) {
        self.sim().wait(time);
    }

    pub(super) fn queued(&self) -> usize {
        self.sim().hub.connections.queued
    }
}

/// A client in the room.
pub(super) struct Guest {
    room: TestRoom,
    pub id: Id,
    /// The number of bytes of its output that the test has looked at.
    pub seen: Cell<usize>,
}

impl Guest {
    pub(super) fn says(&self, line: &str) {
        self.sends(format!("{line}\n").as_bytes());
    }

    pub(super) fn sends(&self, bytes: &[u8]) {
        let mut sim = self.room.sim();
        sim.send(self.id, bytes);
        sim.turn();
    }

    /// Says more and more, until it has to wait.
    pub(super) fn floods(&self) {
        let mut said = 0;
        while !self.is_paused() {
            assert!(said < MEMORY_MAX, "nothing holds it back");
            self.sends(&long_lines(READ_MAX >> 10));
            said += READ_MAX;
        }
    }

    /// Says lines in one turn, for as long as a driver would read them. Returns the number of bytes.
    pub(super) fn says_a_turn_full(&self) -> usize {
        let mut sim = self.room.sim();
        while sim.hub.turn_has_room() {
            assert!(sim.hub.connections.log.len() < 2 * TURN_MAX, "the turn does not end");
            sim.send(self.id, &long_lines(1));
        }
        let said = sim.hub.connections.log.len();
        sim.turn();
        said
    }

    pub(super) fn ends_its_stream(&self) {
        let mut sim = self.room.sim();
        sim.end(self.id);
        sim.turn();
    }

    pub(super) fn hangs_up(&self) {
        let mut sim = self.room.sim();
        sim.lose(self.id);
        sim.turn();
    }

    pub(super) fn stops_reading(&self) {
        self.room.sim().client(self.id).room = 0;
    }

    pub(super) fn reads(&self, bytes: usize) {
        let mut sim = self.room.sim();
        sim.take(self.id, bytes);
        sim.turn();
    }

    pub(super) fn sees(&self, line: &str) {
        let client = self.client();
        let rest = &client.got[self.seen.get()..];
        let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        self.seen.set(self.seen.get() + len);
        assert_eq!(String::from_utf8_lossy(&rest[..len]), format!("{line}\n"), "{}", self.id);
    }

    /// Skips its output up to and including this line.
    pub(super) fn comes_to(&self, line: &str) {
        let client = self.client();
        let line = format!("\n{line}\n");
        // Starts at the LF before, which belongs to a line that was looked at already.
        let from = self.seen.get() - 1;
        let at = memchr::memmem::find(&client.got[from..], line.as_bytes());
        self.seen.set(from + at.unwrap_or_else(|| panic!("{} never sees {line:?}", self.id)) + line.len());
    }

    pub(super) fn sees_nothing(&self) {
        let client = self.client();
        assert_eq!(String::from_utf8_lossy(&client.got[self.seen.get()..]), "", "{}", self.id);
    }

    pub(super) fn has_read(&self) {
        self.seen.set(self.client().got.len());
    }

    pub(super) fn is_paused(&self) -> bool {
        self.room.sim().hub.connections.paused.contains(self.id)
    }

    /// Whether a line would be held back.
    pub(super) fn must_wait(&self) -> bool {
        self.room.sim().hub.connections.must_wait(self.id)
    }

    pub(super) fn is_here(&self) -> bool {
        self.room.sim().hub.is_seated(self.id)
    }

    pub(super) fn left_because(&self) -> Option<Reason> {
        self.client().left.map(|(_, reason)| reason)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client().closed.is_some()
    }

    pub(super) fn times_resumed(&self) -> usize {
        self.client().resumed
    }

    /// The number of bytes in its outbox.
    pub(super) fn waiting(&self) -> usize {
        self.room.sim().hub.connections.table.get(self.id).map_or(0, |connection| connection.outbox.len())
    }

    pub(super) fn client(&self) -> Ref<'_, sim::SimClient> {
        Ref::map(self.room.0.borrow(), |sim| &sim.clients[&self.id])
    }
}

/// This many kibibytes, in lines of one kibibyte.
pub(super) fn long_lines(kib: usize) -> Vec<u8> {
    [&[b'x'; 1023][..], b"\n"].concat().repeat(kib)
}

// Talk.

#[test]
fn who_comes_is_greeted_and_announced() {
    for room in TestRoom::each_by_default() {
        let ana = room.greets(b"");
        ana.sees("-- welcome to tertulia: you are guest1 (#1)");
        ana.sees("-- nobody else is here yet");
        ana.sees("-- :nick NAME takes a name, :help tells the rest, :q leaves");
        ana.says(":nick ana");
        ana.sees("-- you are now ana");

        let beto = room.greets(b"<eva> I was here before\n");
        ana.sees("-- guest2 (#2) is here");
        beto.sees("-- welcome to tertulia: you are guest2 (#2)");
        beto.sees("-- here: ana (#1)");
        beto.sees("-- :nick NAME takes a name, :help tells the rest, :q leaves");
        beto.sees("<eva> I was here before");
        beto.sees_nothing();
    }
}

#[test]
fn all_but_the_speaker_see_a_line() {
    for room in TestRoom::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        ana.says("hola");
        beto.says("¿qué tal?");
        carla.says(":me waves");
        ana.says("::q");
        for guest in [&ana, &beto, &carla] {
            for (speaker, line) in
                [(&ana, "<ana> hola"), (&beto, "<beto> ¿qué tal?"), (&carla, "* carla waves"), (&ana, "<ana> :q")]
            {
                if guest.id != speaker.id {
                    guest.sees(line);
                }
            }
            guest.sees_nothing();
        }
    }
}

#[test]
fn lines_of_several_in_one_turn_keep_their_order() {
    let room = &TestRoom::each_by_default()[0];
    let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
    for (guest, line) in [(&ana, "1\n"), (&beto, "2\n"), (&ana, "3\n"), (&ana, ":msg beto 4\n"), (&carla, "5\n")] {
        room.sim().send(guest.id, line.as_bytes());
    }
    room.sim().turn();
    for line in ["<ana> 1", "<ana> 3", "[ana -> you] 4", "<carla> 5"] {
        beto.sees(line);
    }
    for line in ["<beto> 2", "<carla> 5"] {
        ana.sees(line);
    }
}

#[test]
fn a_private_line_is_for_one() {
    for room in TestRoom::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        ana.says(":msg BETO psst");
        beto.sees("[ana -> you] psst");
        ana.says(":msg eva psst");
        ana.sees("-- nobody here is called eva; :who lists the names");
        [ana, beto, carla].iter().for_each(Guest::sees_nothing);
        assert_eq!(room.sim().told.last().map(String::as_str), Some("#1 ana to beto, in private"));
    }
}

#[test]
fn two_cannot_look_the_same() {
    for room in TestRoom::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.says(":nick ANA");
        beto.sees("-- ANA is taken, or looks like a name that is; take another one");
        ana.says(":nick Ana");
        ana.sees("-- you are now Ana");
        beto.sees("-- ana is now Ana (#1)");
        ana.says(":q");
        beto.sees("-- Ana (#1) is gone: left");
        beto.says(":nick ana");
        beto.sees("-- you are now ana");
    }
}

#[test]
fn what_comes_after_q_is_not_said() {
    for room in TestRoom::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        ana.sends(b"a\n:q\nb\n");
        beto.sees("<ana> a");
        beto.sees("-- ana (#1) is gone: left");
        ana.sees("-- goodbye");
        assert!(ana.is_closed());
        ana.sends(b"c\n");
        beto.sees_nothing();
    }
}

#[test]
fn who_ends_its_stream_has_said_its_last_line_and_gets_what_is_owed() {
    for room in TestRoom::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        ana.stops_reading();
        beto.says("hola");
        ana.sends(b"adi\xc3");
        ana.sends(b"\xb3s");
        ana.ends_its_stream();
        beto.sees("<ana> adiós");
        beto.sees("-- ana (#1) is gone: hung up");
        beto.says("anybody?");
        ana.reads(ROOMY);
        ana.sees("<beto> hola");
        ana.sees("-- goodbye");
        ana.sees_nothing();
        assert!(ana.is_closed());
    }
}

#[test]
fn a_stale_id_finds_nobody() {
    for room in TestRoom::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        let mut sim = room.sim();
        sim.lose(ana.id);
        let carla = sim.come_in(ROOMY, b"").expect("there is a seat");
        assert_eq!(carla.key(), ana.id.key());
        sim.hub.permit(ana.id).expect("who is gone waits for nobody").receive(b"a ghost\n");
        sim.hub.receive_end(ana.id);
        sim.hub.writable(ana.id);
        assert!(!sim.hub.wrote(ana.id, 0));
        sim.hub.carried(ana.id, 0);
        sim.hub.disconnect(ana.id, Reason::Lost);
        sim.turn();
        assert!(sim.hub.is_seated(carla) && !sim.hub.knows(ana.id));
        drop(sim);
        beto.sees("-- ana (#1) is gone: connection lost");
        beto.sees("-- guest3 (#3) is here");
        beto.sees_nothing();
    }
}

#[test]
fn without_framing_a_read_is_a_message() {
    for room in TestRoom::each(Limits { framing: Framing::Raw, ..Limits::default() }) {
        let (ana, beto) = (room.greets(b""), room.greets(b""));
        [&ana, &beto].into_iter().for_each(Guest::has_read);
        ana.sends(b"hel");
        ana.sends(b"lo\nand more\n");
        ana.sends(b":q and more");
        ana.sends(b":q");
        beto.sees("<guest1> hel");
        beto.sees("<guest1> lo and more");
        beto.sees("-- guest1 (#1) is gone: left");
    }
}

#[test]
fn a_room_speaks_the_language_it_was_given() {
    let mut hub = Hub::new(Limits::default(), Lang::Es, Instant::now());
    let ana = hub.connect(0, sim::peer()).expect("there is a seat");
    hub.welcome_newcomers();
    let greeting = String::from_utf8_lossy(&hub.gather(ana)[0]).into_owned();
    assert!(greeting.starts_with("-- te damos la bienvenida"), "{greeting}");
    // A driver asks for the language when it turns a client away itself.
    assert_eq!(messages::no_thread(hub.lang()), "-- desconexión: no hay hilo para este cliente\n".as_bytes());
}

#[test]
fn a_big_room_does_not_tell_who_comes_and_goes() {
    for room in TestRoom::each(Limits { clients_max: 1000, ..Limits::default() }) {
        let first = room.greets(b"");
        for _ in 2..ANNOUNCE_MAX {
            room.sim().come_in(ROOMY, b"");
        }
        let last_announced = room.greets(b"");
        first.has_read();
        last_announced.has_read();
        let late = room.greets(b"");
        let later = room.greets(b"");
        late.has_read();
        late.says(":who");
        let who = String::from_utf8_lossy(&late.client().got[late.seen.get()..]).into_owned();
        assert!(
            who.starts_with("-- 258 here: guest1 (#1), ") && who.ends_with("guest50 (#50) and 208 more\n"),
            "{who}"
        );
        last_announced.says(":q");
        late.says(":q");
        first.sees_nothing();
        later.says(":q");
        first.sees("-- guest258 (#258) is gone: left");
        first.sees_nothing();
    }
}

// The end.

#[test]
fn when_the_room_closes_all_are_told_and_nobody_can_hold_it_up() {
    for room in TestRoom::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.says("hola");
        room.sim().close_room();
        room.sim().turn();
        ana.sees("-- the server closes; goodbye");
        assert!(ana.is_closed() && !beto.is_closed());
        room.waits(GOODBYE_PATIENCE - MS);
        assert!(!room.sim().hub.is_deserted());
        room.waits(MS);
        assert!(room.sim().hub.is_deserted() && beto.is_closed());
    }
}

#[test]
fn a_goodbye_may_be_read_slowly_but_not_forever() {
    for room in TestRoom::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.says(&"x".repeat(1000));
        beto.says(":q");
        for _ in 0..GOODBYE_MAX.as_secs() - 1 {
            room.waits(SECOND);
            beto.reads(1);
            assert!(!beto.is_closed());
        }
        room.waits(SECOND);
        assert!(beto.is_closed());
        assert_eq!(beto.left_because(), Some(Reason::Quit));
    }
}

#[test]
fn idle_members_cost_no_buffers() {
    for room in TestRoom::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        let buffers = |guest: &Guest| {
            let sim = room.sim();
            let connection = sim.hub.connections.table.get(guest.id).expect("it is here");
            connection.decoder.capacity() + connection.outbox.capacity()
        };
        beto.stops_reading();
        ana.sends(b"one\ntwo\nhalf a li");
        ana.sends(b"ne\nand half an");
        assert!(buffers(&ana) > 0 && buffers(&beto) > 0);
        ana.sends(b"other\n");
        beto.reads(ROOMY);
        assert_eq!((buffers(&ana), buffers(&beto)), (0, 0));
    }
}

#[test]
fn what_happens_is_counted() {
    let mut hub = Hub::new(Limits { clients_max: 2, ..Limits::default() }, Lang::En, Instant::now());
    let [ana, beto] = [0, 1].map(|key| hub.connect(key, sim::peer()).expect("there is a seat"));
    assert_eq!(hub.connect(2, sim::peer()), None);
    let _ = hub.refuse(sim::peer());
    for (id, text) in [(ana, "hola\n:me waves\n"), (beto, ":msg ana hi\n:msg guest1 hi\nbuenas\n:q\n")] {
        hub.permit(id).expect("nobody waits").receive(text.as_bytes());
    }
    let counters = hub.counters();
    assert_eq!((counters.lines, counters.deliveries), (4, 4), "nobody is called ana");
    let some = |counts: Vec<_>| counts.into_iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>();
    assert_eq!(some(counters.refused().collect()), [("full", 1)]);
    assert_eq!(some(counters.left().collect()), [("quit", 1)]);
    let gauges = hub.gauges();
    assert_eq!((gauges.members, gauges.seats, gauges.paused), (1, 2, 0));
    assert_eq!(gauges.pending, hub.pending().map(|(_, bytes)| bytes).sum::<usize>());
}
