//! The probe: a line that any receiver can check. It names its sender and its number, and every other byte is known.
//!
//! A server may put text before and behind it. The format is `qz`, a nonce of four letters, the kind, the sender, the
//! number, the length, padding, the sender and the number again, and `z`; so halves of two probes make no whole one.
//! Its bytes are letters and digits only, so no chat takes them for a command, an address or the end of a name.

use memchr::memmem;
use std::ops::Range;

/// Distinguishes the probes of one run from those of another, which a server with a history may show to newcomers.
pub(crate) type Nonce = [u8; 4];

/// The purpose of a probe.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Sent again and again until all have received it. A server may take the first one for a name.
    Hello,
    /// Must be delivered, once.
    Line,
    /// Like `Line`, but the padding consists of three-byte characters.
    Han,
    /// One line of a flood.
    Flood,
}

/// The identity of a line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Probe {
    pub kind: Kind,
    pub sender: u16,
    /// Counts a sender's lines of each kind from 0.
    pub seq: u32,
}

/// What was found in a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// A probe, and where it begins.
    Probe(Probe, usize),
    /// No probe: a text of the server itself.
    Foreign,
    /// The beginning of a probe, but the rest differs from what was sent.
    Malformed,
}

/// A number in hexadecimal digits, as probes hold it.
pub(crate) type Digits = [u8; 8];

/// The bytes that announce a probe: `qz` and the nonce.
pub(crate) const OPENING_LEN: usize = 6;
const KIND: usize = OPENING_LEN;
const SENDER: Range<usize> = 7..11;
/// The position of the number, counted from the beginning of a probe.
pub(crate) const SEQ: Range<usize> = 11..19;
const LEN: Range<usize> = 19..25;
/// Sender and number, which are repeated behind the padding.
const REPEATED: Range<usize> = SENDER.start..SEQ.end;
/// The position of the repeated number, counted back from the end of a probe.
pub(crate) const SEQ_AGAIN_FROM_END: usize = SEQ.end - SEQ.start + 1;
/// Bytes before the padding.
pub(crate) const HEADER_LEN: usize = LEN.end;
/// The length of what is repeated.
pub(crate) const REPEATED_LEN: usize = REPEATED.end - REPEATED.start;
const END: u8 = b'z';
/// The length of a probe without padding. Bytes.
pub(crate) const LEN_MIN: usize = HEADER_LEN + REPEATED_LEN + 1;
pub(crate) const LEN_MAX: usize = (1 << (4 * (LEN.end - LEN.start))) - 1;
const HAN: &[u8] = "汉".as_bytes();

pub(crate) fn nonce(random: &mut fastrand::Rng) -> Nonce {
    std::array::from_fn(|_| random.u8(b'a'..=b'z'))
}

fn opening(nonce: Nonce) -> [u8; OPENING_LEN] {
    [b'q', b'z', nonce[0], nonce[1], nonce[2], nonce[3]]
}

impl Probe {
    /// Appends the probe. `len` is in bytes, from [`LEN_MIN`] to [`LEN_MAX`].
    pub fn write(self, nonce: Nonce, len: usize, out: &mut Vec<u8>) {
        debug_assert!((LEN_MIN..=LEN_MAX).contains(&len));
        let begin = out.len();
        out.extend_from_slice(&opening(nonce));
        out.push(match self.kind {
            Kind::Hello => b'h',
            Kind::Line => b'w',
            Kind::Han => b'c',
            Kind::Flood => b'f',
        });
        out.extend_from_slice(&digits(self.sender.into())[SEQ.len() - SENDER.len()..]);
        out.extend_from_slice(&digits(self.seq));
        out.extend_from_slice(&digits(len as u32)[SEQ.len() - LEN.len()..]);
        let padding_len = len - LEN_MIN;
        if self.kind == Kind::Han {
            out.extend(HAN.iter().cycle().take(padding_len / HAN.len() * HAN.len()));
        }
        out.resize(begin + HEADER_LEN + padding_len, b'x');
        out.extend_from_within(begin + REPEATED.start..begin + REPEATED.end);
        out.push(END);
    }

    /// Whether a name may begin at this opening: a server may take a hello for a name, and cut it anywhere.
    pub fn may_be_a_name(header: &[u8]) -> bool {
        !matches!(header[KIND], b'w' | b'c' | b'f')
    }

    /// The probe and its length, from its first [`HEADER_LEN`] bytes; `None` if they are not a header.
    pub fn of_header(header: &[u8]) -> Option<(Probe, usize)> {
        let kind = match header[KIND] {
            b'h' => Kind::Hello,
            b'w' => Kind::Line,
            b'c' => Kind::Han,
            b'f' => Kind::Flood,
            _ => return None,
        };
        let probe = Probe { kind, sender: number(&header[SENDER])? as u16, seq: number(&header[SEQ])? };
        let len = number(&header[LEN])? as usize;
        (len >= LEN_MIN).then_some((probe, len))
    }

    /// How many bytes of `text`, which begins with a whole header, are as they were sent in a probe of `len` bytes.
    pub(crate) fn intact_len(self, text: &[u8], len: usize) -> usize {
        let padding_len = len - LEN_MIN;
        let padding = (0..padding_len).map(|at| padding_at(self.kind, at, padding_len));
        let sent = padding.chain(text[REPEATED].iter().copied()).chain([END]);
        HEADER_LEN + text[HEADER_LEN..].iter().zip(sent).take_while(|(there, sent)| *there == sent).count()
    }

    /// The sender and the number from the end of a probe: what is repeated, and the last byte.
    pub(crate) fn of_end(end: &[u8]) -> Option<(u16, u32)> {
        let (repeated, last) = end.split_at_checked(REPEATED_LEN)?;
        let (sender, seq) = repeated.split_at(SENDER.end - SENDER.start);
        if last == [END] { Some((number(sender)? as u16, number(seq)?)) } else { None }
    }

    /// Whether `text`, a whole header and as much of a probe of `len` bytes as has arrived, is as it was sent.
    pub fn is_intact(self, text: &[u8], len: usize) -> bool {
        self.intact_len(text, len) == text.len()
    }
}

/// The byte at a position in the padding. Three-byte characters are never cut: bytes that do not fill one are `x`.
fn padding_at(kind: Kind, at: usize, len: usize) -> u8 {
    if kind == Kind::Han && at < len / HAN.len() * HAN.len() { HAN[at % HAN.len()] } else { b'x' }
}

/// Finds the probes of one nonce.
pub(crate) struct ProbeFinder(memmem::Finder<'static>);

impl ProbeFinder {
    pub(crate) fn new(nonce: Nonce) -> ProbeFinder {
        ProbeFinder(memmem::Finder::new(&opening(nonce)).into_owned())
    }

    /// Where the next opening of a probe is. The header behind it may not have arrived, or may be damaged.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<usize> {
        self.0.find(bytes)
    }

    /// Where the last opening of a probe is. Those before may be names.
    pub(crate) fn find_last(&self, bytes: &[u8]) -> Option<usize> {
        self.0.find_iter(bytes).last()
    }

    /// Looks for a probe in a line without its end. It must reach to the line's end.
    pub(crate) fn find_in_line(&self, line: &[u8]) -> Found {
        let Some(at) = self.find(line) else { return Found::Foreign };
        let text = &line[at..];
        match text.get(..HEADER_LEN).and_then(Probe::of_header) {
            Some((probe, len)) if len == text.len() && probe.is_intact(text, len) => Found::Probe(probe, at),
            _ => Found::Malformed,
        }
    }

    /// The sender that the next probe names. The probe is not checked.
    pub(crate) fn next_sender(&self, bytes: &[u8]) -> Option<usize> {
        let probe = &bytes[self.find(bytes)?..];
        number(probe.get(SENDER)?).map(|sender| sender as usize)
    }
}

pub(crate) fn digits(number: u32) -> Digits {
    std::array::from_fn(|digit| b"0123456789abcdef"[(number >> (28 - 4 * digit) & 15) as usize])
}

/// Adds one; mostly only the last digit changes.
pub(crate) fn increment(digits: &mut Digits) {
    for digit in digits.iter_mut().rev() {
        match *digit {
            b'9' => *digit = b'a',
            b'f' => {
                *digit = b'0';
                continue;
            }
            _ => *digit += 1,
        }
        return;
    }
}

/// The value of hexadecimal digits; `None` if they are none.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, &digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u32::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: Nonce = *b"abcd";

    fn line(probe: Probe, len: usize) -> Vec<u8> {
        let mut out = Vec::new();
        probe.write(NONCE, len, &mut out);
        out
    }

    fn probe(kind: Kind, sender: u16, seq: u32) -> Probe {
        Probe { kind, sender, seq }
    }

    #[test]
    fn a_probe_is_found_behind_whatever_a_server_puts_before_it() {
        let finder = ProbeFinder::new(NONCE);
        for kind in [Kind::Hello, Kind::Line, Kind::Han, Kind::Flood] {
            let probe = probe(kind, 65535, 0xdead_beef);
            for len in [LEN_MIN, LEN_MIN + 1, 63, 70_000] {
                let sent = line(probe, len);
                assert_eq!(sent.len(), len);
                for prefix in ["", "<guest1> ", "[12:00] a@b: "] {
                    let got = [prefix.as_bytes(), &sent].concat();
                    assert_eq!(finder.find_in_line(&got), Found::Probe(probe, prefix.len()), "{prefix}");
                    assert_eq!(finder.next_sender(&got), Some(65535));
                }
            }
        }
        assert_eq!(finder.find_in_line(b"-- welcome"), Found::Foreign);
    }

    #[test]
    fn incrementing_digits_counts() {
        for value in [0, 8, 9, 14, 15, 255, 0xff_ffff, 0x1234_9fff, u32::MAX] {
            let mut next = digits(value);
            increment(&mut next);
            assert_eq!(next, digits(value.wrapping_add(1)), "{value}");
            assert_eq!(number(&digits(value)), Some(value));
        }
    }

    #[test]
    fn any_byte_that_is_changed_cut_or_added_is_noticed() {
        let finder = ProbeFinder::new(NONCE);
        const LEN: usize = LEN_MIN + 10;
        let sent = line(probe(Kind::Flood, 3, 7), LEN);
        assert_eq!(finder.find_in_line(&sent[..LEN - 1]), Found::Malformed);
        assert_eq!(finder.find_in_line(&[&sent[..], b"!"].concat()), Found::Malformed);
        assert_eq!(finder.find_in_line(&[&sent[..], &sent[..]].concat()), Found::Malformed);
        for at in OPENING_LEN..LEN {
            let mut other = sent.clone();
            other[at] = b'?';
            assert_eq!(finder.find_in_line(&other), Found::Malformed, "byte {at}");
        }
        // Halves of two lines, wherever they are cut.
        for other in [probe(Kind::Flood, 3, 8), probe(Kind::Flood, 4, 7)] {
            let other = line(other, LEN);
            for at in OPENING_LEN..LEN {
                let mixed = [&sent[..at], &other[at..]].concat();
                let whole = mixed == sent || mixed == other;
                assert!(whole || finder.find_in_line(&mixed) == Found::Malformed, "cut at {at}");
            }
        }
    }
}
