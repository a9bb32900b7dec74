//! The two ways of waiting against each other, between a floor under them and what a user would pick instead beside them.
//!
//! `cargo bench --bench network`. Each server is a process of its own; the load is plain blocking sockets in this one. Where
//! both run matters more than what they are made of on a small machine, so it is said in the names: `one core` is the steadiest
//! comparison of work done, `a core each` what a user sees.
//!
//! * `floor`: the least that a relay could do; no lines, no names, no limits;
//! * `tokio`: a chat the way tokio's users write it, on one thread.

mod floor;
mod talk;
mod tokio_chat;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;
use talk::Talk;
use tertulia::load::fleet::{self, Server};

/// Which server this process is to be; set only by ourselves.
const ROLE: &str = "TERTULIA_BENCH_ROLE";
const SERVERS: &[&str] =
    if cfg!(feature = "threaded") { &["floor", "epoll", "threaded", "tokio"] } else { &["floor", "epoll", "tokio"] };
/// Bytes in a line, its end included.
const LINE_LEN: usize = 64;
/// Lines that each client says at a time in `fan_out`.
const BURST: usize = 64;

/// Where server and load run.
#[derive(Clone, Copy)]
enum Place {
    OneCore,
    ACoreEach,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Place::OneCore => "one core",
            Place::ACoreEach => "a core each",
        }
    }

    fn pin(self, server: &Server) {
        let load_core = match self {
            Place::OneCore => 0,
            Place::ACoreEach => 1,
        };
        server.pin(0).and_then(|()| fleet::pin(None, load_core)).expect("two cores");
    }
}

/// Starts a server with so many seats and one to spare.
fn start(server: &str, clients: usize) -> Server {
    let command = |addr: SocketAddr| {
        if let "epoll" | "threaded" = server {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tertulia"));
            let seats = (clients + 1).to_string();
            command.args(["serve", "--quiet", "--mode", server, "--max-clients", &seats, "--addr", &addr.to_string()]);
            command
        } else {
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command.env(ROLE, server).arg(addr.to_string());
            command
        }
    };
    Server::start(command).expect("a server that starts")
}

/// A line from one client until the last of the others has it.
fn round_trip(criterion: &mut Criterion) {
    for place in [Place::OneCore, Place::ACoreEach] {
        for clients in [2, 6, 64] {
            let mut group = criterion.benchmark_group(format!("round_trip/{}/{clients} clients", place.name()));
            group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
            for name in SERVERS {
                group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                    let server = start(name, clients);
                    place.pin(&server);
                    let mut talk = Talk::new(server.addr, clients, LINE_LEN);
                    bencher.iter(|| talk.round_trip());
                });
            }
        }
    }
}

/// Deliveries per second with everybody talking at full speed.
fn fan_out(criterion: &mut Criterion) {
    for place in [Place::OneCore, Place::ACoreEach] {
        for clients in [6, 64] {
            let mut group = criterion.benchmark_group(format!("fan_out/{}/{clients} clients", place.name()));
            group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
            group.throughput(Throughput::Elements((clients * (clients - 1) * BURST) as u64));
            for name in SERVERS {
                group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                    let server = start(name, clients);
                    place.pin(&server);
                    let mut talk = Talk::new(server.addr, clients, LINE_LEN);
                    bencher.iter(|| talk.all_talk(BURST));
                });
            }
        }
    }
}

criterion_group!(benches, round_trip, fan_out);

fn main() {
    let addr = || std::env::args().nth(1).expect("an address");
    match std::env::var(ROLE).as_deref() {
        Ok("floor") => floor::serve(&addr()),
        Ok("tokio") => tokio_chat::serve(&addr()),
        _ => {
            benches();
            Criterion::default().configure_from_args().final_summary();
        }
    }
}
