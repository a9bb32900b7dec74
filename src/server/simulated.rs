//! Tests of the drivers on a simulated [`kernel`]: thousands of seeded schedules, and checks after each.
//!
//! `epoll.rs` is compiled a second time in [`epoll`], and the other drivers likewise. They find around them what they
//! find in the server: the same names, and calls that go to the kernel in memory. The clients' scripts are in
//! [`client`], and what must hold is in [`judge`]. The kernel makes short reads and writes, interruptions, resets, and
//! edges in any order. The threaded driver also runs on [shuttle](https://docs.rs/shuttle), which may switch to another
//! thread at every call. In [`mod@tls`] clients encrypt, and their records are cut anywhere.
//!
//! A schedule that fails prints its seed. `SEED=17 cargo test --lib simulated::epoll::no_schedule` plays that one
//! alone.

mod acts;
mod client;
mod dice;
mod epoll;
#[cfg_attr(not(feature = "threaded"), allow(dead_code, reason = "what the threads alone need"))]
mod judge;
#[cfg_attr(not(feature = "threaded"), allow(dead_code, reason = "what the threads alone need"))]
mod kernel;
#[cfg_attr(not(feature = "poll"), allow(dead_code, reason = "what the poll driver alone needs"))]
mod net;
mod one_thread;
#[cfg(feature = "poll")]
mod poll;
#[cfg_attr(not(feature = "poll"), allow(dead_code, reason = "what the poll driver alone needs"))]
mod readiness;
#[cfg_attr(not(feature = "threaded"), allow(dead_code, reason = "what the threads alone need"))]
mod records;
#[cfg(all(feature = "uring", target_os = "linux"))]
mod ring;
#[cfg_attr(not(feature = "threaded"), allow(dead_code, reason = "what the threads alone need"))]
mod room;
#[cfg(feature = "threaded")]
mod threaded;
#[cfg_attr(not(feature = "tls"), path = "simulated/no_tls.rs")]
mod tls;
#[cfg(all(feature = "uring", target_os = "linux"))]
mod uring;

use super::lingering::LINGERING_MAX;
use super::service::{ACCEPT_RETRY, STOP_PATIENCE, WhenFull};
use super::signals::Order;
use crate::chat::{self, Limits};
use crate::server::hub::Hub;
use crate::text::Lang;
use client::{Act, Habit, ScriptedClient, Step};
use dice::Dice;
use kernel::{Kernel, Met, Socket, with};
use records::Records;
use room::RoomModel;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

// Scenarios.

/// A random scenario: who connects, what each client does, and what fails. The odds are chosen so that a run of all seeds meets each
/// danger many times: the tests name those that they must have met, see [`assert_met`]. A rule that needs more than chance has
/// a scenario of its own below.
fn random_scenario(seed: u64) -> Kernel {
    let mut dice = Dice::new(seed);
    let (clients, seats) = match dice.below(12) {
        // Large enough for the threads to have a leader for single lines.
        0 => (17 + dice.below(4), 20),
        _ => (1 + dice.below(9), dice.one_of(&[2, 4, 6])),
    };
    let when_full = dice.one_of(&[WhenFull::Refuse, WhenFull::Wait]);
    // The longest replay alone is above the high-water mark: the others wait for a client that takes long to read it. Small
    // socket buffers make most writes come up short.
    let (replay, capacities) = match dice.below(20) {
        0 => (1100 + dice.below(400), [32 << 10, 64 << 10, 256 << 10]),
        1..=3 => (1, [600, 4 << 10, 64 << 10]),
        _ => (0, [600, 4 << 10, 64 << 10]),
    };
    let replay = [&[b'-'; 1023][..], b"\n"].concat().repeat(replay);
    let mut kernel = Kernel::new(dice, RoomModel::new(seats, when_full, replay));

    kernel.room.has_history = kernel.dice.one_in(2);
    // Either all connect within one turn, or one after the other.
    let burst = kernel.dice.one_in(3);
    for number in 0..clients {
        let client = ScriptedClient::random(number, &mut kernel.dice);
        let capacity = kernel.dice.one_of(&capacities);
        kernel.sockets.push(Socket::new(client, capacity));
        let end = if burst { 1 } else { kernel.dice.one_of(&[1000, 20_000, 300_000]) };
        let delay = kernel.dice.micros(end);
        kernel.plan(delay, Act::Connect(number));
    }
    // accept fails for a while.
    if kernel.dice.one_in(4) {
        kernel.no_descriptors_until = kernel.dice.micros(400_000);
    }
    // The server is told to stop in the middle of it all.
    if kernel.dice.one_in(4) {
        let delay = kernel.dice.micros(500_000);
        kernel.plan(delay, Act::Terminate);
    }
    kernel
}

/// A scenario with these clients, which connect at once, find a seat each, and have large socket buffers. Nothing fails.
fn calm(seed: u64, clients: Vec<ScriptedClient>) -> Kernel {
    let room = RoomModel::new(clients.len(), WhenFull::Refuse, Vec::new());
    let mut kernel = Kernel::new(Dice::new(seed), room);
    kernel.fails = false;
    for (number, client) in clients.into_iter().enumerate() {
        kernel.sockets.push(Socket::new(client, 64 << 10));
        kernel.plan(Duration::from_millis(1), Act::Connect(number));
    }
    kernel
}

/// When the clients of a calm scenario begin to send.
const BEGINNING: Duration = Duration::from_millis(800);

/// A room full of clients that flood: one read from each is more than all outboxes may hold. None of them may be disconnected, for
/// all of them read: what one turn ingests is bounded.
fn crowd_that_floods(seed: u64) -> Kernel {
    calm(seed, (0..40).map(|number| ScriptedClient::flooder(number, 63, BEGINNING)).collect())
}

/// More clients flood than one turn has room for, and one says a line.
fn one_among_flooders(seed: u64) -> Kernel {
    let lines = |number| if number == LAST { 1 } else { 252 };
    calm(seed, (0..=LAST).map(|number| ScriptedClient::flooder(number, lines(number), BEGINNING)).collect())
}

/// The client that says a line.
const LAST: usize = 20;

/// The one is heard before the flooders have said half of their lines.
fn assert_the_one_is_heard_in_time(kernel: &Kernel) {
    let order = &kernel.room.speakers;
    let at = order.iter().position(|(speaker, _)| *speaker == LAST).expect("it was heard");
    assert!(at < order.len() / 2, "it was heard after {at} of {} lines", order.len());
}

/// One client floods and in the end resets its connection, one reads slowly, and one says a line every now and then.
fn selfish_and_polite(seed: u64) -> Kernel {
    let mut flooder = ScriptedClient::flooder(0, 3000, BEGINNING);
    flooder.script.extend([Step::Until(RESET_AT), Step::Reset]);
    let polite = ScriptedClient::talker(POLITE, LINES_AT.map(|after| BEGINNING + after));
    let slow = ScriptedClient { habit: Habit::Slow, ..ScriptedClient::silent() };
    let mut kernel = calm(seed, vec![flooder, polite, slow]);
    kernel.sockets[2].capacity = 16 << 10;
    kernel
}

/// The number of the polite client.
const POLITE: usize = 1;
/// When it says its lines, after the beginning.
const LINES_AT: [Duration; 8] = {
    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }
    [ms(50), ms(100), ms(200), ms(300), ms(400), ms(500), ms(600), ms(700)]
};
const RESET_AT: Duration = Duration::from_millis(1600);

/// The polite client is heard at once, the flooder waits for the slow one, and that it is gone is noticed although it may not be read
/// from.
fn assert_the_polite_do_not_wait(kernel: &Kernel) {
    const AT_ONCE: Duration = Duration::from_millis(20);
    let [flooder, polite] = [0, POLITE].map(|number| &kernel.sockets[number].client);
    let said = kernel.room.speakers.iter().filter(|(speaker, _)| *speaker == POLITE);
    let waits = said.zip(&polite.acted_at).map(|((_, said), sent)| *said - *sent);
    let longest = waits.max().expect("it has spoken");
    assert!(longest < AT_ONCE, "it waited for {longest:?}");
    let flood = kernel.room.speakers.iter().filter(|(speaker, _)| *speaker == 0).count();
    assert!((1000..3000).contains(&flood), "{flood} lines of the flood are said");
    let noticed = kernel.room.left[&0] - flooder.acted_at[1];
    assert!(noticed < 10 * AT_ONCE, "the reset is noticed after {noticed:?}");
}

/// More clients leave at once than may linger, and none closes its connection.
fn many_who_linger(seed: u64) -> Kernel {
    calm(seed, (0..LINGERING_MAX + 40).map(|_| ScriptedClient::quitter(BEGINNING)).collect())
}

// The modules that a driver imports.

mod lingering {
    pub(super) use crate::server::lingering::*;
}

mod hub {
    pub(super) use crate::server::hub::Hub;
}

mod listener {
    pub(super) use crate::server::listener::is_one_connections;
    pub(super) fn prepare<T>(_: &T, _: crate::chat::Peer, _: &super::Limits) {}
}

struct Service<L> {
    listeners: L,
    are_shared: bool,
    hub: Hub,
    records: Records,
    terminal: Option<net::Terminal>,
    metrics: Option<net::Metrics>,
    when_full: WhenFull,
    lingering_max: usize,
    spin: Duration,
}

impl<L> Service<L> {
    /// A service on the booted kernel.
    fn new(listeners: L, now: Instant) -> Service<L> {
        let (seats, when_full, spin) = with(|kernel| (kernel.room.seats, kernel.room.when_full, kernel.spin));
        let tls = with(|kernel| kernel.room.tls.clone());
        let hub = chat::Hub::new(Limits { clients_max: seats, tls, ..Limits::default() }, Lang::En, now).record();
        let hub = hub.replay(Box::new(|_| with(|kernel| kernel.room.replay.clone())));
        Service {
            listeners,
            are_shared: false,
            hub: Hub::new(hub),
            records: Records::default(),
            terminal: None,
            metrics: None,
            when_full,
            lingering_max: LINGERING_MAX,
            spin,
        }
    }

    /// The same service with other listeners.
    #[cfg(all(feature = "uring", target_os = "linux"))]
    fn with_listeners<M>(self, listeners: M) -> Service<M> {
        let Service { are_shared, hub, records, terminal, metrics, when_full, lingering_max, spin, .. } = self;
        Service { listeners, are_shared, hub, records, terminal, metrics, when_full, lingering_max, spin }
    }

    fn announce(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// Schedules.

/// Plays the schedules of the seeds below `schedules`, or the one that SEED names. Returns which dangers were met, and how often.
fn play_all(schedules: u64, play: impl Fn(u64) -> Met) -> Met {
    let asked_for = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let mut met = Met::new();
    for seed in asked_for.map_or(0..schedules, |seed: u64| seed..seed + 1) {
        let result = catch_unwind(AssertUnwindSafe(|| play(seed))).unwrap_or_else(|failure| {
            eprintln!("schedule {seed} fails; SEED={seed} and the name of this test play it alone");
            resume_unwind(failure)
        });
        for (what, times) in result {
            *met.entry(what).or_default() += times;
        }
    }
    println!("{met:#?}");
    met
}

/// Each of these dangers was met: a danger that is never met tests nothing.
fn assert_met(met: &Met, dangers: &[&str]) {
    let unmet: Vec<_> = dangers.iter().filter(|danger| !met.contains_key(*danger)).collect();
    let one_alone = std::env::var_os("SEED").is_some();
    assert!(unmet.is_empty() || one_alone, "not met: {unmet:?}");
}
