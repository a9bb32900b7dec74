//! Counts the instructions that a line takes on its way through the core. A count, unlike a time, does not change on a
//! busy machine, so that a regression shows without noise.
//!
//! `cargo bench --bench instructions`; needs valgrind, and says so if there is none. The counts include what the core
//! calls in the standard library and the C library. callgrind runs each case with two numbers of rounds, and the
//! difference is used. One run printed:
//!
//! ```text
//! instructions per line
//!     decoder                                           198
//!     sanitizer                                         295
//!     hub, 6 members, one sends 1 line                 1622
//!     hub, 6 members, each sends 1 line                 852
//!     hub, 6 members, each sends 64 lines at once       432
//!     hub, 64 members, each sends 1 line                829
//! ```

#[path = "codec/room.rs"]
mod room;

use room::{BenchRoom, LINE};
use std::hint::black_box;
use std::process::{Command, Stdio};
use tertulia::chat::line::LineDecoder;
use tertulia::chat::sanitize::sanitize;

/// The case that this process plays and the number of rounds. Set only by this program itself.
const ROLE: &str = "TERTULIA_BENCH_INSTRUCTIONS";
const FEW: u64 = 100;
const MORE: u64 = 300;

/// A case: its name, the lines in one round, and a function that plays a number of rounds.
type Case = (&'static str, u64, fn(u64));

const CASES: &[Case] = &[
    ("decoder", 1, decode),
    ("sanitizer", 1, clean),
    ("hub, 6 members, one sends 1 line", 1, |rounds| talk(6, 1, 1, rounds)),
    ("hub, 6 members, each sends 1 line", 6, |rounds| talk(6, 6, 1, rounds)),
    ("hub, 6 members, each sends 64 lines at once", 6 * 64, |rounds| talk(6, 6, 64, rounds)),
    ("hub, 64 members, each sends 1 line", 64, |rounds| talk(64, 64, 1, rounds)),
];

fn decode(rounds: u64) {
    let mut decoder = LineDecoder::default();
    for _ in 0..rounds {
        let mut rest = black_box(LINE);
        while let Some(line) = decoder.next(&mut rest, 1024, 16 * 1024) {
            black_box(line);
        }
    }
}

fn clean(rounds: u64) {
    for _ in 0..rounds {
        black_box(sanitize(black_box(&LINE[..LINE.len() - 1])));
    }
}

fn talk(members: usize, speakers: usize, lines: usize, rounds: u64) {
    let said = LINE.repeat(lines);
    let mut room = BenchRoom::new(members);
    for _ in 0..rounds {
        for speaker in 0..speakers {
            room.receive(room.ids[speaker], black_box(&said));
        }
        black_box(room.flush());
    }
}

fn main() {
    if let Ok(role) = std::env::var(ROLE) {
        let (case, rounds) = role.split_once(' ').expect("a case and a number");
        let (_, _, play) = CASES[case.parse::<usize>().expect("a case")];
        return play(rounds.parse().expect("a number"));
    }
    if !Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        println!("valgrind is missing; install it to count instructions");
        return;
    }
    println!("instructions per line");
    for (number, &(name, lines, _)) in CASES.iter().enumerate() {
        let spent = count(number, MORE) - count(number, FEW);
        println!("    {name:45} {:7.0}", spent as f64 / ((MORE - FEW) * lines) as f64);
    }
}

/// The instructions of a process that plays this number of rounds of a case.
fn count(case: usize, rounds: u64) -> u64 {
    let this = std::env::current_exe().expect("this program");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .env(ROLE, format!("{case} {rounds}"))
        .output()
        .expect("valgrind runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = text.lines().find_map(|line| line.split_once("Collected : "));
    let (_, number) = collected.unwrap_or_else(|| panic!("valgrind printed no count: {text}"));
    number.trim().parse().expect("a number")
}
