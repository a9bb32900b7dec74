//! Wraps lines at the right margin of the terminal, with a hanging indent.
//!
//! A terminal itself goes on at the left margin. There every line begins, so a client could write a line whose second row
//! looks like a notice of the server or like another's message.
//!
//! Limits: a terminal that is made narrower wraps what it already shows by itself, and one that is set to draw Greek
//! letters or dashes two columns wide gets rows that are too long.

use rustix::termios::tcgetwinsize;
use std::io;
use unicode_properties::GeneralCategory::{Control, Format, NonspacingMark};
use unicode_properties::{UnicodeEmoji, UnicodeGeneralCategory};
use unicode_width::UnicodeWidthChar;

const INDENT: &str = "  ";
/// What a tab is drawn as: where the next tab stop is depends on the terminal.
const TAB: &str = "    ";
/// The widest piece: a character of two columns, with as many marks as the sanitizer leaves it. Columns.
const PIECE_MAX: usize = 10;
/// Narrower terminals are treated like one of this width.
const COLUMNS_MIN: usize = INDENT.len() + PIECE_MAX;
/// The width of a terminal that does not tell its own.
const COLUMNS_USUAL: usize = 80;

/// The width of the terminal.
pub(super) fn columns() -> usize {
    match tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 => size.ws_col.into(),
        _ => COLUMNS_USUAL,
    }
}

/// `line` in rows of at most `columns` columns, with line ends between them. All but the first are indented.
pub(super) fn wrap(line: &str, columns: usize) -> String {
    let line = line.replace('\t', TAB);
    let mut rows = Rows { text: String::with_capacity(line.len()), column: 0, columns: columns.max(COLUMNS_MIN) };
    let mut gap = 0;
    for word in line.split_inclusive(' ') {
        let (word, blanks) = word.strip_suffix(' ').map_or((word, 0), |word| (word, 1));
        if !word.is_empty() {
            rows.push_word(word, std::mem::take(&mut gap));
        }
        gap += blanks;
    }
    rows.text
}

/// Rows on their way.
struct Rows {
    text: String,
    /// The width of the last row so far.
    column: usize,
    /// The most columns of a row.
    columns: usize,
}

impl Rows {
    /// Appends a word after this many blanks, which are left out at the end of a row.
    fn push_word(&mut self, word: &str, blanks: usize) {
        let width = pieces(word).map(|(_, width)| width).sum::<usize>();
        // A word that fits in no row is cut, wherever it begins.
        let fits_in_a_row = INDENT.len() + width <= self.columns;
        let needed = blanks + if fits_in_a_row { width } else { PIECE_MAX };
        if self.column + needed > self.columns {
            self.begin_row();
        } else {
            self.push(&" ".repeat(blanks), blanks);
        }
        for (piece, width) in pieces(word) {
            if self.column + width > self.columns {
                self.begin_row();
            }
            self.push(piece, width);
        }
    }

    fn begin_row(&mut self) {
        self.text.push('\n');
        self.column = 0;
        self.push(INDENT, INDENT.len());
    }

    fn push(&mut self, text: &str, width: usize) {
        self.text.push_str(text);
        self.column += width;
    }
}

/// The parts of a word that are not cut, and their widths: characters with their marks, and the sequences of colours.
fn pieces(word: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let is_color = rest.starts_with('\x1b');
        let end = match is_color {
            true => rest.find('m').map(|last| last + 1),
            false => rest.char_indices().skip(1).find(|(_, c)| c.width() != Some(0)).map(|(next, _)| next),
        };
        let (piece, tail) = rest.split_at(end.unwrap_or(rest.len()));
        rest = tail;
        let width = if is_color { 0 } else { piece.chars().map(columns_of).sum() };
        (!piece.is_empty()).then_some((piece, width))
    })
}

/// The most columns that a terminal gives to `c`. They differ: one draws an emoji or a vowel sign wider than another.
fn columns_of(c: char) -> usize {
    match c.general_category() {
        Control | Format | NonspacingMark => 0,
        _ if c.is_emoji_char() && !c.is_ascii() => 2,
        _ => c.width().unwrap_or(0).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn words_stay_whole_and_rows_are_indented() {
        for (line, rows) in [
            ("<ana> hola", "<ana> hola"),
            ("<ana> one two three", "<ana> one two three"),
            ("<ana> one two threes", "<ana> one two\n  threes"),
            ("<ana> one two three four five six seven", "<ana> one two three\n  four five six\n  seven"),
            ("<ana> x -- beto is gone: left", "<ana> x -- beto is\n  gone: left"),
            // A word that is longer than a row begins where it stands.
            ("<ana> 0123456789abcdefghijklmnopqrstuvw", "<ana> 0123456789abc\n  defghijklmnopqrst\n  uvw"),
            // The blanks at the end of a row are not shown, and do not indent the next row more.
            ("<ana> one two            three", "<ana> one two\n  three"),
            ("<ana> a           b", "<ana> a           b"),
            ("<ana> a            b", "<ana> a\n  b"),
            ("<ana> \tx {", "<ana>     x {"),
            ("-- :q      leave", "-- :q      leave"),
            ("", ""),
        ] {
            assert_eq!(wrap(line, 19), rows, "{line:?}");
        }
    }

    #[test]
    fn colors_take_no_columns_and_are_not_cut() {
        let line = "\x1b[2m12:30\x1b[0m <\x1b[31mana\x1b[0m> \x1b[1m\x1b[7mbeto\x1b[0m!\x07";
        assert_eq!(wrap(line, 17), line);
        assert_eq!(wrap(line, 16), "\x1b[2m12:30\x1b[0m <\x1b[31mana\x1b[0m>\n  \x1b[1m\x1b[7mbeto\x1b[0m!\x07");
    }

    /// Terminals do not agree on the width of some characters: the largest counts.
    #[test]
    fn no_terminal_gets_a_row_that_is_too_long() {
        for (cluster, columns) in [
            ("日", 2),
            ("❤\u{fe0f}", 2),
            ("1\u{fe0f}\u{20e3}", 2),
            ("👩\u{200d}", 2),
            ("🇦", 2),
            ("가\u{1161}", 3),
            ("e\u{301}", 1),
            ("ক\u{9be}", 2),
        ] {
            let row_max = 20;
            for row in wrap(&cluster.repeat(40), row_max).lines() {
                let count = row.matches(cluster).count();
                assert_eq!(row.trim_start(), cluster.repeat(count), "clusters stay whole");
                assert!(count * columns <= row_max, "{row:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn rows_are_indented_and_fit_and_nothing_is_lost(line in "[a-c日é❤\u{fe0f}\u{301} \t]{0,100}", columns in COLUMNS_MIN..60) {
            let wrapped = wrap(&line, columns);
            let bare = |text: &str| text.replace([' ', '\t', '\n'], "");
            prop_assert_eq!(bare(&wrapped), bare(&line));
            for (number, row) in wrapped.lines().enumerate() {
                prop_assert!(row.width() <= columns, "{row:?}");
                prop_assert!(number == 0 || (row.starts_with(INDENT) && !row[INDENT.len()..].starts_with(' ')), "{row:?}");
            }
        }
    }
}
