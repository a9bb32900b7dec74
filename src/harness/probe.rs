//! What a line of ours carries, so that it is known again whatever a server puts before or behind it.
//!
//! `qz`, four letters of the arena's own, the kind, sender, number and length, then padding whose every byte is known, and `z`.
//! The bytes are letters and digits only: nothing in them looks like a command, an address or a name's end to any chat.

use std::ops::Range;

/// Tells one arena's lines from those of another, which a server may show to newcomers.
pub type Nonce = [u8; 4];

/// What a line is said for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Said again and again until all have heard it. A server may take the first one for a name.
    Hello,
    /// Counts: it must come, once.
    Line,
    /// A word whose padding is of characters of three bytes.
    Han,
    /// One of many.
    Flood,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe {
    pub kind: Kind,
    /// The client's number, below 4096.
    pub sender: u16,
    /// Counts a sender's lines of each kind from 0, below 2^24.
    pub seq: u32,
}

const OPENING: &[u8; 2] = b"qz";
/// The bytes that announce a probe: [`OPENING`] and the nonce.
pub const OPENING_LEN: usize = 6;
const KIND: usize = 6;
const SENDER: Range<usize> = 7..10;
const SEQ: Range<usize> = 10..16;
const LEN: Range<usize> = 16..20;
pub const HEADER_LEN: usize = LEN.end;
const END: u8 = b'z';
/// A probe with no padding. Bytes.
pub const SHORTEST: usize = HEADER_LEN + 1;
const HAN: &[u8] = "汉".as_bytes();

pub fn opening(nonce: Nonce) -> [u8; OPENING_LEN] {
    [OPENING[0], OPENING[1], nonce[0], nonce[1], nonce[2], nonce[3]]
}

impl Probe {
    /// Appends the probe, `len` bytes in all: at least [`SHORTEST`], at most 65535.
    pub fn write(self, nonce: Nonce, len: usize, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&opening(nonce));
        out.push(match self.kind {
            Kind::Hello => b'h',
            Kind::Line => b'w',
            Kind::Han => b'c',
            Kind::Flood => b'f',
        });
        push_hex(out, u32::from(self.sender), SENDER.len());
        push_hex(out, self.seq, SEQ.len());
        push_hex(out, len as u32, LEN.len());
        for at in 0..len - SHORTEST {
            out.push(padding(self.kind, at, len - SHORTEST));
        }
        out.push(END);
        debug_assert_eq!(out.len() - begin, len);
    }

    /// The probe and its length, from its header; `None` if that is no header.
    pub fn of_header(header: &[u8]) -> Option<(Probe, usize)> {
        let kind = match header[KIND] {
            b'h' => Kind::Hello,
            b'w' => Kind::Line,
            b'c' => Kind::Han,
            b'f' => Kind::Flood,
            _ => return None,
        };
        let probe = Probe { kind, sender: hex(&header[SENDER])? as u16, seq: hex(&header[SEQ])? };
        let len = hex(&header[LEN])? as usize;
        (len >= SHORTEST).then_some((probe, len))
    }

    /// Whether what has come of a probe so far is as it was sent.
    pub fn is_whole(self, text: &[u8], len: usize) -> bool {
        let padding_len = len - SHORTEST;
        text[HEADER_LEN..].iter().enumerate().all(|(at, &byte)| match at {
            at if at < padding_len => byte == padding(self.kind, at, padding_len),
            _ => byte == END,
        })
    }
}

/// The padding's byte at a place. Characters of three bytes are never cut: what does not fill one is `x`.
fn padding(kind: Kind, at: usize, len: usize) -> u8 {
    if kind == Kind::Han && at < len / HAN.len() * HAN.len() { HAN[at % HAN.len()] } else { b'x' }
}

fn push_hex(out: &mut Vec<u8>, number: u32, digits: usize) {
    for digit in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(number >> (4 * digit) & 15) as usize]);
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, &digit| Some(number << 4 | char::from(digit).to_digit(16)?))
}
