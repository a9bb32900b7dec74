//! What a server puts before a line: most often the sender's name, and sometimes a time or a counter.

use std::hash::{DefaultHasher, Hasher};

/// A prefix, reduced to two hashes, because one is kept for each pair of clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Prefix {
    /// All but the numbers, and the blanks that may fill them up.
    words: u64,
    /// The digits of all words that begin with a digit. Those of `guest12` belong to a name.
    numbers: u64,
}

impl Prefix {
    /// `None` if there is nothing before the line. That is not another name: some servers, such as ncat, put the name once
    /// before all lines that they read at once.
    pub(crate) fn of(bytes: &[u8]) -> Option<Prefix> {
        if bytes.is_empty() {
            return None;
        }
        let (mut words, mut numbers) = (DefaultHasher::new(), DefaultHasher::new());
        let mut before = b' ';
        let mut begins_with_digit = false;
        for &byte in bytes {
            if !is_of_a_word(before) {
                begins_with_digit = byte.is_ascii_digit();
            }
            if byte.is_ascii_digit() && begins_with_digit {
                // A number may get longer.
                if !before.is_ascii_digit() {
                    words.write_u8(b'0');
                    numbers.write_u8(b' ');
                }
                numbers.write_u8(byte);
            } else if byte != b' ' {
                words.write_u8(byte);
            }
            before = byte;
        }
        Some(Prefix { words: words.finish(), numbers: numbers.finish() })
    }
}

fn is_of_a_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// The prefixes of one sender's lines, as one receiver sees them.
#[derive(Clone, Default, Debug)]
pub(crate) struct Prefixes {
    last: Option<Prefix>,
    /// The numbers before they changed.
    numbers_before: Option<u64>,
}

impl Prefixes {
    /// Takes in some lines with the same prefix. Returns how many cannot be of the sender of the earlier ones. A number
    /// may change, but not back to what it was before: then it is neither a time nor a counter.
    pub(crate) fn take_in(&mut self, prefix: Option<Prefix>, lines: u32) -> u32 {
        let Some(prefix) = prefix else { return 0 };
        let last = *self.last.get_or_insert(prefix);
        if prefix == last {
            return 0;
        }
        if prefix.words != last.words {
            return lines;
        }
        let is_back = self.numbers_before == Some(prefix.numbers);
        self.numbers_before = (!is_back).then_some(last.numbers);
        self.last = Some(prefix);
        u32::from(is_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn admits(prefixes: &[&str]) -> Vec<bool> {
        let mut seen = Prefixes::default();
        prefixes.iter().map(|prefix| seen.take_in(Prefix::of(prefix.as_bytes()), 1) == 0).collect()
    }

    #[test]
    fn times_and_counters_may_change() {
        for prefixes in [
            ["", "", ""],
            ["<ana> ", "", "<ana> "],
            ["[9] <ana> ", "[10] <ana> ", "[11] <ana> "],
            ["[ 9] <ana> ", "[10] <ana> ", "[11] <ana> "],
            ["11:59:59 ana: ", "12:00:00 ana: ", "12:00:01 ana: "],
            ["23:59 <ana> ", "00:00 <ana> ", "00:01 <ana> "],
            ["2026-11-27T09:59:59Z guest12> ", "2026-11-27T10:00:00Z guest12> ", "2026-11-27T10:00:00Z guest12> "],
        ] {
            assert_eq!(admits(&prefixes), [true; 3], "{prefixes:?}");
        }
    }

    #[test]
    fn another_name_or_other_text_may_not_come() {
        for (prefixes, expected) in [
            (["<ana> ", "<eva> ", "<ana> "], [true, false, true]),
            (["<guest1> ", "<guest2> ", "<guest1> "], [true, false, true]),
            (["<ñu1> ", "<ñu2> ", "<ñu1> "], [true, false, true]),
            (["12:00 <ana> ", "12:01 <eva> ", "12:01 <ana> "], [true, false, true]),
            (["<ana> ", "@@ <ana> ", "@@"], [true, false, false]),
        ] {
            assert_eq!(admits(&prefixes), expected, "{prefixes:?}");
        }
        // That it was another's is known only when it changes back.
        assert_eq!(admits(&["<1> ", "<2> ", "<1> ", "<2> ", "<1> "]), [true, true, false, true, false]);
    }
}
