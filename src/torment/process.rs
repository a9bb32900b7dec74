//! Torments of the server's process: descriptors, stdout, signals, restart.

use super::acquaint::acquaint;
use super::arena::{Arena, Leaving};
use super::cause::Cause;
use super::deadlock::deadlock;
use super::failure::{Failure, Outcome, fault, proven};
use super::messages;
use super::messages::process as words;
use crate::harness::{Crowd, START_LIMIT, State, Stdout};
#[cfg(target_os = "linux")]
use crate::harness::{TestClient, proc};
use crate::text::Bilingual;
use rustix::process::Signal;
use std::time::{Duration, Instant};

pub(crate) fn idle(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(2)?;
    match arena.spins() {
        Some(seen) => Err(fault(&[Cause::BusyLoop], seen)),
        None => Ok(()),
    }
}

fn talk(crowd: &mut Crowd, who: &[usize], when: &Bilingual) -> Result<(), Failure> {
    let said: Vec<_> = who.iter().map(|&who| crowd.says(who)).collect();
    match crowd.all_hear(who, &said) {
        None => Ok(()),
        Some((deaf, _)) if !crowd.members[deaf].is_open() => {
            Err(Failure::Silence(messages::at(when, &words::CLIENT_CLOSED)))
        }
        Some(_) => Err(Failure::Silence(messages::at(when, &words::CLIENTS_SILENT))),
    }
}

/// The most clients that connect to take a server's descriptors.
#[cfg(target_os = "linux")]
const FILLERS_MAX: u64 = 120;

/// Fills the server's descriptors with clients until the next one has this number, if that takes few clients. poll(2)
/// fails if the limit is less than the number of entries, and a server may pass it a whole table with free ones.
#[cfg(target_os = "linux")]
fn take_descriptors(arena: &mut Arena, crowd: &mut Crowd, goal: u64) -> Vec<TestClient> {
    let next = |arena: &Arena| arena.server.as_ref().and_then(|server| server.next_descriptor()).unwrap_or(goal);
    let mut fillers = Vec::new();
    while next(arena) < goal && goal < FILLERS_MAX {
        let before = next(arena);
        let Ok(mut client) = arena.bare(Duration::from_millis(300), None) else { break };
        arena.login(&mut client);
        fillers.push(client);
        let begin = Instant::now();
        while next(arena) == before && begin.elapsed() < arena.patience() {
            crowd.go_on(Duration::from_millis(1));
        }
        if next(arena) == before {
            break;
        }
    }
    fillers
}

#[cfg(target_os = "linux")]
pub(crate) fn no_descriptors(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(2)?;
    let inside = [0, 1];
    // Descriptors of clients that have just left may still be open.
    let descriptors = |arena: &Arena| arena.ask(proc::descriptors).map(|open| open.len());
    let mut open = None;
    while descriptors(arena) != open {
        open = descriptors(arena);
        crowd.go_on(Duration::from_millis(40));
    }
    let watched = arena.ask(proc::watched_by_poll).unwrap_or(0);
    let fillers = take_descriptors(arena, crowd, watched);
    if arena.server.as_ref().and_then(|server| server.next_descriptor()).is_some_and(|next| next < watched) {
        return Err(Failure::Skip(words::poll_needs(watched)));
    }
    let Some(before) = arena.server.as_ref().and_then(|server| server.limit_descriptors(None)) else {
        return Err(Failure::Skip(words::LIMIT_IS_FIXED));
    };
    let count = 4.min(arena.baseline.seats.saturating_sub(2)).max(1);
    for _ in 0..count {
        match arena.bare(Duration::from_millis(300), None) {
            Ok(mut client) => {
                arena.login(&mut client);
                crowd.members.push(client);
            }
            Err(_) => break,
        }
    }
    crowd.go_on(Duration::from_millis(200));
    talk(crowd, &inside, &words::WITHOUT_DESCRIPTORS)?;
    if let Some(seen) = arena.spins() {
        let seen = messages::at(&words::WITHOUT_DESCRIPTORS, &seen);
        return Err(fault(&[Cause::DescriptorSpin, Cause::BusyLoop], seen));
    }
    if let Some(server) = &arena.server {
        server.limit_descriptors(Some(before));
    }
    drop(fillers);
    // Clients that were left in the listener's queue cause no new event. They count if the server has not closed them.
    crowd.go_on(Duration::from_millis(100));
    let waiting: Vec<usize> = (2..crowd.count()).filter(|&who| crowd.members[who].state == State::Open).collect();
    let all = [&inside[..], &waiting].concat();
    let patience = crowd.patience;
    let waited_in_vain = !waiting.is_empty() && acquaint(crowd, &all, patience).is_err();
    let newcomers = waiting.iter().filter(|&&who| crowd.members[who].is_open());
    let lost = waited_in_vain && newcomers.count() > 0;
    while crowd.count() > 2 {
        crowd.leaves(2);
    }
    let mut newcomers = Crowd::empty();
    let outcome = arena.check_health(&mut newcomers);
    newcomers.leave();
    match outcome {
        Ok(()) if lost => Err(fault(
            &[Cause::AcceptNotRetried, Cause::OneAcceptPerEdge, Cause::SlowToAccept],
            words::WAITING_NOT_SERVED,
        )),
        Ok(()) => Ok(()),
        Err(_) if arena.server.as_mut().is_some_and(|server| server.ended().is_some()) => {
            Err(Failure::Silence(words::ENDED))
        }
        Err(Failure::Silence(seen)) => {
            Err(fault(&[Cause::DescriptorDeath, Cause::OneAcceptPerEdge], words::nobody_let_in(&seen)))
        }
        Err(other) => Err(other),
    }
}

#[cfg(not(target_os = "linux"))]
pub fn no_descriptors(_: &mut Arena, _: &mut Crowd) -> Outcome {
    Err(Failure::Skip(words::NO_LIMITS_HERE))
}

pub(crate) fn stop_continue(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(3)?;
    let all: Vec<usize> = (0..crowd.count()).collect();
    for round in 0..3 {
        // The server sleeps by then, so that a system call is interrupted.
        crowd.go_on(Duration::from_millis(60));
        let said = arena.frozen(|_| {
            let said: Vec<_> = match round {
                // In the first round nothing happens while it is stopped.
                0 => vec![],
                _ => all.iter().map(|&who| crowd.says(who)).collect(),
            };
            std::thread::sleep(Duration::from_millis(100));
            said
        });
        if crowd.all_hear(&all, &said).is_some() {
            return Err(Failure::Silence(words::SENT_WHILE_STOPPED_IS_LOST));
        }
        talk(crowd, &all, &words::AFTER_CONTINUE)?;
    }
    Ok(())
}

/// Numbers of lines and visits. Whichever of them a server prints, that is more than a pipe of one page and a buffer
/// hold.
const PRINTED_LINES: usize = 1500;
const PRINTED_VISITS: usize = 400;

fn makes_it_print(arena: &mut Arena, crowd: &mut Crowd, closed: bool) -> Outcome {
    *crowd = arena.guests(3)?;
    let all: Vec<usize> = (0..crowd.count()).collect();
    if let Some(server) = &mut arena.server
        && closed
    {
        server.close_stdout();
    }
    let when = if closed { words::STDOUT_CLOSED } else { words::STDOUT_FROZEN };
    let begin = Instant::now();
    let limit = arena.scaled(Duration::from_millis(1500));
    for _ in 0..PRINTED_LINES / all.len() {
        // No client connects or leaves yet, so printing is the only cause.
        if let Err(Failure::Silence(seen)) = talk(crowd, &all, &when) {
            if let Some(locked) = deadlock(arena, crowd) {
                return Err(proven(&[Cause::Deadlock], messages::both(&seen, &locked)));
            }
            let ended = arena.server.as_mut().and_then(|server| server.ends_within(Duration::from_millis(200)));
            return Err(match ended {
                Some(ended) => proven(&[Cause::PrintEndsServer], messages::at(&when, &messages::ended(ended, None))),
                // A print may fail only when a buffer is full, and each time a line is lost.
                None if closed && talk(crowd, &all, &when).is_ok() => {
                    proven(&[Cause::PrintEndsServer, Cause::Loses], seen)
                }
                None if closed => proven(&[Cause::PrintEndsServer], seen),
                // It was the printing if the chat goes on when somebody reads; the judge tries that.
                None => Failure::Silence(seen),
            });
        }
        if begin.elapsed() > limit {
            break;
        }
    }
    for _ in 0..PRINTED_VISITS / 20 {
        arena.storm(20, Leaving::ByFin);
        crowd.go_on(Duration::from_millis(10));
        talk(crowd, &all, &when)?;
    }
    Ok(())
}

pub(crate) fn frozen_stdout(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    makes_it_print(arena, crowd, false)
}

pub(crate) fn closed_stdout(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    makes_it_print(arena, crowd, true)
}

pub(crate) fn terminate(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(3)?;
    let said = crowd.says(0);
    crowd.all_hear(&[1], &[said]);
    crowd.go_on(Duration::from_millis(50));
    let heard = crowd.members[1].receiver.total;
    let Some(mut server) = arena.server.take() else { return Ok(()) };
    server.signal(Signal::TERM);
    let begin = Instant::now();
    let limit = arena.scaled(Duration::from_secs(5));
    crowd.wait(limit, |crowd| crowd.members.iter().all(|client| !client.is_open()));
    let Some(ended) = server.ends_within(limit.saturating_sub(begin.elapsed())) else {
        // It is killed now, so its end shows nothing more.
        return Err(proven(&[Cause::IgnoresSigterm], words::still_runs(limit)));
    };
    let word = crowd.members[1].receiver.total > heard;
    if crowd.members.iter().any(|client| matches!(client.state, State::Failed(_))) {
        arena.remark(words::ENDS_WITH_RESETS);
    } else if !word {
        arena.remark(words::ENDS_SILENTLY);
    }
    if !ended.by_sigterm() && ended.code() != Some(0) {
        arena.remark(words::ends_with(ended));
    }
    Ok(())
}

pub(crate) fn restart(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(3)?;
    let (Some(launcher), Some(mut server)) = (arena.launcher, arena.server.take()) else { return Ok(()) };
    // The server closes first, so its side of the connections is in TIME_WAIT.
    server.signal(Signal::TERM);
    let ended = server.ends_within(arena.scaled(Duration::from_secs(4)));
    let port = server.addr.port();
    drop(server);
    if ended.is_none() {
        arena.remark(words::HAD_TO_BE_KILLED);
    }
    crowd.wait(Duration::from_millis(500), |crowd| crowd.members.iter().all(|client| !client.is_open()));
    crowd.members.clear();
    match launcher.begin_on(port, Stdout::Nowhere).and_then(|server| server.listening(START_LIMIT)) {
        Ok(server) => {
            arena.addr = server.addr;
            arena.server = Some(server);
            Ok(())
        }
        Err(seen) => Err(proven(&[Cause::AddressInUse], words::not_started_again(&seen))),
    }
}
