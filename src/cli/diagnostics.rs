//! Diagnostics on stderr, through `log` and simple_logger, with a guard around simple_logger.
//!
//! simple_logger prints its input unchanged, and here the input may contain what a client typed. It uses `eprintln!`,
//! which blocks on a frozen stderr and panics on a closed one. A chat must not block or die for its diagnostics. So
//! lines that stderr does not take are dropped and counted, and the count is printed as soon as stderr takes a line
//! again.
//!
//! Polling stderr first is not enough: a terminal is reported writable while it has room for one byte, and a thread
//! that writes a line to it blocks until the rest is taken.

use super::value::whole;
use crate::chat::sanitize::sanitize_text;
use crate::server::sink::keep_stderr_from_waiting;
use crate::text::{Lang, say};
use log::{LevelFilter, Log, Metadata, Record};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use simple_logger::SimpleLogger;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// A longer line is cut. A pipe that is reported writable takes this much without blocking. Bytes.
const LINE_MAX: usize = 1024;

#[derive(clap::Args, Debug)]
pub(crate) struct Diagnostics {
    /// Log more on stderr: -v for events, -vv also for problems of single connections
    #[arg(short, long, action = clap::ArgAction::Count, env = "TERTULIA_VERBOSE", value_parser = whole::<u8>(0..=255))]
    verbose: u8,

    /// Log level on stderr, in general or by module: `debug`, or `info,tertulia::server=trace`
    #[arg(long, value_name = "FILTER", env = "TERTULIA_LOG", value_parser = parse_filter)]
    log: Option<Filter>,
}

/// A level for everything, and levels for single modules.
#[derive(Clone, Debug, PartialEq)]
struct Filter {
    level: Option<LevelFilter>,
    modules: Vec<(String, LevelFilter)>,
}

impl Diagnostics {
    /// Starts the diagnostics. Call it once.
    pub(crate) fn start(&self, quiet: bool) {
        let mut level = match self.verbose {
            0 => LevelFilter::Warn,
            1 => LevelFilter::Info,
            2 => LevelFilter::Debug,
            _ => LevelFilter::Trace,
        };
        if quiet {
            level = LevelFilter::Warn;
        }
        let mut logger = SimpleLogger::new();
        if let Some(filter) = &self.log {
            level = filter.level.unwrap_or(level);
            for (module, level) in &filter.modules {
                logger = logger.with_module_level(module, *level);
            }
        }
        logger = logger.with_level(level);
        log::set_max_level(logger.max_level());
        // If this fails, the poll before each line is the only protection against blocking.
        let _ = keep_stderr_from_waiting();
        // This fails if there is a logger already; then diagnostics go there.
        let _ = log::set_boxed_logger(Box::new(Guarded { inner: logger, lost: AtomicU64::new(0) }));
    }
}

fn parse_filter(text: &str) -> Result<Filter, String> {
    let level = |word: &str| {
        word.parse().map_err(|_| {
            say!(Lang::session(),
                "{word:?} is not a log level; use off, error, warn, info, debug or trace";
                "{word:?} no es un nivel; usa off, error, warn, info, debug o trace")
        })
    };
    let mut filter = Filter { level: None, modules: Vec::new() };
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some((module, word)) => filter.modules.push((module.trim().into(), level(word.trim())?)),
            None => filter.level = Some(level(part)?),
        }
    }
    Ok(filter)
}

fn lines_lost(lines: u64) -> String {
    say!(Lang::session(), "{lines} lines of diagnostics were lost"; "se han perdido {lines} líneas de diagnóstico")
}

/// The guard around simple_logger.
struct Guarded {
    inner: SimpleLogger,
    lost: AtomicU64,
}

impl Log for Guarded {
    fn enabled(&self, metadata: &Metadata) -> bool {
        self.inner.enabled(metadata)
    }

    fn log(&self, record: &Record) {
        if !self.inner.enabled(record.metadata()) {
            return;
        }
        if !stderr_takes_a_line() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 && !self.print(record, &lines_lost(lost)) {
            // stderr would not take the record itself either.
            self.lost.fetch_add(lost + 1, Ordering::Relaxed);
            return;
        }
        let text = record.args().to_string();
        let end = text.floor_char_boundary(LINE_MAX);
        if !self.print(record, &sanitize_text(&text[..end])) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {}
}

impl Guarded {
    /// Prints a line. Returns whether stderr took it.
    fn print(&self, record: &Record, text: &str) -> bool {
        // A nearly full terminal and a full disk are reported writable, and then `eprintln!` panics.
        let printed = catch_unwind(AssertUnwindSafe(|| {
            let metadata = record.metadata().clone();
            self.inner.log(&Record::builder().metadata(metadata).args(format_args!("{text}")).build());
        }));
        printed.is_ok()
    }
}

/// Whether a line can be written to stderr without waiting.
fn stderr_takes_a_line() -> bool {
    let stderr = std::io::stderr();
    let mut fds = [PollFd::new(&stderr, PollFlags::OUT)];
    match poll(&mut fds, Some(&Timespec::default())) {
        Ok(_) => fds[0].revents() == PollFlags::OUT,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_name_levels_and_modules() {
        let filter = parse_filter("info, tertulia::server=trace,mio=off").expect("a filter");
        assert_eq!(filter.level, Some(LevelFilter::Info));
        assert_eq!(filter.modules[0], ("tertulia::server".into(), LevelFilter::Trace));
        assert_eq!(filter.modules[1], ("mio".into(), LevelFilter::Off));
        assert_eq!(parse_filter(""), Ok(Filter { level: None, modules: vec![] }));
        assert!(parse_filter("loud").expect_err("no level").contains("use off, error"));
    }
}
