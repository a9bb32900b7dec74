//! The fuzz target for the line decoder: a stream that is cut anywhere has the same lines as a plain split, and the
//! decoder keeps little of it.

use crate::chat::limits::ENDLESS_FACTOR;
use crate::chat::line::{Line, LineDecoder};

/// The number of input bytes that control how the rest is handled: the longest line, and the sizes of the reads.
const HEADER: usize = 8;

/// The decoder's output, owned.
#[derive(Debug, PartialEq)]
enum Got {
    Text(Vec<u8>),
    TooLong(usize),
    Endless,
}

/// The input is a byte for the longest line (1 to 16), seven bytes for the sizes of the reads, which are used in turn,
/// and then the stream.
pub fn decoder(input: &[u8]) {
    let Some((&[line_max, ref sizes @ ..], stream)) = input.split_first_chunk::<HEADER>() else { return };
    let line_max = usize::from(line_max % 16) + 1;
    let sizes = sizes.iter().map(|&size| usize::from(size) + 1);
    assert_eq!(decoded(stream, sizes.cycle(), line_max), split(stream, line_max));
}

fn decoded(stream: &[u8], mut sizes: impl Iterator<Item = usize>, line_max: usize) -> Vec<Got> {
    let mut decoder = LineDecoder::default();
    let mut got = Vec::new();
    let mut read = 0;
    while read < stream.len() {
        let size = sizes.next().unwrap_or(1).min(stream.len() - read);
        let mut piece = &stream[read..read + size];
        read += size;
        while let Some(line) = decoder.next(&mut piece, line_max, line_max * ENDLESS_FACTOR) {
            got.push(own(line));
            if got.last() == Some(&Got::Endless) {
                return got;
            }
        }
        // The way a Vec grows: to twice the length, and to eight at least.
        assert!(decoder.capacity() <= (2 * (line_max + 1)).max(8), "keeps {} bytes", decoder.capacity());
        decoder.shrink();
        let unfinished = stream[..read].rsplit(|byte| *byte == b'\n').next().unwrap_or_default().len();
        if unfinished == 0 || unfinished > line_max + 1 {
            assert_eq!(decoder.capacity(), 0, "nothing of {unfinished} bytes is kept");
        }
    }
    got.extend(decoder.finish(line_max).map(own));
    assert_eq!(decoder.finish(line_max), None, "it is over");
    got
}

fn own(line: Line<'_>) -> Got {
    match line {
        Line::Text(text) => Got::Text(text.to_vec()),
        Line::TooLong(len) => Got::TooLong(len),
        Line::Endless => Got::Endless,
    }
}

/// The same lines from the stream as a whole.
fn split(stream: &[u8], line_max: usize) -> Vec<Got> {
    let mut got = Vec::new();
    // Behind the last LF there is a line only if there are bytes.
    let whole = stream.strip_suffix(b"\n").unwrap_or(stream);
    if stream.is_empty() {
        return got;
    }
    for line in whole.split(|byte| *byte == b'\n') {
        if line.len() >= line_max * ENDLESS_FACTOR {
            got.push(Got::Endless);
            break;
        }
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        got.push(if text.len() <= line_max { Got::Text(text.to_vec()) } else { Got::TooLong(line.len()) });
    }
    got
}
