//! What a line carries: who sent it, which of its lines it is, padding whose every byte is known, and the first two again, so
//! that halves of two lines make no whole one.
//!
//! A server may put a name before a line, a time or nothing at all; the token is found wherever it begins, and everything from
//! there to the line's end must be as it was sent.

use std::ops::Range;

/// Begins a token.
const MARK: &[u8; 2] = b"@@";
const SENDER: Range<usize> = 2..6;
pub(super) const SEQ: Range<usize> = 6..14;
/// Ends a line, so that one that was cut is known.
const END: u8 = b'.';
const PADDING: u8 = b'x';
/// What stands between the padding and the end: sender and number once more.
const AGAIN_LEN: usize = SEQ.end - SENDER.start;
/// From the end of a token back to where its number stands again.
pub(super) const SEQ_AGAIN_FROM_END: usize = SEQ.end - SEQ.start + 1;
/// A token's bytes with no padding.
pub const LEN: usize = SEQ.end + AGAIN_LEN + 1;

/// Which line it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    pub sender: u16,
    /// Counts a sender's lines from 0.
    pub seq: u32,
}

/// What is in a line that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// A token, and where it begins.
    Token(Token, usize),
    /// No token: the server's own words.
    Foreign,
    /// A token, and then not what was sent.
    Malformed,
}

impl Token {
    /// Appends the token and its padding, `len` bytes in all. There is room for [`LEN`] at least.
    pub fn write(self, len: usize, out: &mut Vec<u8>) {
        let sender = &digits(u32::from(self.sender))[SEQ.len() - SENDER.len()..];
        let seq = &digits(self.seq);
        out.extend_from_slice(MARK);
        out.extend_from_slice(sender);
        out.extend_from_slice(seq);
        out.resize(out.len() + len - LEN, PADDING);
        out.extend_from_slice(sender);
        out.extend_from_slice(seq);
        out.push(END);
    }

    /// Looks for a token of `len` bytes in a line without its end.
    pub fn find(line: &[u8], len: usize) -> Found {
        let Some(at) = find_mark(line) else { return Found::Foreign };
        let token = &line[at..];
        if token.len() != len || len < LEN || token[len - 1] != END {
            return Found::Malformed;
        }
        let (padding, again) = token[SEQ.end..len - 1].split_at(len - LEN);
        if padding.iter().any(|&b| b != PADDING) || *again != token[SENDER.start..SEQ.end] {
            return Found::Malformed;
        }
        match (hex(&token[SENDER]), hex(&token[SEQ])) {
            (Some(sender), Some(seq)) => Found::Token(Token { sender: sender as u16, seq }, at),
            _ => Found::Malformed,
        }
    }
}

/// Who may have sent the next line, as far as a glance tells.
pub(super) fn glance(bytes: &[u8]) -> Option<usize> {
    let token = &bytes[find_mark(bytes)?..];
    hex(token.get(SENDER)?).map(|sender| sender as usize)
}

fn find_mark(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(MARK[0], bytes).find(|&at| bytes.get(at + 1) == Some(&MARK[1]))
}

/// A number as a token writes it.
pub(super) fn digits(number: u32) -> [u8; SEQ.end - SEQ.start] {
    std::array::from_fn(|digit| b"0123456789abcdef"[(number >> (28 - 4 * digit) & 15) as usize])
}

/// The next number's digits; mostly only the last one changes.
pub(super) fn increment(digits: &mut [u8; SEQ.end - SEQ.start]) {
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

fn hex(digits: &[u8]) -> Option<u32> {
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

    fn line(token: Token, len: usize) -> Vec<u8> {
        let mut out = Vec::new();
        token.write(len, &mut out);
        out
    }

    #[test]
    fn a_token_is_found_behind_whatever_a_server_puts_before_it() {
        let token = Token { sender: 65535, seq: 0xdead_beef };
        for len in [LEN, LEN + 1, 63] {
            let sent = line(token, len);
            assert_eq!(sent.len(), len);
            for prefix in ["", "<guest1> ", "[12:00] a@b: "] {
                let got = [prefix.as_bytes(), &sent].concat();
                assert_eq!(Token::find(&got, len), Found::Token(token, prefix.len()), "{prefix}");
                assert_eq!(glance(&got), Some(65535));
            }
        }
        assert_eq!(Token::find(b"-- welcome", 63), Found::Foreign);
    }

    #[test]
    fn counting_in_digits_is_counting() {
        for number in [0, 8, 9, 14, 15, 255, 0xff_ffff, 0x1234_9fff, u32::MAX] {
            let mut next = digits(number);
            increment(&mut next);
            assert_eq!(next, digits(number.wrapping_add(1)), "{number}");
            assert_eq!(hex(&digits(number)), Some(number));
        }
    }

    #[test]
    fn any_byte_that_is_changed_cut_or_added_is_noticed() {
        let token = Token { sender: 3, seq: 7 };
        let sent = line(token, 40);
        assert_eq!(Token::find(&sent[..39], 40), Found::Malformed);
        assert_eq!(Token::find(&[&sent[..], b"!"].concat(), 40), Found::Malformed);
        assert_eq!(Token::find(&[&sent[..], &sent[..]].concat(), 40), Found::Malformed);
        for at in SEQ.end..40 {
            let mut other = sent.clone();
            other[at] = b'?';
            assert_eq!(Token::find(&other, 40), Found::Malformed, "byte {at}");
        }
        // Halves of two lines, wherever they are cut.
        for other in [Token { sender: 3, seq: 8 }, Token { sender: 4, seq: 7 }] {
            let other = line(other, 40);
            for at in SEQ.end..LEN {
                let mixed = [&sent[..at], &other[at..]].concat();
                let whole = mixed == sent || mixed == other;
                assert!(whole || Token::find(&mixed, 40) == Found::Malformed, "cut at {at}");
            }
        }
    }
}
