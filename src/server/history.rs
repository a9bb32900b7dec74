//! The history: a file of what was said, one JSON line per event, read again at the next start.
//!
//! Lines are written in batches, at most half a second after the first line of a batch, so that kill -9 loses less than
//! a second. A thread of its own writes them, in every mode: see [`DiskWriter`]. A disk that fails or hangs costs
//! warnings and the lines that it did not take. The file says in their place how many they were.
//!
//! Only the opening blocks: it happens before the server listens.
//!
//! A new file is for its owner only. A history that cannot be kept is an error at the start. New clients get its last
//! lines: 20 if `--replay` does not say otherwise, and 128 KiB at most. SIGHUP opens the file again by its name, as
//! rotation needs: `mv history.jsonl history.1 && kill -HUP PID`.

use super::diagnostics;
use super::disk::{self, DiskWriter};
use super::recent::Recent;
use super::sink::Sink;
use super::spool::Spool;
use super::wall_clock::WallClock;
use crate::chat::Origin;
use crate::chat::messages::Said;
use crate::chat::{Event, Id, Reason, Replay};
use crate::text::Lang;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const BATCH_DELAY: Duration = Duration::from_millis(500);
/// A batch of this many bytes is written at once.
const BATCH_MAX: usize = 64 << 10;
/// The most that may wait for the disk. Bytes. It is several times what a flood leaves while a busy disk is left alone.
const BUFFER_MAX: usize = 4 << 20;
/// The longest line read back: a message of 1024 bytes, all escaped, and the other fields. Bytes.
const RECORD_MAX: u64 = 8 << 10;

/// One line of the file.
#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    /// RFC 3339, UTC.
    time: &'a str,
    /// The member's number; 0 for the console.
    id: u64,
    event: Kind,
    #[serde(borrow)]
    nick: std::borrow::Cow<'a, str>,
    /// What was said or ordered; for `Renamed` the old nick; for `Left` the reason.
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
    Charge,
    Ordered,
}

/// Visits that are only counted. Like a [`Gap`] it is no entry, and is skipped when the file is read again.
#[derive(Serialize)]
struct Visits<'a> {
    time: &'a str,
    event: &'static str,
    addr: Origin,
    times: u64,
}

/// Stands in the place of lines that the disk did not take.
#[derive(Serialize)]
struct Gap<'a> {
    time: &'a str,
    event: &'static str,
    lines: u64,
}

pub(crate) struct History {
    path: PathBuf,
    spool: Spool,
    /// The deadline for writing the batch; `None` while it is empty.
    due: Option<Instant>,
    /// For newcomers; `None` if they get none.
    recent: Option<Recent>,
}

impl History {
    /// Opens or creates the file, and reads the last messages from it.
    pub(crate) fn open(path: &Path, replay: usize, clock: &WallClock) -> io::Result<History> {
        let mut file = disk::open(path)?;
        let tail = read_tail(&mut file, replay)?;
        let spool = Spool::new(Sink::Disk(DiskWriter::new(file)?), &tail);
        let recent = Recent::new(replay);
        // The first line may be cut at its beginning; what is left of it is not valid JSON.
        let lines = tail.split_inclusive(|&b| b == b'\n');
        for line in lines.filter(|line| line.ends_with(b"\n")) {
            if let Ok(record) = serde_json::from_slice::<Entry>(line)
                && clock.when(record.time).is_some()
            {
                let (nick, text) = (&record.nick, record.text.as_deref().unwrap_or(""));
                match (record.event, &recent) {
                    (Kind::Said, Some(recent)) => recent.said(record.time, nick, text),
                    (Kind::Acted, Some(recent)) => recent.acted(record.time, nick, text),
                    _ => {}
                }
            }
        }
        Ok(History { path: path.to_owned(), spool, due: None, recent })
    }

    pub(crate) fn note(&mut self, event: &Event<'_>, clock: &WallClock, now: Instant) {
        let (kind, id, nick, text) = match *event {
            Event::Arrived { id, nick, .. } => (Kind::Arrived, id.number(), nick, None),
            Event::Said { id, nick, text } => (Kind::Said, id.number(), nick, Some(text.into())),
            Event::Acted { id, nick, text } => (Kind::Acted, id.number(), nick, Some(text.into())),
            Event::Renamed { id, old, nick } => (Kind::Renamed, id.number(), nick, Some(old.into())),
            Event::Left { id, nick, reason, .. } => (Kind::Left, id.number(), nick, Some(why(reason).into())),
            Event::TookCharge { id, nick } => (Kind::Charge, id.number(), nick, None),
            Event::Ordered { by, nick, line } => {
                (Kind::Ordered, by.map_or(0, Id::number), nick, Some(line.into()))
            }
            // A second signal ends the process at once: what was said is written before.
            Event::Closing => return self.hurry(now),
            Event::CameAndWent { addr, times } => {
                let visits = Visits { time: clock.timestamp(), event: "visits", addr, times };
                return self.push(&visits, now);
            }
            Event::Listening { .. }
            | Event::Whispered { .. }
            | Event::Refused { .. }
            | Event::WrongPassword { .. }
            | Event::Answered { .. }
            // An order says so.
            | Event::Banned { .. }
            | Event::Unbanned { .. }
            | Event::Lost { .. } => return,
        };
        if let Some(recent) = &self.recent {
            recent.note(event, clock);
        }
        self.push(&Entry { time: clock.timestamp(), id, event: kind, nick: nick.into(), text }, now);
    }

    /// Puts a line into the batch.
    fn push(&mut self, record: &impl Serialize, now: Instant) {
        let spool = &mut self.spool;
        self.due.get_or_insert(now + BATCH_DELAY);
        // After one lost line all are dropped until the loss is reported. So there is one gap, and the file says where.
        if spool.len() >= BUFFER_MAX || spool.has_gap() {
            spool.lose_line();
            if spool.missing() == 1 {
                log::warn!("{}", diagnostics::disk_takes_nothing(&self.path));
            }
        } else {
            write_json(spool.line(), record);
        }
    }

    /// Writes what is due, as far as the disk takes it without blocking.
    pub(crate) fn flush(&mut self, now: Instant, clock: &mut WallClock) {
        let spool = &mut self.spool;
        let is_due = self.due.is_some_and(|due| due <= now);
        if !is_due && spool.len() < BATCH_MAX && spool.deadline().is_none() {
            return;
        }
        self.due = None;
        let missing = spool.missing();
        let mut result = spool.flush(now);
        if result.is_ok() {
            spool.report(|buffer, lines| {
                clock.look();
                write_json(buffer, &Gap { time: clock.timestamp(), event: "lost", lines });
            });
            result = spool.flush(now);
        }
        self.warn(missing, result);
    }

    /// When [`History::flush`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.spool.deadline().or(self.due)
    }

    /// Goes on in the file that has the history's name now, and creates it if there is none. The lines before go to the
    /// old file, and none is lost. If the disk is busy, the last of them go to the new file.
    pub(crate) fn reopen(&mut self, now: Instant) {
        self.due = None;
        let missing = self.spool.missing();
        let result = self.spool.reopen(&self.path, now);
        self.warn(missing, result);
    }

    /// Makes whatever waits due now.
    pub(crate) fn hurry(&mut self, now: Instant) {
        self.due = self.due.map(|due| due.min(now));
    }

    /// When [`History::flush`] is worth another try after the end began at `start`.
    pub(crate) fn last_retry(&self, start: Instant) -> Option<Instant> {
        self.spool.last_retry(start)
    }

    /// Call it at the very end.
    pub(crate) fn warn_of_what_is_missing(&self) {
        if let lines @ 1.. = self.spool.unwritten() {
            log::warn!("{}", diagnostics::history_ends_without(lines, &self.path));
        }
    }

    /// Tells a newcomer the last messages; `None` if it is to get none.
    pub(crate) fn replay(&self) -> Option<Replay> {
        self.recent.as_ref().map(Recent::replay)
    }

    /// Warns when lines begin to be lost, and when the loss is reported in the file. `before` is how many were missing before
    /// the last flush, and `result` is its result.
    fn warn(&self, before: u64, result: io::Result<()>) {
        let missing = self.spool.missing();
        let path = &self.path;
        match result {
            Err(e) if before == 0 => log::warn!("{}", diagnostics::history_loses_lines(missing, path, &e)),
            _ if missing < before => {
                log::warn!("{}", diagnostics::history_is_written_again(before - missing, path))
            }
            _ => {}
        }
    }
}

/// The end of the file, with at least as many lines as a replay needs.
fn read_tail(file: &mut File, replay: usize) -> io::Result<Vec<u8>> {
    let len = file.metadata()?.len();
    // Not all lines are messages, so this reads further back than the replay needs.
    let start = len.saturating_sub(RECORD_MAX * (replay as u64 * 4 + 1));
    // A pipe has no position, and nothing in it is read again.
    if start > 0 {
        file.seek(SeekFrom::Start(start))?;
    }
    let mut tail = Vec::new();
    file.take(len - start).read_to_end(&mut tail)?;
    Ok(tail)
}

fn write_json(buffer: &mut Vec<u8>, record: &impl Serialize) {
    // Neither writing to a Vec nor serializing strings and numbers can fail.
    let _ = serde_json::to_writer(&mut *buffer, record);
    buffer.push(b'\n');
}

/// A reason as it is stored in the file: in English, whatever the server's language.
fn why(reason: Reason) -> String {
    Said(Lang::En, &reason).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Id;
    use crate::chat::Transcript;
    use std::fs::OpenOptions;
    use std::io::Write;

    fn temp(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("tertulia-{}-{name}.jsonl", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    fn open(path: &Path, replay: usize) -> History {
        History::open(path, replay, &WallClock::new()).expect("a temporary file")
    }

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap_or_default()
    }

    fn say(history: &mut History, text: &str) {
        let event = Event::Said { id: Id::new(1, 2), nick: "ana", text };
        let mut clock = WallClock::new();
        clock.look();
        history.note(&event, &clock, Instant::now());
    }

    /// Waits until everything is written, or has failed.
    fn write(history: &mut History) {
        let mut clock = WallClock::new();
        let end = Instant::now() + Duration::from_secs(60);
        history.hurry(Instant::now());
        loop {
            history.flush(Instant::now(), &mut clock);
            if history.spool.len() == 0 {
                return;
            }
            assert!(Instant::now() < end, "the disk takes nothing");
            std::thread::yield_now();
        }
    }

    fn texts(history: &History) -> Vec<String> {
        let replay = String::from_utf8(history.replay().expect("some are kept")(&Transcript::default())).expect("text");
        replay.lines().map(|line| line.split_once("<ana> ").expect("a message").1.to_owned()).collect()
    }

    #[test]
    fn what_was_written_is_read_again_and_a_torn_line_is_not() {
        let path = temp("torn");
        let mut history = open(&path, 3);
        for text in ["one", "two", "three \"quoted\"", "four"] {
            say(&mut history, text);
        }
        write(&mut history);
        std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(b"{\"time\":\"2026-01-01T00:00:00Z\",\"id\":1,\"event\":\"said\",\"ni"))
            .expect("torn by hand");

        let mut history = open(&path, 3);
        assert_eq!(texts(&history), ["two", "three \"quoted\"", "four"]);
        say(&mut history, "five");
        write(&mut history);
        let history = open(&path, 2);
        assert_eq!(texts(&history), ["four", "five"], "the torn line has swallowed nothing");
        let _ = std::fs::remove_file(&path);
    }

    #[test]
    fn what_was_said_in_this_turn_is_not_missed() {
        let path = temp("turn");
        let mut history = open(&path, 2);
        ["one", "two"].into_iter().for_each(|text| say(&mut history, text));
        let mut turn = Transcript::default();
        turn.push(Event::Said { id: Id::new(1, 2), nick: "ana", text: "three" });
        let replay = history.replay().expect("some are kept")(&turn);
        let replay = String::from_utf8(replay).expect("text");
        let texts: Vec<_> = replay.lines().filter_map(|line| line.split_once("<ana> ")).map(|(_, text)| text).collect();
        assert_eq!(texts, ["two", "three"]);
        let _ = std::fs::remove_file(&path);
    }

    /// Another program, or an earlier version, may have written the file.
    #[test]
    fn what_a_file_holds_is_sanitized_before_it_is_shown() {
        let path = temp("hostile");
        let entry = r#"{"time":"2026-01-01T00:00:00Z","id":1,"event":"said","nick":"ana","text":"TEXT"}"#;
        let text = format!(r"hola\u001b[2J\u202e{}-- beto\u200b (#2) is gone\n", " ".repeat(80));
        std::fs::write(&path, entry.replace("TEXT", &text) + "\n").expect("a file");
        let shown = format!("hola[2J{}-- beto (#2) is gone", " ".repeat(17));
        assert_eq!(texts(&open(&path, 1)), [shown]);
        let _ = std::fs::remove_file(&path);
    }

    #[test]
    fn messages_are_found_again_behind_many_comings_and_goings() {
        let path = temp("crowd");
        let mut history = open(&path, 0);
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
        assert_eq!(texts(&open(&path, 20)), messages[5..]);
        assert_eq!(texts(&open(&path, 1000)), messages);
        let _ = std::fs::remove_file(&path);
    }

    #[test]
    fn a_batch_waits_half_a_second_and_no_longer() {
        let path = temp("batch");
        let mut history = open(&path, 0);
        let before = Instant::now();
        say(&mut history, "hola");
        let due = history.deadline().expect("something to write");
        assert!((before + BATCH_DELAY..=Instant::now() + BATCH_DELAY).contains(&due));
        let mut clock = WallClock::new();
        history.flush(due - Duration::from_millis(1), &mut clock);
        assert_eq!((history.deadline(), read(&path)), (Some(due), String::new()));
        write(&mut history);
        assert_eq!(history.deadline(), None);
        assert!(read(&path).contains("hola"));
        let _ = std::fs::remove_file(&path);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_costs_the_lines_it_did_not_take() {
        let path = temp("full");
        let mut history = open(&path, 20);
        let full = OpenOptions::new().write(true).open("/dev/full").expect("linux has one");
        history.spool = Spool::new(Sink::Disk(DiskWriter::new(full).expect("a thread")), b"");
        for text in ["one", "two"] {
            say(&mut history, text);
        }
        write(&mut history);
        say(&mut history, "three");
        assert_eq!(history.spool.missing(), 3, "what comes after the gap waits for the report");
        write(&mut history);
        assert_eq!((history.spool.missing(), read(&path)), (3, String::new()));
        let _ = std::fs::remove_file(&path);
    }
}
