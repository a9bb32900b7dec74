//! The records of what happened: the console, the history, and the file of the bans.

use super::bans::Bans;
use super::console::{Console, Paint};
use super::diagnostics;
use super::history::History;
use super::identity::Identity;
use super::recent::Recent;
use super::supervisor::{self, State};
use super::terminal::is_attended;
use super::visits::Visits;
use super::wall_clock::WallClock;
use crate::chat::{Event, Replay, Transcript};
use crate::text::Lang;
use crate::trace::marks;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

pub(crate) struct Records {
    console: Option<Console>,
    history: Option<History>,
    /// What newcomers get, if that is not what the history has.
    recent: Option<Recent>,
    bans: Option<Bans>,
    identity: Option<Identity>,
    clock: WallClock,
    visits: Visits,
}

impl Records {
    /// The transcript on stdout unless `console` is `None`, and a history in a file, of which newcomers get `replay` lines.
    /// The error is text for people.
    pub(crate) fn new(
        console: Option<Paint>,
        lang: Lang,
        history: Option<&Path>,
        replay: usize,
    ) -> Result<Records, String> {
        let clock = WallClock::new();
        let console = console.map(|paint| Console::new(paint, lang));
        let open =
            |path: &Path| History::open(path, replay, &clock).map_err(|e| diagnostics::cannot_keep_history(path, &e));
        let history = history.map(open).transpose()?;
        Ok(Records { console, history, recent: None, bans: None, identity: None, clock, visits: Visits::default() })
    }

    /// Newcomers get these messages, and not those of the history.
    pub(crate) fn with_recent(self, recent: Option<Recent>) -> Records {
        Records { recent, ..self }
    }

    /// Keeps a file of the bans, too.
    pub(crate) fn with_bans(self, bans: Option<Bans>) -> Records {
        Records { bans, ..self }
    }

    /// Reads the certificate again when the history is opened again.
    pub(crate) fn with_identity(self, identity: Option<Identity>) -> Records {
        Records { identity, ..self }
    }

    /// Whether events are recorded anywhere.
    pub(crate) fn are_kept(&self) -> bool {
        self.console.is_some() || self.history.is_some() || self.recent.is_some() || self.bans.is_some()
    }

    /// Records the events of the transcript, and empties it.
    pub(crate) fn note(&mut self, transcript: &mut Transcript, now: Instant) {
        if !transcript.is_empty() {
            self.clock.look();
        }
        let Records { console, history, recent, bans, clock, visits, .. } = self;
        let mut record = recorder(console, history, recent, clock, now);
        for event in transcript.iter() {
            if let Some(bans) = bans {
                bans.note(&event);
            }
            visits.pass(&event, now, &mut record);
        }
        transcript.clear();
    }

    /// Records one event, and shows it at once.
    pub(crate) fn note_one(&mut self, event: Event<'_>) {
        let mut transcript = Transcript::default();
        transcript.push(event);
        let now = Instant::now();
        self.note(&mut transcript, now);
        if let Some(console) = &mut self.console {
            console.flush(now, &mut self.clock);
        }
    }

    /// Tells the person who runs the server what is no event, unless nobody wants to know: on stderr, or at the server's own
    /// terminal, where a line of another writer would not stay where it is.
    pub(crate) fn tell(&mut self, text: &str) {
        match self.console {
            None => {}
            Some(_) if is_attended() => self.note_one(Event::Answered { text }),
            // The chat goes on whether or not stderr takes this.
            Some(_) => drop(writeln!(io::stderr(), "{text}")),
        }
    }

    /// Writes what stdout and the disk take without blocking. What stdout takes is a step of the trace.
    pub(crate) fn flush(&mut self, now: Instant) {
        if self.visits.deadline().is_some_and(|at| at <= now) {
            self.report_visits(now);
        }
        if let Some(console) = &mut self.console {
            marks::show(|| console.flush(now, &mut self.clock));
        }
        if let Some(history) = &mut self.history {
            history.flush(now, &mut self.clock);
        }
    }

    /// Opens the history again by its name: see [`History::reopen`]. Reads the certificate again.
    pub(crate) fn reopen(&mut self) {
        if let Some(identity) = &self.identity {
            identity.reload();
        }
        match &mut self.history {
            Some(history) => history.reopen(Instant::now()),
            None if self.identity.is_some() => {}
            None => log::info!("{}", diagnostics::no_history_to_open()),
        }
        supervisor::tell(State::Ready);
    }

    /// When [`Records::flush`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let console = self.console.as_ref().and_then(Console::deadline);
        let history = self.history.as_ref().and_then(History::deadline);
        console.into_iter().chain(history).chain(self.visits.deadline()).min()
    }

    /// Tells a newcomer the earlier messages; `None` if none are kept.
    pub(crate) fn replay(&self) -> Option<Replay> {
        match &self.recent {
            Some(recent) => Some(recent.replay()),
            None => self.history.as_ref()?.replay(),
        }
    }

    /// Writes everything that is left, as far as stdout and the disk take it in time.
    ///
    /// Close all sockets before: while the disk hangs, the process may not be able to end, and the kernel keeps its
    /// descriptors open.
    pub(crate) fn finish(&mut self) {
        let start = Instant::now();
        self.report_visits(start);
        if let Some(history) = &mut self.history {
            history.hurry(start);
        }
        loop {
            let now = Instant::now();
            self.flush(now);
            let console = self.console.as_ref().and_then(|console| console.last_retry(start));
            let history = self.history.as_ref().and_then(|history| history.last_retry(start));
            let Some(retry) = console.into_iter().chain(history).min() else { break };
            std::thread::sleep(retry.saturating_duration_since(now));
        }
        if let Some(bans) = &self.bans {
            bans.finish();
        }
        if let Some(history) = &self.history {
            history.warn_of_what_is_missing();
        }
    }

    /// Records the visits that were only counted.
    fn report_visits(&mut self, now: Instant) {
        self.clock.look();
        let Records { console, history, recent, clock, visits, .. } = self;
        visits.report(&mut recorder(console, history, recent, clock, now));
    }
}

/// Notes events for the console and the history.
fn recorder<'a>(
    console: &'a mut Option<Console>,
    history: &'a mut Option<History>,
    recent: &'a Option<Recent>,
    clock: &'a WallClock,
    now: Instant,
) -> impl FnMut(&Event<'_>) + 'a {
    move |event| {
        if let Some(console) = console {
            console.note(event, clock);
        }
        if let Some(history) = history {
            history.note(event, clock, now);
        }
        if let Some(recent) = recent {
            recent.note(event, clock);
        }
    }
}
