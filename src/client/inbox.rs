//! Reads the server's bytes as lines. The server is not trusted, so the lines are bounded and sanitized.

use super::stream::Stream;
use crate::chat::line::{Line, LineDecoder};
use crate::chat::sanitize::sanitize;
use std::io;
use std::time::Duration;

/// A longer line is not shown, and not kept in memory. Our own server's lines are below 2 KiB by default. Bytes.
const LINE_MAX: usize = 256 << 10;
const READ_MAX: usize = 64 << 10;

/// A line from the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    Text(String),
    /// A discarded line. Holds its length in bytes.
    TooLong(usize),
}

/// The result of one read. Empty after a timeout.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub lines: Vec<Received>,
    /// The connection has ended: `Ok` if the server closed it, otherwise the error.
    pub end: Option<io::Result<()>>,
}

pub(super) struct Inbox {
    stream: Stream,
    decoder: LineDecoder,
    chunk: Box<[u8]>,
}

impl Inbox {
    pub(super) fn new(stream: Stream) -> Inbox {
        Inbox { stream, decoder: LineDecoder::default(), chunk: vec![0; READ_MAX].into() }
    }

    /// Shuts down our sending direction. The server may still send.
    pub(super) fn end_output(&self) {
        self.stream.end_output();
    }

    /// Waits for bytes, at most for `timeout`.
    pub(super) fn read(&mut self, timeout: Option<Duration>) -> Batch {
        let mut batch = Batch::default();
        match self.stream.read(&mut self.chunk, timeout) {
            Ok(0) => {
                batch.lines.extend(self.decoder.finish(LINE_MAX).map(receive));
                batch.end = Some(Ok(()));
            }
            Ok(taken) => {
                let mut rest = &self.chunk[..taken];
                // An endless line does not end the connection. It is discarded as it comes.
                while let Some(line) = self.decoder.next(&mut rest, LINE_MAX, usize::MAX) {
                    batch.lines.push(receive(line));
                }
            }
            // A read is also interrupted by a signal, such as that of a resized window.
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                // TimedOut is a read's timeout on some systems and a dead connection on others. Without a timeout it is
                // the latter.
                if e.kind() == io::ErrorKind::TimedOut && timeout.is_none() {
                    batch.end = Some(Err(e));
                }
            }
            Err(e) => batch.end = Some(Err(e)),
        }
        batch
    }
}

fn receive(line: Line<'_>) -> Received {
    match line {
        Line::Text(bytes) => Received::Text(sanitize(bytes).into_owned()),
        Line::TooLong(len) => Received::TooLong(len),
        Line::Endless => Received::TooLong(usize::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    fn pair() -> (TcpStream, Inbox) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("connects");
        let (server, _) = listener.accept().expect("accepts");
        (server, Inbox::new(Stream::plain(client)))
    }

    fn read_to_end(inbox: &mut Inbox) -> Vec<Received> {
        let mut lines = Vec::new();
        loop {
            let batch = inbox.read(None);
            lines.extend(batch.lines);
            if let Some(end) = batch.end {
                end.expect("a clean end");
                return lines;
            }
        }
    }

    #[test]
    fn lines_come_clean_and_the_last_needs_no_end() {
        let (mut server, mut inbox) = pair();
        server.write_all(b"<ana> \x1b[2Jhola\r\n-- bye").expect("sent");
        drop(server);
        assert_eq!(read_to_end(&mut inbox), [Received::Text("<ana> [2Jhola".into()), Received::Text("-- bye".into())]);
    }

    #[test]
    fn a_long_line_is_counted_and_not_kept() {
        let (mut server, mut inbox) = pair();
        let writer = std::thread::spawn(move || {
            server.write_all(&vec![b'x'; 3 << 20]).expect("sent");
            server.write_all(b"\nok\n").expect("sent");
        });
        assert_eq!(read_to_end(&mut inbox), [Received::TooLong(3 << 20), Received::Text("ok".into())]);
        writer.join().expect("wrote");
    }

    #[test]
    fn a_silent_server_is_no_end() {
        let (_server, mut inbox) = pair();
        let batch = inbox.read(Some(Duration::from_millis(5)));
        assert!(batch.lines.is_empty() && batch.end.is_none());
    }
}
