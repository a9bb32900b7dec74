//! The recording of events by threads. The thread in which an event happens records it and shows it as far as stdout
//! takes it at once. A thread of its own tries the rest again, in time.

use super::blocking::now;
use super::{LockedRoom, Records, Server, lock};
use std::sync::PoisonError;

impl Server {
    /// Records what happened, in the order in which it happened: that is why the room is locked.
    pub(super) fn note(&self, room: &mut LockedRoom) {
        room.hub.take_transcript(&mut room.transcript);
        if !room.transcript.is_empty() {
            self.record(|records| records.note(&mut room.transcript, now()));
        }
    }

    pub(super) fn flush_records(&self) {
        self.record(|records| records.flush(now()));
    }

    pub(super) fn reopen_history(&self) {
        self.record(Records::reopen);
    }

    /// Flushes the records whenever they are due. Runs until the process ends.
    pub(super) fn keep_flushing(&self) {
        let Some(mutex) = &self.records else { return };
        let mut records = lock(mutex);
        loop {
            records.flush(now());
            records = match records.deadline() {
                None => self.records_due.wait(records).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let left = at.saturating_duration_since(now());
                    let waited = self.records_due.wait_timeout(records, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Nothing that is done to the records blocks.
    fn record(&self, change: impl FnOnce(&mut Records)) {
        let Some(records) = &self.records else { return };
        let mut records = lock(records);
        let was_due = records.deadline().is_some();
        change(&mut records);
        if !was_due && records.deadline().is_some() {
            self.records_due.notify_one();
        }
    }
}
