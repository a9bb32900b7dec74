//! What a character shows on a screen, by its Unicode properties.
//!
//! A screen has to show what it is sent, because hidden text deceives. And it must not get many blanks in a row: beyond
//! the right margin, the next row would begin with text that looks like another line.

use unicode_joining_type::{JoiningType, get_joining_type};
use unicode_normalization::char::canonical_combining_class;
use unicode_properties::GeneralCategory::{
    Control, Format, LineSeparator, OtherLetter, ParagraphSeparator, PrivateUse, SpaceSeparator, Surrogate, Unassigned,
};
use unicode_properties::{UnicodeEmoji, UnicodeGeneralCategory};
use unicode_security::{GeneralSecurityProfile, general_security_profile::IdentifierType};
use unicode_width::UnicodeWidthChar;

/// The most blanks in a row. Columns.
///
/// The blank that is put between a nick and what it says, and after it two tabs or four levels of indentation. That is a
/// fifth of the usual row: a line cannot get to the right margin without text all along.
pub(in crate::chat) const BLANKS_MAX: usize = 17;
/// A tab takes up to this many columns.
const TAB_COLUMNS: usize = 8;
/// The most characters without a width of their own on one that has one. Writing systems need up to four; a thousand
/// would cover the lines around.
pub(in crate::chat) const MARKS_MAX: usize = 8;

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
/// These choose between the styles of an emoji: as text, and in colour.
const TEXT_STYLE: char = '\u{fe0e}';
const EMOJI_STYLE: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';

/// What a screen shows for `c`, whatever is beside it; `None` for nothing.
pub(in crate::chat) fn shown(c: char) -> Option<char> {
    match c {
        ' '..='~' | '\t' | ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER => return Some(c),
        // Symbols whose picture is empty, which no property tells: Braille, Egyptian and a note without a head.
        '\u{2800}' | '\u{13441}' | '\u{13442}' | '\u{1d159}' => return Some(' '),
        _ => {}
    }
    match c.general_category() {
        // They command the terminal.
        Control => None,
        // Some programs end a line there.
        LineSeparator | ParagraphSeparator => None,
        // They reverse, hide or annotate the text around them, and show nothing themselves. The tags are among them, so of
        // the flags of England, Scotland and Wales the black flag remains.
        Format => None,
        // They may become anything: a letter, a blank, a control. So emoji that are newer than the tables are replaced, too.
        Unassigned => Some(char::REPLACEMENT_CHARACTER),
        // Each font shows something else, or nothing.
        PrivateUse => Some(char::REPLACEMENT_CHARACTER),
        // They do not occur in UTF-8: their encoding is bad bytes.
        Surrogate => Some(char::REPLACEMENT_CHARACTER),
        SpaceSeparator => Some(' '),
        // The fillers of Hangul: letters that show nothing.
        OtherLetter if is_hidden(c) => Some(' '),
        _ => Some(c),
    }
}

/// Whether `c` stays after `text`, which has passed this test, and before `next`. Both are [`shown`].
pub(in crate::chat) fn stays(c: char, text: &str, next: Option<char>) -> bool {
    if is_blank(c) {
        let gap = text.chars().rev().take_while(|&c| is_blank(c)).map(blank_columns).sum::<usize>();
        let before_text = usize::from(text.chars().all(is_blank));
        before_text + gap + blank_columns(c) <= BLANKS_MAX
    } else {
        !is_mark(c) || fits_base(c, text, next)
    }
}

/// Whether the mark `c` belongs to the character that it would be drawn on, the last one of `text` that is no mark.
fn fits_base(c: char, text: &str, next: Option<char>) -> bool {
    let marks = text.chars().rev().take_while(|&c| is_mark(c)).count();
    let base = text.chars().rev().nth(marks);
    // On a blank, or on nothing, it would be drawn on what stands before the text.
    let Some(base) = base.filter(|&base| !is_blank(base) && marks < MARKS_MAX) else { return false };
    let last = text.chars().next_back().unwrap_or(base);
    // A mark that comes next counts only if it will stay: there must be room for it.
    let next_mark = next.filter(|_| marks + 1 < MARKS_MAX);
    match c {
        ZERO_WIDTH_JOINER if is_emoji(base) => next.is_some_and(is_emoji),
        // They choose how letters join in cursive scripts, such as Arabic, and how consonants do at a virama, the sign
        // for "no vowel" in the scripts of India.
        ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER => {
            !is_joiner(last) && (is_cursive(base) || is_virama(last) || next_mark.is_some_and(is_virama))
        }
        TEXT_STYLE | EMOJI_STYLE => {
            marks == 0 && (is_emoji(base) || (base.is_emoji_char() && next_mark == Some(KEYCAP)))
        }
        // The forms of Mongolian letters. Other letters have variants, too, but can be read without.
        '\u{180b}'..='\u{180d}' | '\u{180f}' => marks == 0 && is_cursive(base),
        _ => !is_hidden(c),
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

fn blank_columns(c: char) -> usize {
    if c == '\t' { TAB_COLUMNS } else { 1 }
}

/// Whether `c` has no width of its own: accents, vowel signs, the later parts of a Korean syllable, and what is hidden.
fn is_mark(c: char) -> bool {
    c.width() == Some(0)
}

/// Whether `c` is not shown where it has no effect: the property `Default_Ignorable_Code_Point`, less some format
/// characters.
fn is_hidden(c: char) -> bool {
    c.identifier_type() == Some(IdentifierType::Default_Ignorable)
}

fn is_joiner(c: char) -> bool {
    matches!(c, ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER)
}

/// Whether `c` is an emoji by itself. A digit is one only on a keycap.
fn is_emoji(c: char) -> bool {
    c.is_emoji_char() && !c.is_ascii()
}

fn is_cursive(c: char) -> bool {
    !matches!(get_joining_type(c), JoiningType::NonJoining | JoiningType::Transparent)
}

fn is_virama(c: char) -> bool {
    const VIRAMA: u8 = 9;
    canonical_combining_class(c) == VIRAMA
}
