//! Torments with clients that connect and leave.

use super::acquaint::{Unacquainted, acquaint};
use super::arena::{Arena, COLLECTOR_MEMORY_MIN, Leaving};
use super::cause::Cause;
use super::failure::{Failure, Outcome, fault};
use super::messages;
use super::messages::connections::{self as words, Leak};
use crate::harness::{Crowd, Kind, Probe, SHORT_LEN, State, proc};
use crate::text::Bilingual;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Connections that wait in the listener's queue at once. The shortest backlogs in use hold more.
const BURST: usize = 8;
/// Connecting takes longer than this only if the listener's queue is full.
const QUEUE_FULL: Duration = Duration::from_millis(200);

/// Clients 0 and 1 exchange lines.
fn pair_talks(crowd: &mut Crowd, when: &Bilingual) -> Result<(), Failure> {
    for (talker, reader) in [(0, 1), (1, 0)] {
        let word = crowd.says(talker);
        if !crowd.hears(reader, word) {
            let closed = [talker, reader].into_iter().find(|&who| !crowd.members[who].is_open());
            return Err(match closed {
                Some(_) => fault(&[Cause::ErrorEndsFanOut], messages::at(when, &words::ANOTHER_CLOSED)),
                None => Failure::Silence(messages::at(when, &words::OTHERS_SILENT)),
            });
        }
    }
    Ok(())
}

pub(crate) fn burst_connect(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    let wanted = BURST.min(arena.baseline.seats);
    let members = arena.frozen(|arena| {
        let mut members = Vec::new();
        while members.len() < wanted
            && let Ok(client) = arena.bare(QUEUE_FULL, None)
        {
            members.push(client);
        }
        members
    });
    if members.len() < 2 {
        return Err(Failure::Skip(words::SHORT_QUEUE));
    }
    *crowd = Crowd::new(members, arena.patience());
    for client in &mut crowd.members {
        arena.login(client);
    }
    let all: Vec<usize> = (0..crowd.count()).collect();
    let patience = crowd.patience;
    match acquaint(crowd, &all, patience) {
        Ok(()) => Ok(()),
        Err(unacquainted) => {
            let (served, count) = (served(crowd), crowd.count());
            if let Unacquainted::Closed(_) = unacquainted {
                return Err(fault(&[Cause::OneAcceptPerEdge], words::burst_closed(served, count)));
            }
            // Clients for which no event will come wait for ever. If the server is only slow to accept, more get in
            // meanwhile.
            let begin = Instant::now();
            let _ = acquaint(crowd, &all, patience);
            let more = self::served(crowd).saturating_sub(served);
            Err(match more {
                0 => fault(&[Cause::OneAcceptPerEdge, Cause::BlockingHandshake], words::burst(served, count)),
                _ => fault(&[Cause::SlowToAccept], words::burst_slow(served, count, patience, more, begin.elapsed())),
            })
        }
    }
}

/// The number of clients of which another one has received a line: the others were not served. The first client always
/// counts.
fn served(crowd: &Crowd) -> usize {
    let numbers = crowd.members.iter().map(|client| client.number());
    let served = numbers.filter(|&number| {
        let mut others = crowd.members.iter().filter(|client| client.number() != number);
        others.any(|client| client.receiver.knows(number))
    });
    served.count().max(1)
}

pub(crate) fn connect_storm(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(2)?;
    let (batches, batch) = (10, 20);
    for round in 0..batches {
        arena.storm(batch, Leaving::SomeByReset);
        pair_talks(crowd, &words::after_connections((round + 1) * batch))?;
    }
    arena.join(crowd)
}

pub(crate) fn silent_newcomer(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    if arena.baseline.seats < 4 {
        return Err(Failure::Skip(messages::needs_seats(4, arena.baseline.seats)));
    }
    *crowd = arena.guests(2)?;
    let silent = arena.bare(arena.patience(), None).map_err(|e| Failure::Silence(messages::cannot_connect(&e)))?;
    crowd.members.push(silent);
    crowd.go_on(Duration::from_millis(100));
    let when = words::WHILE_A_NEWCOMER_IS_SILENT;
    pair_talks(crowd, &when)?;
    arena.join(crowd).map_err(|failure| match failure {
        Failure::Silence(seen) => Failure::Silence(messages::at(&when, &seen)),
        other => other,
    })
}

pub(crate) fn reset_idle(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(2)?;
    for _ in 0..3 {
        arena.join(crowd)?;
        crowd.take(2).reset();
        crowd.go_on(Duration::from_millis(20));
        pair_talks(crowd, &words::AFTER_A_RESET)?;
    }
    Ok(())
}

pub(crate) fn reset_backlog(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(2)?;
    arena.frozen(|arena| {
        for _ in 0..4 {
            if let Ok(client) = arena.bare(QUEUE_FULL, None) {
                client.reset();
            }
        }
    });
    pair_talks(crowd, &words::AFTER_RESETS_IN_THE_QUEUE)?;
    arena.join(crowd)
}

pub(crate) fn reset_mid_fanout(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    let seats = arena.baseline.seats.min(5);
    // Whichever order the server has for its clients, in some round the leaver is between the others.
    for round in 0..4 {
        crowd.leave();
        *crowd = arena.guests(seats)?;
        let leaving = [1, seats - 1, 0, seats / 2][round];
        let leaver = crowd.members.remove(leaving);
        let mut said = Vec::new();
        arena.frozen(|_| {
            if round % 2 == 0 {
                leaver.reset();
            } else {
                drop(leaver);
            }
            for who in 0..crowd.count() {
                for _ in 0..3 {
                    said.push(crowd.says(who));
                }
            }
        });
        let all: Vec<usize> = (0..crowd.count()).collect();
        if let Some((who, _)) = crowd.all_hear(&all, &said) {
            let closed = crowd.members.iter().any(|client| !client.is_open());
            let missing = said.iter().filter(|probe| !crowd.has_heard(who, **probe)).count();
            return Err(fault(
                &[Cause::ErrorEndsFanOut, Cause::Loses],
                words::missed(round % 2 == 0, missing, said.len(), closed),
            ));
        }
        let twice = said.iter().find(|probe| crowd.members.iter().any(|client| client.receiver.times(**probe) > 1));
        if twice.is_some() {
            return Err(fault(&[Cause::Duplicates], words::TWICE));
        }
    }
    Ok(())
}

/// How many clients say goodbye.
const GOODBYES: usize = 3;

pub(crate) fn half_close(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(2)?;
    let leaver = 2;
    for goodbye in 0..GOODBYES {
        arena.join(crowd)?;
        let said = say_goodbye(crowd, leaver, 3);
        if let Some((who, _)) = crowd.all_hear(&[0, 1], &said) {
            let missing = said.iter().filter(|probe| !crowd.has_heard(who, **probe)).count();
            // The three lines may have been taken as one message. A single line shows that.
            let alone = say_goodbye(crowd, 1, 1)[0];
            return Err(match crowd.hears(0, alone) {
                true => fault(
                    &[Cause::FramingByRead, Cause::LosesAtTheEnd, Cause::Loses],
                    words::last_words_lost_but_one(missing),
                ),
                false => fault(&[Cause::LosesAtTheEnd, Cause::Loses], words::last_words_lost(missing)),
            });
        }
        if goodbye + 1 < GOODBYES {
            crowd.leaves(leaver);
        }
    }
    pair_talks(crowd, &words::AFTER_A_HALF_CLOSE)?;
    match arena.spins() {
        Some(seen) => {
            let seen = messages::at(&words::AFTER_A_HALF_CLOSE, &seen);
            Err(fault(&[Cause::SpinsAtTheEnd, Cause::BusyLoop], seen))
        }
        None => Ok(()),
    }
}

/// A client sends lines and the end-of-file at once.
fn say_goodbye(crowd: &mut Crowd, who: usize, lines: usize) -> Vec<Probe> {
    let client = &mut crowd.members[who];
    let (said, lines): (Vec<Probe>, Vec<Vec<u8>>) = (0..lines).map(|_| client.line(Kind::Line, SHORT_LEN)).unzip();
    client.says_goodbye(&lines.concat());
    said
}

pub(crate) fn stale_event(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    if arena.baseline.seats < 4 {
        return Err(Failure::Skip(messages::needs_seats(4, arena.baseline.seats)));
    }
    for round in 0..3 {
        crowd.leave();
        *crowd = arena.guests(3)?;
        // One batch of events contains a line, whose fan-out finds a dead client; a new client, which gets its slot;
        // and then the dead client's own event.
        let victim = crowd.take(1 + round % 2);
        let said = arena.frozen(|arena| {
            let said = crowd.says(0);
            let newcomer = arena.connect();
            victim.reset();
            newcomer.map(|newcomer| {
                crowd.members.push(newcomer);
                said
            })
        });
        let said = said.map_err(|e| Failure::Silence(messages::cannot_connect(&e)))?;
        if !crowd.hears(1, said) {
            return Err(Failure::Silence(words::BATCH_LOST));
        }
        let patience = crowd.patience;
        let seen = match acquaint(crowd, &[0, 1, 2], patience) {
            Ok(()) => continue,
            Err(Unacquainted::Closed(2)) => words::NEWCOMER_CLOSED,
            Err(Unacquainted::Closed(_)) => words::THIRD_CLOSED,
            Err(Unacquainted::Unheard { .. }) => words::NEWCOMER_UNHEARD,
        };
        return Err(fault(&[Cause::StaleEvent, Cause::ErrorEndsFanOut, Cause::OneAcceptPerEdge], seen));
    }
    Ok(())
}

pub(crate) fn vanish(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(3)?;
    if let Err(e) = crowd.members[2].vanish() {
        return Err(Failure::Skip(words::cannot_vanish(&e)));
    }
    for _ in 0..30 {
        pair_talks(crowd, &words::AFTER_A_CLIENT_VANISHED)?;
    }
    if arena.baseline.seats > 3 {
        arena.join(crowd)?;
    }
    Ok(())
}

/// The number of visitors at a time. `RUSH_VISITS` is the number of all visits.
const VISITORS: usize = 4;
const RUSH_VISITS: usize = 1000;
/// How long a visitor waits until its line has arrived.
const STAY_MAX: Duration = Duration::from_millis(50);

pub(crate) fn rush_hour(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    let stayers = arena.baseline.seats.saturating_sub(VISITORS).clamp(2, 3);
    *crowd = arena.guests(stayers)?;
    let visitors_max = VISITORS.min(arena.baseline.seats - stayers).max(1);
    let all: Vec<usize> = (0..stayers).collect();
    let begin = Instant::now();
    let limit = arena.scaled(Duration::from_millis(1500));
    let mut said: Vec<Probe> = all.iter().map(|&who| crowd.says(who)).collect();
    let mut last = said.clone();
    let mut said_at = Instant::now();
    let mut arrivals: VecDeque<Instant> = VecDeque::new();
    let mut visits = 0;
    while visits < RUSH_VISITS && begin.elapsed() < limit && said_at.elapsed() < crowd.patience {
        // A visitor that is not served leaves after a while, so that such visitors do not pile up.
        let is_known = all.iter().any(|&who| {
            crowd.members.get(stayers).is_some_and(|visitor| crowd.members[who].receiver.knows(visitor.number()))
        });
        if arrivals.front().is_some_and(|at| is_known && arrivals.len() == visitors_max || at.elapsed() > STAY_MAX) {
            arrivals.pop_front();
            let visitor = crowd.take(stayers);
            match visits % 3 {
                0 => visitor.reset(),
                _ => drop(visitor),
            }
        }
        if arrivals.len() < visitors_max
            && let Ok(mut visitor) = arena.bare(QUEUE_FULL, None)
        {
            arena.login(&mut visitor);
            visitor.say(Kind::Hello, SHORT_LEN);
            crowd.members.push(visitor);
            arrivals.push_back(Instant::now());
            visits += 1;
        }
        crowd.turn(Duration::from_millis(1));
        for &who in &all {
            // Only one line of each client is under way: two lines in one read are left to another torment.
            let mut hearers = all.iter().filter(|&&hearer| hearer != who && crowd.members[hearer].is_open());
            if hearers.all(|&hearer| crowd.has_heard(hearer, last[who])) {
                last[who] = crowd.says(who);
                said.push(last[who]);
                said_at = Instant::now();
            }
        }
        if all.iter().any(|&who| !crowd.members[who].is_open()) {
            break;
        }
    }
    let visits = words::during_visits(visits);
    let causes: &[Cause] = match arena.baseline.thread_each {
        true => &[Cause::SharedUnguarded, Cause::ErrorEndsFanOut],
        false => &[Cause::ErrorEndsFanOut, Cause::SharedUnguarded],
    };
    let missing = crowd.all_hear(&all, &said);
    if all.iter().any(|&who| !crowd.members[who].is_open()) {
        return Err(fault(causes, messages::at(&visits, &words::STAYER_CLOSED)));
    }
    if let Some((who, _)) = missing {
        let missing =
            said.iter().filter(|probe| probe.sender != crowd.members[who].number() && !crowd.has_heard(who, **probe));
        let missing = missing.count();
        let missed = words::stayer_missed(missing, said.len());
        return Err(fault(&[causes, &[Cause::Loses]].concat(), messages::at(&visits, &missed)));
    }
    let twice = said.iter().find(|probe| all.iter().any(|&who| crowd.members[who].receiver.times(**probe) > 1));
    if twice.is_some() {
        return Err(fault(&[Cause::Duplicates, Cause::SharedUnguarded], messages::at(&visits, &words::TWICE)));
    }
    Ok(())
}

/// A server that lets in this many clients counts as a server without a limit.
pub(crate) const FULL_AT: usize = 32;

pub(crate) fn full_house(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(2)?;
    let begin = Instant::now();
    let limit = arena.scaled(Duration::from_secs(3));
    let trial = arena.patience().min(Duration::from_millis(1500));
    // Adds clients until one is not let in: it is closed, or left waiting.
    let mut outside = None;
    while crowd.count() < FULL_AT && begin.elapsed() < limit {
        let client = arena.connect().map_err(|e| Failure::Silence(messages::cannot_connect(&e)))?;
        crowd.members.push(client);
        let newcomer = crowd.count() - 1;
        if acquaint(crowd, &[0, newcomer], trial).is_err() {
            outside = crowd.members.pop();
            break;
        }
    }
    let inside = crowd.count();
    let Some(outside) = outside else {
        arena.remark(words::no_limit_seen(inside));
        return pair_talks(crowd, &words::with_clients(inside));
    };
    let waits = outside.state == State::Open;
    let word = if outside.receiver.total > 0 { outside.receiver.excerpt() } else { String::new() };
    arena.remark(if waits { words::next_waits(inside) } else { words::next_closed(inside, &word) });
    pair_talks(crowd, &words::BEFORE_A_FULL_ROOM)?;
    if waits {
        // A seat becomes free for the client that waits.
        crowd.leaves(2.min(inside - 1));
        crowd.members.push(outside);
        let newcomer = crowd.count() - 1;
        let patience = crowd.patience;
        if acquaint(crowd, &[0, newcomer], patience).is_err() {
            return Err(fault(&[Cause::SeatsNotFreed, Cause::FixedTable], words::WAITING_NOT_LET_IN));
        }
    }
    for _ in 0..3 {
        crowd.leaves(2.min(crowd.count() - 1));
        if let Err(Failure::Silence(seen)) = arena.join(crowd) {
            return Err(fault(&[Cause::SeatsNotFreed], words::next_not_let_in(&seen)));
        }
    }
    Ok(())
}

/// Clients that connect, exchange lines and leave.
const VISITS: usize = 300;
/// Lines count as slowed if the quickest takes longer than this, and [`SLOWED_TIMES`] times as long as before.
const SLOWED: Duration = Duration::from_millis(1);
const SLOWED_TIMES: u32 = 10;
/// A server without a garbage collector that keeps more memory than this for each visit, again and again, leaks. Bytes.
const KEPT_A_VISIT: u64 = 32 << 10;

pub(crate) fn churn(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(2)?;
    let quickest_before = crowd.round_trips(20).into_iter().min().unwrap_or_default();
    // The first visits warm the server up: stacks, buffers, the heap.
    let limit = arena.scaled(Duration::from_millis(2500));
    let begin = Instant::now();
    let mut warm = None;
    let mut visits = 0;
    while visits < VISITS && (begin.elapsed() < limit || visits < 40) {
        if visits == VISITS / 10 || (warm.is_none() && begin.elapsed() > limit / 4) {
            crowd.go_on(Duration::from_millis(50));
            warm = footprint(arena);
        }
        visit_once(arena, crowd, visits)?;
        visits += 1;
    }
    pair_talks(crowd, &words::after_visits(visits))?;
    // Writes to clients that have left take time. The quickest line shows that even on a busy machine.
    let quickest = crowd.round_trips(20).into_iter().min().unwrap_or_default();
    if quickest > SLOWED && quickest > quickest_before * SLOWED_TIMES {
        return Err(fault(&[Cause::Leaks], words::slower(visits, quickest, quickest_before)));
    }
    let Some(warm) = warm else { return Ok(()) };
    // Releasing resources may take a moment.
    let begin = Instant::now();
    loop {
        crowd.go_on(Duration::from_millis(50));
        let Some(now) = footprint(arena) else { return Ok(()) };
        let descriptors = now.descriptors.saturating_sub(warm.descriptors);
        let threads = now.threads.saturating_sub(warm.threads);
        let memory = now.memory.saturating_sub(warm.memory);
        // Up to a tenth of the visits may be a pool or a cache.
        let few = visits / 10;
        let leak = if descriptors > few {
            Leak::Descriptors(descriptors)
        } else if threads > few {
            Leak::Threads(threads)
        } else if memory > (visits as u64) << 18 {
            Leak::Memory(memory)
        } else if warm.memory < COLLECTOR_MEMORY_MIN && memory > visits as u64 * KEPT_A_VISIT {
            // Buffers that are used again grow for a while. What is leaked grows with each visit.
            return keeps_growing(arena, crowd, now.memory, visits);
        } else {
            return Ok(());
        };
        if begin.elapsed() > arena.patience() {
            return Err(fault(&[Cause::Leaks], words::leaks(visits, &leak)));
        }
    }
}

/// As many visits again. Memory must grow by as much as in the first.
fn keeps_growing(arena: &mut Arena, crowd: &mut Crowd, before: u64, visits: usize) -> Outcome {
    for visit in 0..visits {
        visit_once(arena, crowd, visit)?;
    }
    crowd.go_on(Duration::from_millis(50));
    let grown = arena.memory().map_or(0, |now| now.saturating_sub(before));
    match grown > visits as u64 * KEPT_A_VISIT {
        true => Err(fault(&[Cause::Leaks], words::leaks(visits, &Leak::Memory(grown)))),
        false => Ok(()),
    }
}

/// A client connects, exchanges lines and leaves.
fn visit_once(arena: &mut Arena, crowd: &mut Crowd, visit: usize) -> Outcome {
    arena.join(crowd)?;
    match crowd.take(2) {
        visitor if visit.is_multiple_of(3) => visitor.reset(),
        visitor => drop(visitor),
    }
    Ok(())
}

/// The resources that grow if the server keeps something for clients that have left.
struct Footprint {
    descriptors: usize,
    threads: usize,
    /// Bytes.
    memory: u64,
}

/// `None` if the kernel does not report them.
fn footprint(arena: &Arena) -> Option<Footprint> {
    Some(Footprint {
        descriptors: arena.ask(proc::descriptors)?.len(),
        threads: arena.ask(proc::status)?.threads,
        memory: arena.memory()?,
    })
}
