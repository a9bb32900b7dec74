//! The trial: it runs the torments one after the other and judges each.

use super::arena::Arena;
use super::baseline::Baseline;
use super::calibration::calibrate;
use super::cause::Cause;
use super::deadlock::deadlock;
use super::entry::Torment;
use super::failure::{Failure, Outcome, fault, proven};
use super::finding::{Finding, Verdict};
use super::messages::{self, NO_TIME};
use super::settings::{Settings, Source, Target};
use crate::harness::{Crowd, START_LIMIT, ServerProcess, Stdout, proc};
use crate::text::Bilingual;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Progress of a run.
pub enum News<'a> {
    /// A torment begins.
    Begins(&'static Torment),
    /// It is over, and what it showed.
    Found(&'a Finding),
}

/// After this many failures the timeouts are halved, because each further failure waits for all of its timeout.
const PATIENT_UNTIL: usize = 5;
/// A server that takes this many times as long to start as the first time has most likely not got its port.
const START_TIMES: u32 = 8;
const START_LEAST: Duration = Duration::from_secs(3);
/// A failure that takes longer is not repeated.
const REPEATED_RUN_MAX: Duration = Duration::from_secs(3);
/// A server that fails this torment is not stopped in any other, which would show the same fault under another name.
const STOPS: &str = "stop-continue";
/// A server that ends when the clients of this torment leave, which did nothing, may end so in all others.
const CALM: &str = "idle";
/// All repeats together may take this part of a run's time.
const REPEATS_SHARE: u32 = 5;

/// Torments a server, and passes each finding to `tell` as it is made. The error says in one line why no torment could
/// begin, and what to try.
pub fn run(
    target: &Target,
    torments: &[&'static Torment],
    settings: &Settings,
    tell: &mut dyn FnMut(News),
) -> Result<Vec<Finding>, Bilingual> {
    let begin = Instant::now();
    let mut source = target.source();
    if let Source::Started(pool) = &mut source {
        pool.will_take(torments.iter().map(|torment| torment.stdout));
    }
    let baseline = calibrate(&mut source, settings)?;
    // Who waited for the server to start gets a part of that time back.
    let limit = settings.limit + baseline.start.min(settings.limit / 10);
    let start_limit = (baseline.start * START_TIMES).max(START_LEAST).min(START_LIMIT);
    let mut torments = torments.to_vec();
    if baseline.may_run_out_of_time() {
        // There may not be time for all torments, so the first ones of each kind are done first.
        torments.sort_by_key(|torment| !torment.is_first_of_its_kind);
    }
    let mut beside = torments.iter().find(|torment| torment.is_beside_others).and_then(|torment| match &mut source {
        Source::Started(pool) => {
            Some(Beside::begin(torment, pool.take(torment.stdout, start_limit).ok()?, settings, baseline))
        }
        Source::Running(_) => None,
    });
    let mut findings: Vec<Finding> = Vec::new();
    let mut broken_by = None;
    let mut repeats_took = Duration::ZERO;
    for (i, &torment) in torments.iter().enumerate() {
        tell(News::Begins(torment));
        let seed = settings.seed.wrapping_add(1 + i as u64);
        let failed = findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
        let arena = |addr, seed| {
            let mut arena = Arena::new(settings, baseline, addr, seed);
            arena.is_hurried = failed >= PATIENT_UNTIL;
            arena.may_freeze = !findings.iter().any(|f| f.torment.name == STOPS && f.is_blamed());
            arena.survives_departures = !findings.iter().any(ends_at_a_departure);
            arena
        };
        let finding = if let Some(beside) = beside.take_if(|beside| beside.torment.name == torment.name) {
            beside.end()
        } else if let (true, Some(rate)) = (torment.floods, baseline.lines_per_second) {
            Finding::skipped(torment, messages::limits_rate(rate))
        } else if begin.elapsed() > limit {
            Finding::skipped(torment, NO_TIME)
        } else if torment.needs_process && matches!(source, Source::Running(_)) {
            Finding::skipped(torment, messages::NEEDS_PROCESS)
        } else if let Some(name) = broken_by {
            Finding::skipped(torment, messages::not_recovered(name))
        } else {
            match &mut source {
                Source::Running(addr) => {
                    let mut arena = arena(*addr, seed);
                    let finding = try_one(&mut arena, torment);
                    if finding.verdict == Verdict::Fail && arena.check_health(&mut Crowd::empty()).is_err() {
                        broken_by = Some(torment.name);
                    }
                    finding
                }
                Source::Started(pool) => {
                    let others = torments[i + 1..].iter().filter(|torment| !torment.is_beside_others);
                    pool.will_take(others.map(|torment| torment.stdout));
                    let launcher = pool.launcher();
                    let on = |server: Result<ServerProcess, Bilingual>, seed| match server {
                        Ok(server) => {
                            let mut arena = arena(server.addr, seed);
                            arena.server = Some(server);
                            arena.launcher = Some(launcher);
                            try_one(&mut arena, torment)
                        }
                        Err(why) => Finding::skipped(torment, why),
                    };
                    let mut finding = on(pool.take(torment.stdout, start_limit), seed);
                    while is_repeated(&finding, &findings, repeats_took, settings) {
                        // Waiting for a server that is slow to start counts, too.
                        let begin = Instant::now();
                        let again = on(
                            pool.take(torment.stdout, start_limit),
                            seed.wrapping_add(1000 * u64::from(finding.runs)),
                        );
                        repeats_took += begin.elapsed();
                        finding.add(&again);
                        if again.verdict == Verdict::Skipped {
                            break;
                        }
                    }
                    finding
                }
            }
        };
        tell(News::Found(&finding));
        findings.push(finding);
    }
    Ok(findings)
}

/// A torment that runs beside the others in its own thread.
struct Beside {
    torment: &'static Torment,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Finding>,
}

impl Beside {
    fn begin(torment: &'static Torment, server: ServerProcess, settings: &Settings, baseline: Baseline) -> Beside {
        let (is_over, settings) = (Arc::new(AtomicBool::new(false)), settings.clone());
        let told = is_over.clone();
        let thread = std::thread::spawn(move || {
            let mut arena = Arena::new(&settings, baseline, server.addr, settings.seed);
            arena.server = Some(server);
            arena.is_over = Some(told);
            try_one(&mut arena, torment)
        });
        Beside { torment, is_over, thread }
    }

    fn end(self) -> Finding {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Whether a failure is repeated on a fresh server before its cause is named: the first of each likely cause, while
/// that leaves time for the other torments. `spent` is what repeats took so far.
fn is_repeated(finding: &Finding, earlier: &[Finding], spent: Duration, settings: &Settings) -> bool {
    let run = finding.took / finding.runs.max(1);
    let is_decided = |known: &Finding| known.is_blamed() && known.causes.first() == finding.causes.first();
    finding.is_blamed()
        && finding.runs < settings.runs_max
        && run < REPEATED_RUN_MAX.mul_f64(settings.time)
        && spent + run < settings.limit / REPEATS_SHARE
        && !earlier.iter().any(is_decided)
}

/// Runs one torment, and checks whether the server has survived it.
fn try_one(arena: &mut Arena, torment: &'static Torment) -> Finding {
    let begin = Instant::now();
    let had_process = arena.server.is_some();
    let mut crowd = Crowd::empty();
    let mut is_over = false;
    let outcome = (torment.run)(arena, &mut crowd).and_then(|()| {
        is_over = true;
        crowd.leave();
        match had_process && arena.server.is_none() {
            // The torment ended the server on purpose.
            true => Ok(()),
            false => has_survived(arena, torment),
        }
    });
    let locked = match &outcome {
        Err(Failure::Fault { seen, .. } | Failure::Silence(seen)) => {
            deadlock(arena, &mut crowd).map(|locked| messages::both(seen, &locked))
        }
        _ => None,
    };
    let outcome = locked.map_or(outcome, |seen| Err(proven(&[Cause::Deadlock], seen)));
    // Judged before the clients leave, because that may end the server.
    let (verdict, causes, seen) = match outcome {
        Ok(()) => (Verdict::Pass, vec![], Bilingual::default()),
        Err(Failure::Skip(why)) => (Verdict::Skipped, vec![], why),
        Err(failure) => judge(arena, &mut crowd, torment, failure, is_over),
    };
    crowd.leave();
    let remarks = std::mem::take(&mut arena.remarks);
    let failures = u32::from(matches!(verdict, Verdict::Fail | Verdict::Doubtful));
    Finding { torment, verdict, causes, seen, remarks, took: begin.elapsed(), runs: 1, failures }
}

/// Whether new clients can talk, and the server is not in a busy loop.
fn has_survived(arena: &mut Arena, torment: &Torment) -> Outcome {
    let mut newcomers = Crowd::empty();
    let outcome = arena.check_health(&mut newcomers);
    newcomers.leave();
    outcome.map_err(|failure| match failure {
        Failure::Silence(seen) => Failure::Silence(messages::afterwards(&seen)),
        other => other,
    })?;
    match torment.may_spin.then(|| arena.spins()).flatten() {
        Some(seen) => Err(fault(&causes_of_spinning(torment), messages::afterwards(&seen))),
        None => Ok(()),
    }
}

/// The likely causes if the server is in a busy loop when the clients have left.
fn causes_of_spinning(torment: &Torment) -> Vec<Cause> {
    let by_what_it_read = torment.if_silent.iter().copied().filter(|cause| *cause == Cause::TrustsInput);
    [Cause::SpinsAtTheEnd, Cause::BusyLoop].into_iter().chain(by_what_it_read).collect()
}

/// From a failure to a verdict. If the server has ended, that is the failure.
fn judge(
    arena: &mut Arena,
    crowd: &mut Crowd,
    torment: &Torment,
    failure: Failure,
    is_over: bool,
) -> (Verdict, Vec<Cause>, Bilingual) {
    if let Failure::Proven { causes, seen } = failure {
        return (Verdict::Fail, causes, seen);
    }
    // A process that is about to end may have closed its sockets already.
    let ended = arena.server.as_mut().and_then(|server| server.ends_within(Duration::from_millis(200)));
    if let Some(ended) = ended {
        let message = arena.server.as_ref().and_then(|server| server.last_message()).unwrap_or_default();
        // With a closed stdout, SIGPIPE and broken pipes do not come from sockets.
        let may_tell =
            torment.stdout == Stdout::Nowhere || !message.to_lowercase().contains("pipe") && !ended.by_sigpipe();
        let told = if ended.by_sigpipe() { Some(Cause::Sigpipe) } else { cause_in_message(&message) };
        let causes = match told.filter(|_| may_tell) {
            Some(cause) => vec![cause],
            None => causes_of_an_end(arena, torment, is_over),
        };
        let message = Some(message.as_str()).filter(|message| !message.is_empty());
        return (Verdict::Fail, causes, messages::ended(ended, message));
    }
    // It may close its clients before it ends.
    let nobody_listens = |arena: &Arena| {
        let refused = |i| {
            std::thread::sleep(Duration::from_millis(if i == 0 { 0 } else { 100 }));
            std::net::TcpStream::connect(arena.addr).is_err()
        };
        (0..6).any(refused)
    };
    let is_gone = |arena: &Arena| arena.server.is_none() && nobody_listens(arena);
    match failure {
        // If the server was not started here, nothing more can be known about its end.
        Failure::Silence(seen) | Failure::Fault { seen, .. } if is_gone(arena) => {
            (Verdict::Fail, causes_of_an_end(arena, torment, is_over), messages::is_gone(&seen))
        }
        Failure::Fault { causes, seen } if causes.len() > 1 || causes == [Cause::ErrorEndsFanOut] => {
            with_its_message(arena, causes, seen)
        }
        Failure::Fault { causes, seen } | Failure::Proven { causes, seen } => (Verdict::Fail, causes, seen),
        Failure::Doubt { causes, seen } => (Verdict::Doubtful, causes, seen),
        Failure::Silence(seen) if was_the_printing(arena, torment) => {
            (Verdict::Fail, vec![Cause::BlockingPrint], messages::went_on_when_stdout_was_read(&seen))
        }
        Failure::Silence(seen) => {
            let has_strangers = arena.has_strangers;
            let mut causes = causes_of_silence(torment, is_over, has_strangers, || goes_on(crowd));
            // It has not ended, and its accepting thread has not either.
            if arena.server.is_some() && causes.contains(&Cause::ClientErrorEndsServer) && !nobody_accepts(arena) {
                causes.retain(|cause| *cause != Cause::ClientErrorEndsServer);
            }
            with_its_message(arena, causes, seen)
        }
        Failure::Skip(why) => (Verdict::Skipped, vec![], why),
    }
}

/// The likely causes if no client can talk any more. `goes_on` tells whether the next lines arrive.
fn causes_of_silence(
    torment: &Torment,
    is_over: bool,
    has_strangers: bool,
    goes_on: impl FnOnce() -> bool,
) -> Vec<Cause> {
    let mut causes: Vec<Cause> = torment.if_silent.into();
    if is_over {
        // The server has survived the torment, but not the departure of its clients.
        causes.extend([Cause::ErrorEndsFanOut, Cause::ClientErrorEndsServer]);
    }
    if is_over || has_strangers {
        // Those that came are still waiting to be accepted, or found no seat.
        causes.extend([Cause::OneAcceptPerEdge, Cause::SlowToAccept, Cause::SeatsNotFreed, Cause::FixedTable]);
    } else if goes_on() {
        causes.push(Cause::Loses);
    }
    let mut listed = BTreeSet::new();
    causes.retain(|cause| listed.insert(*cause));
    causes
}

/// How long another line may take from a client to the next one.
const GOES_ON: Duration = Duration::from_millis(500);

/// Whether the first two clients hear each other again. Then the line that did not arrive may simply be lost.
fn goes_on(crowd: &mut Crowd) -> bool {
    let is_there = |who: usize| crowd.members.get(who).is_some_and(|client| client.is_open());
    if !is_there(0) || !is_there(1) {
        return false;
    }
    let said = [0, 1].map(|who| crowd.says(who));
    crowd.wait(GOES_ON, |crowd| crowd.has_heard(1, said[0]) && crowd.has_heard(0, said[1]))
}

/// Whether the server ended when clients that had done nothing left.
fn ends_at_a_departure(finding: &Finding) -> bool {
    let is_its_end = finding.causes.first() == Some(&Cause::ClientErrorEndsServer);
    finding.torment.name == CALM && finding.verdict == Verdict::Fail && is_its_end
}

/// The likely causes if the server has ended and has not told why.
fn causes_of_an_end(arena: &Arena, torment: &Torment, is_over: bool) -> Vec<Cause> {
    if !arena.survives_departures {
        return vec![Cause::ClientErrorEndsServer];
    }
    let mut causes: Vec<Cause> = torment.if_it_ends.into();
    if is_over {
        // The server has survived the torment, but not the departure of its clients.
        causes.retain(|cause| *cause != Cause::ClientErrorEndsServer);
        causes.insert(0, Cause::ClientErrorEndsServer);
    } else if !causes.contains(&Cause::ClientErrorEndsServer) && causes.len() > 1 {
        causes.push(Cause::ClientErrorEndsServer);
    }
    // Each torment connects some clients, and they may be too many.
    if causes.contains(&Cause::ClientErrorEndsServer) && !causes.contains(&Cause::FixedTable) {
        causes.push(Cause::FixedTable);
    }
    causes
}

/// Whether printing keeps new clients from talking.
fn was_the_printing(arena: &mut Arena, torment: &Torment) -> bool {
    let newcomers_talk = |arena: &mut Arena| {
        let mut newcomers = Crowd::empty();
        let talk = arena.check_health(&mut newcomers).is_ok();
        newcomers.leave();
        talk
    };
    let read_stdout = |arena: &mut Arena| arena.server.as_mut().is_some_and(ServerProcess::read_stdout);
    torment.stdout == Stdout::Pipe && talk_only_when_read(arena, newcomers_talk, read_stdout)
}

/// Reads a server's stdout, which was not read before. Whether new clients can talk after that, and not before.
fn talk_only_when_read<S>(server: &mut S, talk: impl Fn(&mut S) -> bool, read_stdout: impl Fn(&mut S) -> bool) -> bool {
    !talk(server) && read_stdout(server) && talk(server)
}

/// The verdict on a server that still runs. It may have lost a thread or a task, and written why.
fn with_its_message(arena: &mut Arena, mut causes: Vec<Cause>, seen: Bilingual) -> (Verdict, Vec<Cause>, Bilingual) {
    let Some(message) = arena.server.as_ref().and_then(ServerProcess::uncaught) else {
        return (Verdict::Fail, causes, seen);
    };
    match cause_in_message(&message) {
        Some(Cause::SharedUnguarded) => causes = vec![Cause::SharedUnguarded],
        // A client's own thread may end by that client's error; the accepting thread may not.
        Some(Cause::ClientErrorEndsServer)
            if causes.contains(&Cause::ClientErrorEndsServer) && nobody_accepts(arena) =>
        {
            causes = vec![Cause::ClientErrorEndsServer];
        }
        _ => {}
    }
    (Verdict::Fail, causes, messages::it_wrote(&seen, &message))
}

/// Whether a connection stays in the kernel's queue.
fn nobody_accepts(arena: &mut Arena) -> bool {
    let connection = arena.bare(Duration::from_millis(500), None);
    let begin = Instant::now();
    let waits = || connection.is_err() || proc::not_accepted(arena.addr).is_some_and(|count| count > 0);
    while waits() {
        if begin.elapsed() > Duration::from_millis(500) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// The cause that a server's error message shows, if any.
fn cause_in_message(message: &str) -> Option<Cause> {
    let message = message.to_lowercase();
    let known: [(Cause, &[&str]); 6] = [
        (
            Cause::SharedUnguarded,
            &["concurrent map", "concurrentmodification", "changed size during iteration", "mutated during iteration"],
        ),
        (Cause::DescriptorDeath, &["too many open files", "emfile"]),
        (Cause::WouldBlockIsAnError, &["temporarily unavailable", "blockingioerror", "wouldblock", "eagain"]),
        (Cause::InterruptedIsAnError, &["interrupted system call", "eintr"]),
        (Cause::TrustsInput, &["utf-8", "unicode", "utf8"]),
        (
            Cause::ClientErrorEndsServer,
            &["broken pipe", "brokenpipe", "epipe", "reset by peer", "connectionreset", "econnreset", "not connected"],
        ),
    ];
    known.into_iter().find(|(_, texts)| texts.iter().any(|text| message.contains(text))).map(|(cause, _)| cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torment::TORMENTS;

    #[test]
    fn printing_is_blamed_only_if_newcomers_could_not_talk_before_stdout_was_read() {
        // Whether they can talk before, whether stdout can be read, and whether they can talk after.
        let is_blamed = |before: bool, is_read: bool, after: bool| {
            let mut was_read = false;
            talk_only_when_read(
                &mut was_read,
                |was_read| if *was_read { after } else { before },
                |was_read| {
                    *was_read = is_read;
                    is_read
                },
            )
        };
        assert!(is_blamed(false, true, true));
        // A single line was lost, and the chat went on without our doing.
        assert!(!is_blamed(true, true, true));
        // Something else stops the chat.
        assert!(!is_blamed(false, true, false));
        assert!(!is_blamed(false, false, true));
    }

    #[test]
    fn an_end_without_a_word_may_come_from_a_fixed_table_wherever_it_may_come_from_a_client() {
        let settings = Settings::default();
        for torment in TORMENTS {
            for is_over in [false, true] {
                let causes = causes_of_an_end(&arena(&settings), torment, is_over);
                let count = |cause: Cause| causes.iter().filter(|other| **other == cause).count();
                assert!(
                    count(Cause::FixedTable) >= count(Cause::ClientErrorEndsServer),
                    "{}: {causes:?}",
                    torment.name
                );
                assert!(causes.iter().all(|cause| count(*cause) == 1), "{}: {causes:?}", torment.name);
            }
        }
    }

    #[test]
    fn silence_is_blamed_on_the_door_only_if_somebody_stands_there_and_on_a_lost_line_only_if_the_talk_goes_on() {
        let door = [Cause::OneAcceptPerEdge, Cause::SlowToAccept, Cause::SeatsNotFreed, Cause::FixedTable];
        for torment in TORMENTS {
            let causes = |is_over, has_strangers, goes_on| {
                let causes = causes_of_silence(torment, is_over, has_strangers, || goes_on);
                assert!(causes.starts_with(torment.if_silent), "{}: {causes:?}", torment.name);
                assert_eq!(BTreeSet::from_iter(&causes).len(), causes.len(), "{}: {causes:?}", torment.name);
                BTreeSet::from_iter(causes)
            };
            let others = BTreeSet::from_iter(torment.if_silent.iter().copied());
            assert_eq!(causes(false, false, false), others, "{}", torment.name);
            assert_eq!(causes(false, false, true), &others | &BTreeSet::from([Cause::Loses]), "{}", torment.name);
            for (is_over, has_strangers) in [(true, false), (false, true), (true, true)] {
                let causes = causes(is_over, has_strangers, true);
                assert!(door.iter().all(|cause| causes.contains(cause)), "{}: {causes:?}", torment.name);
                assert!(!is_over || causes.contains(&Cause::ErrorEndsFanOut), "{}: {causes:?}", torment.name);
            }
        }
    }

    #[test]
    fn an_end_while_clients_leave_comes_most_likely_from_their_errors() {
        let settings = Settings::default();
        for torment in TORMENTS {
            let causes = causes_of_an_end(&arena(&settings), torment, true);
            assert_eq!(causes[0], Cause::ClientErrorEndsServer, "{}", torment.name);
        }
    }

    #[test]
    fn a_server_that_ends_when_calm_clients_leave_has_no_other_reason_to_end() {
        let calm = TORMENTS.iter().find(|torment| torment.name == CALM).expect("it is in the catalogue");
        let (causes, verdict) = (vec![Cause::ClientErrorEndsServer, Cause::Unknown], Verdict::Fail);
        let finding = Finding { causes, verdict, ..Finding::skipped(calm, Bilingual::default()) };
        assert!(ends_at_a_departure(&finding));
        assert!(!ends_at_a_departure(&Finding { verdict: Verdict::Doubtful, ..finding.clone() }));
        assert!(!ends_at_a_departure(&Finding { causes: vec![Cause::BusyLoop], ..finding }));
        let settings = Settings::default();
        let mut arena = arena(&settings);
        arena.survives_departures = false;
        for torment in TORMENTS {
            assert_eq!(causes_of_an_end(&arena, torment, false), [Cause::ClientErrorEndsServer], "{}", torment.name);
        }
    }

    /// Without a server.
    fn arena(settings: &Settings) -> Arena<'_> {
        Arena::new(settings, Baseline::unknown(), ([127, 0, 0, 1], 1).into(), 1)
    }
}
