//! The queue of lines that wait for the terminal, and the thread that passes them to the editor.
//!
//! The thread that reads the socket must never wait for the terminal, which may be stopped, slow, or at the far end of
//! a frozen connection: a server disconnects a client that does not read. So lines wait in a bounded queue. Beyond the
//! bound the oldest lines are dropped, and their number is shown.
//!
//! The editor draws a message above the typed text only while it waits for keys. It takes messages from a channel that
//! holds one. A message that is still in the channel when the editor returns stays there until the editor waits again,
//! and a message that is sent meanwhile is written immediately and overtakes it. So messages are sent only while the
//! editor waits, and a copy is kept until the message is known to be drawn.

use super::lock;
use super::messages::Text;
use super::wrap::{columns, wrap};
use crate::text::Lang;
use rustyline::ExternalPrinter;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// At most this many lines wait for the terminal.
const LINES_MAX: usize = 1000;
/// At most this much waits for the terminal. Bytes.
const BYTES_MAX: usize = 1 << 20;
/// At most this many lines are drawn at once.
const BATCH_MAX: usize = 100;
/// An editor that was asked for a line begins to wait for keys within this time, or never.
const EDITING_PATIENCE: Duration = Duration::from_millis(200);
/// At the end of the session, the editor's timeout to draw the next batch.
const DRAWING_PATIENCE: Duration = Duration::from_millis(300);

/// A message that draws nothing: it moves the cursor up a line and down again. When the channel accepts it, the
/// previous message has left the channel.
const NOTHING: &str = "\x1b[A\n";

#[derive(Clone)]
pub(super) struct Screen {
    shared: Arc<Shared>,
    lang: Lang,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<String>,
    waiting_bytes: usize,
    /// The number of dropped lines that are not reported yet.
    not_shown: usize,
    /// The batch that was sent to the editor and is not known to be drawn.
    in_flight: String,
    /// The number of batches that are known to be drawn.
    drawn: u64,
    /// The editor waits for keys.
    is_editing: bool,
    /// Another program may have written to the terminal.
    is_stale: bool,
    is_closing: bool,
    /// The printer's thread has ended.
    is_done: bool,
}

impl Screen {
    pub(super) fn new(lang: Lang) -> Screen {
        Screen { shared: Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() }), lang }
    }

    /// Starts the thread that passes lines to the editor. At the end, if the editor waits for keys, `hang_up` is called
    /// and the editor is woken.
    pub(super) fn start(
        &self,
        printer: impl ExternalPrinter + Send + 'static,
        hang_up: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let screen = self.clone();
        thread::Builder::new().name("printer".into()).spawn(move || screen.print_all(printer, hang_up))?;
        Ok(())
    }

    /// Queues a line to be shown. Never waits for the terminal.
    pub(super) fn push(&self, line: String) {
        self.change(|state| {
            state.waiting_bytes += line.len();
            state.waiting.push_back(line);
            while state.waiting.len() > LINES_MAX || state.waiting_bytes > BYTES_MAX {
                let Some(oldest) = state.waiting.pop_front() else { break };
                state.waiting_bytes -= oldest.len();
                state.not_shown += 1;
            }
        });
    }

    /// The editor waits for keys, so lines can be drawn.
    pub(super) fn open(&self) {
        self.change(|state| state.is_editing = true);
    }

    /// The editor is about to return, or has returned.
    pub(super) fn close(&self) {
        self.change(|state| state.is_editing = false);
    }

    /// Whether the editor waits for keys.
    pub(super) fn is_open(&self) -> bool {
        lock(&self.shared.state).is_editing
    }

    /// Does this unless the editor returns before.
    pub(super) fn while_open<T>(&self, act: impl FnOnce() -> T) -> Option<T> {
        lock(&self.shared.state).is_editing.then(act)
    }

    /// Draws the typed text again, and so wakes the editor.
    pub(super) fn redraw(&self) {
        self.change(|state| state.is_stale = true);
    }

    /// Waits, with a timeout, until an editor that was asked for a line waits for keys and can be woken.
    pub(super) fn await_editing(&self) {
        self.wait(EDITING_PATIENCE, |state| state.is_editing);
    }

    /// Draws what can be drawn, ends the editor's input, and returns the rest, to be written after the editor has
    /// returned.
    ///
    /// An editor that draws nothing within the timeout is busy with something else, unless the terminal is stopped. In
    /// that case this waits on, because the lines would come out of order when the terminal continues.
    pub(super) fn finish(&self, takes_output: impl Fn() -> bool) -> String {
        self.change(|state| state.is_closing = true);
        loop {
            let drawn = lock(&self.shared.state).drawn;
            self.wait(DRAWING_PATIENCE, |state| state.is_done);
            let state = lock(&self.shared.state);
            if state.is_done || (state.drawn == drawn && takes_output()) {
                break;
            }
        }
        let mut state = lock(&self.shared.state);
        let mut rest = std::mem::take(&mut state.in_flight);
        while let Some(batch) = state.next_batch(self.lang) {
            rest.push_str(&batch);
        }
        rest
    }

    fn print_all(&self, mut printer: impl ExternalPrinter, hang_up: impl FnOnce()) {
        while let Some(batch) = self.next_batch() {
            let drawn = printer.print(batch).and_then(|()| printer.print(NOTHING.into()));
            if let Err(e) = drawn {
                log::debug!("the terminal cannot be drawn on any more: {e}");
                break;
            }
            self.change(|state| {
                state.in_flight.clear();
                state.drawn += 1;
            });
        }
        let is_editing = lock(&self.shared.state).is_editing;
        if is_editing {
            hang_up();
            let _ = printer.print(NOTHING.into());
        }
        self.change(|state| state.is_done = true);
    }

    /// Waits for lines, and for an editor that draws them. `None` at the end.
    fn next_batch(&self) -> Option<String> {
        let idle = |state: &mut State| !(state.is_closing || state.is_editing && (state.is_stale || state.has_lines()));
        let state = lock(&self.shared.state);
        let mut state = self.shared.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        if !state.is_editing {
            return None;
        }
        let is_stale = std::mem::take(&mut state.is_stale);
        let batch = state.next_batch(self.lang).or_else(|| is_stale.then(|| NOTHING.into()))?;
        state.in_flight.clone_from(&batch);
        Some(batch)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.shared.state));
        self.shared.changed.notify_all();
    }

    fn wait(&self, patience: Duration, done: impl Fn(&State) -> bool) {
        let state = lock(&self.shared.state);
        drop(self.shared.changed.wait_timeout_while(state, patience, |state| !done(state)));
    }
}

impl State {
    fn has_lines(&self) -> bool {
        self.not_shown > 0 || !self.waiting.is_empty()
    }

    fn next_batch(&mut self, lang: Lang) -> Option<String> {
        let columns = columns();
        let mut batch = String::new();
        let mut add = |line: &str| {
            batch.push_str(&wrap(line, columns));
            batch.push('\n');
        };
        match std::mem::take(&mut self.not_shown) {
            0 => {}
            lines => add(&Text::NotShown(lines).say(lang)),
        }
        for line in self.waiting.drain(..self.waiting.len().min(BATCH_MAX)) {
            self.waiting_bytes -= line.len();
            add(&line);
        }
        (!batch.is_empty()).then_some(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    /// The editor's channel, which holds one message.
    struct Hole(SyncSender<String>);

    impl ExternalPrinter for Hole {
        fn print(&mut self, message: String) -> rustyline::Result<()> {
            self.0.send(message).map_err(|e| io::Error::other(e).into())
        }
    }

    fn started() -> (Screen, Receiver<String>) {
        let screen = Screen::new(Lang::En);
        let (hole, messages) = sync_channel(1);
        screen.start(Hole(hole), || ()).expect("a thread");
        (screen, messages)
    }

    #[test]
    fn nothing_is_drawn_before_the_editor_waits() {
        let (screen, messages) = started();
        screen.push("a".into());
        screen.push("b".into());
        assert!(messages.try_recv().is_err());
        screen.open();
        assert_eq!(messages.recv().as_deref(), Ok("a\nb\n"));
        assert_eq!(messages.recv().as_deref(), Ok(NOTHING));
    }

    #[test]
    fn what_an_editor_did_not_take_is_left_at_the_end() {
        let (screen, messages) = started();
        screen.open();
        screen.push("thrown in".into());
        while lock(&screen.shared.state).in_flight.is_empty() {
            thread::yield_now();
        }
        screen.close();
        screen.push("later".into());
        assert_eq!(screen.finish(|| true), "thrown in\nlater\n");
        drop(messages);
    }

    #[test]
    fn a_stopped_terminal_costs_the_oldest_lines_and_they_are_told() {
        let (screen, _messages) = started();
        for i in 0..LINES_MAX + 3 {
            screen.push(format!("{i}"));
        }
        let rest = screen.finish(|| true);
        assert!(rest.starts_with("… 3 lines not shown\n3\n4\n"), "{}", &rest[..40]);
        assert_eq!(rest.lines().count(), 1 + LINES_MAX);
    }
}
