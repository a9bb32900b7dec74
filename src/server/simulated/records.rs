//! What the drivers find in place of console and history.

use super::kernel::with;
use crate::chat::Transcript;
use std::time::{Duration, Instant};

/// How long a note may wait to be written.
const WRITE_AFTER: Duration = Duration::from_millis(20);
/// When a console that took nothing is tried again.
const SHOW_AFTER: Duration = Duration::from_millis(5);

/// Stands in for the console and the history. Notes are shown by the next flush, and written some time later.
#[derive(Default)]
pub(super) struct Records {
    to_show: usize,
    show_at: Option<Instant>,
    to_write: usize,
    write_at: Option<Instant>,
}

impl Records {
    pub(super) fn are_kept(&self) -> bool {
        true
    }
    pub(super) fn note(&mut self, transcript: &mut Transcript, now: Instant) {
        let events = transcript.iter().inspect(|event| with(|kernel| kernel.note(event))).count();
        transcript.clear();
        let to_write = if with(|kernel| kernel.room.has_history) { events } else { 0 };
        if to_write > 0 {
            self.write_at.get_or_insert(now + WRITE_AFTER);
        }
        self.to_show += events;
        self.to_write += to_write;
        with(|kernel| kernel.room.unrecorded += events + to_write);
    }
    pub(super) fn flush(&mut self, now: Instant) {
        if self.write_at.take_if(|at| *at <= now).is_some() {
            write(&mut self.to_write);
        }
        if self.to_show == 0 || self.show_at.is_some_and(|at| now < at) {
            return;
        }
        self.show_at = None;
        if with(|kernel| kernel.fails && kernel.dice.one_in(4)) {
            self.show_at = Some(now + SHOW_AFTER);
            with(|kernel| kernel.meet("full console"));
        } else {
            write(&mut self.to_show);
        }
    }
    /// No such order is simulated.
    pub(super) fn reopen(&mut self) {}
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.show_at.into_iter().chain(self.write_at).min()
    }
    pub(super) fn finish(&mut self) {
        write(&mut self.to_show);
        write(&mut self.to_write);
    }
}

/// Writes all these notes.
fn write(notes: &mut usize) {
    with(|kernel| {
        kernel.call();
        kernel.room.unrecorded -= std::mem::take(notes);
    });
}
