//! *tertulia*: a group chat over TCP, carried by several ways of waiting.
//!
//! Read these pages with `cargo doc --no-deps --document-private-items --open`. In reading order:
//!
//! * [`chat`]: what is said. Lines, names, commands, the room; no sockets, no threads, no clocks;
//! * [`server`]: how bytes move. The drivers, a file each: lay them side by side;
//! * [`trace`]: the steps that a driver takes, recorded, narrated and drawn;
//! * `client`: what `tertulia join` is;
//! * `harness`: what the instruments share: lines that can be checked, test clients, the launcher of servers, /proc;
//! * `host`: the command and the machine, which every page names;
//! * `load`: what `tertulia bench` measures with; it knows nothing of what is inside a server;
//! * `page`: how it is shown in a browser; it knows nothing of what is measured;
//! * `compare`: all drivers, side by side on one page;
//! * `torment`: clients that misbehave, and why servers fail;
//! * `waiting`: what the threads of any process sleep in;
//! * [`cli`]: flags, turned into the above;
//! * [`address`]: how an address is written;
//! * `certificates`: fingerprints, and where certificates are kept;
//! * `files`: files that are whole at any time;
//! * [`text`]: what all of these use: languages, and numbers for people.
//!
//! How it is measured: `compare` (its page), `load` (what `tertulia bench` prints, and what to trust),
//! `benches/network/main.rs` (how fast each driver is beside the least that a relay could do),
//! `benches/instructions.rs`. How it is used: README.md, and `tertulia help COMMAND`.
//!
//! # Build less
//!
//! | cargo feature | in the default | adds |
//! |---|---|---|
//! | `poll`, `threaded`, `uring`, `async` | yes | `serve --mode poll` and so on; `uring` is for Linux |
//! | `service` | yes | what systemd hands over and is told: sockets, readiness, the watchdog; `tertulia unit` |
//! | `metrics` | no | `serve --metrics`: figures for Prometheus; for Linux |
//! | `join` | yes | `tertulia join` |
//! | `bench` | yes | `tertulia bench`, and `tertulia where` on Linux |
//! | `trace` | yes | `serve --explain`, `serve --trace`, `tertulia trace` |
//! | `compare` | yes | `tertulia compare`; takes in `poll`, `threaded`, `bench` and `trace` |
//! | `torment` | yes | `tertulia torment` |
//! | `tls` | yes | `serve --tls`, `join --tls` |
//! | `link` | yes | `serve --room`: one room on several servers |
//! | `gallery` | no | `tertulia gallery`: servers that are broken on purpose |
//! | `extras` | yes | `tertulia completions`, `tertulia man` |
//!
//! `cargo build --release --no-default-features` builds the event-loop server alone, which starts no thread unless
//! `--history`, or a file behind stdout, asks for one. `tertulia --version` names the modes that are built in.
//!
//! # Tests
//!
//! | command | what it runs |
//! |---|---|
//! | `cargo test` | all that needs only Rust. Each conversation in `tests/` is played with every driver |
//! | `TERTULIA_TEST_MODE=poll cargo test` | the same with one driver |
//! | `cargo test -- --ignored` | what needs other programs (see `.ci/run`), thousands of descriptors or more time |
//! | `cargo test --release --features gallery --test torment -- --ignored rows_of` | `torment` on some seventy servers: see `tests/torment/rows.rs` |
//! | `TERTULIA_TEST_ROOM=redis://127.0.0.1 cargo test --test conformance` | the same by way of a log in this Redis. What depends on the order of arrivals differs then |
//! | `SEEDS=200 cargo test --lib all_servers_tell` | random failures of a room on several servers: see `src/chat/tests/linked.rs` |
//! | `cargo test --release -- --ignored soak` | the soak test, ten minutes long: see `tests/machine/soak.rs` |
//! | `SEED=17 cargo test --lib simulated::threaded::no_schedule` | one schedule on the simulated kernel: see `src/server/simulated.rs` |
//!
//! [`chat`] has tests in memory (`src/chat/tests/`), with random scripts and a reference room. The drivers also run on
//! a simulated kernel with short reads and writes, interruptions, resets and events in any order.
//! `tests/fuzz/Cargo.toml` tells how to run the libFuzzer targets; they need a stable compiler and nothing else, and
//! `cargo test` replays the inputs by which they reached new code.

// Private rooms have doors, too: the pages are for whoever reads the code.
#![allow(rustdoc::private_intra_doc_links)]
#![warn(missing_docs, unreachable_pub)]
// `server::ring` allows it, and one call in `server::tasks`.
#![deny(unsafe_code)]
// What one feature alone uses is unused without it. The default build, which has all but the gallery, is the one to judge.
#![cfg_attr(
    not(all(feature = "join", feature = "compare", feature = "torment", feature = "extras")),
    allow(dead_code, unused_imports, unreachable_pub)
)]

pub mod address;
#[cfg(feature = "tls")]
pub(crate) mod certificates;
pub mod chat;
pub mod cli;
#[cfg(feature = "join")]
pub(crate) mod client;
#[cfg(feature = "compare")]
pub(crate) mod compare;
pub(crate) mod files;
#[cfg(feature = "harness")]
pub mod harness;
#[cfg(any(feature = "bench", feature = "torment", feature = "trace"))]
pub mod host;
#[cfg(feature = "bench")]
pub mod load;
#[cfg(any(feature = "bench", feature = "torment"))]
pub(crate) mod page;
pub mod server;
pub mod text;
#[cfg(feature = "torment")]
pub mod torment;
pub mod trace;
#[cfg(all(feature = "bench", target_os = "linux"))]
pub(crate) mod waiting;
