//! The sanitizer: it makes any bytes safe for any screen, such as other members' terminals, the console and a log.
//!
//! A terminal obeys what it is shown. ESC sequences move its cursor, change its title and write its clipboard; a
//! carriage return overwrites the line; bidi controls reverse its order. None of it may get from one client to another,
//! so all input passes this one function once.

use super::characters::{self, BLANKS_MAX};
use std::borrow::Cow;

/// `bytes` as text that is valid UTF-8, has no control characters but tab, and shows what it holds.
///
/// * Bad UTF-8 becomes U+FFFD, by the Unicode standard's substitution of maximal subparts. So do unassigned and private
///   characters.
/// * C0 (except tab), DEL, C1, line and paragraph separators, bidi controls and other format characters are removed.
/// * Telnet's IAC sequences are removed whole: a `telnet` client sends them on Ctrl-C.
/// * All blanks but tab become spaces. Of a run of blanks, the first 17 columns stay, or 16 at the beginning,
///   where a nick stands before the text.
/// * Characters without width stay on one that has a width, the first eight; of those that are hidden, only the ones
///   that join emoji, or letters of a script that needs them.
///
/// So text that shows nothing is nothing but spaces and tabs.
pub fn sanitize(bytes: &[u8]) -> Cow<'_, str> {
    if is_plain(bytes)
        && let Ok(text) = str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    Cow::Owned(filter(&without_telnet(bytes)))
}

/// Whether `bytes` need no change: printable ASCII without a gap that is too wide. Most of what people type is.
// Within a larger function the compiler does not use vectors for it.
#[inline(never)]
pub fn is_plain(bytes: &[u8]) -> bool {
    // There is no early exit and no odd piece at the end, so the compiler checks sixteen bytes at once, and a line
    // costs 3 ns instead of 20. A byte is outside 0x20..=0x7e if it is more than 0x5e above 0x20, or if the subtraction
    // wraps around.
    const WIDTH: usize = 16;
    // Then a gap that is too wide covers the last two bytes of a piece: in nearly all lines nothing else needs a look.
    const { assert!(BLANKS_MAX > WIDTH) };
    let mut most = [0; WIDTH];
    let mut may_have_gap = false;
    let mut look_at = |piece: &[u8; WIDTH]| {
        for (most, byte) in most.iter_mut().zip(piece) {
            *most = byte.wrapping_sub(0x20).max(*most);
        }
        may_have_gap |= piece.ends_with(b"  ");
    };
    match bytes.last_chunk() {
        Some(last) => {
            bytes.as_chunks().0.iter().for_each(&mut look_at);
            // The last sixteen bytes, which overlap with those before.
            look_at(last);
        }
        None => {
            let mut short = [b'~'; WIDTH];
            short[..bytes.len()].copy_from_slice(bytes);
            look_at(&short);
        }
    }
    most.iter().all(|&byte| byte <= 0x5e) && !(may_have_gap && has_wide_gap(bytes))
}

/// [`sanitize`] for text of our own that may contain a client's words, such as a log line.
pub fn sanitize_text(text: &str) -> Cow<'_, str> {
    sanitize(text.as_bytes())
}

#[cold]
fn has_wide_gap(bytes: &[u8]) -> bool {
    let mut gaps = bytes.split(|&byte| byte != b' ').map(<[u8]>::len);
    let leading = gaps.next().unwrap_or(0);
    // What it is written after ends with a blank.
    leading + 1 > BLANKS_MAX || gaps.any(|gap| gap > BLANKS_MAX)
}

fn filter(bytes: &[u8]) -> String {
    let decoded = String::from_utf8_lossy(bytes);
    let mut shown = decoded.chars().filter_map(characters::shown).peekable();
    let mut text = String::with_capacity(bytes.len());
    while let Some(c) = shown.next() {
        if characters::stays(c, &text, shown.peek().copied()) {
            text.push(c);
        }
    }
    text
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
    use crate::chat::connections::characters::MARKS_MAX;
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
                text[at] = b'~';
            }
        }
    }

    #[test]
    fn a_gap_that_is_too_wide_is_found_anywhere() {
        for before in 0..70 {
            for after in [0, 1, 40] {
                let line = |gap| format!("{}{}{}", "x".repeat(before), " ".repeat(gap), "y".repeat(after));
                let widest = BLANKS_MAX - usize::from(before == 0);
                let longest = line(widest);
                assert!(is_plain(longest.as_bytes()), "{before} {after}");
                for gap in [widest + 1, 1000] {
                    assert!(!is_plain(line(gap).as_bytes()), "{before} {gap} {after}");
                    assert_eq!(sanitize(line(gap).as_bytes()), longest);
                }
            }
        }
    }

    #[test]
    fn blanks_of_all_kinds_make_one_bounded_gap() {
        let gap = " ".repeat(BLANKS_MAX);
        for blank in ["\u{a0}", "\u{3000}", "\u{2003}", "\u{2800}", "\u{3164}", "\u{ffa0}", "\u{115f}", "\u{1160}"] {
            assert_eq!(sanitize(format!("a{blank}b").as_bytes()), "a b", "{blank:?}");
            assert_eq!(sanitize(format!("a{}b", blank.repeat(100)).as_bytes()), format!("a{gap}b"), "{blank:?}");
            let parted = format!("{blank}\u{200b}\u{200d}\u{301}\x01 ");
            assert_eq!(sanitize(format!("a{}b", parted.repeat(100)).as_bytes()), format!("a{gap}b"), "{blank:?}");
        }
        assert_eq!(sanitize(b"\t\tif x {\t// why"), "\t\tif x {\t// why");
        assert_eq!(sanitize(b"\t\t\t\t\treturn"), "\t\treturn");
        assert_eq!(sanitize(b"a \t \t b"), "a \t  b", "as many as fit");
    }

    #[test]
    fn what_shows_nothing_is_blank() {
        for text in [
            "\u{200b}",
            "\u{200d}\u{200c}",
            "\u{2060}\u{feff}\u{ad}",
            "\u{3164}",
            "\u{ffa0} \u{115f}\u{1160}",
            "\u{2800}\u{2800}",
            "\u{fe0f}",
            "\u{e0100}\u{fe00}",
            "\u{e0041}\u{e0042}",
            "\u{34f}\u{17b4}\u{180e}",
            "\u{301}\u{20dd}",
            " \u{a0}\t\u{3000}",
        ] {
            assert_eq!(sanitize(text.as_bytes()).trim(), "", "{text:?}");
        }
    }

    #[test]
    fn hidden_characters_are_removed_where_they_join_nothing() {
        for (text, expected) in [
            ("pa\u{200b}y\u{2060}pal\u{ad}", "paypal"),
            ("a\u{200d}b\u{200c}c", "abc"),
            ("a\u{fe0f}\u{fe00}\u{e0100}\u{e01ef}b", "ab"),
            ("1\u{fe0f}2\u{fe0f}", "12"),
            ("😀\u{fe01}\u{e0121}\u{e0122}\u{fe0f}\u{fe0f}!", "😀\u{fe0f}!"),
            ("😀\u{200d}b", "😀b"),
            ("日\u{e0100}本\u{200d}", "日本"),
            ("م\u{200c}\u{200c}\u{200d}\u{200c}ن", "م\u{200c}ن"),
            ("🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", "🏴"),
            ("\u{301}a \u{301}b\t\u{20dd}c", "a b\tc"),
        ] {
            assert_eq!(sanitize(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn what_nobody_can_draw_is_replaced() {
        for text in ["\u{378}", "\u{e000}", "\u{f8ff}", "\u{fffe}", "\u{2065}", "\u{e0002}", "\u{f0000}", "\u{10ffff}"]
        {
            assert_eq!(sanitize(text.as_bytes()), "\u{fffd}", "{text:?}");
        }
    }

    #[test]
    fn letters_of_the_world_stay() {
        for text in [
            "¿qué tal?",
            "日本語 葛飾区",
            "Привет",
            "한국어 \u{1112}\u{1161}\u{11ab}",
            "हिन्दी",
            "e\u{301}",
            "שלום",
            "مرحبا",
            "สวัสดี",
            // Joiners: in Persian, Hindi, Sinhala, Bengali and Malayalam.
            "می\u{200c}خواهم",
            "ه\u{200d}",
            "क्\u{200d}ष क्\u{200c}ष",
            "ශ්\u{200d}රී ලංකා",
            "র\u{200d}্যাম",
            "അവന്\u{200d}",
            "ᠮᠣᠩᠭ\u{180b}ᠣᠯ",
            // Emoji: families, a profession, a colour, flags, a keycap, styles.
            "👩\u{200d}👩\u{200d}👧 family",
            "🧑🏽\u{200d}🤝\u{200d}🧑🏻",
            "👩🏿\u{200d}🚒",
            "❤\u{fe0f}\u{200d}🔥",
            "👁\u{fe0f}\u{200d}🗨\u{fe0f}",
            "🏳\u{fe0f}\u{200d}🌈 🏳\u{fe0f}\u{200d}⚧\u{fe0f} 🏴\u{200d}☠\u{fe0f}",
            "🇪🇸🇲🇽",
            "1\u{fe0f}\u{20e3} #\u{fe0f}\u{20e3} 2\u{20e3}",
            "☎\u{fe0e} ☎\u{fe0f} ©\u{fe0f}",
        ] {
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

    /// Each character between letters and alone, some at a time.
    #[test]
    fn every_code_point_is_harmless() {
        let all: Vec<char> = ('\0'..=char::MAX).collect();
        for some in all.chunks(16) {
            let line: String = some.iter().map(|c| format!("a{c}b {c} ")).collect();
            crate::chat::fuzz::sanitizer(line.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_harmless(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            crate::chat::fuzz::sanitizer(&bytes);
        }

        #[test]
        fn any_text_is_harmless(text in "\\PC{0,40}") {
            crate::chat::fuzz::sanitizer(text.as_bytes());
        }

        /// Characters that depend on those beside them.
        #[test]
        fn any_neighbours_are_harmless(text in "[aक1🧑🏽❤ ی\u{94d}\u{301}\u{200c}\u{200d}\u{fe0e}\u{fe0f}\u{20e3}\u{180b}\u{180e}\t\u{3164}]{0,60}") {
            crate::chat::fuzz::sanitizer(text.as_bytes());
        }
    }
}
