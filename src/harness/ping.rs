//! The PINGs of an IRC server, which disconnects a client that does not answer them.

use memchr::{memchr, memmem, memrchr};

const PING: &[u8] = b"PING ";
/// A longer line is no PING. Bytes.
const LINE_MAX: usize = 512;

/// Finds the lines that begin with PING. All clients answer them: no other chat server sends such a line.
#[derive(Default)]
pub(super) struct PingWatch {
    /// The line whose end has not arrived, or one byte of it if it is no PING.
    line: Vec<u8>,
}

impl PingWatch {
    /// The words behind PING in the lines that have ended with these bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut text = std::mem::take(&mut self.line);
        text.extend_from_slice(bytes);
        let (ended, line) = text.split_at(memrchr(b'\n', &text).map_or(0, |at| at + 1));
        let begins = memmem::find_iter(ended, PING).filter(|&at| at == 0 || ended[at - 1] == b'\n');
        let words = begins.filter_map(|at| {
            let word = &ended[at + PING.len()..];
            Some(word[..memchr(b'\n', word)?].trim_ascii_end().to_vec())
        });
        let words = words.collect();
        let may_be_one = line.len() < LINE_MAX && line.iter().zip(PING).all(|(byte, expected)| byte == expected);
        self.line = line[..if may_be_one { line.len() } else { 1 }].to_vec();
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_is_found_at_the_beginning_of_a_line_wherever_the_stream_is_cut() {
        let stream = b":server 001 t1 :PING no\r\nPING :abc\r\nPIN\nPING 7 8\n:PING 9\nPING 10";
        for cut in 0..stream.len() {
            let mut watch = PingWatch::default();
            let words = [watch.feed(&stream[..cut]), watch.feed(&stream[cut..])].concat();
            assert_eq!(words, [&b":abc"[..], b"7 8"], "{cut}");
        }
    }
}
