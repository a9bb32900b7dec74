//! The fuzz target for the sanitizer: its output is safe for any screen, and equals that of a simple byte-by-byte
//! version.

use crate::chat::sanitize::{is_plain, sanitize};
use unicode_width::UnicodeWidthChar;

/// The input is a line.
pub fn sanitizer(line: &[u8]) {
    let clean = sanitize(line);
    assert_eq!(clean, slowly(line));
    assert!(clean.len() <= 3 * line.len(), "a bad byte becomes three, and nothing grows more");
    assert_eq!(sanitize(clean.as_bytes()), clean, "what is clean stays as it is");

    let plain = line.iter().all(|byte| matches!(byte, b' '..=b'~'));
    assert_eq!(is_plain(line), plain);
    if plain {
        assert_eq!(clean.as_bytes(), line);
    }
}

/// The state of the parser of telnet commands.
enum At {
    Text,
    Iac,
    Option,
    Subnegotiation,
    IacWithin,
}

fn slowly(line: &[u8]) -> String {
    let mut at = At::Text;
    let mut kept = Vec::new();
    for &byte in line {
        at = match (at, byte) {
            (At::Text | At::Iac, 255) => At::Iac,
            (At::Text, _) => {
                kept.push(byte);
                At::Text
            }
            (At::Iac, 251..=254) => At::Option,
            (At::Iac, 250) => At::Subnegotiation,
            (At::Iac, 240..=249) | (At::Option, _) | (At::IacWithin, 240) => At::Text,
            (At::Iac, _) => {
                kept.push(byte);
                At::Text
            }
            (At::Subnegotiation | At::IacWithin, 255) => At::IacWithin,
            (At::Subnegotiation | At::IacWithin, _) => At::Subnegotiation,
        };
    }

    let mut text = String::new();
    for chunk in kept.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push('\u{fffd}');
        }
    }
    text.retain(may_be_shown);

    let is_mark = |c: &char| c.width() == Some(0);
    let before = |at: usize| text[..at].chars().rev().take_while(is_mark).count();
    text.char_indices().filter(|(at, c)| !is_mark(c) || before(*at) < 8).map(|(_, c)| c).collect()
}

fn may_be_shown(c: char) -> bool {
    match c {
        '\t' => true,
        // Controls, and line and paragraph separators.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => false,
        // Bidi controls.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        // Hidden characters.
        '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' => false,
        _ => true,
    }
}
