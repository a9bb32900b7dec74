//! The event loop upon the simulated kernel.

#[allow(clippy::duplicate_mod, reason = "that is the point")]
#[path = "../event_loop.rs"]
mod event_loop;
mod net;
mod selector;

use super::client::Habit;
use super::kernel::{Kernel, Met, boot, with};
use super::{ACCEPT_RETRY, Act, Hub, LINGER, LINGERING_MAX, Mode, Records, STOP_PATIENCE, WhenFull};
use super::{assert_met, destiny, hub, play_all};
use crate::trace::Tracer;
use std::io;
use std::time::Duration;

/// So many in one `cargo test`.
const SCHEDULES: u64 = 2000;

// What the loop finds around it.

mod records {
    pub use super::super::room::Records;
}

mod listener {
    pub use crate::server::listener::is_one_connections;
    pub const PREPARE_CALLS: u32 = 0;
    pub fn prepare(_: &super::net::TcpStream) {}
}

struct Service {
    listener: net::Bound,
    hub: Hub,
    records: Records,
    when_full: WhenFull,
    spin: Duration,
    trace: Tracer,
}

impl Service {
    fn announce(&mut self, _: Mode) -> io::Result<()> {
        Ok(())
    }
}

/// A server's life.
fn play(seed: u64, set_up: impl FnOnce(&mut Kernel)) -> Met {
    let mut kernel = destiny(seed);
    let spin = Duration::from_micros(kernel.dice.one_of(&[0, 0, 0, 40]));
    set_up(&mut kernel);
    let (seats, when_full) = (kernel.room.seats, kernel.room.when_full);
    boot(kernel);

    let result = event_loop::run(Service {
        listener: net::Bound,
        hub: hub(seats, net::now()),
        records: Records::default(),
        when_full,
        spin,
        trace: Tracer::default(),
    });
    with(|kernel| {
        kernel.judge(result);
        std::mem::take(&mut kernel.met)
    })
}

#[test]
fn a_last_word_survives_an_interrupted_read() {
    play_all(200, |seed| {
        play(seed, |kernel| {
            kernel.interrupted = 3;
            kernel.sockets.iter_mut().for_each(|socket| socket.client.quit_at_once());
        })
    });
}

#[test]
fn it_ends_in_time_whoever_still_reads() {
    play_all(40, |seed| {
        play(seed, |kernel| {
            kernel.room.replay = vec![b'-'; 200_000];
            for socket in &mut kernel.sockets {
                (socket.client.habit, socket.capacity) = (Habit::Slow, 600);
            }
            kernel.plan(Duration::from_millis(50), Act::Terminate);
        })
    });
}

#[test]
fn what_is_sent_while_it_ends_costs_nobody_the_last_word() {
    play_all(300, |seed| {
        play(seed, |kernel| {
            kernel.interrupted = if seed < 150 { 3 } else { 24 };
            kernel.sockets.iter_mut().for_each(|socket| socket.client.type_on());
            kernel.plan(Duration::from_millis(20), Act::Terminate);
        })
    });
}

#[test]
fn no_schedule_loses_a_wake_up_or_a_byte() {
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
    let met = play_all(SCHEDULES, |seed| play(seed, |_| ()));
    assert_met(&met, &dangers);
}
