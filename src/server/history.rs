//! The history: a file of what was said, one JSON line per event, read again at the next start.
//!
//! Lines are written in batches, at most half a second after the first line of a batch, so that kill -9 loses less than
//! a second. A failing disk costs a warning and the lines it did not take. In epoll and poll mode the loop itself
//! writes: a file is always "ready" for epoll, yet a slow disk makes the write slow, and all clients wait that long.
//! The kernel's page cache makes that rare. In threaded mode a thread of its own writes.

use super::wall_clock::WallClock;
use crate::chat::messages::Said;
use crate::chat::sanitize::sanitize_text;
use crate::chat::{Event, Reason};
use crate::text::Lang;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const BATCH_DELAY: Duration = Duration::from_millis(500);
/// A batch of this many bytes is written at once.
const BATCH_MAX: usize = 64 << 10;
/// The longest replay for a newcomer. Bytes. It goes into the newcomer's outbox, and many may come at once: together
/// the replays must stay far below the limit for all outboxes.
const REPLAY_MAX: usize = 128 << 10;
/// The longest line read back: a message of 1024 bytes, all escaped, and the other fields. Bytes.
const RECORD_MAX: u64 = 8 << 10;

/// One line of the file.
#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    /// RFC 3339, UTC.
    time: &'a str,
    id: u64,
    event: Kind,
    #[serde(borrow)]
    nick: std::borrow::Cow<'a, str>,
    /// What was said; for `Renamed` the old nick; for `Left` the reason.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    text: Option<std::borrow::Cow<'a, str>>,
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Arrived,
    Said,
    Acted,
    Renamed,
    Left,
}

/// A message that newcomers get.
struct Recent {
    /// RFC 3339, UTC. How it is shown depends on the day of the replay.
    time: String,
    message: String,
}

pub(crate) struct History {
    path: PathBuf,
    file: Option<Arc<File>>,
    batch: Vec<u8>,
    /// The deadline for writing the batch; `None` while it is empty.
    due: Option<Instant>,
    /// The file ends within a line. The next batch must begin with a line end.
    torn: bool,
    /// The last write failed, and a warning was logged.
    failing: bool,
    /// The last messages, for replays.
    recent: VecDeque<Recent>,
    replay: usize,
}

/// Lines on their way to the file. A thread that may wait for the disk writes them without holding the history.
pub(crate) struct Batch {
    file: Arc<File>,
    lines: Vec<u8>,
}

impl Batch {
    pub(crate) fn write(self) -> io::Result<()> {
        (&*self.file).write_all(&self.lines)
    }
}

impl History {
    /// Opens or creates the file. If that fails, a warning is logged and the chat goes on without a history file.
    pub(crate) fn open(path: &Path, replay: usize, clock: &WallClock) -> History {
        let mut history = History {
            path: path.to_owned(),
            file: None,
            batch: Vec::new(),
            due: None,
            torn: false,
            failing: false,
            recent: VecDeque::new(),
            replay,
        };
        if let Err(e) = history.load(clock) {
            log::warn!("no history is kept: {}: {e}", path.display());
            history.failing = true;
        }
        history
    }

    fn load(&mut self, clock: &WallClock) -> io::Result<()> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
        let len = file.metadata()?.len();
        // Not all lines are messages, so this reads further back than the replay needs.
        let start = len.saturating_sub(RECORD_MAX * (self.replay as u64 * 4 + 1));
        file.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        Read::by_ref(&mut file).take(len - start).read_to_end(&mut tail)?;
        self.torn = tail.last().is_some_and(|&last| last != b'\n');
        // The first line may be cut at its beginning; what is left of it is not valid JSON.
        let lines = tail.split_inclusive(|&b| b == b'\n');
        for line in lines.filter(|line| line.ends_with(b"\n")) {
            if let Ok(record) = serde_json::from_slice::<Entry>(line)
                && clock.when(record.time).is_some()
            {
                self.remember(record.event, record.time, &record.nick, record.text.as_deref().unwrap_or(""));
            }
        }
        self.file = Some(Arc::new(file));
        Ok(())
    }

    pub(crate) fn note(&mut self, event: &Event<'_>, clock: &WallClock, now: Instant) {
        let (kind, id, nick, text) = match *event {
            Event::Arrived { id, nick, .. } => (Kind::Arrived, id, nick, None),
            Event::Said { id, nick, text } => (Kind::Said, id, nick, Some(text.into())),
            Event::Acted { id, nick, text } => (Kind::Acted, id, nick, Some(text.into())),
            Event::Renamed { id, old, nick } => (Kind::Renamed, id, nick, Some(old.into())),
            Event::Left { id, nick, reason, .. } => (Kind::Left, id, nick, Some(why(reason).into())),
            Event::Listening { .. } | Event::Whispered { .. } | Event::Refused { .. } => return,
            Event::Closing | Event::Lost { .. } => return,
        };
        self.remember(kind, clock.timestamp(), nick, text.as_deref().unwrap_or(""));
        if self.file.is_none() {
            return;
        }
        let record = Entry { time: clock.timestamp(), id: id.number(), event: kind, nick: nick.into(), text };
        // Neither writing to a Vec nor serializing strings and numbers can fail.
        let _ = serde_json::to_writer(&mut self.batch, &record);
        self.batch.push(b'\n');
        self.due.get_or_insert(now + BATCH_DELAY);
    }

    /// The batch, if it is due. Pass the result of the write to [`History::written`].
    pub(crate) fn due_batch(&mut self, now: Instant) -> Option<Batch> {
        let is_due = self.due.is_some_and(|due| due <= now) || self.batch.len() >= BATCH_MAX;
        if is_due { self.take_batch() } else { None }
    }

    /// The batch, due or not.
    pub(crate) fn take_batch(&mut self) -> Option<Batch> {
        self.due = None;
        let file = self.file.clone().filter(|_| !self.batch.is_empty())?;
        let mut lines = std::mem::take(&mut self.batch);
        if self.torn {
            lines.insert(0, b'\n');
        }
        Some(Batch { file, lines })
    }

    /// Takes the result of writing a batch.
    pub(crate) fn written(&mut self, result: io::Result<()>) {
        if let Err(e) = &result
            && !self.failing
        {
            log::warn!("the history loses lines: {}: {e}", self.path.display());
        }
        self.failing = result.is_err();
        self.torn = result.is_err();
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// The last messages, for a newcomer.
    pub(crate) fn replay(&self, clock: &WallClock) -> Vec<u8> {
        let mut room = REPLAY_MAX;
        let fits = |recent: &&Recent| {
            let left = room.checked_sub(recent.message.len());
            room = left.unwrap_or(0);
            left.is_some()
        };
        let count = self.recent.iter().rev().take_while(fits).count();
        let lines = self.recent.iter().skip(self.recent.len() - count).map(|recent| {
            let when = clock.when(&recent.time).unwrap_or_default();
            format!("-- {when} {}\n", recent.message)
        });
        lines.collect::<String>().into_bytes()
    }

    fn remember(&mut self, kind: Kind, time: &str, nick: &str, text: &str) {
        if self.replay == 0 {
            return;
        }
        // Other programs may have written the file, so its text passes the sanitizer too.
        let (nick, text) = (sanitize_text(nick), sanitize_text(text));
        let message = match kind {
            Kind::Said => format!("<{nick}> {text}"),
            Kind::Acted => format!("* {nick} {text}"),
            Kind::Arrived | Kind::Renamed | Kind::Left => return,
        };
        if self.recent.len() == self.replay {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent { time: time.to_owned(), message });
    }
}

/// A reason as it is stored in the file: in English, whatever the server's language.
fn why(reason: Reason) -> String {
    Said(Lang::En, &reason).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Id;

    fn temp(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("tertulia-{}-{name}.jsonl", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    fn say(history: &mut History, text: &str) {
        let event = Event::Said { id: Id::new(1, 2), nick: "ana", text };
        let mut clock = WallClock::new();
        clock.look();
        history.note(&event, &clock, Instant::now());
    }

    fn write(history: &mut History) {
        if let Some(batch) = history.take_batch() {
            let result = batch.write();
            history.written(result);
        }
    }

    fn texts(history: &History) -> Vec<String> {
        let replay = String::from_utf8(history.replay(&WallClock::new())).expect("text");
        replay.lines().map(|line| line.split_once("<ana> ").expect("a message").1.to_owned()).collect()
    }

    #[test]
    fn what_was_written_is_read_again_and_a_torn_line_is_not() {
        let path = temp("torn");
        let mut history = History::open(&path, 3, &WallClock::new());
        for text in ["one", "two", "three \"quoted\"", "four"] {
            say(&mut history, text);
        }
        write(&mut history);
        std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(b"{\"time\":\"2026-01-01T00:00:00Z\",\"id\":1,\"event\":\"said\",\"ni"))
            .expect("torn by hand");

        let mut history = History::open(&path, 3, &WallClock::new());
        assert_eq!(texts(&history), ["two", "three \"quoted\"", "four"]);
        say(&mut history, "five");
        write(&mut history);
        let history = History::open(&path, 2, &WallClock::new());
        assert_eq!(texts(&history), ["four", "five"], "the torn line has swallowed nothing");
        let _ = std::fs::remove_file(&path);
    }

    /// Another program, or an earlier version, may have written the file.
    #[test]
    fn what_a_file_holds_is_sanitized_before_it_is_shown() {
        let path = temp("hostile");
        let entry = r#"{"time":"2026-01-01T00:00:00Z","id":1,"event":"said","nick":"ana","text":"TEXT"}"#;
        let text = format!(r"hola\u001b[2J\u202e{}-- beto\u200b (#2) is gone\n", " ".repeat(80));
        std::fs::write(&path, entry.replace("TEXT", &text) + "\n").expect("a file");
        let shown = format!("hola[2J{}-- beto (#2) is gone", " ".repeat(16));
        assert_eq!(texts(&History::open(&path, 1, &WallClock::new())), [shown]);
        let _ = std::fs::remove_file(&path);
    }

    #[test]
    fn messages_are_found_again_behind_many_comings_and_goings() {
        let path = temp("crowd");
        let mut history = History::open(&path, 0, &WallClock::new());
        let (id, peer) = (Id::new(2, 3), ([127, 0, 0, 1], 4000).into());
        let mut clock = WallClock::new();
        clock.look();
        let messages: Vec<String> = (0..25).map(|n| format!("{n} {}", "x".repeat(1000))).collect();
        for text in &messages {
            say(&mut history, text);
            for _ in 0..200 {
                let event = Event::Arrived { id, nick: "guest2", peer, seats_taken: 1, seats: 6 };
                history.note(&event, &clock, Instant::now());
            }
        }
        write(&mut history);
        assert_eq!(texts(&History::open(&path, 20, &WallClock::new())), messages[5..]);
        assert_eq!(texts(&History::open(&path, 1000, &WallClock::new())), messages);
        let _ = std::fs::remove_file(&path);
    }

    #[test]
    fn a_batch_waits_half_a_second_and_no_longer() {
        let path = temp("batch");
        let mut history = History::open(&path, 0, &WallClock::new());
        let before = Instant::now();
        say(&mut history, "hola");
        let due = history.deadline().expect("something to write");
        assert!((before + BATCH_DELAY..=Instant::now() + BATCH_DELAY).contains(&due));
        assert!(history.due_batch(due - Duration::from_millis(1)).is_none());
        assert!(history.due_batch(due).is_some());
        assert_eq!(history.deadline(), None);
        let _ = std::fs::remove_file(&path);
    }

    #[test]
    fn a_place_that_cannot_be_written_costs_the_history_and_nothing_else() {
        let mut history = History::open(Path::new("/nowhere/at/all.jsonl"), 20, &WallClock::new());
        say(&mut history, "hola");
        write(&mut history);
        assert_eq!(texts(&history), ["hola"], "newcomers still get what was said since the start");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_costs_the_lines_it_did_not_take() {
        let path = temp("full");
        let mut history = History::open(&path, 20, &WallClock::new());
        let full = OpenOptions::new().write(true).open("/dev/full").expect("linux has one");
        history.file = Some(Arc::new(full));
        say(&mut history, "hola");
        write(&mut history);
        assert!(history.failing && history.batch.is_empty());
        let _ = std::fs::remove_file(&path);
    }
}
