//! The client for pipes: it sends the lines of stdin and prints the server's lines, and nothing else, on stdout.

use super::LEAVING_PATIENCE;
use super::hello::{ending, enter, news, only, words_of};
use super::inbox::{Inbox, Received};
use super::messages::Text;
use super::news::News;
use super::stream::Stream;
use crate::chat::command::{self, Input};
use crate::chat::sanitize::sanitize;
use crate::text::Lang;
use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Sends and receives at the same time, because a program may send 100 MB before it reads a line. The thread that sends
/// is not joined: when the server closes, it may still wait for a stdin that never ends.
pub(super) fn run(stream: Stream, nick: Option<&str>, password: Option<String>, lang: Lang) -> Result<(), String> {
    let outbox = stream.clone();
    let mut inbox = Inbox::new(stream);
    let mut out = Out { failure: None, lang };
    if nick.is_some() || password.is_some() {
        let passwords = &mut only(password, lang);
        enter(nick, &mut inbox, &outbox, lang, passwords, &mut |lines| out.show(lines))?;
    }

    let farewell = Arc::new(AtomicBool::new(false));
    let said = farewell.clone();
    thread::Builder::new()
        .name("stdin".into())
        .spawn(move || send(io::stdin().lock(), &outbox, &said, lang))
        .map_err(|e| Text::ConnectionLost(&e).say(lang))?;

    let mut refusal = None;
    loop {
        let mut batch = inbox.read(None);
        batch.lines.retain(|line| match line {
            Received::Text(line) if news(line) == Some(News::Full) => {
                refusal = Some(words_of(line).to_owned());
                false
            }
            // The first lines of stdin are tried as passwords. There is no other that could be said.
            Received::Text(line) if news(line) == Some(News::Password) => {
                refusal = Some(Text::PasswordNeeded.say(lang));
                true
            }
            _ => true,
        });
        out.show(batch.lines);
        match out.failure {
            // The program that reads our output has closed the pipe. That is no error.
            Some(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                inbox.end_output();
                return Ok(());
            }
            Some(e) => return Err(Text::CannotWrite(&e).say(lang)),
            None => {}
        }
        match (batch.end, refusal.take()) {
            (None, earlier) => refusal = earlier,
            (Some(_), Some(refusal)) => return Err(refusal),
            (Some(Ok(())), None) if farewell.load(Ordering::Acquire) => return Ok(()),
            (Some(end), None) => return Err(ending(end, lang)),
        }
    }
}

/// stdout, and the error that ended writing to it.
struct Out {
    failure: Option<io::Error>,
    lang: Lang,
}

impl Out {
    /// Writes whole lines and flushes them, because a program at the other end waits for them.
    fn show(&mut self, lines: Vec<Received>) {
        let mut text = String::new();
        for line in lines {
            match line {
                Received::Text(line) => {
                    text.push_str(&line);
                    text.push('\n');
                }
                // stdout is for the server's lines only, so the client's own texts are logged.
                Received::TooLong(len) => log::warn!("{}", Text::LongLine(len).say(self.lang)),
            }
        }
        if self.failure.is_none() && !text.is_empty() {
            let mut stdout = io::stdout().lock();
            self.failure = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).err();
        }
    }
}

/// Sends all of `input`, up to its end or to a `:q`. `farewell` is set before the server can notice either, so that it
/// is no error when the server then closes the connection.
///
/// After a `:q` the server has some time to close it. After the end of `input` it has any time: it may still answer.
fn send(mut input: impl BufRead, outbox: &Stream, farewell: &AtomicBool, lang: Lang) {
    let mut watch = QuitWatch::default();
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => {
                log::warn!("{}", Text::CannotRead(&e).say(lang));
                &[]
            }
        };
        let quit = watch.find(chunk);
        let len = quit.unwrap_or(chunk.len());
        let is_last = quit.is_some() || chunk.is_empty();
        if is_last {
            farewell.store(true, Ordering::Release);
        }
        // A connection that takes no more has ended. The reader notices that, too, and reports it.
        if outbox.write_all(&chunk[..len]).is_err() {
            return;
        }
        if is_last {
            outbox.end_output();
            if quit.is_some() {
                thread::sleep(LEAVING_PATIENCE);
                // The reader gets what has arrived, and then an end.
                outbox.close();
            }
            return;
        }
        input.consume(len);
    }
}

/// Finds the `:q` line in a stream that comes in pieces.
#[derive(Default)]
struct QuitWatch {
    /// The start of the current line, to tell whether it is `:q` and blanks.
    head: Vec<u8>,
}

impl QuitWatch {
    const HEAD_MAX: usize = 64;

    /// The position in `chunk` behind the LF of the `:q` line.
    fn find(&mut self, chunk: &[u8]) -> Option<usize> {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', chunk) {
            self.add(&chunk[start..end]);
            start = end + 1;
            let is_quit = self.head.starts_with(b":q") && command::parse(&sanitize(&self.head)) == Input::Quit;
            self.head.clear();
            if is_quit {
                return Some(start);
            }
        }
        self.add(&chunk[start..]);
        None
    }

    fn add(&mut self, piece: &[u8]) {
        let room = Self::HEAD_MAX - self.head.len();
        self.head.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            // Too long for a `:q`, even if it begins like one.
            self.head[0] = b'.';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quit_is_found_in_any_split() {
        let long = format!(":q{}x\n", " ".repeat(200));
        for (text, expected) in [
            ("hola\n:q\nmore\n", Some(8)),
            (":q\r\n", Some(4)),
            (":q  \n", Some(5)),
            ("a :q\n:qx\n:q x\n::q\n", None),
            (":q", None),
            (&long, None),
        ] {
            for size in 1..=text.len() {
                let mut watch = QuitWatch::default();
                let mut passed = 0;
                let found = text.as_bytes().chunks(size).find_map(|chunk| {
                    let end = watch.find(chunk).map(|end| passed + end);
                    passed += chunk.len();
                    end
                });
                assert_eq!(found, expected, "{text:?} in pieces of {size}");
            }
        }
    }
}
