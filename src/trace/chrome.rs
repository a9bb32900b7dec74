//! The trace file: written in Chrome's trace format, which ui.perfetto.dev and chrome://tracing open, and read again by
//! [`read`].
//!
//! It is a JSON array with one event per line, and every event is a whole step with its duration. If the server is
//! killed only the closing bracket is missing, and both Perfetto and [`read`] still read the file.

use super::ledger::{Event, Ledger};
use super::record::Record;
use super::step::{Header, Step};
use crate::host::Origin;
use crate::text::{Bilingual, say};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The longest file. Later steps are counted as lost, because a longer file is of no use. Bytes.
const FILE_MAX: u64 = 128 << 20;

/// Something to write.
pub enum Item {
    /// A thread takes its first step.
    Thread {
        /// The thread.
        track: u32,
        /// Its name.
        name: String,
    },
    /// A thread begins to sleep in a step that may never end.
    Asleep {
        /// The thread.
        track: u32,
        /// Since when. Nanoseconds since the recorder began.
        begin: u64,
        /// In what.
        step: Step,
    },
    /// A step is over.
    Step(Record),
}

/// Writes a trace's file.
pub struct Writer {
    out: BufWriter<File>,
    written: u64,
    ledger: Ledger,
    /// The threads that sleep: since when, and in which step.
    asleep: BTreeMap<u32, (u64, Step)>,
    /// Where each message began that has not reached all its receivers: the thread and the time.
    arrivals: HashMap<u64, (u32, u64)>,
    /// By thread: the end of the last step that may have brought a message.
    bringers: HashMap<u32, u64>,
    /// All lost steps. `untold` is the number of those that the file does not report yet.
    lost: u64,
    untold: u64,
    result: io::Result<()>,
    /// A warning was logged that the file cannot be written any more.
    is_given_up: bool,
}

impl Writer {
    /// Begins a file, in place of one that is there. Fails if it cannot be created or written, or is another recorder's.
    pub fn create(path: &Path, header: &Header) -> io::Result<Writer> {
        let mut writer = Writer {
            out: BufWriter::new(create(path)?),
            written: 0,
            ledger: Ledger::default(),
            asleep: BTreeMap::new(),
            arrivals: HashMap::new(),
            bringers: HashMap::new(),
            lost: 0,
            untold: 0,
            result: Ok(()),
            is_given_up: false,
        };
        let name = format!("tertulia serve --mode {}", header.mode);
        writer.line(&json!({ "name": "process_name", "ph": "M", "pid": 1, "tid": 0, "args": { "name": name } }));
        let args = json!(About { header: header.clone(), origin: Origin::here() });
        writer.line(&json!({ "name": "tertulia", "ph": "M", "pid": 1, "tid": 0, "args": args }));
        writer.out.flush()?;
        Ok(writer)
    }

    /// Writes an item. An error is kept for [`Writer::flush`].
    pub fn item(&mut self, item: Item) {
        match item {
            Item::Thread { track, name } => {
                let args = json!({ "name": name });
                self.line(&json!({ "name": "thread_name", "ph": "M", "pid": 1, "tid": track, "args": args }));
            }
            Item::Asleep { track, begin, step } => drop(self.asleep.insert(track, (begin, step))),
            Item::Step(record) => {
                self.asleep.remove(&record.track);
                let event = self.ledger.enter(record);
                self.event(&event);
            }
        }
    }

    /// Reports that this many steps were lost by now.
    pub fn lost(&mut self, steps: u64, now: u64) {
        self.lost += steps;
        self.tell_lost(steps, now);
        self.ledger.forget();
        self.arrivals.clear();
    }

    fn tell_lost(&mut self, steps: u64, now: u64) {
        let (name, args) = (format!("{steps} steps were lost"), json!({ "lost": steps }));
        let line = json!({ "name": name, "ph": "i", "s": "g", "ts": micros(now), "pid": 1, "tid": 0, "args": args });
        self.line(&line);
    }

    /// Hands all to the kernel. After the first error, which is logged, nothing is written any more.
    pub fn flush(&mut self) {
        if self.result.is_ok() {
            self.result = self.out.flush();
        }
        if let Err(e) = &self.result
            && !self.is_given_up
        {
            self.is_given_up = true;
            log::warn!("the trace ends here: its file cannot be written: {e}");
        }
    }

    /// Ends the file, with the steps that threads are still in.
    pub fn finish(mut self, now: u64) {
        for (track, (begin, step)) in std::mem::take(&mut self.asleep) {
            let mut event = Event::from(Record { track, begin, end: now, step, call: None });
            event.unfinished = true;
            self.event(&event);
        }
        if self.untold > 0 {
            self.tell_lost(self.untold, now);
        }
        if self.result.is_ok() {
            self.result = self.out.write_all(b"\n]\n");
        }
        self.flush();
        if self.lost > 0 {
            log::warn!("the trace lacks {} steps: there were more than could be written", self.lost);
        }
    }

    fn event(&mut self, event: &Event) {
        match &event.step {
            Step::Settled { .. } => return,
            Step::Ingested { .. } if event.message.is_none() && event.cause.is_none() => return,
            _ => {}
        }
        let track = event.track;
        self.line(&json!({
            "name": event.step.label(),
            "cat": if event.step.sleeps() { "sleep" } else { "work" },
            "ph": "X",
            "ts": micros(event.begin),
            "dur": micros(event.end - event.begin),
            "pid": 1,
            "tid": track,
            "args": event,
        }));
        match &event.step {
            Step::Read { .. } | Step::Accept { .. } => drop(self.bringers.insert(track, event.end)),
            Step::Ingested { .. } => {
                if let Some(message) = event.message {
                    let at = self.bringers.remove(&track).unwrap_or(event.begin);
                    self.arrivals.insert(message, (track, at));
                }
            }
            _ => {}
        }
        for message in &event.delivers {
            // A message's arrow begins with its first receiver. Messages that nobody receives need no arrow.
            if let Some((from, at)) = self.arrivals.get(message).copied().filter(|(_, at)| *at != u64::MAX) {
                self.arrow("s", *message, from, at);
                self.arrivals.insert(*message, (from, u64::MAX));
            }
            let is_last = event.completes.contains(message);
            self.arrow(if is_last { "f" } else { "t" }, *message, track, event.end);
            if is_last {
                self.arrivals.remove(message);
            }
        }
    }

    /// A flow event. It belongs to the span around its time, so it is placed a nanosecond before that span's end.
    fn arrow(&mut self, phase: &str, message: u64, track: u32, end: u64) {
        let at = micros(end.saturating_sub(1));
        let mut line = json!({
            "name": "message", "cat": "message", "ph": phase, "id": message, "ts": at, "pid": 1, "tid": track,
        });
        if phase == "f" {
            line["bp"] = "e".into();
        }
        self.line(&line);
    }

    fn line(&mut self, value: &Value) {
        if self.result.is_err() {
            return;
        }
        let text = value.to_string();
        let is_small = value["ph"] == "M" || value["ph"] == "i";
        if self.written > FILE_MAX && !is_small {
            let steps = u64::from(value["ph"] == "X");
            self.lost += steps;
            self.untold += steps;
            return;
        }
        let before = if self.written == 0 { "[\n" } else { ",\n" };
        self.written += (before.len() + text.len()) as u64;
        self.result = self.out.write_all(before.as_bytes()).and_then(|()| self.out.write_all(text.as_bytes()));
    }
}

/// Opens an empty file, and locks it for as long as it is open.
fn create(path: &Path) -> io::Result<File> {
    // A FIFO or another special file could block its writer for ever, even in open.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return Err(io::Error::other("it is no regular file; give the name of one"));
    }
    // It holds what people say: like the history, it is for its owner only.
    let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            return Err(io::Error::other("another server writes its trace there; give each a file of its own"));
        }
        // Some file systems have no locks.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    file.set_len(0)?;
    Ok(file)
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1e3
}

/// What stands at the beginning of a file.
#[derive(Serialize, Deserialize)]
struct About {
    #[serde(flatten)]
    header: Header,
    #[serde(flatten)]
    origin: Origin,
}

/// The contents of a trace file.
#[derive(Default, Debug)]
pub struct Trace {
    /// What the driver said of itself.
    pub header: Header,
    /// What was recorded, and where.
    pub origin: Origin,
    /// The threads' names.
    pub threads: BTreeMap<u32, String>,
    /// In the order in which they ended.
    pub events: Vec<Event>,
    /// How many steps are missing, because they happened faster than they could be written.
    pub lost: u64,
}

/// Reads a file that [`Writer`] wrote, to its end or to where it breaks off. The error is text for people.
pub fn read(path: &Path) -> Result<Trace, Bilingual> {
    let name = path.display();
    let bytes = std::fs::read(path)
        .map_err(|e| Bilingual::of(|lang| say!(lang, "{name} cannot be read: {e}"; "no se puede leer {name}: {e}")))?;
    // The file may break off within a character.
    parse(&String::from_utf8_lossy(&bytes)).ok_or_else(|| {
        Bilingual::of(|lang| {
            say!(lang,
            "{name} was not written by `tertulia serve --trace FILE`; make a recording with that command";
            "{name} no lo escribió `tertulia serve --trace FICHERO`; haz una grabación con esa orden")
        })
    })
}

fn parse(text: &str) -> Option<Trace> {
    let mut about = None;
    let mut trace = Trace::default();
    for line in text.lines() {
        let line = line.trim_end_matches(',');
        // This skips the brackets, and the last line of a file that breaks off.
        let Ok(value @ Value::Object(_)) = serde_json::from_str::<Value>(line) else { continue };
        let track = value["tid"].as_u64()? as u32;
        match (value["ph"].as_str()?, value["name"].as_str()?) {
            ("M", "tertulia") => about = About::deserialize(&value["args"]).ok(),
            ("M", "thread_name") => drop(trace.threads.insert(track, value["args"]["name"].as_str()?.to_owned())),
            ("i", _) => trace.lost = trace.lost.saturating_add(value["args"]["lost"].as_u64()?),
            ("X", _) => {
                let mut event = Event::deserialize(&value["args"]).ok()?;
                let nanos = |name: &str| Some((value[name].as_f64()? * 1e3).round() as u64);
                event.track = track;
                event.begin = nanos("ts")?;
                event.end = event.begin.saturating_add(nanos("dur")?);
                trace.events.push(event);
            }
            _ => {}
        }
    }
    About { header: trace.header, origin: trace.origin } = about?;
    trace.events.sort_by_key(|event| event.end);
    Some(trace)
}
