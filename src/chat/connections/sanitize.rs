//! The sanitizer: it makes any bytes safe for any screen, such as other members' terminals, the console and a log.
//!
//! A terminal obeys what it is shown. ESC sequences move its cursor, change its title and write its clipboard; a
//! carriage return overwrites the line; bidi controls reverse its order. None of it may get from one client to another,
//! so all input passes this one function once.

use std::borrow::Cow;
use unicode_width::UnicodeWidthChar;

/// The most combining marks in a row on one character. Writing systems need up to four; a thousand would cover the
/// lines around.
const MARKS_MAX: usize = 8;

/// `bytes` as text that is valid UTF-8 and has no control characters but tab.
///
/// * Bad UTF-8 becomes U+FFFD, by the Unicode standard's substitution of maximal subparts.
/// * C0 (except tab), DEL, C1, line and paragraph separators and bidi controls are removed.
/// * Telnet's IAC sequences are removed whole: a `telnet` client sends them on Ctrl-C.
/// * Of a run of combining marks, the first eight stay.
pub fn sanitize(bytes: &[u8]) -> Cow<'_, str> {
    if is_plain(bytes)
        && let Ok(text) = str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    Cow::Owned(filter(&without_telnet(bytes)))
}

/// Whether `bytes` are printable ASCII, which needs no change. Most of what people type is.
pub fn is_plain(bytes: &[u8]) -> bool {
    // There is no early exit and no odd piece at the end, so the compiler checks sixteen bytes at once, and a line
    // costs 3 ns instead of 20. A byte is outside 0x20..=0x7e if it is more than 0x5e above 0x20, or if the subtraction
    // wraps around.
    const WIDTH: usize = 16;
    let mut most = [0; WIDTH];
    let mut look_at = |piece: &[u8; WIDTH]| {
        for (most, byte) in most.iter_mut().zip(piece) {
            *most = byte.wrapping_sub(0x20).max(*most);
        }
    };
    match bytes.last_chunk() {
        Some(last) => {
            bytes.as_chunks().0.iter().for_each(&mut look_at);
            // The last sixteen bytes, which overlap with those before.
            look_at(last);
        }
        None => {
            let mut short = [b' '; WIDTH];
            short[..bytes.len()].copy_from_slice(bytes);
            look_at(&short);
        }
    }
    most.iter().all(|&byte| byte <= 0x5e)
}

/// [`sanitize`] for text of our own that may contain a client's words, such as a log line.
pub fn sanitize_text(text: &str) -> Cow<'_, str> {
    sanitize(text.as_bytes())
}

fn filter(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut marks = 0;
    for c in String::from_utf8_lossy(bytes).chars() {
        if is_control(c) {
            continue;
        }
        marks = if c.width() == Some(0) { marks + 1 } else { 0 };
        if marks <= MARKS_MAX {
            text.push(c);
        }
    }
    text
}

fn is_control(c: char) -> bool {
    let bidi = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let separator = matches!(c, '\u{2028}' | '\u{2029}');
    // Deprecated format characters and tag characters, which hide text from readers.
    let hidden = matches!(c, '\u{206a}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}' | '\u{feff}');
    (c.is_control() && c != '\t') || bidi || separator || hidden
}

/// Removes telnet commands (RFC 854): IAC and one byte, IAC WILL/WONT/DO/DONT and an option, IAC SB up to IAC SE. Of
/// IAC DM, which a Ctrl-C sends, the DM is sent out of band and does not arrive here, so a single IAC is removed too.
///
/// 0xFF never occurs in UTF-8, so no text is lost. LF ends a line before this function gets it: a sequence that was cut
/// by an LF is removed as far as it goes, and cannot swallow the next line.
fn without_telnet(bytes: &[u8]) -> Cow<'_, [u8]> {
    const IAC: u8 = 255;
    const SB: u8 = 250;
    const SE: u8 = 240;
    if memchr::memchr(IAC, bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match (byte, tail.first()) {
            (IAC, Some(&SB)) => match memchr::memmem::find(tail, &[IAC, SE]) {
                Some(end) => &tail[end + 2..],
                None => &[],
            },
            (IAC, Some(251..=254)) => tail.get(2..).unwrap_or(&[]),
            (IAC, Some(240..=249)) => &tail[1..],
            (IAC, _) => tail,
            _ => {
                kept.push(byte);
                tail
            }
        };
    }
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_text_is_passed_on_without_a_copy() {
        assert!(matches!(sanitize(b"hola, que tal :)"), Cow::Borrowed("hola, que tal :)")));
        assert_eq!(sanitize(b"\thola\t"), "\thola\t");
    }

    #[test]
    fn one_byte_that_is_not_plain_is_found_anywhere() {
        for len in 0..70 {
            let mut text = vec![b'~'; len];
            assert!(is_plain(&text));
            for at in 0..len {
                for odd in [0, b'\t', b'\n', 0x1f, 0x7f, 0x80, 0xa0, 0xff] {
                    text[at] = odd;
                    assert!(!is_plain(&text), "{odd:#x} at {at} of {len}");
                }
                text[at] = b' ';
            }
        }
    }

    #[test]
    fn letters_of_the_world_stay() {
        for text in ["¿qué tal?", "日本語", "Привет", "👩‍👩‍👧 family", "हिन्दी", "e\u{301}", "می‌خواهم"]
        {
            assert_eq!(sanitize(text.as_bytes()), text);
        }
    }

    #[test]
    fn terminals_are_left_nothing_to_obey() {
        for (bytes, expected) in [
            (&b"\x1b[2Jhola"[..], "[2Jhola"),
            (b"\x1b]0;title\x07x", "]0;titlex"),
            (b"\x1b]52;c;aGk=\x1b\\x", "]52;c;aGk=\\x"),
            ("a\u{9b}31mb".as_bytes(), "a31mb"),
            (b"secret\rpublic", "secretpublic"),
            (b"abc\x08\x08\x7f\x00\x07d", "abcd"),
            ("a\u{202e}b\u{2066}c\u{200f}d\u{61c}".as_bytes(), "abcd"),
            ("a\u{2028}b\u{2029}c\u{85}d".as_bytes(), "abcd"),
        ] {
            assert_eq!(sanitize(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn bad_utf8_becomes_replacement_characters() {
        assert_eq!(sanitize(b"a\x80b"), "a\u{fffd}b");
        assert_eq!(sanitize(b"a\xc0\xafb"), "a\u{fffd}\u{fffd}b");
        assert_eq!(sanitize(b"a\xed\xa0\x80b"), "a\u{fffd}\u{fffd}\u{fffd}b");
        assert_eq!(sanitize(b"caf\xc3"), "caf\u{fffd}");
        assert_eq!(sanitize(b"\xfe"), "\u{fffd}");
    }

    #[test]
    fn telnet_sequences_are_gone() {
        assert_eq!(sanitize(b"\xff\xf4\xff\xfd\x06hola"), "hola");
        assert_eq!(sanitize(b"ho\xff\xfb\x1fla"), "hola");
        assert_eq!(sanitize(b"a\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0b"), "ab");
        assert_eq!(sanitize(b"a\xff\xfa\x1f never ended"), "a");
        assert_eq!(sanitize(b"a\xff\xfd"), "a");
        assert_eq!(sanitize(b"\xff\xf4\xffhola\xff"), "hola");
    }

    #[test]
    fn marks_are_bounded() {
        let pile = format!("a{}b", "\u{301}".repeat(1000));
        assert_eq!(sanitize(pile.as_bytes()).chars().count(), 2 + MARKS_MAX);
    }

    proptest! {
        #[test]
        fn idempotent_and_free_of_controls(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let once = sanitize(&bytes).into_owned();
            prop_assert!(once.chars().all(|c| !is_control(c)), "{:?}", once);
            prop_assert_eq!(sanitize(once.as_bytes()), once.as_str());
        }

        #[test]
        fn text_keeps_all_but_the_controls(text in "\\PC{0,40}") {
            let clean = sanitize(text.as_bytes()).into_owned();
            prop_assert_eq!(sanitize(clean.as_bytes()), clean.as_str());
        }
    }
}
