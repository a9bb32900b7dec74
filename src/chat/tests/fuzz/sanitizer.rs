//! The fuzz target for the sanitizer: its output is safe for any screen, and nothing else is lost.

use crate::chat::connections::characters::{BLANKS_MAX, MARKS_MAX};
use crate::chat::sanitize::{is_plain, sanitize};
use unicode_properties::GeneralCategory::{
    Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, SpaceSeparator, Unassigned,
};
use unicode_properties::UnicodeGeneralCategory;
use unicode_width::UnicodeWidthChar;

/// The input is a line.
pub fn sanitizer(line: &[u8]) {
    let clean = sanitize(line);
    assert_harmless(&clean);
    assert!(clean.len() <= 3 * line.len(), "a bad byte becomes three, and nothing grows more");
    assert_eq!(sanitize(clean.as_bytes()), clean, "what is clean stays as it is");

    let said = format!("<ana> {clean}");
    assert_eq!(sanitize(said.as_bytes()), said, "nor does a client change it");

    let text = decoded(line);
    assert_eq!(clean, sanitize(text.as_bytes()), "telnet commands and bad UTF-8 are no characters");
    let drawn = |text: &str| text.chars().filter(|&c| is_drawn(c)).collect::<String>();
    assert_eq!(drawn(&clean), drawn(&text).replace(is_unknown, "\u{fffd}"), "all that can be seen stays, in its order");

    let plain = line.iter().all(|byte| matches!(byte, b' '..=b'~')) && widest_gap(&text) <= BLANKS_MAX;
    assert_eq!(is_plain(line), plain);
    if plain {
        assert_eq!(clean.as_bytes(), line);
    }
}

fn assert_harmless(clean: &str) {
    for c in clean.chars() {
        let is_harmless = match c.general_category() {
            Control => c == '\t',
            Format => matches!(c, '\u{200c}' | '\u{200d}'),
            SpaceSeparator => c == ' ',
            LineSeparator | ParagraphSeparator => false,
            _ => !is_unknown(c) && !is_blank_symbol(c),
        };
        assert!(is_harmless, "{c:?} in {clean:?}");
    }
    assert!(widest_gap(clean) <= BLANKS_MAX, "{clean:?}");
    assert!(!clean.split([' ', '\t']).any(|word| word.starts_with(|c: char| c.width() == Some(0))), "{clean:?}");
    let marks = clean.split(|c: char| c.width() != Some(0)).map(|marks| marks.chars().count());
    assert!(marks.max().unwrap_or(0) <= MARKS_MAX, "{clean:?}");
}

/// Whether a character covers a place on the screen, and is not blank.
fn is_drawn(c: char) -> bool {
    let is_hangul_filler = matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}');
    match c.general_category() {
        Control | Format | LineSeparator | ParagraphSeparator | SpaceSeparator => false,
        _ => is_unknown(c) || !(is_hangul_filler || is_blank_symbol(c) || c.width() == Some(0)),
    }
}

fn is_unknown(c: char) -> bool {
    matches!(c.general_category(), Unassigned | PrivateUse)
}

fn is_blank_symbol(c: char) -> bool {
    matches!(c, '\u{2800}' | '\u{13441}' | '\u{13442}' | '\u{1d159}')
}

/// The width of the widest run of blanks, the one before the text included. A tab counts as eight columns.
fn widest_gap(text: &str) -> usize {
    let text = format!(" {text}");
    let gaps = text.split(|c| !matches!(c, ' ' | '\t'));
    gaps.map(|gap| gap.replace('\t', "        ").len()).max().unwrap_or(0)
}

/// The line without telnet commands.
fn decoded(line: &[u8]) -> String {
    /// The state of the parser of telnet commands.
    enum At {
        Text,
        Iac,
        Option,
        Subnegotiation,
        IacWithin,
    }
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
    String::from_utf8_lossy(&kept).into_owned()
}
