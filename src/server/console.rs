//! The transcript on stdout, for a projector or a pipe. One line per event.
//!
//! The chat never waits for stdout. What stdout does not take waits in a bounded buffer. Lines that find no room there
//! are lost and counted, and the count is printed as soon as stdout takes something again.

use super::sink::Sink;
use super::wall_clock::WallClock;
use crate::chat::Event;
use crate::chat::messages::Said;
use crate::text::Lang;
use anstyle::{AnsiColor, Style};
use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

/// The most that may wait for stdout. Bytes.
const BUFFER_MAX: usize = 1 << 20;
/// What people say takes at most this much of the buffer. Bytes. The rest is for arrivals and departures: when a flood
/// is more than stdout takes, the reader needs to see who was disconnected and why.
const SAID_MAX: usize = BUFFER_MAX - (128 << 10);
/// The delay before a blocked stdout is tried again: the first, so that a slow pipe drains, and the longest, so that a
/// frozen terminal costs next to nothing. It doubles after each failed try.
const RETRY: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(160));

/// What sets off the time of day from what happened.
const DIM: Style = Style::new().dimmed();

/// Whether the transcript is coloured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paint {
    Plain,
    Colors,
}

pub(crate) struct Console {
    /// `None` once stdout is closed for good or could not be opened.
    sink: Option<Sink>,
    paint: Paint,
    lang: Lang,
    /// Lines that stdout has not taken; the first may have been taken in part.
    buffer: Vec<u8>,
    /// Lines lost since the last report of a loss.
    lost: u64,
    /// The last write ended within a line.
    torn: bool,
    /// When to try again; `None` unless stdout took less than was offered.
    retry_at: Option<Instant>,
    /// The delay before the next retry.
    patience: Duration,
    /// The number of write calls since [`Console::take_writes`].
    writes: usize,
}

impl Console {
    pub(crate) fn new(paint: Paint, lang: Lang) -> Console {
        let sink = Sink::stdout().inspect_err(|e| log::warn!("no transcript: stdout cannot be written to: {e}")).ok();
        Console {
            sink,
            paint,
            lang,
            buffer: Vec::new(),
            lost: 0,
            torn: false,
            retry_at: None,
            patience: RETRY.0,
            writes: 0,
        }
    }

    pub(crate) fn note(&mut self, event: &Event<'_>, clock: &WallClock) {
        let is_talk =
            matches!(event, Event::Said { .. } | Event::Acted { .. } | Event::Whispered { .. } | Event::Renamed { .. });
        let waiting_max = if is_talk { SAID_MAX } else { BUFFER_MAX };
        // After one lost line all talk is dropped until the loss is reported. So there is one gap, and its size is
        // printed where it is.
        if self.buffer.len() >= waiting_max || (is_talk && self.lost > 0) || self.sink.is_none() {
            self.lost += 1;
            return;
        }
        self.line(event, clock);
    }

    /// Writes what stdout takes without blocking.
    pub(crate) fn flush(&mut self, now: Instant, clock: &mut WallClock) {
        if self.retry_at.is_some_and(|at| now < at) {
            return;
        }
        if let Err(e) = self.write(now) {
            if self.lost == 0 {
                log::warn!("the transcript loses lines: stdout cannot be written to: {e}");
            }
            self.lost += memchr::memchr_iter(b'\n', &self.buffer).count() as u64;
            self.buffer.clear();
            if e.kind() == ErrorKind::BrokenPipe {
                // The reader is gone for good.
                self.sink = None;
            }
        } else if self.lost > 0 && self.buffer.is_empty() && self.sink.is_some() {
            self.tell_loss(now, clock);
        }
    }

    /// Reports how many lines are missing, at the place where they are missing. If the write fails, the count is kept
    /// for the next report.
    fn tell_loss(&mut self, now: Instant, clock: &mut WallClock) {
        if self.torn {
            self.buffer.push(b'\n');
        }
        clock.look();
        self.line(&Event::Lost { lines: self.lost }, clock);
        match self.write(now) {
            Ok(()) => self.lost = 0,
            Err(_) => self.buffer.clear(),
        }
    }

    /// Writes until the buffer is empty or stdout takes no more for now. After an error, the buffer holds what was not
    /// written.
    fn write(&mut self, now: Instant) -> io::Result<()> {
        self.retry_at = None;
        let mut written = 0;
        let mut result = Ok(());
        while let Some(sink) = &self.sink
            && written < self.buffer.len()
        {
            self.writes += 1;
            match sink.write(&self.buffer[written..]) {
                Ok(n) => {
                    written += n;
                    self.patience = RETRY.0;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.retry_at = Some(now + self.patience);
                    self.patience = (2 * self.patience).min(RETRY.1);
                    break;
                }
                Err(e) => {
                    result = Err(e);
                    break;
                }
            }
        }
        if written > 0 {
            self.torn = self.buffer[written - 1] != b'\n';
            self.buffer.drain(..written);
        }
        result
    }

    /// The number of write calls since the last call of this method.
    pub(crate) fn take_writes(&mut self) -> usize {
        std::mem::take(&mut self.writes)
    }

    /// When [`Console::flush`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.retry_at
    }

    fn line(&mut self, event: &Event<'_>, clock: &WallClock) {
        // Writing to a Vec cannot fail.
        let _ = match self.paint {
            Paint::Plain => self.buffer.write_all(clock.time_of_day().as_bytes()),
            Paint::Colors => write!(self.buffer, "{DIM}{}{DIM:#}", clock.time_of_day()),
        };
        self.buffer.push(b' ');
        let _ = match event {
            // Nearly every event of a flood is this one, and this path is twice as fast as the general one.
            Event::Said { id, nick, text } => write!(self.buffer, "{id}").map(|()| {
                for part in [" <", nick, "> ", text] {
                    self.buffer.extend_from_slice(part.as_bytes());
                }
            }),
            _ => {
                let style = self.paint.style_of(event);
                write!(self.buffer, "{style}{}{style:#}", Said(self.lang, event))
            }
        };
        self.buffer.push(b'\n');
    }
}

impl Paint {
    fn style_of(self, event: &Event<'_>) -> Style {
        match (self, event) {
            (Paint::Plain, _) | (_, Event::Said { .. } | Event::Acted { .. }) => Style::new(),
            (_, Event::Arrived { .. }) => AnsiColor::Green.on_default(),
            (_, Event::Left { .. } | Event::Refused { .. }) => AnsiColor::Yellow.on_default(),
            (_, Event::Lost { .. }) => AnsiColor::Red.on_default(),
            (_, _) => AnsiColor::Cyan.on_default(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::{PipeReader, Read};

    /// A console whose pipe is full, the reader of the pipe, and the number of bytes in it.
    pub(crate) fn stuck() -> (PipeReader, usize, Console) {
        let (reader, writer) = io::pipe().expect("a pipe");
        let sink = Sink::to(writer.into()).expect("a sink");
        let mut full = 0;
        while let Ok(taken) = sink.write(&[b'x'; 4096]) {
            full += taken;
        }
        (reader, full, Console { sink: Some(sink), ..Console::new(Paint::Plain, Lang::En) })
    }

    #[test]
    fn a_stdout_that_takes_nothing_is_asked_less_and_less_often() {
        let (mut reader, full, mut console) = stuck();
        let mut clock = WallClock::new();
        console.note(&Event::Closing, &clock);

        let mut now = Instant::now();
        for pause in [5, 10, 20, 40, 80, 160, 160].map(Duration::from_millis) {
            console.flush(now, &mut clock);
            console.flush(now + pause - Duration::from_nanos(1), &mut clock);
            assert_eq!(console.take_writes(), 1, "until then it is left alone");
            now += pause;
            assert_eq!(console.deadline(), Some(now));
        }
        reader.read_exact(&mut vec![0; full]).expect("all of it");
        console.flush(now, &mut clock);
        assert_eq!((console.take_writes(), console.deadline()), (1, None));
    }
}
