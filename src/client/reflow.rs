//! Prepares a resized terminal for the editor.
//!
//! Most terminals rewrap what they show when they become wider or narrower. The editor does not know that. It clears as many
//! rows as its text took before, and so it clears lines above the text, or leaves some of its own.
//!
//! Limits: a terminal that does not rewrap, like xterm, gets the editor's text twice or too high. So does any terminal whose
//! widths for emoji are others than ours.

use unicode_width::UnicodeWidthChar;

/// The sequence that erases the rewrapped text, and moves the cursor to where the editor expects it: among empty rows, as
/// many as the text took `before`. Both widths are in columns; `cursor` is a position in `text`, in bytes.
pub(super) fn make_room(text: &str, cursor: usize, before: usize, now: usize) -> String {
    let (old_end, old_cursor) = (row_after(text, before), row_after(&text[..cursor], before));
    // The editor does nothing about a text that fits in one row before and after.
    if old_end == 0 && row_after(text, now) == 0 {
        return String::new();
    }
    // After a full row the editor writes a line end, which no terminal rewraps. A terminal stays in the full row.
    let line_end = if is_full(text, before) { "\n" } else { "" };
    let new_cursor = match cursor == text.len() {
        true => end_of(&format!("{text}{line_end}"), now).0,
        false => row_after(&text[..cursor], now),
    };
    format!("{}\r\x1b[J{}{}", up(new_cursor), "\n".repeat(old_end), up(old_end - old_cursor))
}

fn up(rows: usize) -> String {
    // Zero would mean one.
    if rows == 0 { String::new() } else { format!("\x1b[{rows}A") }
}

/// The row of the cursor after `text` is written from the left margin, as the editor counts.
fn row_after(text: &str, columns: usize) -> usize {
    let (row, column) = end_of(text, columns);
    row + usize::from(column == columns)
}

/// Whether the last row of `text` has no column left.
fn is_full(text: &str, columns: usize) -> bool {
    end_of(text, columns).1 == columns
}

/// The last row of `text`, and the columns that are taken in it.
fn end_of(text: &str, columns: usize) -> (usize, usize) {
    let (mut row, mut column) = (0, 0);
    for c in text.chars() {
        if c == '\n' {
            (row, column) = (row + 1, 0);
            continue;
        }
        let width = c.width().unwrap_or(0);
        column += width;
        if column > columns {
            (row, column) = (row + 1, width);
        }
    }
    (row, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_as_the_editor_counts() {
        for (text, row) in [
            ("", 0),
            ("123456789", 0),
            ("1234567890", 1),
            ("1234567890a", 1),
            ("123456789日", 1),
            ("日日日日日", 1),
            ("a\nb", 1),
        ] {
            assert_eq!(row_after(text, 10), row, "{text:?}");
        }
    }

    #[test]
    fn the_cursor_is_where_the_editor_expects_it() {
        let text = "> 0123456789";
        assert_eq!(make_room(text, text.len(), 8, 20), "\r\x1b[J\n", "wider: one row less to clear");
        assert_eq!(make_room(text, text.len(), 20, 8), "\x1b[1A\r\x1b[J", "narrower: one row more");
        assert_eq!(make_room(text, text.len(), 6, 5), "\x1b[3A\r\x1b[J\n\n", "the last row was full");
        assert_eq!(make_room(text, text.len(), 20, 6), "\x1b[1A\r\x1b[J", "the last row is full now");
        assert_eq!(make_room(text, 2, 8, 5), "\r\x1b[J\n\x1b[1A", "in the first row");
        assert_eq!(make_room(text, text.len(), 20, 30), "", "no rows to clear");
    }
}
