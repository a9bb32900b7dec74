//! The C10k picture: what a line costs beside thousands of clients that say nothing.
//!
//! Six clients whisper to one another in turn, one line at a time. So a line has one receiver however many are there, and
//! what grows with the silent clients is the cost of waiting, not that of delivering. (What is said to all must be written
//! to all, in every mode.)

use super::messages;
use super::server::{self, LIMIT};
use crate::harness::{Crowd, ServerProcess, proc};
use crate::page::Point;
use crate::server::Driver;
use crate::text::Bilingual;
use serde::Serialize;
use std::net::TcpStream;
use std::time::{Duration, Instant};

const TALKERS: usize = 6;
/// The time that is measured at each number of silent clients, and its parts: the median part counts, so that a disturbance
/// of some milliseconds does not.
const MEASURED: Duration = Duration::from_millis(200);
const PARTS: u32 = 5;
/// The server is at rest when it has used no processor time for so long.
const REST: Duration = Duration::from_millis(60);
/// A server accepts somebody in this time, or nobody more.
const GROWS_WITHIN: Duration = Duration::from_secs(3);

/// The numbers of silent clients up to a largest one, which is the last.
pub(crate) fn levels(most: usize) -> Vec<usize> {
    let mut levels: Vec<usize> = [0, 100, 1000, 5000, 9000].into_iter().filter(|level| *level < most).collect();
    levels.push(most);
    levels
}

/// What one mode costs at one number of silent clients.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Level {
    pub silent: usize,
    /// Processor time of the server for one line, nanoseconds. `None` if the system does not count it.
    pub cpu_per_line: Option<f64>,
    /// From the sending of a line until its receiver has it: the median, nanoseconds.
    pub round_trip: f64,
    /// The server's memory that belongs to no file, bytes. What the kernel holds for it is not counted.
    pub memory: Option<f64>,
    /// Where its threads sleep while nobody speaks. `None` if the system does not tell.
    pub asleep: Option<Asleep>,
}

/// Where the threads of a server sleep.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Asleep {
    pub threads: usize,
    /// System calls, each with the number of threads in it, the most frequent first.
    pub calls: Vec<(String, usize)>,
}

impl Asleep {
    #[cfg(target_os = "linux")]
    fn of(pid: u32) -> Option<Asleep> {
        let process = crate::waiting::Process::look(pid.try_into().ok()?)?;
        let calls = process.sleeps_in().into_iter().map(|(call, threads)| (call.to_owned(), threads)).collect();
        Some(Asleep { threads: process.threads.len(), calls })
    }

    #[cfg(not(target_os = "linux"))]
    fn of(_: u32) -> Option<Asleep> {
        None
    }
}

/// All levels for one driver, on one server, to which more and more silent clients connect. Ends early at the first number
/// that the server cannot hold.
pub(crate) fn play(
    driver: &Driver,
    levels: &[usize],
    next: &mut dyn FnMut(Bilingual),
) -> Result<Vec<Level>, Bilingual> {
    let mode = driver.name;
    let failed = |e: std::io::Error| messages::talk_failed(mode, &e);
    let most = levels.last().copied().unwrap_or(0);
    let server = server::quiet(mode, most + TALKERS + 1)?;
    let mut talkers = Crowd::new(Vec::new(), LIMIT);
    for number in 0..TALKERS {
        talkers.members.push(server::connect(&server, number as u16, None).map_err(failed)?);
        server::greet(&mut talkers).map_err(failed)?;
        // Each whispers to the one after it. The server calls them guest1, guest2, and so on.
        let receiver = (number + 1) % TALKERS + 1;
        talkers.members[number].wrapping.before = format!(":msg guest{receiver} ").into_bytes();
    }
    let mut silent: Vec<TcpStream> = Vec::with_capacity(most);
    let mut measured = Vec::new();
    for &level in levels {
        next(messages::beside(mode, level));
        while silent.len() < level {
            silent.push(TcpStream::connect(server.addr).map_err(failed)?);
        }
        // Most likely the server could not start so many threads.
        if !holds(&server, level) {
            break;
        }
        rests(&server);
        measured.push(measure(&server, &mut talkers, level).map_err(failed)?);
    }
    Ok(measured)
}

/// Waits until the server has so many clients. Returns `false` if their number grows no more.
fn holds(server: &ServerProcess, clients: usize) -> bool {
    let (mut grown, mut before) = (Instant::now(), 0);
    while grown.elapsed() < GROWS_WITHIN {
        let Some(open) = proc::descriptors(server.pid()).map(|open| open.len()) else { return true };
        if open >= clients {
            return true;
        }
        if open > before {
            (grown, before) = (Instant::now(), open);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

/// Waits until the server has nothing to do: it has greeted all who have come.
fn rests(server: &ServerProcess) {
    let begin = Instant::now();
    let mut used = proc::cpu_time(server.pid());
    while begin.elapsed() < LIMIT {
        std::thread::sleep(REST);
        let now = proc::cpu_time(server.pid());
        if now == used {
            return;
        }
        used = now;
    }
}

fn measure(server: &ServerProcess, talkers: &mut Crowd, silent: usize) -> std::io::Result<Level> {
    let asleep = Asleep::of(server.pid());
    let (mut times, mut costs) = (Vec::new(), Vec::new());
    for _ in 0..PARTS {
        // It takes a while to ask for the time of thousands of threads.
        let before = proc::cpu_time(server.pid());
        let (begin, from) = (Instant::now(), times.len());
        while begin.elapsed() < MEASURED / PARTS {
            let speaker = times.len() % TALKERS;
            let sent = Instant::now();
            let line = talkers.says(speaker);
            if !talkers.hears((speaker + 1) % TALKERS, line) {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            times.push(sent.elapsed().as_nanos() as f64);
        }
        let lines = (times.len() - from).max(1) as f64;
        let used = proc::cpu_time(server.pid()).zip(before).map(|(now, before)| now.saturating_sub(before));
        costs.extend(used.map(|used| used.as_nanos() as f64 / lines));
    }
    Ok(Level {
        silent,
        cpu_per_line: median(costs),
        round_trip: median(times).unwrap_or_default(),
        memory: proc::private_memory_now(server.pid()).map(|bytes| bytes as f64),
        asleep,
    })
}

fn median(values: Vec<f64>) -> Option<f64> {
    Point::of(0.0, values).map(|point| point.y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_number_of_silent_clients_is_the_last_and_below_it_they_are_round() {
        assert_eq!(levels(9000), [0, 100, 1000, 5000, 9000]);
        assert_eq!(levels(700), [0, 100, 700]);
        assert_eq!(levels(20_000), [0, 100, 1000, 5000, 9000, 20_000]);
    }
}
