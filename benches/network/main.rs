//! Compares the drivers with each other, with a floor, and with a chat that uses tokio.
//!
//! `cargo bench --bench network`. Each server is a separate process; the load runs in this one. On a small machine the
//! placement on cores matters most, so it is part of the names: `one core` compares the work with the least variation,
//! `separate cores` shows what a user sees.
//!
//! * `floor`: the least that a relay could do; no lines, no names, no limits;
//! * `uring-floor`: the same over io_uring;
//! * `tokio`: a chat as tokio's users write it, on one thread: a task that reads and one that writes for each client, with a
//!   channel between. `--mode async` shows what tokio's users can reach: no channel, and one gathered write to each member.
//!
//! Each server runs at the same time as the floor, and each of its samples is taken right after a sample of the floor
//! with as many iterations. The speed of a machine varies over time, but hardly between two such samples, so their
//! ratio is more reliable. The ratios are printed below each group.
//!
//! # Figures
//!
//! From runs of `cargo bench --bench network` (seven minutes, two cores), lines of 64 bytes. The figures are ratios to the
//! floor:
//!
//! | | floor | epoll | poll | threaded | uring | async | uring-floor | tokio |
//! |---|---|---|---|---|---|---|---|---|
//! | round trip (less is better), 6 clients, one core | 0.99 | 0.95 | 0.98 | 0.98 | 0.92 | 1.00 | 0.97 | 1.05 |
//! | round trip, 6 clients, separate cores | 1.03 | 0.98 | 0.98 | 0.95 | 0.99 | 0.99 | 0.97 | 0.99 |
//! | round trip, 6 clients and 2000 silent ones, one core | 0.99 | 0.94 | 1.01 | 0.92 | 0.89 | 0.97 | 0.88 | 1.15 |
//! | deliveries per second (more is better), 6 clients, one core | 1.00 | 0.89 | 0.84 | 0.60 | 0.97 | 0.84 | 0.79 | 0.23 |
//! | deliveries per second, 64 clients, one core | 0.98 | 0.71 | 0.76 | 0.58 | 0.81 | 0.73 | 0.64 | 0.27 |
//! | deliveries per second, 1000 clients, one core | 0.98 | 0.90 | 0.80 | 0.54 | 0.84 | 0.79 | 0.67 | 0.36 |
//!
//! The middle half of the samples is within about a tenth of such a figure, and within a third of it with 1000 clients.
//!
//! * A lone line costs little more than its system calls. Threads need one call less, and a switch between threads
//!   more.
//! * In a flood the server that writes least often wins: one thread that has read from all clients writes once to each.
//!   Threads come close by group commit: one of them, the leader, writes for all that have spoken (`commit` in
//!   `src/server/drivers/threaded.rs`). What is left between them and the loops is switching between threads.
//! * poll pays for the 2000 silent clients: the kernel looks at each of them for each line.
//! * uring needs one system call for a lone line where epoll needs seven.
//! * A line of 64 bytes leaves this server with its speaker's name, as 73 or 75. In a large room, where copying is all
//!   the work, that alone is 0.86 of the floor.
//!
//! These servers run with `--quiet`. Those named `transcript` do not: a transcript on stdout is formatted once a line
//! and written once a turn. On one core, among six clients, that is 3 % of a round trip, and in a flood a third of what
//! could be delivered.
//!
//! # `--spin`
//!
//! With `--spin 50` the event loop looks again for 50 µs before it sleeps. In the same run, with a core of its own, a
//! round trip among six clients takes 0.68 of the floor's time (0.70 for a floor that spins, too), because going to
//! sleep and waking up cost more than the wait. It uses processor time: as long as somebody writes every 50 µs, the
//! core never rests, and a server that shares its core with its clients takes their time. Use it only for a server that
//! has a core of its own, if microseconds count.
//!
//! ```console
//! $ tertulia bench --mode epoll --talkers 1 --cores apart
//! $ TERTULIA_SPIN=50 tertulia bench --mode epoll --talkers 1 --cores apart   # servers that bench starts heed the environment
//! ```
//!
//! # The other benchmarks
//!
//! `cargo bench --bench codec` measures the core in memory. `cargo bench --bench instructions` counts its instructions
//! with valgrind.

mod flood;
mod floor;
mod race;
mod talk;
mod tokio_chat;
#[cfg(all(feature = "uring", target_os = "linux"))]
mod uring_floor;

use criterion::{Criterion, Throughput, criterion_group};
use flood::Flood;
use race::{Place, Runner, race};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;
use talk::Talk;
use tertulia::harness::{Launcher, START_LIMIT, ServerProcess, Stdout};
use tertulia::server::{Driver, make_room_for};

/// The server that this process runs as. Set only by this program itself.
const ROLE: &str = "TERTULIA_BENCH_ROLE";
/// Bytes in a line, including its end.
const LINE_LEN: usize = 64;
/// Clients that are silent while six talk.
const IDLE: usize = 2000;
/// No more servers than this run at a time, with their clients.
const SERVERS_MAX: usize = 8;

/// Serves on an address until killed.
type Serve = fn(&str);

/// The servers beside ours and the floor.
const OTHERS: &[(&str, Serve)] = &[
    #[cfg(all(feature = "uring", target_os = "linux"))]
    ("uring-floor", uring_floor::serve),
    ("tokio", tokio_chat::serve),
];

/// What is measured besides the floor, each of our own modes, and tokio.
#[derive(Clone, Copy, PartialEq)]
enum Beside {
    Nothing,
    /// Each mode with its transcript, too.
    Transcripts,
    /// The floor and each mode that can spin, spinning.
    Spins,
}

/// The names of the servers in one group, the floor first.
fn servers(beside: Beside) -> Vec<String> {
    let spins = |driver: &Driver| beside == Beside::Spins && driver.spins;
    let mut names = vec!["floor".to_owned()];
    names.extend((beside == Beside::Spins).then(|| "floor --spin 50".to_owned()));
    for driver in Driver::usable() {
        names.push(driver.name.to_owned());
        names.extend((beside == Beside::Transcripts).then(|| format!("{} transcript", driver.name)));
        names.extend(spins(driver).then(|| format!("{} --spin 50", driver.name)));
    }
    names.extend(OTHERS.iter().map(|(name, _)| (*name).to_owned()));
    names
}

/// Starts a server for this many clients. Ours are named by mode and flags: `epoll --spin 50`.
fn start(name: &str, clients: usize) -> ServerProcess {
    let command = |addr: SocketAddr| {
        let mut words = name.split(' ');
        let mode = words.next().unwrap_or_default();
        if Driver::named(mode).is_some() {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tertulia"));
            // A spare seat: if the kernel does not report whether the server listens, a test connection is made.
            let seats = (clients + 1).to_string();
            command.args(["serve", "--mode", mode, "--max-clients", &seats, "--addr", &addr.to_string()]);
            match words.next() {
                Some("transcript") => {}
                flag => drop(command.arg("--quiet").args(flag).args(words)),
            }
            command
        } else {
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command.env(ROLE, name).arg(addr.to_string());
            command
        }
    };
    Launcher::new(command).start(Stdout::Nowhere, START_LIMIT).expect("a server that starts")
}

/// The time of a line from one client until the last of the others has it.
fn round_trip(criterion: &mut Criterion) {
    for place in [Place::OneCore, Place::ACoreEach] {
        for clients in [2, 6, 64] {
            let names = match (place, clients) {
                (Place::OneCore, 6) => servers(Beside::Transcripts),
                (Place::ACoreEach, 6) => servers(Beside::Spins),
                _ => servers(Beside::Nothing),
            };
            let group = format!("round_trip/{}/{clients} clients", place.name());
            race(criterion, &group, &names, None, |name| talk(name, clients, 0, place));
        }
    }
}

/// Six clients talk and thousands are silent. Each line goes to all of them, with the floor, too.
fn idle_crowd(criterion: &mut Criterion) {
    let names = servers(Beside::Nothing);
    let place = Place::OneCore;
    let group = format!("idle_crowd/{}/6 clients, {IDLE} idle", place.name());
    race(criterion, &group, &names, None, |name| talk(name, 6, IDLE, place));
}

fn talk(name: &str, clients: usize, idle: usize, place: Place) -> Runner {
    let server = start(name, clients + idle);
    place.pin(&server);
    let connect = |_| TcpStream::connect(server.addr).expect("the server accepts");
    let crowd: Vec<TcpStream> = (0..idle).map(connect).collect();
    let mut talk = Talk::new(server.addr, clients, LINE_LEN);
    Box::new(move |iterations| {
        let _lives_as_long = &server;
        (0..iterations).for_each(|_| talk.round_trip());
        talk.discard(&crowd);
    })
}

/// Deliveries per second with everybody talking at full speed.
fn fan_out(criterion: &mut Criterion) {
    for (place, sizes) in [(Place::OneCore, &[6, 64, 1000][..]), (Place::ACoreEach, &[6, 64])] {
        for &clients in sizes {
            let names = match (place, clients) {
                (Place::OneCore, 6) => servers(Beside::Transcripts),
                _ => servers(Beside::Nothing),
            };
            // Lines of each client in an iteration.
            let lines = if clients < 1000 { 16 } else { 1 };
            let group = format!("fan_out/{}/{clients} clients", place.name());
            let deliveries = Throughput::Elements((clients * (clients - 1) * lines) as u64);
            race(criterion, &group, &names, Some(deliveries), |name| {
                let server = start(name, clients);
                place.pin(&server);
                let mut flood = Flood::new(server.addr, clients, LINE_LEN);
                Box::new(move |iterations| {
                    let _lives_as_long = &server;
                    flood.all_talk(iterations * lines);
                })
            });
        }
    }
}

criterion_group!(benches, round_trip, fan_out, idle_crowd);

fn main() {
    let addr = || std::env::args().nth(1).expect("an address");
    match std::env::var(ROLE).as_deref() {
        Ok("floor") => floor::serve(&addr(), Duration::ZERO),
        Ok("floor --spin 50") => floor::serve(&addr(), Duration::from_micros(50)),
        Ok(role) => OTHERS.iter().find(|(name, _)| *name == role).expect("a known role").1(&addr()),
        Err(_) => {
            make_room_for(SERVERS_MAX * (6 + IDLE)).expect("descriptors");
            benches();
            Criterion::default().configure_from_args().final_summary();
        }
    }
}
