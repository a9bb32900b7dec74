//! A torment with many clients at once.

use super::acquaint::{Unacquainted, acquaint};
use super::arena::Arena;
use super::cause::Cause::*;
use super::connections::FULL_AT;
use super::entry::Torment;
use super::failure::{Failure, Outcome, fault, proven};
use super::messages;
use super::messages::connections as words;
use super::messages::process::CLIENT_CLOSED;
use crate::harness::{Crowd, TestClient, proc};
use crate::text::Bilingual;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::time::{Duration, Instant};

pub(crate) const CROWD: Torment = Torment::new(
    "crowd",
    Bilingual::new(
        "More and more clients connect, up to 1100 if there are descriptors for them, and the newest ones talk with the \
         first one.",
        "Se conectan cada vez más clientes, hasta 1100 si hay descriptores para tantos, y los más nuevos hablan con el \
         primero.",
    ),
    Bilingual::new(
        "All of them can talk, or are told that the room is full, or wait for a seat.",
        "Todos pueden hablar, o reciben el aviso de que la sala está llena, o esperan una plaza.",
    ),
    &[FixedTable, ClientErrorEndsServer],
    &[FixedTable, SeatsNotFreed, OneAcceptPerEdge, BlockingHandshake, SlowToAccept],
    crowd,
);

/// More than FD_SETSIZE.
const MOST: usize = 1100;
/// A server with a thread for each client may reach a limit of threads. If the server's descriptors cannot be counted,
/// it may have fewer.
const MOST_THREADS: usize = 200;
const MOST_UNCOUNTED: usize = 100;
/// As many clients connect at once as the shortest backlog in use holds.
const GROUP: usize = 6;
/// Descriptors that the server, or this program, needs for other things.
const SPARE: u64 = 20;
/// A slow server gets fewer clients.
const GROWING_MAX: Duration = Duration::from_secs(4);
/// A process that is about to end may have closed its sockets already.
const ENDING_MAX: Duration = Duration::from_millis(200);
/// How long some of them may take to leave.
const PARTING_MAX: Duration = Duration::from_millis(300);
/// How long all of them may take to leave.
const LEAVING_MAX: Duration = Duration::from_secs(10);

fn crowd(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(2)?;
    let _raised = RaisedLimit::for_descriptors(2 * MOST as u64);
    // The clients before the newest ones say nothing, and nobody reads what they get: it fits into the kernel's buffers.
    let mut silent = Vec::new();
    let grown = grow(arena, crowd, &mut silent);
    crowd.members.append(&mut silent);
    if let (Err(_), Some(server)) = (&grown, &mut arena.server)
        && let Some(ended) = server.ends_within(ENDING_MAX)
    {
        // Nobody has left yet, so it was the number of clients.
        let (message, when) = (server.last_message(), words::with_clients(crowd.count()));
        return Err(proven(&[FixedTable], messages::at(&when, &messages::ended(ended, message.as_deref()))));
    }
    grown?;
    all_leave_but_two(arena, crowd)
}

/// Adds clients until there are enough, one is not let in, or the time is over.
fn grow(arena: &mut Arena, crowd: &mut Crowd, silent: &mut Vec<TestClient>) -> Outcome {
    let (begin, limit) = (Instant::now(), arena.scaled(GROWING_MAX));
    let free = |arena: &Arena| arena.ask(proc::descriptors_free);
    let (ours, free_before) = (proc::descriptors_free(std::process::id()), free(arena));
    let most = match free_before {
        Some(_) if arena.baseline.thread_each => MOST_THREADS,
        Some(_) => MOST,
        None => MOST_UNCOUNTED,
    };
    let mut most = most.min(ours.map_or(MOST_UNCOUNTED, |ours| ours.saturating_sub(SPARE) as usize));
    while crowd.count() + silent.len() < most && begin.elapsed() < limit {
        for _ in 0..GROUP {
            let newcomer = arena.connect().map_err(|e| Failure::Silence(messages::cannot_connect(&e)))?;
            crowd.members.push(newcomer);
        }
        let (newest, patience) = (crowd.count() - 1, crowd.patience);
        let count = crowd.count() + silent.len();
        match acquaint(crowd, &[0, newest], patience) {
            Ok(()) => {}
            Err(Unacquainted::Closed(who)) if who == newest && first_two_talk(crowd) => {
                let inside = silent.len() + crowd.members.iter().filter(|client| client.is_open()).count();
                if inside >= FULL_AT {
                    arena.remark(words::next_closed(inside, &crowd.members[newest].receiver.excerpt()));
                }
                return Ok(());
            }
            Err(_) => return not_served(arena, crowd, silent, count),
        }
        silent.extend(crowd.members.drain(2..));
        if silent.len() == GROUP
            && let (Some(before), Some(now)) = (free_before, free(arena))
        {
            let each = (before.saturating_sub(now)).div_ceil(GROUP as u64).max(1);
            most = most.min(2 + (before.saturating_sub(SPARE) / each) as usize);
        }
    }
    Ok(())
}

fn first_two_talk(crowd: &mut Crowd) -> bool {
    let word = crowd.says(0);
    crowd.hears(1, word)
}

/// What it means that the newest of `count` clients cannot talk with the first.
fn not_served(arena: &mut Arena, crowd: &mut Crowd, silent: &mut Vec<TestClient>, count: usize) -> Outcome {
    let when = words::with_clients(count);
    if crowd.members[..2].iter().any(|client| !client.is_open()) {
        // They are the oldest, so it may have been their time and not the number of clients.
        return Err(fault(&[FixedTable, ClosesActive], messages::at(&when, &CLIENT_CLOSED)));
    }
    if !first_two_talk(crowd) {
        return Err(Failure::Silence(messages::at(&when, &words::OTHERS_SILENT)));
    }
    let queued = proc::not_accepted(arena.addr);
    // It may wait for a seat, so enough of the others leave.
    let newest = crowd.members.split_off(crowd.count() - 1);
    crowd.members.extend(silent.drain(silent.len().saturating_sub(2 * GROUP)..));
    crowd.members[2..].iter_mut().for_each(TestClient::half_close);
    crowd.wait(PARTING_MAX, |crowd| crowd.members[2..].iter().all(|client| !client.is_open()));
    crowd.members.truncate(2);
    crowd.members.extend(newest);
    let patience = crowd.patience;
    if acquaint(crowd, &[0, 2], patience).is_ok() {
        return Ok(());
    }
    let (causes, seen): (&[_], _) = match queued {
        Some(0) => (&[FixedTable], words::NEWEST_IS_DEAF),
        Some(_) => (&[SeatsNotFreed, OneAcceptPerEdge, BlockingHandshake, SlowToAccept], words::NEWEST_STAYS_QUEUED),
        None => (&[FixedTable, SeatsNotFreed, OneAcceptPerEdge, BlockingHandshake], words::NEWEST_IS_DEAF),
    };
    Err(fault(causes, messages::at(&when, &seen)))
}

/// What remains to be told of so many departures may take a server a while.
fn all_leave_but_two(arena: &Arena, crowd: &mut Crowd) -> Outcome {
    let count = crowd.count();
    crowd.members[2..].iter_mut().for_each(TestClient::half_close);
    let limit = arena.scaled(LEAVING_MAX);
    crowd.wait(limit, |crowd| crowd.members[2..].iter().all(|client| !client.is_open()));
    crowd.members.truncate(2);
    let word = crowd.says(0);
    if crowd.wait(limit, |crowd| crowd.has_heard(1, word)) {
        return Ok(());
    }
    Err(Failure::Silence(messages::at(&words::after_visits(count), &words::OTHERS_SILENT)))
}

/// A higher limit on our own descriptors, until it is dropped: servers that are started later inherit the old one.
struct RaisedLimit(Rlimit);

impl RaisedLimit {
    fn for_descriptors(wanted: u64) -> RaisedLimit {
        let before = getrlimit(Resource::Nofile);
        let possible = before.maximum.map_or(wanted, |maximum| wanted.min(maximum));
        if before.current.is_some_and(|current| current < possible) {
            let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(possible), maximum: before.maximum });
        }
        RaisedLimit(before)
    }
}

impl Drop for RaisedLimit {
    fn drop(&mut self) {
        let _ = setrlimit(Resource::Nofile, self.0);
    }
}
