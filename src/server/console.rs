//! The transcript on stdout, for a projector or a pipe. One line per event.
//!
//! The chat never waits for stdout: what stdout does not take at once waits in a [`Spool`].

use super::diagnostics;
use super::sink::Sink;
use super::spool::Spool;
use super::wall_clock::WallClock;
use crate::chat::Event;
use crate::chat::messages::Said;
use crate::text::Lang;
use anstyle::{AnsiColor, Style};
use std::io::{ErrorKind, Write};
use std::time::Instant;

/// The most that may wait for stdout. Bytes.
const BUFFER_MAX: usize = 1 << 20;
/// What people say takes at most this much of the buffer. Bytes. The rest is for arrivals and departures: when a flood
/// is more than stdout takes, the reader needs to see who was disconnected and why.
const SAID_MAX: usize = BUFFER_MAX - (128 << 10);

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
    spool: Option<Spool>,
    paint: Paint,
    lang: Lang,
}

impl Console {
    pub(crate) fn new(paint: Paint, lang: Lang) -> Console {
        let sink = Sink::stdout().inspect_err(|e| log::warn!("{}", diagnostics::no_transcript(e)));
        Console { spool: sink.ok().map(|sink| Spool::new(sink, b"")), paint, lang }
    }

    pub(crate) fn note(&mut self, event: &Event<'_>, clock: &WallClock) {
        let Some(spool) = &mut self.spool else { return };
        let is_talk =
            matches!(event, Event::Said { .. } | Event::Acted { .. } | Event::Whispered { .. } | Event::Renamed { .. });
        let waiting_max = if is_talk { SAID_MAX } else { BUFFER_MAX };
        // After one lost line all talk is dropped until the loss is reported. So there is one gap, and its size is
        // printed where it is.
        if spool.len() >= waiting_max || (is_talk && spool.has_gap()) {
            spool.lose_line();
        } else {
            write_line(spool.line(), (self.paint, self.lang), event, clock);
        }
    }

    /// Writes what stdout takes without blocking. Returns the number of system calls.
    pub(crate) fn flush(&mut self, now: Instant, clock: &mut WallClock) -> usize {
        let Some(spool) = &mut self.spool else { return 0 };
        let was_whole = spool.missing() == 0;
        let mut result = spool.flush(now);
        if result.is_ok() {
            spool.report(|buffer, lines| {
                clock.look();
                write_line(buffer, (self.paint, self.lang), &Event::Lost { lines }, clock);
            });
            result = spool.flush(now);
        }
        let calls = spool.take_calls();
        if let Err(e) = result {
            if was_whole {
                log::warn!("{}", diagnostics::transcript_loses_lines(&e));
            }
            if e.kind() == ErrorKind::BrokenPipe {
                // The reader is gone for good.
                self.spool = None;
            }
        }
        calls
    }

    /// When [`Console::flush`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.spool.as_ref()?.deadline()
    }

    /// When [`Console::flush`] is worth another try after the end began at `start`.
    pub(crate) fn last_retry(&self, start: Instant) -> Option<Instant> {
        self.spool.as_ref()?.last_retry(start)
    }
}

fn write_line(buffer: &mut Vec<u8>, (paint, lang): (Paint, Lang), event: &Event<'_>, clock: &WallClock) {
    // Writing to a Vec cannot fail.
    let _ = match paint {
        Paint::Plain => buffer.write_all(clock.time_of_day().as_bytes()),
        Paint::Colors => write!(buffer, "{DIM}{}{DIM:#}", clock.time_of_day()),
    };
    buffer.push(b' ');
    let _ = match event {
        // Nearly every event of a flood is this one, and this path is twice as fast as the general one.
        Event::Said { id, nick, text } => write!(buffer, "{id}").map(|()| {
            for part in [" <", nick, "> ", text] {
                buffer.extend_from_slice(part.as_bytes());
            }
        }),
        _ => {
            let style = paint.style_of(event);
            write!(buffer, "{style}{}{style:#}", Said(lang, event))
        }
    };
    buffer.push(b'\n');
}

impl Paint {
    fn style_of(self, event: &Event<'_>) -> Style {
        match (self, event) {
            (Paint::Plain, _) | (_, Event::Said { .. } | Event::Acted { .. }) => Style::new(),
            (_, Event::Arrived { .. }) => AnsiColor::Green.on_default(),
            (_, Event::Left { .. } | Event::Refused { .. } | Event::CameAndWent { .. }) => {
                AnsiColor::Yellow.on_default()
            }
            (_, Event::Lost { .. }) => AnsiColor::Red.on_default(),
            (_, _) => AnsiColor::Cyan.on_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::spool::tests::stuck;

    #[test]
    fn arrivals_find_room_when_talk_finds_none() {
        let (_reader, _, spool) = stuck();
        let mut console = Console { spool: Some(spool), paint: Paint::Plain, lang: Lang::En };
        let (id, clock) = (crate::chat::Id::new(1, 2), WallClock::new());
        let said = Event::Said { id, nick: "ana", text: &"x".repeat(1000) };
        while console.spool.as_ref().is_some_and(|spool| spool.missing() == 0) {
            console.note(&said, &clock);
        }
        let lost = |console: &Console| console.spool.as_ref().expect("it is open").missing();
        let peer = ([127, 0, 0, 1], 4000).into();
        console.note(&Event::Arrived { id, nick: "guest2", peer, seats_taken: 1, seats: 6 }, &clock);
        assert_eq!(lost(&console), 1);
        console.note(&Event::Said { id, nick: "ana", text: "short" }, &clock);
        assert_eq!(lost(&console), 2, "talk goes on after the gap");
    }
}
