//! The event loop upon a simulated kernel: seeded schedules by the thousand, and what must hold after each.
//!
//! `event_loop.rs` is compiled here a second time, and finds around it what it finds in the server: the same names, and a
//! [`net`] of which every call goes to the [`kernel`] in memory. The clients' scripts are in [`client`], what follows from
//! them in [`room`].
//!
//! A schedule that fails prints its seed. `SEED=17 cargo test --lib simulated::no_schedule` plays that one alone.

mod client;
#[allow(clippy::duplicate_mod, reason = "that is the point")]
#[path = "event_loop.rs"]
mod event_loop;
mod kernel;
mod net;
mod room;

use super::{ACCEPT_RETRY, LINGER, LINGERING_MAX, Mode, STOP_PATIENCE, WhenFull};
use crate::chat::{Hub, Lang, Limits};
use crate::trace::Tracer;
use client::{Act, Client, Habit};
use kernel::{Dice, Kernel, Met, Socket, boot, with};
use room::Room;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// So many in one `cargo test`.
const SCHEDULES: u64 = 2000;

// What the loop finds around it.

mod records {
    pub use super::room::Records;
}

mod listener {
    pub use crate::server::listener::is_one_connections;
    pub const PREPARE_CALLS: u32 = 0;
    pub fn prepare(_: &super::net::TcpStream) {}
}

struct Service {
    listener: net::Bound,
    hub: Hub,
    records: room::Records,
    when_full: WhenFull,
    spin: Duration,
    trace: Tracer,
}

impl Service {
    fn announce(&mut self, _: Mode) -> io::Result<()> {
        Ok(())
    }
}

// Schedules.

/// A server's life.
fn play(seed: u64, set_up: impl FnOnce(&mut Kernel)) -> Met {
    let mut dice = Dice(seed);
    let clients = 1 + dice.below(9);
    let seats = dice.one_of(&[2, 4, 6]);
    let when_full = dice.one_of(&[WhenFull::Refuse, WhenFull::Wait]);
    let spin = dice.one_of(&[0, 0, 0, 40]);
    // One of earlier lines alone is above the high-water mark: who takes long to read them is waited for.
    let (replay, capacities) = match dice.below(20) {
        0 => (1100 + dice.below(400), [32 << 10, 64 << 10, 256 << 10]),
        1..=3 => (1, [600, 4 << 10, 64 << 10]),
        _ => (0, [600, 4 << 10, 64 << 10]),
    };
    let replay = [&[b'-'; 1023][..], b"\n"].concat().repeat(replay);
    let mut kernel = Kernel::new(dice, Room::new(seats, when_full, replay));

    let burst = kernel.dice.one_in(3);
    for number in 0..clients {
        let client = Client::random(number, &mut kernel.dice);
        let capacity = kernel.dice.one_of(&capacities);
        kernel.sockets.push(Socket::new(client, capacity));
        let end = if burst { 1 } else { kernel.dice.one_of(&[1000, 20_000, 300_000]) };
        let delay = kernel.dice.micros(end);
        kernel.plan(delay, Act::Connect(number));
    }
    if kernel.dice.one_in(4) {
        kernel.no_descriptors_until = kernel.dice.micros(400_000);
    }
    if kernel.dice.one_in(4) {
        let delay = kernel.dice.micros(500_000);
        kernel.plan(delay, Act::Terminate);
    }
    set_up(&mut kernel);
    boot(kernel);

    let limits = Limits { clients_max: seats, ..Limits::default() };
    let hub = Hub::new(limits, Lang::En, net::now()).record();
    let spin = Duration::from_micros(spin);
    let result = event_loop::run(Service {
        listener: net::Bound,
        hub,
        records: room::Records,
        when_full,
        spin,
        trace: Tracer::default(),
    });
    with(|kernel| {
        kernel.judge(result);
        std::mem::take(&mut kernel.met)
    })
}

fn play_or_tell(seed: u64) -> Met {
    catch_unwind(AssertUnwindSafe(|| play(seed, |_| ()))).unwrap_or_else(|failure| {
        eprintln!("schedule {seed} fails; SEED={seed} cargo test --lib simulated::no_schedule plays it alone");
        resume_unwind(failure)
    })
}

#[test]
fn a_last_word_survives_an_interrupted_read() {
    for seed in 0..200 {
        play(seed, |kernel| {
            kernel.interrupted = 3;
            kernel.sockets.iter_mut().for_each(|socket| socket.client.quit_at_once());
        });
    }
}

#[test]
fn it_ends_in_time_whoever_still_reads() {
    for seed in 0..40 {
        play(seed, |kernel| {
            kernel.room.replay = vec![b'-'; 200_000];
            for socket in &mut kernel.sockets {
                (socket.client.habit, socket.capacity) = (Habit::Slow, 600);
            }
            kernel.plan(Duration::from_millis(50), Act::Terminate);
        });
    }
}

#[test]
fn what_is_sent_while_it_ends_costs_nobody_the_last_word() {
    for seed in 0..300 {
        play(seed, |kernel| {
            kernel.sockets.iter_mut().for_each(|socket| socket.client.type_on());
            kernel.plan(Duration::from_millis(20), Act::Terminate);
        });
    }
}

#[test]
fn no_schedule_loses_a_wake_up_or_a_byte() {
    if let Some(seed) = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()) {
        println!("{:#?}", play_or_tell(seed));
        return;
    }
    let mut met = Met::new();
    for seed in 0..SCHEDULES {
        for (what, times) in play_or_tell(seed) {
            *met.entry(what).or_default() += times;
        }
    }
    println!("{met:#?}");
    let dangers = [
        "aborted connection",
        "full house",
        "full read",
        "full socket",
        "interrupted accept",
        "interrupted poll",
        "interrupted read",
        "interrupted sleep",
        "interrupted write",
        "more events than fit",
        "no descriptors",
        "rest",
        "short write",
        "spurious event",
        "too slow",
    ];
    assert!(dangers.iter().all(|danger| met.contains_key(danger)), "a danger that never comes tests nothing: {met:#?}");
}
