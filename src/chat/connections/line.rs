//! The line decoder: it cuts a byte stream into lines, with bounded memory, and looks at no byte twice.
//!
//! TCP is a stream. A read may return half a line, three lines, or the end of one and the start of the next. What was
//! sent as one piece need not arrive as one. So the end of a message must be in the bytes themselves: here it is LF.

use memchr::memchr;

/// What the decoder found.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A whole line, without its LF and without the CR before it.
    Text(&'a [u8]),
    /// A line longer than the limit, discarded up to its LF. Holds its length in bytes without the LF.
    TooLong(usize),
    /// A line that exceeds the endless limit without an LF. Its sender should be closed.
    Endless,
}

/// The state between two reads: the unfinished line, or the length of a too long one.
#[derive(Default, Debug)]
pub struct LineDecoder {
    partial: Vec<u8>,
    /// The length so far of a line that is being discarded; 0 if there is none.
    skipped: usize,
    /// `partial` was returned as a whole line; the next call clears it.
    handed_out: bool,
}

impl LineDecoder {
    /// The next line in `input`, which is advanced past it. `None` when `input` is used up: the rest of the line is
    /// kept.
    ///
    /// `line_max` counts the bytes without the line end. At most `line_max + 1` bytes are ever stored (one more for a
    /// CR whose LF has not come yet). Past `endless` bytes without LF the answer is [`Line::Endless`].
    pub fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8], line_max: usize, endless: usize) -> Option<Line<'s>> {
        self.forget_handed_out();
        let bytes = *input;
        if bytes.is_empty() {
            return None;
        }
        let (piece, ended) = match memchr(b'\n', bytes) {
            Some(at) if self.partial.is_empty() && self.skipped == 0 && at < endless => {
                // The common case, without a copy: the whole line is in this read.
                *input = &bytes[at + 1..];
                return Some(whole(&bytes[..at], line_max));
            }
            Some(at) => {
                *input = &bytes[at + 1..];
                (&bytes[..at], true)
            }
            None => {
                *input = &[];
                (bytes, false)
            }
        };

        let len = self.skipped + self.partial.len() + piece.len();
        if len >= endless {
            self.partial = Vec::new();
            self.skipped = len;
            *input = &[];
            return Some(Line::Endless);
        }
        if !ended {
            if len > line_max + 1 {
                self.partial = Vec::new();
                self.skipped = len;
            } else {
                self.partial.extend_from_slice(piece);
            }
            return None;
        }
        if len > line_max + 1 {
            self.partial = Vec::new();
            self.skipped = 0;
            return Some(Line::TooLong(len));
        }
        self.partial.extend_from_slice(piece);
        self.handed_out = true;
        Some(whole(&self.partial, line_max))
    }

    /// The last line, if the sender has ended the stream without an LF.
    pub fn finish(&mut self, line_max: usize) -> Option<Line<'_>> {
        self.forget_handed_out();
        if self.skipped > 0 {
            return Some(Line::TooLong(std::mem::take(&mut self.skipped)));
        }
        if self.partial.is_empty() {
            return None;
        }
        self.handed_out = true;
        Some(whole(&self.partial, line_max))
    }

    /// Frees the memory when nothing is kept, so that an idle client costs no buffer.
    pub fn shrink(&mut self) {
        self.forget_handed_out();
        if self.partial.is_empty() {
            self.partial = Vec::new();
        }
    }

    /// Whether nothing is kept.
    pub fn is_idle(&self) -> bool {
        self.partial.is_empty() && self.skipped == 0
    }

    /// The length of the unfinished line, as far as it is stored. Bytes.
    pub fn stored_len(&self) -> usize {
        self.partial.len()
    }

    /// The next line in `input` as it came, without its LF: the part that is stored, and the part in `input`. `None` when there is no
    /// LF, or when the line is being discarded.
    pub fn peek<'a>(&'a self, input: &'a [u8]) -> Option<[&'a [u8]; 2]> {
        let end = memchr(b'\n', input).filter(|_| self.skipped == 0)?;
        let stored = if self.handed_out { &[] } else { &self.partial[..] };
        Some([stored, &input[..end]])
    }

    /// Memory held for an unfinished line. Bytes.
    #[cfg(any(test, feature = "fuzz"))]
    pub fn capacity(&self) -> usize {
        self.partial.capacity()
    }

    fn forget_handed_out(&mut self) {
        if self.handed_out {
            self.partial.clear();
            self.handed_out = false;
        }
    }
}

fn whole(line: &[u8], line_max: usize) -> Line<'_> {
    let text = line.strip_suffix(b"\r").unwrap_or(line);
    if text.len() > line_max { Line::TooLong(line.len()) } else { Line::Text(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The decoder's output, owned, so that runs can be compared.
    #[derive(Debug, PartialEq, Clone)]
    enum Got {
        Text(Vec<u8>),
        TooLong(usize),
        Endless,
    }

    fn own(line: Line<'_>) -> Got {
        match line {
            Line::Text(text) => Got::Text(text.to_vec()),
            Line::TooLong(len) => Got::TooLong(len),
            Line::Endless => Got::Endless,
        }
    }

    fn decode<'a>(reads: impl IntoIterator<Item = &'a [u8]>, max: usize) -> Vec<Got> {
        let mut decoder = LineDecoder::default();
        let mut got = Vec::new();
        for read in reads {
            let mut rest = read;
            while let Some(line) = decoder.next(&mut rest, max, 16 * max) {
                got.push(own(line));
                if got.last() == Some(&Got::Endless) {
                    return got;
                }
            }
            assert!(decoder.partial.len() <= max + 1, "the decoder stores more than it may");
        }
        got.extend(decoder.finish(max).map(own));
        got
    }

    fn text(s: &str) -> Got {
        Got::Text(s.as_bytes().to_vec())
    }

    #[test]
    fn a_line_in_two_reads_is_one_line() {
        assert_eq!(decode([&b"hel"[..], b"lo\n"], 64), [text("hello")]);
    }

    #[test]
    fn many_lines_in_one_read_come_in_order() {
        assert_eq!(decode([&b"a\nb\r\n\nc\n"[..]], 64), [text("a"), text("b"), text(""), text("c")]);
    }

    #[test]
    fn cr_and_lf_may_come_apart() {
        assert_eq!(decode([&b"hola\r"[..], b"\nx\n"], 64), [text("hola"), text("x")]);
    }

    #[test]
    fn the_last_line_needs_no_lf() {
        assert_eq!(decode([&b"a\nhola"[..]], 64), [text("a"), text("hola")]);
    }

    #[test]
    fn the_limit_counts_the_text_and_not_its_end() {
        for (len, end, fits) in
            [(7, "\n", true), (8, "\n", true), (9, "\n", false), (8, "\r\n", true), (9, "\r\n", false)]
        {
            let line = "x".repeat(len);
            let expected = if fits { text(&line) } else { Got::TooLong(len + end.len() - 1) };
            let bytes = format!("{line}{end}ok\n");
            assert_eq!(decode([bytes.as_bytes()], 8), [expected, text("ok")], "{len} bytes and {end:?}");
        }
    }

    #[test]
    fn an_endless_line_is_called_endless_with_and_without_an_lf_behind_it() {
        let line = [b'x'; 16 * 8];
        assert_eq!(decode([&line[..]], 8), [Got::Endless]);
        assert_eq!(decode([&[&line[..], b"\n"].concat()[..]], 8), [Got::Endless]);
        assert_eq!(decode([&line[1..], b"\n"], 8), [Got::TooLong(127)]);
    }

    #[test]
    fn of_a_too_long_line_nothing_more_is_kept_when_its_end_comes() {
        let mut decoder = LineDecoder::default();
        assert_eq!(decoder.next(&mut &b"12345678"[..], 8, 128), None);
        let rest = [&[b'x'; 100][..], b"\n"].concat();
        assert_eq!(decoder.next(&mut &rest[..], 8, 128), Some(Line::TooLong(108)));
        assert!(decoder.capacity() < 100, "{} bytes are kept", decoder.capacity());
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_lines(
            bytes in proptest::collection::vec(prop_oneof![4 => Just(b'x'), 1 => Just(b'\n'), 1 => Just(b'\r'), 1 => any::<u8>()], 0..400),
            cuts in proptest::collection::vec(1usize..40, 1..60),
        ) {
            let whole = decode([&bytes[..]], 12);
            let mut rest = &bytes[..];
            let mut pieces = Vec::new();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, tail) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = tail;
            }
            prop_assert_eq!(decode(pieces, 12), whole);
        }
    }
}
