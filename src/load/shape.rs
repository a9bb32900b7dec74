//! The shape of a sender's lines as they arrive. Once one has been parsed, the next ones are only compared with it.
//!
//! Parsing a probe costs more than everything else in the generator, so the generator would be the limit. A server puts
//! the same text around every line of a sender, so every byte of the next line is known. A line that differs is parsed.

use super::prefix::Prefix;
use crate::harness::probe::{self, LEN_MIN, SEQ, SEQ_AGAIN_FROM_END};

/// A whole line with its end, of which only the digits of its number change.
#[derive(Debug)]
pub(crate) struct Shape {
    bytes: Vec<u8>,
    /// Where the number's digits are, and where they are repeated.
    seq_at: usize,
    again_at: usize,
    /// What is before the probe.
    pub prefix: Option<Prefix>,
}

impl Shape {
    /// The shape of an intact line with its end, whose probe is the `probe_len` bytes from `probe_at` on.
    pub(crate) fn of(line: &[u8], probe_at: usize, probe_len: usize) -> Shape {
        debug_assert!(probe_len >= LEN_MIN);
        let again_at = probe_at + probe_len - SEQ_AGAIN_FROM_END;
        Shape { bytes: line.to_vec(), seq_at: probe_at + SEQ.start, again_at, prefix: Prefix::of(&line[..probe_at]) }
    }

    /// Bytes in a line.
    pub(crate) fn line_len(&self) -> usize {
        self.bytes.len()
    }

    /// How many lines with the numbers `first`, `first + 1` ... are at the beginning of `bytes`, up to `lines_max`.
    pub(crate) fn run(&self, bytes: &[u8], first: u32, lines_max: u32) -> u32 {
        let expected = self.parts(&self.bytes);
        let mut digits = probe::digits(first);
        let mut lines = 0;
        for line in bytes.chunks_exact(self.bytes.len()).take(lines_max as usize) {
            let [head, seq, middle, again, tail] = self.parts(line);
            if seq != digits || again != digits || [head, middle, tail] != [expected[0], expected[2], expected[4]] {
                break;
            }
            probe::increment(&mut digits);
            lines += 1;
        }
        lines
    }

    /// The line split around both places of the digits.
    fn parts<'a>(&self, line: &'a [u8]) -> [&'a [u8]; 5] {
        let (head, rest) = line.split_at(self.seq_at);
        let (seq, rest) = rest.split_at(SEQ.len());
        let (middle, rest) = rest.split_at(self.again_at - self.seq_at - SEQ.len());
        let (again, tail) = rest.split_at(SEQ.len());
        [head, seq, middle, again, tail]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Kind, Probe};

    fn lines(seqs: std::ops::Range<u32>) -> Vec<u8> {
        let mut out = Vec::new();
        for seq in seqs {
            out.extend_from_slice(b"<ana> ");
            Probe { kind: Kind::Flood, sender: 3, seq }.write(*b"abcd", 40, &mut out);
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    #[test]
    fn a_run_ends_before_the_first_byte_that_differs() {
        let shape = Shape::of(&lines(0..1), 6, 40);
        let good = lines(14..40);
        assert_eq!(shape.run(&good, 14, 100), 26);
        assert_eq!(shape.run(&good, 14, 5), 5, "more than were sent");
        assert_eq!((shape.run(&good, 15, 100), shape.run(&good, 13, 100)), (0, 0));
        assert_eq!(shape.run(&good[..good.len() - 1], 14, 100), 25, "its end has not come");
        // Any byte of any line.
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(shape.run(&bad, 14, 100), (at / shape.line_len()) as u32, "byte {at}");
        }
    }
}
