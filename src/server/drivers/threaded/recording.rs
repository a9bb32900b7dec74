//! The recording of events by threads. The thread in which an event happens records it and shows it as far as stdout
//! takes it at once. Writes that may block are left to a thread of their own.

use super::blocking::now;
use super::{LockedRoom, Server, lock};
use std::sync::PoisonError;

impl Server {
    /// Records what happened, in the order in which it happened: that is why the room is locked.
    pub(super) fn note(&self, room: &mut LockedRoom) {
        let Some(records) = &self.records else { return };
        room.hub.take_transcript(&mut room.transcript);
        if room.transcript.is_empty() {
            return;
        }
        let mut records = lock(records);
        let was_due = records.deadline().is_some();
        records.note(&mut room.transcript, now());
        if !was_due && records.deadline().is_some() {
            self.records_due.notify_one();
        }
    }

    pub(super) fn flush_console(&self) {
        if let Some(records) = &self.records {
            let mut records = lock(records);
            let was_due = records.deadline().is_some();
            records.flush_console(now());
            if !was_due && records.deadline().is_some() {
                self.records_due.notify_one();
            }
        }
    }

    /// Writes the history, and what stdout did not take at once. Runs until the process ends.
    pub(super) fn write_records(&self) {
        let Some(mutex) = &self.records else { return };
        let mut records = lock(mutex);
        loop {
            let time = now();
            records.flush_console(time);
            if let Some(batch) = records.due_batch(time) {
                // The disk may be slow, and threads that have something to record must not wait for it.
                drop(records);
                let result = batch.write();
                records = lock(mutex);
                records.written(result);
            }
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
}
