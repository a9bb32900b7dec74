//! The threaded driver on the simulated kernel, with thread orders chosen by shuttle's schedulers.

mod blocking;
#[allow(clippy::duplicate_mod, reason = "that is the point")]
#[path = "../drivers/threaded.rs"]
mod driver;
mod scheduler;
mod sync;

use super::client::Habit;
use super::kernel::{Kernel, Met, boot, with};
#[cfg(feature = "tls")]
use super::tls::{DANGERS, encrypted_scenario};
use super::{ACCEPT_RETRY, Act, Order, STOP_PATIENCE, WhenFull};
use super::{
    assert_met, assert_the_one_is_heard_in_time, assert_the_polite_do_not_wait, crowd_that_floods, many_who_linger,
    one_among_flooders, random_scenario, selfish_and_polite,
};
use super::{hub, lingering, listener, play_all, records};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the driver gets.
type Service = super::Service<blocking::Listeners>;

/// The number of schedules in one `cargo test`.
const SCHEDULES: u64 = 400;
/// The number of those with clients that encrypt.
#[cfg(feature = "tls")]
const ENCRYPTED_SCHEDULES: u64 = 40;
/// The number of thread orders for each schedule.
const ORDERS: usize = 3;
/// The depth for the PCT scheduler, which runs threads by priority and changes the priorities at few points.
const CHANGES: usize = 3;

/// Runs a random scenario in several thread orders.
fn play(seed: u64, set_up: impl Fn(&mut Kernel) + Send + Sync + 'static) -> Met {
    let life = move || {
        let mut kernel = random_scenario(seed);
        set_up(&mut kernel);
        kernel
    };
    live(seed, ORDERS, life, |_| ())
}

/// Runs a scenario in several thread orders, and checks the result of each.
fn live(
    seed: u64,
    orders: usize,
    life: impl Fn() -> Kernel + Send + Sync + 'static,
    holds: impl Fn(&Kernel) + Send + Sync + 'static,
) -> Met {
    let scheduler: Box<dyn Scheduler + Send> = if seed.is_multiple_of(2) {
        Box::new(RandomScheduler::new_from_seed(seed, orders))
    } else {
        Box::new(PctScheduler::new_from_seed(seed, CHANGES, orders))
    };
    let mut config = Config::new();
    config.stack_size = 1 << 20;
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::None;

    let met = Arc::new(Mutex::new(Met::new()));
    let all_met = met.clone();
    Runner::new(scheduler, config).run(move || {
        boot(life());
        scheduler::run(serve);
        let mut all_met = all_met.lock().expect("nobody else has it");
        for (what, times) in with(|kernel| {
            holds(kernel);
            std::mem::take(&mut kernel.met)
        }) {
            *all_met.entry(what).or_default() += times;
        }
    });
    Arc::into_inner(met).expect("all is over").into_inner().expect("nobody failed")
}

/// The main thread of the simulated process.
fn serve() {
    let result = driver::run(Service::new(blocking::Listeners, blocking::now()));
    with(|kernel| {
        kernel.exit();
        kernel.judge(result);
    });
}

#[test]
fn a_crowd_that_floods_costs_nobody_the_seat() {
    // A seed with a thread order in which a leader comes back late.
    live(1, ORDERS, || crowd_that_floods(1), |_| ());
}

#[test]
fn one_is_heard_among_flooders() {
    live(0, 1, || one_among_flooders(0), assert_the_one_is_heard_in_time);
}

#[test]
fn the_polite_do_not_wait_for_the_slow() {
    for seed in 0..10 {
        live(seed, 1, move || selfish_and_polite(seed), assert_the_polite_do_not_wait);
    }
}

#[test]
fn not_too_many_linger() {
    live(0, 1, || many_who_linger(0), |_| ());
}

#[test]
fn it_ends_in_time_whoever_still_reads() {
    play_all(20, |seed| {
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
    play_all(100, |seed| {
        play(seed, |kernel| {
            kernel.sockets.iter_mut().for_each(|socket| socket.client.type_on());
            kernel.plan(Duration::from_millis(20), Act::Terminate);
        })
    });
}

#[test]
fn no_schedule_loses_a_wake_up_or_a_byte() {
    let dangers = [
        "aborted connection",
        "end after a reset",
        "full console",
        "full house",
        "full read",
        "full socket",
        "interrupted accept",
        "interrupted read",
        "interrupted write",
        "long read",
        "no descriptors",
        "no thread",
        "rest",
        "short write",
        "spurious wake-up",
        "too slow",
    ];
    let met = play_all(SCHEDULES, |seed| play(seed, |_| ()));
    assert_met(&met, &dangers);
}

#[cfg(feature = "tls")]
#[test]
fn no_schedule_loses_a_wake_up_or_a_record() {
    let play = |seed| live(seed, ORDERS, move || encrypted_scenario(seed), |_| ());
    assert_met(&play_all(ENCRYPTED_SCHEDULES, play), DANGERS);
}
