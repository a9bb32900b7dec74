//! The event loop upon the simulated kernel.

#[allow(clippy::duplicate_mod, reason = "that is the point")]
#[path = "../event_loop.rs"]
mod event_loop;
mod net;
mod selector;

use super::client::Habit;
use super::kernel::{Kernel, Met, boot, with};
use super::{ACCEPT_RETRY, Act, LINGER, LINGERING_MAX, STOP_PATIENCE, WhenFull};
use super::{assert_met, destiny, hub, listener, play_all, records};
use std::io;
use std::time::Duration;

/// What the loop is given.
type Service = super::Service<net::Bound>;

/// So many in one `cargo test`.
const SCHEDULES: u64 = 2000;

/// A server's life, and what must hold after it.
fn play(seed: u64, set_up: impl FnOnce(&mut Kernel)) -> Met {
    let result = serve(seed, set_up);
    with(|kernel| {
        kernel.judge(result);
        std::mem::take(&mut kernel.met)
    })
}

fn serve(seed: u64, set_up: impl FnOnce(&mut Kernel)) -> io::Result<()> {
    let mut kernel = destiny(seed);
    kernel.spin = Duration::from_micros(kernel.dice.one_of(&[0, 0, 0, 40]));
    set_up(&mut kernel);
    boot(kernel);
    event_loop::run(Service::new(net::Bound, net::now()))
}

/// So often that it never comes to the end of a spin.
fn is_often_interrupted(kernel: &mut Kernel) {
    (kernel.interrupted, kernel.spin) = (3, Duration::ZERO);
}

#[test]
fn a_last_word_survives_an_interrupted_read() {
    play_all(200, |seed| {
        play(seed, |kernel| {
            is_often_interrupted(kernel);
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
            if seed < 150 {
                is_often_interrupted(kernel);
            }
            kernel.sockets.iter_mut().for_each(|socket| socket.client.type_on());
            kernel.plan(Duration::from_millis(20), Act::Terminate);
        })
    });
}

#[test]
fn a_poll_that_fails_ends_the_server() {
    let result = serve(0, |kernel| kernel.no_poll_from = Some(Duration::from_millis(5)));
    assert_eq!(result.expect_err("there is nothing to wait with").kind(), io::ErrorKind::OutOfMemory);
}

#[test]
fn who_spins_is_awake_for_what_comes_soon() {
    let sleeps = |spin| -> usize {
        // Where it is often disturbed it never comes to the end of a spin.
        let set_up = |kernel: &mut Kernel| {
            (kernel.interrupted, kernel.spurious) = (usize::MAX, usize::MAX);
            kernel.spin = Duration::from_micros(spin);
        };
        (0..50).map(|seed| play(seed, set_up).get("sleep").copied().unwrap_or(0)).sum()
    };
    let (without, with) = (sleeps(0), sleeps(200));
    assert!(with < without / 4 * 3, "it sleeps {without} times, or {with}");
}

#[test]
fn no_schedule_loses_a_wake_up_or_a_byte() {
    let dangers = [
        "aborted connection",
        "full console",
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
