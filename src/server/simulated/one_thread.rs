//! The schedules for the one-thread drivers.

use super::client::{Act, Habit};
use super::kernel::{Kernel, Met, boot, with};
use super::{
    Service, assert_met, assert_the_one_is_heard_in_time, crowd_that_floods, many_who_linger, net, random_scenario,
};
use super::{assert_the_polite_do_not_wait, one_among_flooders, play_all, selfish_and_polite};
use std::io;
use std::time::Duration;

/// The number of schedules in one `cargo test`.
const SCHEDULES: u64 = 2000;
/// The number of those with clients that encrypt.
#[cfg(feature = "tls")]
const ENCRYPTED_SCHEDULES: u64 = 250;

/// The entry point of a driver.
pub(super) type Run = fn(Service<net::Bound>) -> io::Result<()>;

/// Makes a test of each function below, for one driver.
macro_rules! schedules {
    ($run:expr, $dangers:expr) => {
        #[test]
        fn a_last_word_survives_an_interrupted_read() {
            super::one_thread::a_last_word_survives_an_interrupted_read($run);
        }
        #[test]
        fn it_ends_in_time_whoever_still_reads() {
            super::one_thread::it_ends_in_time_whoever_still_reads($run);
        }
        #[test]
        fn what_is_sent_while_it_ends_costs_nobody_the_last_word() {
            super::one_thread::what_is_sent_while_it_ends_costs_nobody_the_last_word($run);
        }
        #[test]
        fn a_crowd_that_floods_costs_nobody_the_seat() {
            super::one_thread::a_crowd_that_floods_costs_nobody_the_seat($run);
        }
        #[test]
        fn one_is_heard_among_flooders() {
            super::one_thread::one_is_heard_among_flooders($run);
        }
        #[test]
        fn the_polite_do_not_wait_for_the_slow() {
            super::one_thread::the_polite_do_not_wait_for_the_slow($run);
        }
        #[test]
        fn not_too_many_linger() {
            super::one_thread::not_too_many_linger($run);
        }
        #[test]
        fn a_poll_that_fails_ends_the_server() {
            super::one_thread::a_poll_that_fails_ends_the_server($run);
        }
        #[test]
        fn who_spins_is_awake_for_what_comes_soon() {
            super::one_thread::who_spins_is_awake_for_what_comes_soon($run);
        }
        #[test]
        fn no_schedule_loses_a_wake_up_or_a_byte() {
            super::one_thread::no_schedule_loses_a_wake_up_or_a_byte($run, &$dangers);
        }
        #[cfg(feature = "tls")]
        #[test]
        fn no_schedule_loses_a_wake_up_or_a_record() {
            super::one_thread::no_schedule_loses_a_wake_up_or_a_record($run);
        }
    };
}
pub(super) use schedules;

/// Runs a driver on a random scenario, and checks the result.
fn play(run: Run, seed: u64, set_up: impl FnOnce(&mut Kernel)) -> Met {
    live(run, random(seed, set_up))
}

fn random(seed: u64, set_up: impl FnOnce(&mut Kernel)) -> Kernel {
    let mut kernel = random_scenario(seed);
    kernel.spin = Duration::from_micros(kernel.dice.one_of(&[0, 0, 0, 40]));
    set_up(&mut kernel);
    kernel
}

/// Runs a driver on a scenario, and checks the result.
fn live(run: Run, kernel: Kernel) -> Met {
    let result = serve(run, kernel);
    with(|kernel| {
        kernel.judge(result);
        std::mem::take(&mut kernel.met)
    })
}

fn serve(run: Run, kernel: Kernel) -> io::Result<()> {
    boot(kernel);
    run(Service::new(net::Bound, net::now()))
}

pub(super) fn a_crowd_that_floods_costs_nobody_the_seat(run: Run) {
    live(run, crowd_that_floods(0));
}

pub(super) fn one_is_heard_among_flooders(run: Run) {
    live(run, one_among_flooders(0));
    with(|kernel| assert_the_one_is_heard_in_time(kernel));
}

pub(super) fn the_polite_do_not_wait_for_the_slow(run: Run) {
    for seed in 0..10 {
        live(run, selfish_and_polite(seed));
        with(|kernel| assert_the_polite_do_not_wait(kernel));
    }
}

pub(super) fn not_too_many_linger(run: Run) {
    live(run, many_who_linger(0));
}

/// Interrupts one call in three. Spinning is off, because no spin would run to its end.
fn is_often_interrupted(kernel: &mut Kernel) {
    (kernel.interrupted, kernel.spin) = (3, Duration::ZERO);
}

pub(super) fn a_last_word_survives_an_interrupted_read(run: Run) {
    play_all(200, |seed| {
        play(run, seed, |kernel| {
            is_often_interrupted(kernel);
            kernel.sockets.iter_mut().for_each(|socket| socket.client.quit_at_once());
        })
    });
}

pub(super) fn it_ends_in_time_whoever_still_reads(run: Run) {
    play_all(40, |seed| {
        play(run, seed, |kernel| {
            kernel.room.replay = vec![b'-'; 200_000];
            for socket in &mut kernel.sockets {
                (socket.client.habit, socket.capacity) = (Habit::Slow, 600);
            }
            kernel.plan(Duration::from_millis(50), Act::Terminate);
        })
    });
}

pub(super) fn what_is_sent_while_it_ends_costs_nobody_the_last_word(run: Run) {
    play_all(300, |seed| {
        play(run, seed, |kernel| {
            if seed < 150 {
                is_often_interrupted(kernel);
            }
            kernel.sockets.iter_mut().for_each(|socket| socket.client.type_on());
            kernel.plan(Duration::from_millis(20), Act::Terminate);
        })
    });
}

pub(super) fn a_poll_that_fails_ends_the_server(run: Run) {
    let result = serve(run, random(0, |kernel| kernel.no_poll_from = Some(Duration::from_millis(5))));
    assert_eq!(result.expect_err("there is nothing to wait with").kind(), io::ErrorKind::OutOfMemory);
}

pub(super) fn who_spins_is_awake_for_what_comes_soon(run: Run) {
    let sleeps = |spin| -> usize {
        // No interrupts and no spurious events: they would end the spins early. No slow readers: timers would.
        let set_up = |kernel: &mut Kernel| {
            kernel.sockets.iter_mut().for_each(|socket| socket.client.habit = Habit::Eager);
            (kernel.interrupted, kernel.spurious) = (usize::MAX, usize::MAX);
            kernel.spin = Duration::from_micros(spin);
        };
        (0..300).map(|seed| play(run, seed, set_up).get("sleep").copied().unwrap_or(0)).sum()
    };
    let (without, with) = (sleeps(0), sleeps(200));
    assert!(with < without / 4 * 3, "it sleeps {without} times, or {with}");
}

/// `own_dangers` are dangers that only this driver meets.
pub(super) fn no_schedule_loses_a_wake_up_or_a_byte(run: Run, own_dangers: &[&str]) {
    let dangers = [
        "aborted connection",
        "full console",
        "full house",
        "full read",
        "full socket",
        "interrupted accept",
        "interrupted poll",
        "interrupted sleep",
        "interrupted write",
        "no descriptors",
        "rest",
        "short write",
        "too slow",
    ];
    let met = play_all(SCHEDULES, |seed| play(run, seed, |_| ()));
    assert_met(&met, &dangers);
    assert_met(&met, own_dangers);
}

/// The same with clients that encrypt, beside others that do not.
#[cfg(feature = "tls")]
pub(super) fn no_schedule_loses_a_wake_up_or_a_record(run: Run) {
    let met = play_all(ENCRYPTED_SCHEDULES, |seed| live(run, super::tls::encrypted_scenario(seed)));
    assert_met(&met, super::tls::DANGERS);
}
