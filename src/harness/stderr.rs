//! The end of a server's stderr, and the line of it that tells why the server failed.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How much of the end of stderr is kept: enough for an error and what is printed about every thread after it. Bytes.
const STDERR_TAIL: usize = 64 << 10;

/// The end of a stream, read by a separate thread.
#[derive(Clone, Default)]
pub(super) struct Tail(Arc<(Mutex<TailState>, Condvar)>);

#[derive(Default)]
struct TailState {
    text: Vec<u8>,
    is_whole: bool,
}

impl Tail {
    pub(super) fn of(mut stream: impl Read + Send + 'static) -> Tail {
        let tail = Tail::default();
        let shared = tail.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let n = stream.read(&mut buffer).unwrap_or(0);
                let mut state = shared.0.0.lock().unwrap_or_else(PoisonError::into_inner);
                state.text.extend_from_slice(&buffer[..n]);
                let surplus = state.text.len().saturating_sub(STDERR_TAIL);
                state.text.drain(..surplus);
                if n == 0 {
                    state.is_whole = true;
                    shared.0.1.notify_all();
                    return;
                }
            }
        });
        tail
    }

    pub(super) fn so_far(&self) -> String {
        let state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&state.text).into_owned()
    }

    /// The text of a process that has ended. Waits for its last bytes, which may not have been read yet.
    pub(super) fn whole(&self) -> String {
        const ON_ITS_WAY: Duration = Duration::from_millis(300);
        let state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(state, ON_ITS_WAY, |state| !state.is_whole);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&state.text).into_owned()
    }
}

pub(super) fn speaks_of_an_error(line: &str) -> bool {
    // A stack frame or its heading says where, not what.
    if line.starts_with("at ") || line.ends_with("at:") {
        return false;
    }
    let line = line.to_lowercase();
    ["error", "exception", "panic", "fatal", "quitting"].iter().any(|word| line.contains(word))
}

/// Whether a line names an error, as most languages print it: `BrokenPipeError: ...`, `Error: read ECONNRESET`.
fn names_an_error(line: &str) -> bool {
    let by_name = ["Error:", "Exception:", "panic:", "fatal error:"].iter().any(|name| line.contains(name));
    speaks_of_an_error(line) && (by_name || line.ends_with("Exception"))
}

/// The last line that names an error, else the last that mentions one, else the last line.
pub(super) fn telling_line(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = |is_it: fn(&str) -> bool| lines.iter().rposition(|line| is_it(line));
    let at = last(names_an_error).or(last(speaks_of_an_error)).or(lines.len().checked_sub(1))?;
    let mut line = lines[at].to_owned();
    // Rust prints the place on one line and the message on the next.
    if line.contains("panicked at")
        && let Some(what) = lines.get(at + 1)
    {
        line = format!("{line} {what}");
    }
    Some(super::excerpt::show(line.chars().take(200).collect::<String>().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_tells_the_error_is_found_among_the_others() {
        for (text, telling) in [
            ("listening\nsend: Broken pipe\n", "send: Broken pipe"),
            (
                "node:events:495\n      throw er; // Unhandled 'error' event\n\nError: read ECONNRESET\n    at TCP.onStreamRead \
                 (node:internal)\nEmitted 'error' event on Socket instance at:\n    at emitErrorNT {\n  code: 'ECONNRESET'\n}\n\n\
                 Node.js v20\n",
                "Error: read ECONNRESET",
            ),
            (
                "Traceback (most recent call last):\n  File \"x.py\", line 3\nBrokenPipeError: [Errno 32] Broken \
                 pipe\n",
                "BrokenPipeError: [Errno 32] Broken pipe",
            ),
            (
                "Exception in thread \"Thread-3\" java.util.ConcurrentModificationException\n\tat \
                 java.base/java.util.X(Y:1)\n",
                "Exception in thread \"Thread-3\" java.util.ConcurrentModificationException",
            ),
            (
                "fatal error: concurrent map iteration and map write\n\ngoroutine 7 [running]:\nexit status 2\n",
                "fatal error: concurrent map iteration and map write",
            ),
            (
                "thread 'main' panicked at src/main.rs:9:5:\ncalled `Result::unwrap()` on an `Err` value: Os { code: 32 }\n\
                 note: run with `RUST_BACKTRACE=1`\n",
                "thread 'main' panicked at src/main.rs:9:5: called `Result::unwrap()` on an `Err` value: Os { code: \
                 32 }",
            ),
        ] {
            assert_eq!(telling_line(text).as_deref(), Some(telling));
        }
        assert_eq!(telling_line(" \n"), None);
    }
}
