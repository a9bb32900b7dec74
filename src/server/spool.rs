//! Lines on their way to an output that may take none for a while: the console's to stdout, the history's to its file.
//!
//! The chat never waits for an output. What it does not take waits in a buffer, whose owner limits it. Lines that find
//! no room there, and lines that an error keeps from being written, are lost and counted. The number is reported in the
//! output, at the place where the lines are missing, as soon as it takes something again.

use super::sink::Sink;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{Duration, Instant};

/// The delay before an output that took nothing, or failed, is tried again: the first, so that a slow pipe drains, and the longest,
/// so that a frozen terminal costs next to nothing. It doubles after each failed try.
const RETRY: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(160));
/// How long an output is tried again at the end. A disk that is only busy gets more time than a pipe that nobody reads.
const LAST_PATIENCE: Duration = Duration::from_millis(200);
const LAST_PATIENCE_FOR_A_DISK: Duration = Duration::from_secs(1);

pub(crate) struct Spool {
    sink: Sink,
    /// Lines that the sink has not taken; the first may have been taken in part.
    buffer: Vec<u8>,
    /// Lines lost since the last report.
    lost: u64,
    /// The report that is in the buffer.
    report: Option<Report>,
    /// The output ends within a line.
    torn: bool,
    /// When to try again; `None` unless the sink took less than was offered, or failed.
    retry_at: Option<Instant>,
    /// The delay before the next retry.
    patience: Duration,
    /// The number of system calls since [`Spool::take_calls`].
    calls: usize,
}

/// A report of lost lines. It is the first line of the buffer.
struct Report {
    lines: u64,
    /// Where it ends in the buffer. Bytes.
    end: usize,
}

impl Spool {
    /// `tail` is what the output ends with so far.
    pub(crate) fn new(sink: Sink, tail: &[u8]) -> Spool {
        Spool {
            sink,
            buffer: Vec::new(),
            lost: 0,
            report: None,
            torn: tail.last().is_some_and(|last| *last != b'\n'),
            retry_at: None,
            patience: RETRY.0,
            calls: 0,
        }
    }

    /// The number of bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Begins a line: write it to the returned buffer, with its line end.
    pub(crate) fn line(&mut self) -> &mut Vec<u8> {
        if self.torn && self.buffer.is_empty() {
            self.buffer.push(b'\n');
        }
        &mut self.buffer
    }

    /// Counts a line that is not written.
    pub(crate) fn lose_line(&mut self) {
        self.lost += 1;
    }

    /// Lines were lost, and no report of them is on its way. What is written now may stand in the middle of a gap.
    pub(crate) fn has_gap(&self) -> bool {
        self.lost > 0
    }

    /// The number of lost lines that the output does not report yet.
    pub(crate) fn missing(&self) -> u64 {
        self.lost + self.report.as_ref().map_or(0, |report| report.lines)
    }

    /// The number of lines that are not on the output: lost, or still waiting.
    pub(crate) fn unwritten(&self) -> u64 {
        self.missing() + self.waiting()
    }

    /// Reports the lost lines, if there are any and everything before them is written. `write` gets their number.
    pub(crate) fn report(&mut self, write: impl FnOnce(&mut Vec<u8>, u64)) {
        if self.lost > 0 && self.buffer.is_empty() {
            let lines = std::mem::take(&mut self.lost);
            write(self.line(), lines);
            self.report = Some(Report { lines, end: self.buffer.len() });
        }
    }

    /// Writes until the buffer is empty or the sink takes no more for now. After an error the buffer is empty, and what
    /// was in it is lost.
    pub(crate) fn flush(&mut self, now: Instant) -> io::Result<()> {
        if self.retry_at.is_some_and(|at| now < at) {
            return Ok(());
        }
        self.retry_at = None;
        let mut written = 0;
        let mut result = Ok(());
        while result.is_ok() && written < self.buffer.len() {
            self.calls += self.sink.calls();
            match self.sink.write(&self.buffer[written..]) {
                Ok(n) => {
                    written += n;
                    self.patience = RETRY.0;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    result = Err(e);
                    self.retry_at = Some(now + self.patience);
                    self.patience = (2 * self.patience).min(RETRY.1);
                }
            }
        }
        self.take(written);
        match result {
            Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(e) => {
                self.lost = self.unwritten();
                self.report = None;
                self.buffer.clear();
                Err(e)
            }
            Ok(()) => Ok(()),
        }
    }

    /// Goes on in the file of this name, if the sink is a file. Offers it the waiting lines before.
    pub(crate) fn reopen(&mut self, path: &Path, now: Instant) -> io::Result<()> {
        self.retry_at = None;
        let result = self.flush(now);
        if let Sink::Disk(disk) = &self.sink {
            disk.reopen(path);
        }
        result
    }

    /// When [`Spool::flush`] has something to do that no new line begins.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.retry_at
    }

    /// When [`Spool::flush`] is worth another try after the end began at `start`. A failed output is not tried again.
    pub(crate) fn last_retry(&self, start: Instant) -> Option<Instant> {
        let patience = match self.sink {
            Sink::Disk(_) => LAST_PATIENCE_FOR_A_DISK,
            _ => LAST_PATIENCE,
        };
        self.retry_at.filter(|at| !self.buffer.is_empty() && *at < start + patience)
    }

    /// The number of system calls since the last call of this method.
    pub(crate) fn take_calls(&mut self) -> usize {
        std::mem::take(&mut self.calls)
    }

    /// Removes what the sink has taken.
    fn take(&mut self, written: usize) {
        let Some(last) = self.buffer[..written].last() else { return };
        self.torn = *last != b'\n';
        self.buffer.drain(..written);
        if let Some(report) = &mut self.report {
            report.end = report.end.saturating_sub(written);
        }
        self.report.take_if(|report| report.end == 0);
    }

    /// The number of lines that wait. A report is none of them, and neither is a line of which only the end is left.
    fn waiting(&self) -> u64 {
        let end_of_a_torn_line = usize::from(self.buffer.first() == Some(&b'\n'));
        let first = self.report.as_ref().map_or(end_of_a_torn_line, |report| report.end);
        memchr::memchr_iter(b'\n', &self.buffer[first..]).count() as u64
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::server::disk::tests::disk;
    use std::fs::{File, OpenOptions};
    use std::io::{PipeReader, Read, Write};

    /// A spool whose pipe is full, the reader of the pipe, and the number of bytes in it.
    pub(crate) fn stuck() -> (PipeReader, usize, Spool) {
        let (reader, writer) = io::pipe().expect("a pipe");
        let mut sink = Sink::to(writer.into()).expect("a sink");
        let mut full = 0;
        while let Ok(taken) = sink.write(&[b'x'; 4096]) {
            full += taken;
        }
        (reader, full, Spool::new(sink, b""))
    }

    fn say(spool: &mut Spool, line: &str) {
        let _ = writeln!(spool.line(), "{line}");
    }

    fn tell(buffer: &mut Vec<u8>, lines: u64) {
        let _ = writeln!(buffer, "{lines} lost");
    }

    /// Flushes until the sink has taken all of it, or has failed.
    fn flush(spool: &mut Spool) -> io::Result<()> {
        let end = Instant::now() + Duration::from_secs(60);
        while spool.len() > 0 {
            spool.flush(Instant::now())?;
            assert!(Instant::now() < end, "it is not taken");
            std::thread::yield_now();
        }
        Ok(())
    }

    #[test]
    fn an_output_that_takes_nothing_is_asked_less_and_less_often() {
        let (mut reader, full, mut spool) = stuck();
        say(&mut spool, "hola");
        let mut now = Instant::now();
        for pause in [5, 10, 20, 40, 80, 160, 160].map(Duration::from_millis) {
            for time in [now, now + pause - Duration::from_nanos(1)] {
                spool.flush(time).expect("it waits");
            }
            assert_eq!(spool.take_calls(), 1, "until then it is left alone");
            now += pause;
            assert_eq!(spool.deadline(), Some(now));
        }
        reader.read_exact(&mut vec![0; full]).expect("all of it");
        spool.flush(now).expect("there is room");
        assert_eq!((spool.take_calls(), spool.deadline()), (1, None));
    }

    #[test]
    fn at_the_end_it_is_given_a_last_chance_and_not_for_ever() {
        let (_reader, _, mut spool) = stuck();
        let start = Instant::now();
        say(&mut spool, "hola");
        let mut tries = 0;
        while let Some(retry) = spool.last_retry(start).or((tries == 0).then_some(start)) {
            assert!(retry < start + LAST_PATIENCE);
            spool.flush(retry).expect("it waits");
            tries += 1;
        }
        assert!((5..8).contains(&tries), "{tries} tries");
    }

    /// Every line is written or counted, and the count is where the lines are missing.
    #[cfg(target_os = "linux")]
    #[test]
    fn lines_that_an_error_costs_are_counted_also_with_a_report_among_them() {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("linux has one");
        let mut spool = Spool::new(Sink::File(full), b"");
        for line in ["one", "two"] {
            say(&mut spool, line);
        }
        flush(&mut spool).expect_err("it is full");
        assert_eq!((spool.missing(), spool.has_gap()), (2, true));
        spool.report(tell);
        assert_eq!((spool.missing(), spool.has_gap()), (2, false));
        say(&mut spool, "three");
        assert_eq!(spool.unwritten(), 3);
        flush(&mut spool).expect_err("it is still full");
        assert_eq!(spool.missing(), 3);

        let (mut reader, writer) = io::pipe().expect("a pipe");
        spool.sink = Sink::to(writer.into()).expect("a sink");
        spool.report(tell);
        say(&mut spool, "four");
        flush(&mut spool).expect("there is room");
        assert_eq!(spool.unwritten(), 0);
        drop(spool);
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("text");
        assert_eq!(text, "3 lost\nfour\n");
    }

    #[test]
    fn nothing_is_glued_to_a_line_that_ended_too_early() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let sink = || Sink::to(writer.try_clone().expect("a descriptor").into()).expect("a sink");
        let mut spool = Spool::new(sink(), b"whole\nto");
        say(&mut spool, "one");
        assert_eq!(spool.unwritten(), 1, "the end of the torn line does not count");
        flush(&mut spool).expect("there is room");
        say(&mut spool, "two");
        flush(&mut spool).expect("there is room");
        drop((spool, writer));
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("text");
        assert_eq!(text, "\none\ntwo\n");
    }

    #[test]
    fn lines_for_a_disk_that_hangs_wait_and_are_written_once() {
        let (mut reader, disk) = disk();
        let mut spool = Spool::new(Sink::Disk(disk), b"");
        let text = "x".repeat(1000);
        for n in 0..200 {
            say(&mut spool, &format!("{n} {text}"));
            spool.flush(Instant::now()).expect("it waits");
        }
        assert!(spool.len() > 0 && spool.deadline().is_some());
        assert_eq!(spool.take_calls(), 0, "they are another thread's");
        let read = std::thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        flush(&mut spool).expect("somebody reads");
        drop(spool);
        let got = read.join().expect("it ends").expect("text");
        let numbers: Vec<usize> = got.lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect();
        assert_eq!(numbers, (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn a_file_gets_whole_lines_from_a_thread() {
        let path = std::env::temp_dir().join(format!("tertulia-{}-spool", std::process::id()));
        let file = File::create(&path).expect("our file");
        let mut spool = Spool::new(Sink::Disk(crate::server::disk::DiskWriter::new(file).expect("a thread")), b"");
        say(&mut spool, "hola");
        flush(&mut spool).expect("there is room");
        assert_eq!(std::fs::read_to_string(&path).expect("our file"), "hola\n");
        let _ = std::fs::remove_file(&path);
    }
}
