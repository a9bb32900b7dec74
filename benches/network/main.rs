//! Compares the drivers with each other, with a floor, and with a chat that uses tokio.
//!
//! `cargo bench --bench network`. Each server is a separate process; the load runs in this one. On a small machine the
//! placement on cores matters most, so it is part of the names: `one core` compares the work with the least variation,
//! `separate cores` shows what a user sees.
//!
//! * `floor`: the least that a relay could do; no lines, no names, no limits;
//! * `tokio`: a chat as tokio's users write it, on one thread.
//!
//! Each server runs at the same time as the floor, and each of its samples is taken right after a sample of the floor
//! with as many iterations. The speed of a machine varies over time, but hardly between two such samples, so their
//! ratio is more reliable. The ratios are printed below each group.

mod flood;
mod floor;
mod race;
mod talk;
mod tokio_chat;

use criterion::{Criterion, Throughput, criterion_group};
use flood::Flood;
use race::{Place, Runner, race};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;
use talk::Talk;
use tertulia::harness::{Launcher, START_LIMIT, ServerProcess, Stdout};
use tertulia::server::{DRIVERS, Driver, make_room_for};

/// The server that this process runs as. Set only by this program itself.
const ROLE: &str = "TERTULIA_BENCH_ROLE";
/// Bytes in a line, including its end.
const LINE_LEN: usize = 64;
/// Clients that are silent while six talk.
const IDLE: usize = 2000;
/// No more servers than this run at a time, with their clients.
const SERVERS_MAX: usize = 8;

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
    let spins = |driver: &Driver| beside == Beside::Spins && !driver.blocks;
    let mut names = vec!["floor".to_owned()];
    names.extend((beside == Beside::Spins).then(|| "floor --spin 50".to_owned()));
    for driver in DRIVERS {
        names.push(driver.name.to_owned());
        names.extend((beside == Beside::Transcripts).then(|| format!("{} transcript", driver.name)));
        names.extend(spins(driver).then(|| format!("{} --spin 50", driver.name)));
    }
    names.push("tokio".to_owned());
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
        Ok("tokio") => tokio_chat::serve(&addr()),
        _ => {
            make_room_for(SERVERS_MAX * (6 + IDLE)).expect("descriptors");
            benches();
            Criterion::default().configure_from_args().final_summary();
        }
    }
}
