//! Takes down what happens. The thread in which it happened does that, and shows it where stdout takes it at once; what may
//! have to wait is left to a thread of its own.

use super::blocking::now;
use super::{LockedRoom, Server, lock};
use std::sync::PoisonError;

impl Server {
    /// Takes down what happened, in the order in which it happened: so under the room's lock.
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

    /// Writes the history, and what stdout did not take at once.
    pub(super) fn write_records(&self) {
        let Some(mutex) = &self.records else { return };
        let mut records = lock(mutex);
        loop {
            let time = now();
            records.flush_console(time);
            if let Some(batch) = records.due_batch(time) {
                // The disk may be slow, and nobody is to wait for it who has something to say.
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
