//! The narrator: it tells each step on stderr as it is taken, for `serve --explain`.

use super::ledger::Ledger;
use super::messages::sentence;
use super::record::{Record, Stderr};
use super::step::Step;
use crate::text::{Lang, say};
use std::io::{ErrorKind, Write};

/// The most that may wait while stderr takes nothing. Bytes.
const BUFFER_MAX: usize = 64 << 10;

pub(crate) struct Narrator {
    lang: Lang,
    /// The driver has a thread for each client, so each sentence names its thread.
    names_threads: bool,
    ledger: Ledger,
    /// `None` if stderr is closed.
    stderr: Option<Stderr>,
    buffer: Vec<u8>,
    /// Sentences that found no room in the buffer.
    lost: u64,
    /// The last step was a poll without sleep that found nothing ready.
    asked_in_vain: bool,
}

impl Narrator {
    pub(crate) fn new(lang: Lang, names_threads: bool, stderr: Option<Stderr>) -> Narrator {
        let ledger = Ledger::default();
        Narrator { lang, names_threads, ledger, stderr, buffer: Vec::new(), lost: 0, asked_in_vain: false }
    }

    /// Tells a step. Returns whether there was something to tell.
    pub(crate) fn tell(&mut self, record: &Record, thread: &str) -> bool {
        let event = self.ledger.enter(record.clone());
        // A loop that spins polls a million times a second without a result. That is told once.
        let in_vain = matches!(&event.step, Step::Wait { may_sleep: false, ready } if ready.is_empty());
        if std::mem::replace(&mut self.asked_in_vain, in_vain) && in_vain {
            return false;
        }
        let Some(text) = sentence(self.lang, &event) else { return false };
        if self.buffer.len() > BUFFER_MAX {
            self.lost += 1;
        } else {
            if self.lost > 0 {
                let lost = std::mem::take(&mut self.lost);
                // Writing to a Vec cannot fail.
                let _ = say!(self.lang, self.buffer,
                    "({lost} steps were not told: stderr took nothing)\n";
                    "({lost} pasos sin contar: stderr no admitía nada)\n");
            }
            let _ = match self.names_threads {
                true => writeln!(self.buffer, "{thread}: {text}"),
                false => writeln!(self.buffer, "{text}"),
            };
        }
        self.flush();
        true
    }

    /// Writes what stderr takes without blocking.
    fn flush(&mut self) {
        while let Some(write) = &mut self.stderr
            && !self.buffer.is_empty()
        {
            match write(&self.buffer) {
                Ok(n) => drop(self.buffer.drain(..n)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.stderr = None,
            }
        }
    }
}
