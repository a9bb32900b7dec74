//! Bytes as people read them: control bytes are printable, and the lines that our clients send have names.

use super::probe::{HEADER_LEN, OPENING_LEN, Probe, ProbeFinder, REPEATED_LEN};

/// Bytes made printable; long padding is shortened.
pub(crate) fn show(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => text += "\\n",
                '\r' => text += "\\r",
                c if c.is_control() => text += &format!("\\x{:02x}", c as u32),
                c => text.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| text += &format!("\\x{byte:02x}"));
    }
    for padding in ["x", "汉"] {
        let (long, short) = (padding.repeat(6), format!("{padding}...{padding}"));
        while let Some(at) = text.find(&long) {
            let rest = text[at..].trim_start_matches(padding).to_owned();
            text.truncate(at);
            text += &short;
            text += &rest;
        }
    }
    text
}

/// The same, with a name for each probe, in the order in which they appear: `LINE-A`, `LINE-B`. A probe of which only the
/// beginning is there is `LINE-A…`, and the end alone is `…LINE-A`.
pub(crate) fn show_lines(finder: &ProbeFinder, bytes: &[u8]) -> String {
    let mut names = Names::default();
    let (mut text, mut rest) = (String::new(), bytes);
    while let Some(at) = finder.find(rest) {
        text += &names.show_ends(&rest[..at]);
        let probe = &rest[at..];
        let (name, len) = match probe.get(..HEADER_LEN).and_then(Probe::of_header) {
            Some((found, len)) => {
                let there = found.intact_len(probe, len);
                let more = if there < len { "…" } else { "" };
                (format!("{}{more}", names.of(found.sender, found.seq)), there)
            }
            None if probe.len() < HEADER_LEN && probe.iter().all(u8::is_ascii_alphanumeric) => {
                ("LINE…".into(), probe.len())
            }
            None => ("LINE…".into(), OPENING_LEN),
        };
        text += &name;
        rest = &probe[len..];
    }
    text + &names.show_ends(rest)
}

/// The lines that have a name, by sender and number.
#[derive(Default)]
struct Names(Vec<(u16, u32)>);

impl Names {
    fn of(&mut self, sender: u16, seq: u32) -> String {
        let at = self.0.iter().position(|named| *named == (sender, seq)).unwrap_or_else(|| {
            self.0.push((sender, seq));
            self.0.len() - 1
        });
        match u8::try_from(at).ok().filter(|at| *at < 26) {
            Some(at) => format!("LINE-{}", char::from(b'A' + at)),
            None => format!("LINE-{}", at + 1),
        }
    }

    /// Shows bytes without the beginning of a probe. There may be the end of one.
    fn show_ends(&mut self, bytes: &[u8]) -> String {
        let (mut text, mut rest) = (String::new(), bytes);
        while let Some((at, sender, seq)) = first_end(rest) {
            let padding = rest[..at].iter().rev().take_while(|byte| **byte == b'x').count();
            text += &show(&rest[..at - padding]);
            text += &format!("…{}", self.of(sender, seq));
            rest = &rest[at + REPEATED_LEN + 1..];
        }
        text + &show(rest)
    }
}

/// Where the end of a probe begins behind its padding, and which one it is.
fn first_end(bytes: &[u8]) -> Option<(usize, u16, u32)> {
    let ends = bytes.windows(REPEATED_LEN + 1).enumerate();
    ends.filter_map(|(at, window)| Probe::of_end(window).map(|(sender, seq)| (at, sender, seq))).next()
}

#[cfg(test)]
mod tests {
    use super::super::probe::{Kind, Nonce};
    use super::*;

    const NONCE: Nonce = *b"abcd";

    fn line(sender: u16, seq: u32) -> Vec<u8> {
        let mut out = Vec::new();
        Probe { kind: Kind::Line, sender, seq }.write(NONCE, 60, &mut out);
        out
    }

    fn shown(bytes: &[u8]) -> String {
        show_lines(&ProbeFinder::new(NONCE), bytes)
    }

    #[test]
    fn lines_are_named_in_their_order_and_what_the_server_added_stays() {
        let [a, b] = [line(3, 0), line(4, 9)];
        let bytes = [b"<ana> ", &a[..], b"\n<beto> ", &b, b"\n<ana> ", &a, b" (twice)\r\n"].concat();
        assert_eq!(shown(&bytes), "<ana> LINE-A\\n<beto> LINE-B\\n<ana> LINE-A (twice)\\r\\n");
    }

    #[test]
    fn parts_of_lines_are_seen_to_be_parts_wherever_they_are_cut() {
        let [a, b] = [line(3, 0), line(4, 9)];
        for cut in HEADER_LEN..60 - REPEATED_LEN - 1 {
            let bytes = [b"<ana> ", &a[..cut], b"\n<beto> ", &b, b"\n<ana> ", &a[cut..], b"\n"].concat();
            assert_eq!(shown(&bytes), "<ana> LINE-A…\\n<beto> LINE-B\\n<ana> …LINE-A\\n", "{cut}");
        }
        assert_eq!(shown(&[b"<ana> ", &a[..10]].concat()), "<ana> LINE…");
        // Two lines into each other.
        assert_eq!(shown(&[&a[..30], &b[..]].concat()), "LINE-A…LINE-B");
    }

    #[test]
    fn other_bytes_are_printable() {
        assert_eq!(shown(b"-- hi\x1b[2J\xff\xc3\xb1xxxxxxxx"), "-- hi\\x1b[2J\\xff\u{f1}x...x");
    }
}
