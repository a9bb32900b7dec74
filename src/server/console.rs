//! The transcript on stdout: what a teacher projects and a pipe reads. One line an event.
//!
//! The chat never waits for it. What stdout does not take waits in a bounded buffer; what finds no room there is lost,
//! counted, and said as soon as there is room again.

use super::sink::Sink;
use super::wall_clock::WallClock;
use crate::chat::words::Said;
use crate::chat::{Event, Lang};
use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

/// Bytes that may wait for stdout.
const BUFFER_MAX: usize = 1 << 20;
/// Of these, what people say takes at most so many. The rest is for who came and who left: when a flood is more than stdout
/// takes, that is when one wants to see who was disconnected, and why.
const SAID_MAX: usize = BUFFER_MAX - (128 << 10);
/// How long to leave a stdout alone that takes nothing.
const RETRY: Duration = Duration::from_millis(50);

/// In colours or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paint {
    Plain,
    Colours,
}

pub struct Console {
    sink: Option<Sink>,
    paint: Paint,
    lang: Lang,
    /// Lines that stdout has not taken; the first may have been taken in part.
    buffer: Vec<u8>,
    lost: u64,
    /// When to try again; `None` unless stdout took less than there was.
    retry_at: Option<Instant>,
}

impl Console {
    pub fn new(paint: Paint, lang: Lang) -> Console {
        let sink = Sink::stdout().inspect_err(|e| log::warn!("no transcript: stdout cannot be written to: {e}")).ok();
        Console { sink, paint, lang, buffer: Vec::new(), lost: 0, retry_at: None }
    }

    pub fn note(&mut self, event: &Event<'_>, clock: &mut WallClock) {
        let waiting_max = match event {
            Event::Said { .. } | Event::Acted { .. } | Event::Whispered { .. } | Event::Renamed { .. } => SAID_MAX,
            _ => BUFFER_MAX,
        };
        if self.buffer.len() >= waiting_max || self.sink.is_none() {
            self.lost += 1;
            return;
        }
        if self.lost > 0 {
            let lines = std::mem::take(&mut self.lost);
            self.line(&Event::Lost { lines }, clock);
        }
        self.line(event, clock);
    }

    /// Writes what stdout takes without waiting.
    pub fn flush(&mut self, now: Instant) {
        if self.retry_at.is_some_and(|at| now < at) {
            return;
        }
        self.retry_at = None;
        let mut written = 0;
        while let Some(sink) = &self.sink
            && written < self.buffer.len()
        {
            match sink.write(&self.buffer[written..]) {
                Ok(n) => written += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.retry_at = Some(now + RETRY);
                    break;
                }
                Err(e) => {
                    let lines = memchr::memchr_iter(b'\n', &self.buffer[written..]).count() as u64;
                    if self.lost == 0 {
                        log::warn!("the transcript loses lines: stdout cannot be written to: {e}");
                    }
                    self.lost += lines;
                    written = self.buffer.len();
                    if e.kind() == ErrorKind::BrokenPipe {
                        // Whoever read it is gone for good.
                        self.sink = None;
                    }
                }
            }
        }
        self.buffer.drain(..written);
    }

    /// When [`Console::flush`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.retry_at
    }

    fn line(&mut self, event: &Event<'_>, clock: &mut WallClock) {
        let (colour, end) = match (self.paint, event) {
            (Paint::Plain, _) => ("", ""),
            (_, Event::Arrived { .. }) => ("\x1b[32m", "\x1b[0m"),
            (_, Event::Left { .. } | Event::Refused { .. }) => ("\x1b[33m", "\x1b[0m"),
            (_, Event::Lost { .. }) => ("\x1b[31m", "\x1b[0m"),
            (_, Event::Said { .. } | Event::Acted { .. }) => ("", ""),
            (_, _) => ("\x1b[36m", "\x1b[0m"),
        };
        let (dim, bright) = match self.paint {
            Paint::Plain => ("", ""),
            Paint::Colours => ("\x1b[2m", "\x1b[0m"),
        };
        let (time, text) = (clock.time_of_day(), Said(self.lang, event));
        // Writing to a Vec cannot fail.
        let _ = writeln!(self.buffer, "{dim}{time}{bright} {colour}{text}{end}");
    }
}
