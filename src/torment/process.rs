//! Torments of the server's process: descriptors, stdout, signals, restart.

use super::acquaint::acquaint;
use super::arena::{Arena, Leaving};
use super::cause::Cause;
use super::failure::{Failure, Outcome, fault, proven};
use crate::harness::{Crowd, START_LIMIT, State, Stdout};
use crate::text::Lang;
use rustix::process::Signal;
use std::time::{Duration, Instant};

pub(crate) fn idle(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(2)?;
    match arena.spins() {
        Some(seen) => Err(fault(&[Cause::BusyLoop], format!("two clients are connected, and {seen}"))),
        None => Ok(()),
    }
}

fn talk(crowd: &mut Crowd, who: &[usize], when: &str) -> Result<(), Failure> {
    let said: Vec<_> = who.iter().map(|&who| crowd.says(who)).collect();
    match crowd.all_hear(who, &said) {
        None => Ok(()),
        Some((deaf, _)) if !crowd.members[deaf].is_open() => {
            Err(Failure::Silence(format!("{when} a connected client was closed")))
        }
        Some(_) => Err(Failure::Silence(format!("{when} the clients do not receive each other's lines"))),
    }
}

#[cfg(target_os = "linux")]
pub(crate) fn no_descriptors(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(2)?;
    let inside = [0, 1];
    // Descriptors of clients that have just left may still be open.
    let descriptors = |arena: &Arena| arena.ask(crate::harness::proc::descriptors).map(|open| open.len());
    let mut open = None;
    while descriptors(arena) != open {
        open = descriptors(arena);
        crowd.go_on(Duration::from_millis(40));
    }
    let Some(before) = arena.server.as_ref().and_then(|server| server.limit_descriptors(None)) else {
        return Err(Failure::Skip("the server's limit cannot be changed".into()));
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
    talk(crowd, &inside, "while no descriptors were left,")?;
    if let Some(seen) = arena.spins() {
        return Err(fault(
            &[Cause::DescriptorSpin, Cause::BusyLoop],
            format!("no descriptors are left, other clients connect, and {seen}"),
        ));
    }
    if let Some(server) = &arena.server {
        server.limit_descriptors(Some(before));
    }
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
            &[Cause::AcceptNotRetried, Cause::OneAcceptPerEdge],
            "there are descriptors again, and the clients that waited are not served",
        )),
        Ok(()) => Ok(()),
        Err(_) if arena.server.as_mut().is_some_and(|server| server.ended().is_some()) => {
            Err(Failure::Silence("it ended".into()))
        }
        Err(Failure::Silence(seen)) => Err(fault(
            &[Cause::DescriptorDeath, Cause::OneAcceptPerEdge],
            format!("there are descriptors again, and nobody is let in any more: {seen}"),
        )),
        Err(other) => Err(other),
    }
}

#[cfg(not(target_os = "linux"))]
pub fn no_descriptors(_: &mut Arena, _: &mut Crowd) -> Outcome {
    Err(Failure::Skip("this system does not let us change the limits of a running process".into()))
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
            return Err(Failure::Silence("what was sent while it was stopped does not arrive when it goes on".into()));
        }
        talk(crowd, &all, "after SIGSTOP and SIGCONT")?;
    }
    Ok(())
}

/// Numbers of lines and visits. Whichever of them a server prints, that is more than a pipe of one page and a buffer
/// hold.
const PRINTED_LINES: usize = 1500;
const PRINTED_VISITS: usize = 400;

fn makes_it_print(arena: &mut Arena, crowd: &mut Crowd, what: &str) -> Outcome {
    *crowd = arena.guests(3)?;
    let all: Vec<usize> = (0..crowd.count()).collect();
    if let Some(server) = &mut arena.server
        && what == "closed"
    {
        server.close_stdout();
    }
    let when = format!("with its stdout {what},");
    let begin = Instant::now();
    let limit = arena.scaled(Duration::from_millis(1500));
    for _ in 0..PRINTED_LINES / all.len() {
        // No client connects or leaves yet, so printing is the only cause.
        if let Err(Failure::Silence(seen)) = talk(crowd, &all, &when) {
            let ended = arena.server.as_mut().and_then(|server| server.ends_within(Duration::from_millis(200)));
            let seen = ended.map_or(seen, |ended| format!("{when} the server ended: {}", ended.in_lang(Lang::En)));
            return Err(proven(&[if what == "closed" { Cause::PrintEndsServer } else { Cause::BlockingPrint }], seen));
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
    makes_it_print(arena, crowd, "frozen")
}

pub(crate) fn closed_stdout(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    makes_it_print(arena, crowd, "closed")
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
        return Err(fault(
            &[Cause::IgnoresSigterm],
            format!("{:.0} s after SIGTERM it still runs", limit.as_secs_f64()),
        ));
    };
    let word = crowd.members[1].receiver.total > heard;
    if crowd.members.iter().any(|client| matches!(client.state, State::Failed(_))) {
        arena.remark("upon SIGTERM its clients get a reset instead of an end");
    } else if !word {
        arena.remark("upon SIGTERM it ends without a message to its clients");
    }
    if !ended.by_sigterm() && ended.code() != Some(0) {
        arena.remark(format!("upon SIGTERM it ends with {}", ended.in_lang(Lang::En)));
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
        arena.remark("it did not end upon SIGTERM, and was killed");
    }
    crowd.wait(Duration::from_millis(500), |crowd| crowd.members.iter().all(|client| !client.is_open()));
    crowd.members.clear();
    match launcher.begin_on(port, Stdout::Nowhere).and_then(|server| server.listening(START_LIMIT)) {
        Ok(server) => {
            arena.addr = server.addr;
            arena.server = Some(server);
            Ok(())
        }
        Err(seen) => Err(fault(&[Cause::AddressInUse], format!("stopped and started again at once: {}", seen.en))),
    }
}
