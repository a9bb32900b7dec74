//! The last messages, for newcomers.

use super::wall_clock::WallClock;
use crate::chat::sanitize::sanitize_text;
use crate::chat::{Event, Replay, Transcript};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The longest replay for a newcomer. Bytes. It goes into the newcomer's outbox, and many may come at once: together
/// the replays must stay far below the limit for all outboxes.
const REPLAY_MAX: usize = 128 << 10;

/// The last messages. Clones share them: the records note what is said, and the hub asks when a newcomer enters.
#[derive(Clone)]
pub(crate) struct Recent(Arc<Mutex<Messages>>);

struct Messages {
    list: VecDeque<Message>,
    /// At most this many.
    most: usize,
}

struct Message {
    /// RFC 3339, UTC. How it is shown depends on the day of the replay.
    time: String,
    text: String,
}

impl Recent {
    /// Keeps this many; `None` if newcomers get none.
    pub(crate) fn new(most: usize) -> Option<Recent> {
        let messages = Messages { list: VecDeque::new(), most };
        (most > 0).then(|| Recent(Arc::new(Mutex::new(messages))))
    }

    /// Somebody said this at that time, as it was recorded earlier.
    pub(crate) fn said(&self, time: &str, nick: &str, text: &str) {
        self.push(time, said(nick, text));
    }

    /// Somebody did this at that time, as it was recorded earlier.
    pub(crate) fn acted(&self, time: &str, nick: &str, text: &str) {
        self.push(time, acted(nick, text));
    }

    /// Keeps a message that was said now, and nothing else.
    pub(crate) fn note(&self, event: &Event<'_>, clock: &WallClock) {
        if let Some(text) = message(event) {
            self.push(clock.timestamp(), text);
        }
    }

    fn push(&self, time: &str, text: String) {
        let mut messages = self.lock();
        if messages.list.len() == messages.most {
            messages.list.pop_front();
        }
        messages.list.push_back(Message { time: time.to_owned(), text });
    }

    /// Tells a newcomer the last messages.
    pub(crate) fn replay(&self) -> Replay {
        let (recent, mut clock) = (self.clone(), WallClock::new());
        Box::new(move |transcript| {
            clock.look();
            recent.lock().replay(transcript, &clock)
        })
    }

    /// Ignores poisoning: a message is there as a whole or not at all.
    fn lock(&self) -> MutexGuard<'_, Messages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Messages {
    /// The last messages as a newcomer gets them. Those of the transcript were not noted yet.
    fn replay(&self, transcript: &Transcript, clock: &WallClock) -> Vec<u8> {
        let new = transcript
            .iter()
            .filter_map(|event| Some(Message { time: clock.timestamp().to_owned(), text: message(&event)? }));
        let new: Vec<Message> = new.collect();
        let mut room = REPLAY_MAX;
        let fits = |message: &&Message| {
            let left = room.checked_sub(message.text.len());
            room = left.unwrap_or(0);
            left.is_some()
        };
        let last = self.list.iter().chain(&new).rev().take(self.most);
        let last: Vec<&Message> = last.take_while(fits).collect();
        let lines = last.into_iter().rev().map(|message| {
            let when = clock.when(&message.time).unwrap_or_default();
            format!("-- {when} {}\n", message.text)
        });
        lines.collect::<String>().into_bytes()
    }
}

/// A message as newcomers get it; `None` for an event that is none.
fn message(event: &Event<'_>) -> Option<String> {
    match event {
        Event::Said { nick, text, .. } => Some(said(nick, text)),
        Event::Acted { nick, text, .. } => Some(acted(nick, text)),
        _ => None,
    }
}

// Other programs may have written what was recorded, so it passes the sanitizer, too.

fn said(nick: &str, text: &str) -> String {
    format!("<{}> {}", sanitize_text(nick), sanitize_text(text))
}

fn acted(nick: &str, text: &str) -> String {
    format!("* {} {}", sanitize_text(nick), sanitize_text(text))
}
