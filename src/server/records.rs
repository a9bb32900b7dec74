//! The records of what happened: the console and the history.

use super::console::{Console, Paint};
use super::history::{Batch, History};
use super::wall_clock::WallClock;
use crate::chat::{Event, Transcript};
use crate::text::Lang;
use crate::trace::marks;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a blocked console is tried again at the end.
const LAST_PATIENCE: Duration = Duration::from_millis(200);

pub(crate) struct Records {
    console: Option<Console>,
    history: Option<History>,
    clock: WallClock,
}

impl Records {
    /// The transcript on stdout unless `console` is `None`, and a history in a file, of which newcomers get `replay` lines.
    pub(crate) fn new(console: Option<Paint>, lang: Lang, history: Option<&Path>, replay: usize) -> Records {
        let clock = WallClock::new();
        let console = console.map(|paint| Console::new(paint, lang));
        let history = history.map(|path| History::open(path, replay, &clock));
        Records { console, history, clock }
    }

    /// Whether events are recorded anywhere.
    pub(crate) fn are_kept(&self) -> bool {
        self.console.is_some() || self.history.is_some()
    }

    /// Records the events of the transcript, and empties it.
    pub(crate) fn note(&mut self, transcript: &mut Transcript, now: Instant) {
        if !transcript.is_empty() {
            self.clock.look();
        }
        for event in transcript.iter() {
            if let Some(console) = &mut self.console {
                console.note(&event, &self.clock);
            }
            if let Some(history) = &mut self.history {
                history.note(&event, &self.clock, now);
            }
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
            console.take_writes();
        }
    }

    /// Writes what stdout takes without blocking, and the history's batch if it is due. Returns the number of writes to
    /// stdout.
    pub(crate) fn flush(&mut self, now: Instant) -> usize {
        let writes = self.flush_console(now);
        if let Some(batch) = self.due_batch(now) {
            let result = batch.write();
            self.written(result);
        }
        writes
    }

    /// Writes what stdout takes without blocking. Returns the number of writes.
    pub(crate) fn flush_console(&mut self, now: Instant) -> usize {
        let Some(console) = &mut self.console else { return 0 };
        marks::show(|| {
            console.flush(now, &mut self.clock);
            console.take_writes()
        })
    }

    /// The history's batch if it is due, for a caller that may wait for the disk. Pass the result of the write to
    /// [`Records::written`].
    pub(crate) fn due_batch(&mut self, now: Instant) -> Option<Batch> {
        self.history.as_mut()?.due_batch(now)
    }

    pub(crate) fn written(&mut self, result: io::Result<()>) {
        if let Some(history) = &mut self.history {
            history.written(result);
        }
    }

    /// When [`Records::flush`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let console = self.console.as_ref().and_then(Console::deadline);
        let history = self.history.as_ref().and_then(History::deadline);
        console.into_iter().chain(history).min()
    }

    /// The earlier messages that a newcomer gets.
    pub(crate) fn replay(&self) -> Vec<u8> {
        self.history.as_ref().map(|history| history.replay(&self.clock)).unwrap_or_default()
    }

    /// Writes everything that is left, as far as stdout and the disk take it.
    pub(crate) fn finish(&mut self) {
        if let Some(batch) = self.history.as_mut().and_then(History::take_batch) {
            let result = batch.write();
            self.written(result);
        }
        let end = Instant::now() + LAST_PATIENCE;
        loop {
            let now = Instant::now();
            self.flush_console(now);
            match self.console.as_ref().and_then(Console::deadline) {
                Some(retry) if retry < end => std::thread::sleep(retry - now),
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_that_takes_nothing_is_given_a_last_chance_and_not_for_ever() {
        let (_reader, _, console) = crate::server::console::tests::stuck();
        let mut records = Records { console: Some(console), history: None, clock: WallClock::new() };
        let start = Instant::now();
        records.note_one(Event::Closing);
        records.finish();
        assert!(start.elapsed() >= LAST_PATIENCE / 2, "it was not asked again");
    }
}
