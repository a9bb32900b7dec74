//! Conversations, and what pressure does to them: every one with both styles of driver.

use super::sim::{self, ROOMY, STYLES, Sim};
use super::*;
use std::cell::{Cell, Ref, RefCell, RefMut};
use std::rc::Rc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A room with a driver.
struct Room(Rc<RefCell<Sim>>);

impl Room {
    /// One for each style of driver.
    fn each(limits: Limits) -> [Room; 2] {
        STYLES.map(|style| Room(Rc::new(RefCell::new(Sim::new(style, limits.clone())))))
    }

    fn each_by_default() -> [Room; 2] {
        Room::each(Limits::default())
    }

    fn sim(&self) -> RefMut<'_, Sim> {
        self.0.borrow_mut()
    }

    /// Somebody comes and reads what it is greeted with, after so many bytes of earlier lines.
    fn greets(&self, earlier: &[u8]) -> Guest {
        let id = self.sim().come(ROOMY, earlier).expect("there is a seat");
        self.sim().turn();
        Guest { room: Room(self.0.clone()), id, seen: Cell::new(0) }
    }

    /// People come, take their names and have read all that was said about it.
    fn welcomes<const N: usize>(&self, names: [&str; N]) -> [Guest; N] {
        let guests = names.map(|name| {
            let guest = self.greets(b"");
            guest.says(&format!(":nick {name}"));
            guest
        });
        guests.iter().for_each(Guest::has_read);
        guests
    }

    fn waits(&self, time: Duration) {
        self.sim().wait(time);
    }

    fn queued(&self) -> usize {
        self.sim().hub.queued
    }
}

/// Somebody in the room.
struct Guest {
    room: Room,
    id: Id,
    /// So many bytes of what it got has the test looked at.
    seen: Cell<usize>,
}

impl Guest {
    fn says(&self, line: &str) {
        self.sends(format!("{line}\n").as_bytes());
    }

    fn sends(&self, bytes: &[u8]) {
        let mut sim = self.room.sim();
        sim.send(self.id, bytes);
        sim.turn();
    }

    /// Says more and more, until it is held back.
    fn floods(&self) {
        let mut said = 0;
        while !self.is_paused() {
            assert!(said < OUTBOX_TOTAL_MAX, "nothing holds it back");
            self.sends(&long_lines(READ_MAX >> 10));
            said += READ_MAX;
        }
    }

    /// Says line upon line in one turn, for as long as a driver would read them. Returns how many bytes that makes.
    fn says_a_turn_full(&self) -> usize {
        let mut sim = self.room.sim();
        while sim.hub.turn_has_room() {
            assert!(sim.hub.said() < 2 * TURN_MAX, "the turn does not end");
            sim.send(self.id, &long_lines(1));
        }
        let said = sim.hub.said();
        sim.turn();
        said
    }

    fn ends_its_stream(&self) {
        let mut sim = self.room.sim();
        sim.end(self.id);
        sim.turn();
    }

    fn hangs_up(&self) {
        let mut sim = self.room.sim();
        sim.lose(self.id);
        sim.turn();
    }

    fn stops_reading(&self) {
        self.room.sim().client(self.id).room = 0;
    }

    fn reads(&self, bytes: usize) {
        let mut sim = self.room.sim();
        sim.take(self.id, bytes);
        sim.turn();
    }

    fn sees(&self, line: &str) {
        let client = self.client();
        let rest = &client.got[self.seen.get()..];
        let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        self.seen.set(self.seen.get() + len);
        assert_eq!(String::from_utf8_lossy(&rest[..len]), format!("{line}\n"), "{}", self.id);
    }

    /// Reads on until it has seen this line.
    fn comes_to(&self, line: &str) {
        let client = self.client();
        let line = format!("\n{line}\n");
        // From the LF before on, which belongs to a line that was looked at already.
        let from = self.seen.get() - 1;
        let at = memchr::memmem::find(&client.got[from..], line.as_bytes());
        self.seen.set(from + at.unwrap_or_else(|| panic!("{} never sees {line:?}", self.id)) + line.len());
    }

    fn sees_nothing(&self) {
        let client = self.client();
        assert_eq!(String::from_utf8_lossy(&client.got[self.seen.get()..]), "", "{}", self.id);
    }

    fn has_read(&self) {
        self.seen.set(self.client().got.len());
    }

    fn is_paused(&self) -> bool {
        self.room.sim().hub.get(self.id).is_some_and(|member| member.paused)
    }

    fn is_here(&self) -> bool {
        self.room.sim().hub.is_seated(self.id)
    }

    fn left_because(&self) -> Option<Reason> {
        self.client().left.map(|(_, reason)| reason)
    }

    fn is_closed(&self) -> bool {
        self.client().closed.is_some()
    }

    fn times_resumed(&self) -> usize {
        self.client().resumed
    }

    /// Bytes that wait for it.
    fn waiting(&self) -> usize {
        self.room.sim().hub.get(self.id).map_or(0, |member| member.outbox.len())
    }

    fn client(&self) -> Ref<'_, sim::Client> {
        Ref::map(self.room.0.borrow(), |sim| &sim.clients[&self.id])
    }
}

/// So many kibibytes in lines of one kibibyte.
fn long_lines(kib: usize) -> Vec<u8> {
    [&[b'x'; 1023][..], b"\n"].concat().repeat(kib)
}

// Talk.

#[test]
fn who_comes_is_greeted_and_announced() {
    for room in Room::each_by_default() {
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
    for room in Room::each_by_default() {
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
    let room = &Room::each_by_default()[0];
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
    for room in Room::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        ana.says(":msg BETO psst");
        beto.sees("[ana -> you] psst");
        ana.says(":msg eva psst");
        ana.sees("-- nobody here is called eva; :who lists the names");
        [ana, beto, carla].iter().for_each(Guest::sees_nothing);
        assert_eq!(room.sim().told.last().map(String::as_str), Some("#1 ana to BETO, in private"));
    }
}

#[test]
fn two_cannot_look_the_same() {
    for room in Room::each_by_default() {
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
    for room in Room::each_by_default() {
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
    for room in Room::each_by_default() {
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
    for room in Room::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        let mut sim = room.sim();
        sim.lose(ana.id);
        let carla = sim.come(ROOMY, b"").expect("there is a seat");
        assert_eq!(carla.key(), ana.id.key());
        sim.hub.receive(ana.id, b"a ghost\n");
        sim.hub.receive_end(ana.id);
        sim.hub.writable(ana.id);
        sim.hub.wrote(ana.id, 0);
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
    for room in Room::each(Limits { framing: Framing::Raw, ..Limits::default() }) {
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
    let ana = hub.connect(0, sim::peer(), b"");
    let greeting = String::from_utf8_lossy(&hub.gather(ana)[0]).into_owned();
    assert!(greeting.starts_with("-- te damos la bienvenida"), "{greeting}");
    // A driver asks for it when it has to turn somebody away itself.
    assert_eq!(words::no_thread(hub.lang()), "-- desconexión: no hay hilo para ello\n".as_bytes());
}

#[test]
fn a_big_room_does_not_tell_who_comes_and_goes() {
    for room in Room::each(Limits { clients_max: 1000, ..Limits::default() }) {
        let first = room.greets(b"");
        for _ in 2..ANNOUNCE_MAX {
            room.sim().come(ROOMY, b"");
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

// Pressure.

#[test]
fn for_a_stuck_reader_the_others_wait_a_moment_and_it_goes() {
    for room in Room::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        beto.stops_reading();
        ana.floods();
        assert!(ana.is_paused() && !carla.is_paused(), "who says nothing need not wait");
        carla.says("what?");
        assert!(carla.is_paused());
        ana.says("this is read later");
        ana.has_read();
        carla.has_read();

        room.waits(STALL_AFTER - MS);
        assert!(ana.is_paused() && carla.is_paused());
        room.waits(MS);
        assert!(!ana.is_paused() && !carla.is_paused(), "nobody waits for one who is stalled");
        carla.comes_to("<ana> this is read later");
        carla.says("so it goes");
        assert!(!carla.is_paused());
        ana.comes_to("<carla> so it goes");

        let waiting = beto.waiting();
        room.waits(PATIENCE_ABOVE - STALL_AFTER - MS);
        assert!(beto.is_here());
        room.waits(MS);
        assert_eq!(beto.left_because(), Some(Reason::TooSlow(waiting)));
        ana.sees(&format!("-- beto (#2) is gone: did not read, {} KiB waiting", waiting >> 10));
        assert!(!beto.is_closed(), "it may still read why");
        room.waits(GOODBYE_PATIENCE);
        assert!(beto.is_closed());
        assert_eq!((ana.times_resumed(), carla.times_resumed(), room.queued()), (1, 1, 0));
    }
}

#[test]
fn a_stuck_reader_goes_at_the_maximum() {
    for room in Room::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.floods();
        room.waits(STALL_AFTER);
        while beto.is_here() {
            assert!(beto.waiting() < OUTBOX_MAX);
            ana.sends(&long_lines(READ_MAX >> 10));
            if ana.is_paused() {
                room.waits(PROBE_EVERY);
            }
        }
        let Some(Reason::TooSlow(waiting)) = beto.left_because() else { panic!("{:?}", beto.left_because()) };
        assert!((OUTBOX_MAX..OUTBOX_MAX + 2 * READ_MAX).contains(&waiting), "{waiting}");
        let why = format!("did not read, {} KiB waiting", waiting >> 10);
        ana.comes_to(&format!("-- beto (#2) is gone: {why}"));
        beto.reads(ROOMY);
        let got = &beto.client().got;
        assert!(got.ends_with(format!("\n-- disconnected: {why}\n").as_bytes()));
    }
}

#[test]
fn over_one_who_is_stalled_a_flood_does_not_run_at_once() {
    for room in Room::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.floods();
        room.waits(STALL_AFTER);
        for probes in 0..10 {
            assert!(!ana.is_paused());
            ana.floods();
            let may_wait = 2 * OUTBOX_HIGH_WATER + probes * (STALLED_GROWTH / 50);
            assert!((may_wait..may_wait + 2 * READ_MAX).contains(&beto.waiting()), "{} wait", beto.waiting());
            room.waits(PROBE_EVERY);
        }
    }
}

#[test]
fn the_maximum_is_for_private_lines_too() {
    for room in Room::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.floods();
        room.waits(STALL_AFTER);
        for _ in 0..OUTBOX_MAX >> 16 {
            assert!(beto.waiting() < OUTBOX_MAX);
            ana.sends(&[b":msg beto ", &[b'x'; 1000][..], b"\n"].concat().repeat(65));
            if ana.is_paused() {
                room.waits(PROBE_EVERY);
            }
        }
        assert!(matches!(beto.left_because(), Some(Reason::TooSlow(_))), "{} wait", beto.waiting());
    }
}

#[test]
fn a_trickle_does_not_save() {
    for room in Room::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.floods();
        for _ in 0..39 {
            room.waits(50 * MS);
            beto.reads(1);
            assert!(ana.is_paused() && beto.is_here());
        }
        room.waits(50 * MS);
        assert!(matches!(beto.left_because(), Some(Reason::TooSlow(_))));
        assert!(!ana.is_paused());
    }
}

#[test]
fn a_slow_reader_stays_and_senders_are_paced() {
    for room in Room::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        beto.stops_reading();
        // Not a read at a time: all of it lies in the kernel, and is read when the room has room.
        for _ in 0..64 {
            room.sim().send(ana.id, &long_lines(64));
            room.sim().turn();
        }
        ana.says("done");
        let mut longest = 0;
        for _ in 0..120 {
            room.waits(20 * MS);
            beto.reads(40 << 10);
            longest = longest.max(beto.waiting());
        }
        assert!(ana.times_resumed() >= 5, "{}", ana.times_resumed());
        assert!(longest < 2 * OUTBOX_HIGH_WATER, "{longest}");
        beto.reads(ROOMY);
        assert!(beto.is_here());
        assert!(beto.client().got.ends_with(b"<ana> done\n"));
        assert_eq!(beto.client().got.len() - beto.seen.get(), carla.client().got.len() - carla.seen.get());
    }
}

#[test]
fn one_line_may_wait_for_half_a_minute() {
    for room in Room::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.says("hola");
        room.waits(PATIENCE_BELOW - MS);
        beto.reads(1);
        room.waits(PATIENCE_BELOW - MS);
        assert!(beto.is_here());
        room.waits(MS);
        assert_eq!(beto.left_because(), Some(Reason::TooSlow(10)));
        beto.reads(ROOMY);
        beto.sees("<ana> hola");
        beto.sees("-- disconnected: did not read, 10 bytes waiting");
        beto.sees_nothing();
        assert!(beto.is_closed());
    }
}

#[test]
fn what_is_owed_to_whom_is_known_before_it_is_written_and_until_it_is_taken() {
    for room in Room::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        let owed = || room.sim().hub.owed().collect::<Vec<_>>();
        beto.stops_reading();
        ana.says("hola");
        assert_eq!(owed(), [(beto.id, 11)]);
        beto.reads(5);
        assert_eq!(owed(), [(beto.id, 6)]);
        room.sim().send(ana.id, b"adios\n");
        assert_eq!(owed(), [(beto.id, 6 + 12), (carla.id, 12)]);
    }
}

#[test]
fn a_server_that_slept_blames_nobody() {
    for room in Room::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.says("hola");
        // The server is stopped for an hour, and beto reads meanwhile.
        let mut sim = room.sim();
        sim.client(beto.id).room = ROOMY;
        sim.now += 3600 * SECOND;
        let now = sim.now;
        sim.hub.tick(now);
        sim.send(ana.id, b":msg beto psst\n");
        sim.send(ana.id, b"adios\n");
        sim.turn();
        drop(sim);
        for line in ["<ana> hola", "[ana -> you] psst", "<ana> adios"] {
            beto.sees(line);
        }
        assert!(beto.is_here());
    }
}

#[test]
fn who_asks_for_more_than_it_reads_waits_for_itself() {
    for room in Room::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        ana.stops_reading();
        for _ in 0..6 {
            ana.sends(&b":help\n".repeat(READ_MAX / 6 / 4));
        }
        assert!(ana.is_paused() && ana.waiting() < 2 * OUTBOX_HIGH_WATER, "{} wait", ana.waiting());
    }
}

#[test]
fn who_asks_for_more_than_it_reads_goes_at_the_maximum() {
    for room in Room::each_by_default() {
        let [ana] = room.welcomes(["ana"]);
        ana.stops_reading();
        for _ in 0..40 {
            ana.sends(&b":help\n".repeat(READ_MAX / 6 / 4));
        }
        room.waits(PATIENCE_ABOVE - MS);
        let Some(Reason::TooSlow(waiting)) = ana.left_because() else { panic!("{} wait", ana.waiting()) };
        assert!((OUTBOX_MAX..OUTBOX_MAX + (1 << 10)).contains(&waiting), "{waiting}");
    }
}

#[test]
fn who_has_something_to_say_waits_for_a_slow_reader_until_it_is_below_the_low_mark() {
    for room in Room::each_by_default() {
        let [ana, beto, carla, dora] = room.welcomes(["ana", "beto", "carla", "dora"]);
        beto.stops_reading();
        ana.floods();
        carla.says(":msg beto are you there?");
        assert!(carla.is_paused() && !dora.is_paused());
        room.waits(STALL_AFTER / 2);
        beto.reads(beto.waiting() - OUTBOX_HIGH_WATER / 2);
        assert!(carla.is_paused(), "until it is below the low mark");
        beto.reads(1);
        assert!(!carla.is_paused() && !ana.is_paused());
    }
}

#[test]
fn who_waits_for_two_is_not_woken_for_the_first() {
    for room in Room::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        beto.stops_reading();
        carla.stops_reading();
        ana.floods();
        beto.hangs_up();
        assert_eq!((ana.is_paused(), ana.times_resumed()), (true, 0));
        carla.hangs_up();
        assert_eq!((ana.is_paused(), ana.times_resumed()), (false, 1));
    }
}

#[test]
fn who_is_waited_for_may_speak_itself() {
    for room in Room::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        beto.stops_reading();
        ana.floods();
        ana.has_read();
        for line in ["one moment", "I am still at the first page"] {
            beto.says(line);
            ana.sees(&format!("<beto> {line}"));
        }
        assert!(ana.is_paused() && !beto.is_paused());
    }
}

#[test]
fn who_leaves_while_it_is_held_back_is_let_go() {
    for room in Room::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        beto.stops_reading();
        ana.floods();
        carla.says("hm");
        assert!(ana.is_paused() && carla.is_paused());
        carla.has_read();
        ana.hangs_up();
        room.sim().hub.close_room();
        room.sim().turn();
        assert_eq!((ana.times_resumed(), carla.times_resumed()), (1, 1));
        carla.sees("-- ana (#1) is gone: connection lost");
    }
}

#[test]
fn when_the_one_that_is_waited_for_leaves_the_others_go_on() {
    for room in Room::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        beto.stops_reading();
        ana.floods();
        ana.says("last words");
        ana.ends_its_stream();
        assert!(ana.is_paused());
        carla.has_read();
        beto.says(":q");
        carla.sees("-- beto (#2) is gone: left");
        carla.comes_to("<ana> last words");
        carla.sees("-- ana (#1) is gone: hung up");
    }
}

#[test]
fn who_goes_for_being_slow_is_missed_by_all() {
    for room in Room::each_by_default() {
        let [ana, beto, carla] = room.welcomes(["ana", "beto", "carla"]);
        beto.stops_reading();
        ana.floods();
        room.waits(STALL_AFTER);
        for (most, piece) in [(READ_MAX + 4096, READ_MAX >> 10), (1000, 1)] {
            while beto.waiting() < OUTBOX_MAX - most {
                if ana.is_paused() {
                    room.waits(PROBE_EVERY);
                } else {
                    ana.sends(&long_lines(piece));
                }
            }
        }
        // Until so much is allowed, and ana may speak.
        room.waits(100 * MS);
        ana.has_read();
        carla.has_read();
        // The first line is too much for beto, and that is noticed before the third.
        ana.sends(&[&long_lines(1)[..], b":msg beto psst\ntwo\n"].concat());
        carla.sees(&format!("<ana> {}", "x".repeat(1023)));
        carla.sees("-- beto (#2) is gone: did not read, 8192 KiB waiting");
        carla.sees("<ana> two");
        ana.sees("-- beto (#2) is gone: did not read, 8192 KiB waiting");
    }
}

/// Seats enough for more than all outboxes may hold.
fn many_seats() -> Limits {
    Limits { clients_max: 100, ..Limits::default() }
}

#[test]
fn when_memory_is_short_the_longest_goes() {
    for room in Room::each(many_seats()) {
        let [ana] = room.welcomes(["ana"]);
        let stuck = |kib: usize| {
            let id = room.sim().come(0, &long_lines(kib)).expect("there is a seat");
            room.sim().turn();
            id
        };
        let longest = stuck(1000);
        let others: Vec<Id> = (0..71).map(|_| stuck(900)).collect();
        assert!(room.sim().hub.is_seated(longest));
        stuck(900);
        let Some((_, Reason::MemoryFull(waiting))) = room.sim().client(longest).left else { panic!("it stayed") };
        assert!(waiting >= 1000 << 10);
        assert!(ana.is_here() && others.iter().all(|id| room.sim().hub.is_seated(*id)));
        assert!(room.queued() <= OUTBOX_TOTAL_MAX);
    }
}

#[test]
fn answers_count_when_memory_is_short() {
    for room in Room::each(many_seats()) {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        for _ in 0..70 {
            room.sim().come(0, &long_lines(900));
        }
        room.sim().turn();
        ana.stops_reading();
        ana.sends(&b":help\n".repeat(READ_MAX / 6));
        assert_eq!(room.sim().told.iter().filter(|line| line.contains("memory is short")).count(), 1);
        assert!(matches!(ana.left_because(), Some(Reason::MemoryFull(_))));
        assert!(beto.is_here());
    }
}

/// People come and quit without reading, until only so many bytes of memory are free.
fn leave_unread(room: &Room, free: usize) {
    let comes_and_quits = |earlier: &[u8]| {
        let id = room.sim().come(0, earlier).expect("there is a seat");
        room.sim().send(id, b":q\n");
        room.sim().turn();
    };
    for _ in 0..64 {
        comes_and_quits(&long_lines(1000));
    }
    let left = OUTBOX_TOTAL_MAX - room.queued();
    comes_and_quits(&vec![b'\n'; left - free]);
}

#[test]
fn those_who_left_without_reading_push_nobody_out() {
    for room in Room::each(many_seats()) {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        leave_unread(&room, 1500);
        beto.has_read();
        let line = "x".repeat(1000);
        ana.sends(format!(":msg beto {line}\n").repeat(2).as_bytes());
        beto.sees(&format!("[ana -> you] {line}"));
        beto.sees(&format!("[ana -> you] {line}"));
        beto.sees_nothing();
        assert!(ana.is_here() && beto.is_here());
    }
}

#[test]
fn a_turn_says_no_more_than_a_driver_can_hold() {
    let room = &Room::each_by_default()[0];
    let [ana, beto] = room.welcomes(["ana", "beto"]);
    beto.stops_reading();
    let said = ana.says_a_turn_full();
    assert!((TURN_MAX..TURN_MAX + 2048).contains(&said), "{said}");
}

#[test]
fn the_most_that_one_read_can_say_is_what_is_reckoned_with() {
    let room = &Room::each_by_default()[0];
    let nick = |letter: char| letter.to_string().repeat(NICK_CHARS_MAX);
    let long = ('\u{10000}'..).map(nick).find(|nick| nick::check(nick, 1).is_ok()).expect("there are such letters");
    let [ana] = room.welcomes([&*long]);
    // Lines as short as can be, of a byte that becomes three.
    let mut sim = room.sim();
    sim.send(ana.id, &b"\x80\n".repeat(READ_MAX / 2));
    assert_eq!(sim.hub.said(), READ_SAID_MAX);
    sim.turn();
}

#[test]
fn a_turn_says_no_more_than_all_outboxes_hold() {
    let room = &Room::each(many_seats())[0];
    let [ana] = room.welcomes(["ana"]);
    (1..100).for_each(|_| {
        room.sim().come(0, b"");
    });
    ana.says_a_turn_full();
    assert!(room.sim().is_at_ease(), "nobody has to go for it");
    let queued = room.queued();
    assert!(queued <= OUTBOX_TOTAL_MAX && queued > OUTBOX_TOTAL_MAX / 10 * 9, "{queued}");
}

#[test]
fn a_turn_may_say_something_however_short_memory_is() {
    let room = &Room::each(many_seats())[0];
    let [ana, beto] = room.welcomes(["ana", "beto"]);
    leave_unread(room, 1500);
    let said = ana.says_a_turn_full();
    assert!(said > 10 << 10, "{said}");
    // All of it was taken, and so nothing had to be found room for.
    assert!(beto.is_here() && room.queued() <= OUTBOX_TOTAL_MAX);
}

// The end.

#[test]
fn when_the_room_closes_all_are_told_and_nobody_can_hold_it_up() {
    for room in Room::each_by_default() {
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
    for room in Room::each_by_default() {
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
    for room in Room::each_by_default() {
        let [ana, beto] = room.welcomes(["ana", "beto"]);
        let buffers = |guest: &Guest| {
            let sim = room.sim();
            let member = sim.hub.get(guest.id).expect("it is here");
            member.input.capacity() + member.outbox.capacity()
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
