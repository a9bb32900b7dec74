//! The narrator: it explains each step on stderr when it happens, for `serve --explain`.

use super::ledger::Ledger;
use super::messages::sentence;
use super::record::{Record, Stderr};
use super::step::Step;
use crate::text::{Lang, say};
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use std::io::{self, ErrorKind, Write};

/// The most that may wait while stderr takes nothing. Bytes.
const BUFFER_MAX: usize = 64 << 10;

pub(crate) struct Narrator {
    lang: Lang,
    /// The driver has a thread for each client, so each sentence names its thread.
    names_threads: bool,
    /// Each thread has a colour.
    paints: bool,
    ledger: Ledger,
    /// `None` if stderr is closed.
    stderr: Option<Stderr>,
    buffer: Vec<u8>,
    /// Sentences that found no room in the buffer.
    lost: u64,
    /// The last step was a poll without sleep that found nothing ready.
    asked_in_vain: bool,
    /// A step was narrated already.
    has_told: bool,
}

impl Narrator {
    pub(crate) fn new(lang: Lang, names_threads: bool, stderr: Option<Stderr>) -> Narrator {
        Narrator {
            lang,
            names_threads,
            paints: AutoStream::choice(&io::stderr()) != ColorChoice::Never,
            ledger: Ledger::default(),
            stderr,
            buffer: Vec::new(),
            lost: 0,
            asked_in_vain: false,
            has_told: false,
        }
    }

    /// Explains a step. Returns whether there was something to explain.
    pub(crate) fn tell(&mut self, record: &Record, thread: &str) -> bool {
        let event = self.ledger.enter(record.clone());
        // A loop that spins polls a million times a second without a result. That is narrated once.
        let in_vain = matches!(&event.step, Step::Wait { may_sleep: false, ready, .. } if ready.is_empty());
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
                    "({lost} steps are missing here: stderr was full)\n";
                    "(aquí faltan {lost} pasos: stderr estaba llena)\n");
            }
            if begins_turn(&event.step) && self.has_told {
                self.buffer.push(b'\n');
            }
            let call = event.call.map(|call| format!(" [{call}]")).unwrap_or_default();
            let _ = match self.names_threads {
                true => {
                    let style = if self.paints { style_of(thread) } else { Style::new() };
                    writeln!(self.buffer, "{style}{thread}{style:#}: {text}{call}")
                }
                false => writeln!(self.buffer, "{text}{call}"),
            };
            self.has_told = true;
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

/// Threads whose names differ by one have different colours.
fn style_of(thread: &str) -> Style {
    const COLORS: [AnsiColor; 6] = {
        use AnsiColor::*;
        [Cyan, Yellow, Green, Magenta, Blue, Red]
    };
    let sum: usize = thread.bytes().map(usize::from).sum();
    COLORS[sum % COLORS.len()].on_default()
}

/// Whether a turn of the server begins with this step, so that a blank line stands before it.
fn begins_turn(step: &Step) -> bool {
    matches!(step, Step::Wait { .. } | Step::Read { waits: true, .. } | Step::Accept { waits: true, .. })
}
