//! The file of the banned addresses, so that bans last longer than the server: `--bans`.
//!
//! One ban a line: an address and, unless it is for good, the time when it ends (RFC 3339). The chat measures by a clock that begins
//! with the machine, so the wall clock is looked at here. A thread of its own writes the file whenever a ban is added or lifted. There is
//! a whole one at any time.

use super::diagnostics;
use crate::chat::limits::BANS_MAX;
use crate::chat::{Event, Origin};
use crate::files;
use jiff::{SignedDuration, Timestamp};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A longer file is not ours. Bytes.
const FILE_MAX: u64 = 128 * BANS_MAX as u64;
/// The thread's stack. Bytes.
const STACK: usize = 128 << 10;
/// How long the server waits for the disk at its end.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

pub(crate) struct Bans {
    list: Vec<Ban>,
    writer: Arc<Writer>,
}

struct Ban {
    addr: Origin,
    until: Option<Timestamp>,
}

impl Bans {
    /// Reads the file, and writes it at once without the bans that are over, so that a file that cannot be written is an error at the
    /// start. The error is text for people.
    pub(crate) fn open(path: &Path) -> Result<Bans, String> {
        let failed = |e| diagnostics::cannot_keep_bans(path, &e);
        let text = read(path).map_err(failed)?;
        let mut list = Vec::new();
        for (number, line) in text.lines().enumerate() {
            list.push(parse(line).ok_or_else(|| diagnostics::no_ban(path, number + 1))?);
        }
        if list.len() > BANS_MAX {
            return Err(diagnostics::too_many_bans(path));
        }
        let now = Timestamp::now();
        list.retain(|ban| ban.until.is_none_or(|until| until > now));
        files::replace(path, &text_of(&list)).map_err(failed)?;
        let writer = Writer::start(path.to_owned()).map_err(failed)?;
        Ok(Bans { list, writer })
    }

    /// The bans, and what is left of each.
    pub(crate) fn left(&self) -> impl Iterator<Item = (Origin, Option<Duration>)> {
        let now = Timestamp::now();
        let left = move |until: Timestamp| until.duration_since(now).try_into().unwrap_or_default();
        self.list.iter().map(move |ban| (ban.addr, ban.until.map(left)))
    }

    /// Adds or lifts a ban.
    pub(crate) fn note(&mut self, event: &Event<'_>) {
        let (Event::Banned { addr, .. } | Event::Unbanned { addr }) = *event else { return };
        let now = Timestamp::now();
        self.list.retain(|ban| ban.addr != addr && ban.until.is_none_or(|until| until > now));
        if let Event::Banned { minutes, .. } = *event {
            let end = |minutes| now + SignedDuration::from_secs(60 * i64::from(minutes));
            self.list.push(Ban { addr, until: minutes.map(end) });
        }
        self.writer.write(text_of(&self.list));
    }

    /// Waits until the file is written, for as long as a busy disk may take.
    pub(crate) fn finish(&self) {
        self.writer.finish();
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    match File::open(path) {
        Ok(file) => file.take(FILE_MAX).read_to_string(&mut text).map(|_| text),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(text),
        Err(e) => Err(e),
    }
}

fn parse(line: &str) -> Option<Ban> {
    let (addr, until) = match line.trim().split_once(' ') {
        Some((addr, until)) => (addr, Some(until.trim().parse().ok()?)),
        None => (line.trim(), None),
    };
    Some(Ban { addr: addr.parse::<Origin>().ok()?.network(), until })
}

fn text_of(bans: &[Ban]) -> String {
    let mut text = String::new();
    for Ban { addr, until } in bans {
        // Writing to a String cannot fail.
        let _ = match until {
            Some(until) => writeln!(text, "{addr} {until:.0}"),
            None => writeln!(text, "{addr}"),
        };
    }
    text
}

/// The thread that waits for the disk, and the text that it has to write next.
#[derive(Default)]
struct Writer {
    job: Mutex<Job>,
    changed: Condvar,
}

#[derive(Default)]
struct Job {
    /// A later text replaces one that is not written yet.
    text: Option<String>,
    is_writing: bool,
}

impl Writer {
    fn start(path: PathBuf) -> io::Result<Arc<Writer>> {
        let writer = Arc::<Writer>::default();
        let thread = std::thread::Builder::new().name("bans".into()).stack_size(STACK);
        let shared = writer.clone();
        thread.spawn(move || shared.work(&path))?;
        Ok(writer)
    }

    fn work(&self, path: &Path) {
        loop {
            let idle = |job: &mut Job| job.text.is_none();
            let mut job = self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
            let text = job.text.take().unwrap_or_default();
            job.is_writing = true;
            drop(job);
            if let Err(e) = files::replace(path, &text) {
                log::warn!("{}", diagnostics::cannot_keep_bans(path, &e));
            }
            self.lock().is_writing = false;
            self.changed.notify_all();
        }
    }

    fn write(&self, text: String) {
        self.lock().text = Some(text);
        self.changed.notify_all();
    }

    fn finish(&self) {
        let is_busy = |job: &mut Job| job.text.is_some() || job.is_writing;
        drop(self.changed.wait_timeout_while(self.lock(), LAST_PATIENCE, is_busy));
    }

    fn lock(&self) -> MutexGuard<'_, Job> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn temp(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("tertulia-{}-{name}.bans", std::process::id()))
    }

    #[test]
    fn bans_are_there_again_and_those_that_are_over_are_not() {
        let path = temp("again");
        fs::write(&path, "10.0.0.1\n10.0.0.2 2001-01-01T00:00:00Z\n").expect("a temporary file");
        let mut bans = Bans::open(&path).expect("it is ours");
        bans.note(&Event::Banned { addr: [10, 0, 0, 3].into(), minutes: Some(5) });
        bans.note(&Event::Banned { addr: [10, 0, 0, 4].into(), minutes: None });
        bans.note(&Event::Unbanned { addr: [10, 0, 0, 4].into() });
        bans.note(&Event::Closing);
        bans.finish();
        let again = Bans::open(&path).expect("it is ours");
        let left: Vec<_> = again.left().collect();
        assert!(matches!(left[..], [(_, None), (_, Some(_))]), "{left:?}");
        assert_eq!(left[1].0, Origin::from([10, 0, 0, 3]));
        assert!(left[1].1.is_some_and(|left| (290..=300).contains(&left.as_secs())), "{left:?}");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_file(&path).expect("it is there");
    }

    #[test]
    fn what_is_no_file_of_bans_is_an_error_that_says_where() {
        let path = temp("broken");
        for (text, line) in [("10.0.0.1\nhola\n", "2"), ("10.0.0.1 tomorrow\n", "1"), ("\n", "1")] {
            fs::write(&path, text).expect("a temporary file");
            let error = Bans::open(&path).err().expect("it is not ours");
            assert!(error.contains(line) && !error.contains('\n'), "{error}");
            assert_eq!(fs::read_to_string(&path).expect("it is there"), text, "it is left as it is");
        }
        fs::write(&path, "10.0.0.1\n".repeat(BANS_MAX + 1)).expect("a temporary file");
        assert!(Bans::open(&path).is_err());
        fs::remove_file(&path).expect("it is there");
        assert!(Bans::open(Path::new("/nowhere/bans")).is_err());
    }
}
