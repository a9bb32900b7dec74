//! The soak test: for a long time clients come and go, flood, read slowly and get stuck, while four talk on. Afterwards
//! nothing of them must be left.
//!
//! ```console
//! $ cargo test --release -- --ignored soak
//! $ TERTULIA_SOAK_SECONDS=60 TERTULIA_SOAK_SEED=7 cargo test --release -- --ignored --nocapture soak
//! ```
//!
//! `TERTULIA_SOAK_SECONDS` is the time for all modes together; the default is 600. The clients' actions are seeded, and
//! the seed is printed; their timing depends on the machine.

use crate::common::kernel::*;
use crate::common::*;
use crate::each_driver;
use fastrand::Rng;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use tertulia::server::DRIVERS;

/// These clients stay from the first line to the last, and must not miss any. Each speaks when it has heard the one
/// before it.
const REGULARS: [&str; 4] = ["ana", "beto", "cleo", "dora"];
/// The clients that come and go: how many of each kind at a time.
const VISITORS: [(usize, Kind); 4] = [(4, churns), (2, floods), (2, dawdles), (2, gets_stuck)];
/// More than there are clients, because the server may not know yet that one has reset.
const SEATS: usize = 64;
/// How many times all clients leave, and the remains are checked.
const ROUNDS: u32 = 5;
/// The end of a round. No other line looks like it.
const LAST: &str = "<host> that is all";

/// The limit for the memory that is left over. KiB. It is as much as two members' longest outboxes: clients that are
/// not forgotten exceed it within the rounds.
const LEFT_OVER_MAX: u64 = 16 << 10;
/// The limit for the most memory. KiB. Twice what all outboxes together may hold, because a buffer that grows exists
/// twice, and once for everything else.
const PEAK_MAX: u64 = 3 * (64 << 10);
/// Settings of the GNU allocator: one heap instead of several per core, large buffers outside of it, and free memory at
/// its end is returned. Without them it keeps what threads once had, 200 MiB on two cores: bounded, and no leak of
/// ours.
const ALLOCATOR: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "1"), ("MALLOC_MMAP_THRESHOLD_", "65536"), ("MALLOC_TRIM_THRESHOLD_", "65536")];

/// One soak at a time.
static ROOM: Mutex<()> = Mutex::new(());

each_driver! {
    #[ignore = "needs ten minutes, or TERTULIA_SOAK_SECONDS"]
    fn whoever_reads_loses_nothing_and_nothing_is_left_of_anybody(mode) {
        let _alone = ROOM.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = number("TERTULIA_SOAK_SECONDS").unwrap_or(600);
        let modes = DRIVERS.len() as u32;
        let time = Duration::from_secs(seconds) / modes / ROUNDS;
        let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("later than 1970");
        let seed = number("TERTULIA_SOAK_SEED").unwrap_or(clock.as_secs());
        eprintln!("{mode}: TERTULIA_SOAK_SEED={seed}");
        let mut dice = Rng::with_seed(seed);

        let mut command = tertulia();
        command.args(["serve", "--addr", "127.0.0.1:0", "--mode", mode, "--max-clients", &SEATS.to_string()]);
        command.envs(ALLOCATOR);
        // The transcript is written, but not kept: it would be a gigabyte.
        let mut server = start_unheard(command.stdout(Stdio::null()));
        // Whatever the server starts for its first client is there.
        let first = server.join();
        let descriptors = server.descriptors() - 1;
        drop(first);
        rests_alone(&server, descriptors);
        let (threads, memory) = (server.threads(), status(server.pid(), "VmRSS"));
        eprintln!("{mode}: {descriptors} descriptors, {threads} threads, {memory} KiB before");

        for _ in 0..ROUNDS {
            let (lines, visitors) = round(&server, time, &mut dice);
            rests_alone(&server, descriptors);
            until("nobody's thread is left", || (server.threads() == threads).then_some(()));
            let (left, peak) = (status(server.pid(), "VmRSS"), status(server.pid(), "VmHWM"));
            eprintln!("{mode}: {visitors} visitors spoke, {lines} lines; {left} KiB are left, {peak} KiB at the most");
            assert!(left < memory + LEFT_OVER_MAX, "{left} KiB instead of {memory} KiB");
            assert!(peak < memory + PEAK_MAX, "{peak} KiB");
        }

        let [mut eva, mut fay] = server.join_all(["eva", "fay"]);
        eva.says("hola");
        fay.sees("<eva> hola");
        assert!(server.lives());
    }
}

/// A number from the environment. A value that is no number fails at once, instead of a soak of ten minutes.
fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

#[track_caller]
fn rests_alone(server: &Server, descriptors: usize) {
    until("nobody's descriptor is left", || (server.descriptors() == descriptors).then_some(()));
    server.rests();
}

/// Returns the number of lines that a regular heard, and the number of visitors.
fn round(server: &Server, time: Duration, dice: &mut Rng) -> (u64, usize) {
    let (visits_end, talk_ends) = (AtomicBool::new(false), AtomicBool::new(false));
    let said = Mutex::new(HashMap::new());
    let heard = thread::scope(|scope| {
        let talk_ends = &talk_ends;
        let regulars = server.join_all(REGULARS).into_iter().enumerate();
        let regulars: Vec<_> = regulars.map(|(n, client)| scope.spawn(move || talks(client, n, talk_ends))).collect();
        let kinds = VISITORS.into_iter().flat_map(|(count, kind)| std::iter::repeat_n(kind, count));
        let visitors: Vec<_> = kinds
            .map(|kind| {
                let mut visits = Visits { server, said: &said, end: &visits_end, dice: dice.fork() };
                scope.spawn(move || {
                    while !visits.end.load(Ordering::Relaxed) {
                        kind(&mut visits);
                    }
                })
            })
            .collect();

        let end = Instant::now() + time;
        while Instant::now() < end && !visitors.iter().any(|visitor| visitor.is_finished()) {
            thread::sleep(Duration::from_millis(50));
        }
        visits_end.store(true, Ordering::Relaxed);
        visitors.into_iter().for_each(|visitor| visitor.join().expect("a visitor's end"));
        talk_ends.store(true, Ordering::Relaxed);
        let mut host = server.join_as("host");
        until("all visitors are gone", || {
            host.says(":who");
            host.notice(" here: ").starts_with(&format!("-- {} here: ", REGULARS.len() + 1)).then_some(())
        });
        host.says("that is all");
        regulars.into_iter().map(|regular| regular.join().expect("a regular's end")).collect::<Vec<Heard>>()
    });

    let said = said.into_inner().unwrap_or_else(PoisonError::into_inner);
    for heard in &heard {
        heard.is_what_was(&said);
    }
    assert!(heard.iter().all(|other| other.order == heard[0].order), "all hear one order");
    (heard[0].next.values().sum(), said.len())
}

/// What a client has heard. Speakers number their lines, and none may be missing or come twice.
#[derive(Default)]
struct Heard {
    /// The number that each speaker's next line must have.
    next: HashMap<String, u64>,
    /// It came when others had spoken already.
    late: bool,
    /// A hash of all that visitors said, in order.
    order: u64,
}

impl Heard {
    /// Returns the speaker of a line; `None` for a notice.
    #[track_caller]
    fn hears<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        if line.starts_with("-- ") {
            return None;
        }
        let (nick, text) = line.strip_prefix('<').and_then(|rest| rest.split_once("> ")).expect(line);
        let number: u64 = text.split(' ').next().and_then(|number| number.parse().ok()).expect(line);
        match self.next.get_mut(nick) {
            Some(next) => {
                assert_eq!(number, *next, "of {nick}'s lines another was to come: {line}");
                *next += 1;
            }
            None => {
                assert!(number == 0 || self.late, "of {nick} line {number} is the first");
                self.next.insert(nick.to_owned(), number + 1);
            }
        }
        if !REGULARS.contains(&nick) {
            self.order = BuildHasherDefault::<DefaultHasher>::default().hash_one((self.order, nick, number));
        }
        Some(nick)
    }

    /// Hears the rest, and returns the last line.
    #[track_caller]
    fn hears_out(&mut self, client: &mut Client) -> String {
        let mut last = String::new();
        while let Some(line) = client.line() {
            self.hears(&line);
            last = line;
        }
        last
    }

    /// Checks that everything visitors said was heard; of those that reset, the part that arrived.
    #[track_caller]
    fn is_what_was(&self, said: &HashMap<String, Said>) {
        for (nick, said) in said {
            match (self.next.get(nick).copied().unwrap_or(0), said) {
                (heard, Said::All(lines)) => assert_eq!(heard, *lines, "{nick} said more"),
                (heard, Said::AtMost(lines)) => assert!(heard <= *lines, "{nick} said less"),
            }
        }
        let known = |nick: &str| REGULARS.contains(&nick) || said.contains_key(nick);
        assert!(self.next.keys().all(|nick| known(nick)), "somebody spoke who was not there");
    }
}

/// The number of lines that a visitor said.
enum Said {
    All(u64),
    /// It reset, and what was under way is lost.
    AtMost(u64),
}

fn numbered(number: u64, len: usize) -> String {
    format!("{number} {:x<len$}", "")
}

/// A client that stays, and speaks whenever the one before it has spoken.
fn talks(mut client: Client, place: usize, end: &AtomicBool) -> Heard {
    let before = REGULARS[(place + REGULARS.len() - 1) % REGULARS.len()];
    let mut heard = Heard::default();
    let mut said = 0;
    let mut speaks = place == 0;
    loop {
        if speaks {
            client.says(&numbered(said, 40));
            said += 1;
        }
        let line = client.line().expect("who reads may stay");
        if line == LAST {
            return heard;
        }
        speaks = heard.hears(&line) == Some(before);
        if place == 0 && speaks {
            // Without a pause they would talk all the time.
            thread::sleep(Duration::from_millis(1));
            speaks = !end.load(Ordering::Relaxed);
        }
    }
}

// Visitors.

/// What a visitor does from its arrival to its departure.
type Kind = fn(&mut Visits<'_>);

/// Visits one after the other, until the end of the round.
struct Visits<'a> {
    server: &'a Server,
    said: &'a Mutex<HashMap<String, Said>>,
    end: &'a AtomicBool,
    dice: Rng,
}

impl Visits<'_> {
    fn note(&self, nick: &str, said: Said) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(nick.to_owned(), said);
    }

    /// Waits for this time, or until the end of the round.
    fn waits(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.end.load(Ordering::Relaxed) {
            thread::sleep(time.min(Duration::from_millis(20)));
        }
    }

    /// A client that has said this many lines leaves, in one of several ways.
    fn leaves(&mut self, mut client: Client, mut heard: Heard, lines: u64) {
        match self.dice.u64(..4) {
            0 => {
                self.note(&client.nick, Said::AtMost(lines));
                return client.resets();
            }
            1 => client.hangs_up(),
            _ => client.says(":q"),
        }
        let last = heard.hears_out(&mut client);
        assert!(last.starts_with("-- goodbye"), "{} got {last:?} last", client.nick);
        self.note(&client.nick, Said::All(lines));
    }
}

fn latecomer() -> Heard {
    Heard { late: true, ..Heard::default() }
}

/// Comes, says little or nothing, and leaves.
fn churns(visits: &mut Visits<'_>) {
    match visits.dice.u64(..8) {
        0 => return drop(visits.server.connect()),
        1 => return visits.server.connect().resets(),
        _ => {}
    }
    let mut client = visits.server.join();
    let lines = visits.dice.u64(..20);
    for number in 0..lines {
        client.says(&numbered(number, 20));
    }
    visits.leaves(client, latecomer(), lines);
}

/// Says much, as fast as the server takes it, and reads meanwhile.
fn floods(visits: &mut Visits<'_>) {
    let client = visits.server.join();
    let lines = 500 + visits.dice.u64(..10_000);
    let len = visits.dice.usize(..400);
    let mut voice = Client::of(client.stream.try_clone().expect("a descriptor"));
    let done = AtomicBool::new(false);
    let (client, heard) = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut client, mut heard) = (client, latecomer());
            // There is always a client that speaks.
            while !done.load(Ordering::Relaxed) {
                let line = client.line().expect("who reads may stay");
                heard.hears(&line);
            }
            (client, heard)
        });
        for number in 0..lines {
            voice.says(&numbered(number, len));
        }
        done.store(true, Ordering::Relaxed);
        reader.join().expect("a reader's end")
    });
    drop(voice);
    visits.leaves(client, heard, lines);
}

/// Reads, pauses for a while, and reads again. It may be disconnected for that, and gets the reason.
fn dawdles(visits: &mut Visits<'_>) {
    // A buffer of several segments: with a smaller one it could not read everything in the time for a goodbye.
    let mut client = visits.server.join_narrow(&format!("slow{}", visits.dice.u64(..1 << 40)), 256 << 10);
    let mut heard = latecomer();
    for _ in 0..visits.dice.u64(..10) {
        let time = Duration::from_millis(visits.dice.u64(..700));
        visits.waits(time);
        for _ in 0..visits.dice.u64(..20_000) {
            let Some(line) = client.line() else { return };
            heard.hears(&line);
            if visits.end.load(Ordering::Relaxed) {
                break;
            }
        }
    }
    client.hangs_up();
    let last = heard.hears_out(&mut client);
    assert!(["-- goodbye", "-- disconnected"].iter().any(|word| last.starts_with(word)), "{last:?} is the last");
}

/// Never reads again.
fn gets_stuck(visits: &mut Visits<'_>) {
    let client = visits.server.join_narrow(&format!("stuck{}", visits.dice.u64(..1 << 40)), 4 << 10);
    let time = Duration::from_millis(500 + visits.dice.u64(..6000));
    visits.waits(time);
    drop(client);
}
