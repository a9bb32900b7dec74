//! The receiver: the bytes that a client has received, and the probes found in them.
//!
//! The stream is not split into lines first: a server may relay bytes as it reads them, and such damage must be
//! recognized. The load generator splits lines, because it compares most of them whole and must be fast.

use super::excerpt::{show, show_lines};
use super::probe::{HEADER_LEN, Kind, Nonce, OPENING_LEN, Probe, ProbeFinder};
use memchr::{memchr, memmem, memrchr};
use std::collections::{HashMap, HashSet};
use std::time::Instant;

/// A probe that arrived intact.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub probe: Probe,
    pub at: Instant,
    /// Bytes before it on its line: what the server puts there.
    pub prefix_len: usize,
    /// There was a line end between the previous probe and this one.
    pub on_its_own_line: bool,
}

/// A line of a record: see [`Receiver::end_record`].
pub struct RecordedLine {
    pub before: Vec<u8>,
    pub probe: Option<Probe>,
    pub behind: Vec<u8>,
}

pub struct Receiver {
    finder: ProbeFinder,
    /// Bytes that may be the beginning of a probe.
    pending: Vec<u8>,
    /// Bytes since the last LF that are no longer pending.
    prefix_len: usize,
    /// An LF has come since the last probe.
    fresh_line: bool,
    /// Bytes received so far.
    pub total: u64,
    pub last_byte: Option<Instant>,
    /// Probes that arrived intact, without those of a flood.
    pub arrivals: Vec<Arrival>,
    /// Where each of them came last in `arrivals`, and how often it came.
    index: HashMap<Probe, (usize, usize)>,
    /// Who sent them.
    senders: HashSet<u16>,
    /// Senders and numbers of a flood's probes, in the order of arrival.
    pub flood: Vec<(u16, u32)>,
    /// Probes that arrived damaged.
    pub mangled: usize,
    /// What the first of them looked like.
    pub first_mangled: Option<String>,
    /// The end of the stream, to be shown.
    tail: Vec<u8>,
    /// A text that is watched for, and whether it has arrived.
    watched: Option<(&'static [u8], bool)>,
    /// All bytes since [`Receiver::begin_record`].
    record: Option<Vec<u8>>,
}

/// How much of the stream's end is kept. Bytes.
const TAIL: usize = 256;

impl Receiver {
    pub fn new(nonce: Nonce) -> Receiver {
        Receiver {
            finder: ProbeFinder::new(nonce),
            pending: Vec::new(),
            prefix_len: 0,
            fresh_line: true,
            total: 0,
            last_byte: None,
            arrivals: Vec::new(),
            index: HashMap::new(),
            senders: HashSet::new(),
            flood: Vec::new(),
            mangled: 0,
            first_mangled: None,
            tail: Vec::new(),
            watched: None,
            record: None,
        }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        let now = Instant::now();
        self.total += bytes.len() as u64;
        self.last_byte = Some(now);
        if let Some((text, came)) = &mut self.watched {
            // It may come in two pieces.
            let len = text.len() - 1;
            let edge = [&self.tail[self.tail.len().saturating_sub(len)..], &bytes[..bytes.len().min(len)]].concat();
            *came |= [bytes, &edge].iter().any(|bytes| memmem::find(bytes, text).is_some());
        }
        if let Some(record) = &mut self.record {
            record.extend_from_slice(bytes);
        }
        self.keep_tail(bytes);
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            let Some(found) = self.finder.find(&pending[at..]) else {
                // The opening may have arrived in part.
                let keep = pending.len().saturating_sub(OPENING_LEN - 1).max(at);
                self.pass(&pending[at..keep]);
                at = keep;
                break;
            };
            self.pass(&pending[at..at + found]);
            at += found;
            let text = &pending[at..];
            if text.len() < HEADER_LEN {
                break;
            }
            match Probe::of_header(text) {
                Some((probe, len)) if probe.is_intact(&text[..len.min(text.len())], len) => {
                    if text.len() < len {
                        break;
                    }
                    self.note(probe, now, len);
                    at += len;
                }
                _ => {
                    // A name that is cut is not damage.
                    if !Probe::may_be_a_name(text) {
                        self.mangled += 1;
                        if self.first_mangled.is_none() {
                            self.first_mangled = Some(show_lines(&self.finder, &text[..text.len().min(EXCERPT)]));
                        }
                    }
                    self.pass(&text[..OPENING_LEN]);
                    at += OPENING_LEN;
                }
            }
        }
        pending.drain(..at);
        self.pending = pending;
    }

    /// Passes over bytes that are not a probe.
    fn pass(&mut self, bytes: &[u8]) {
        match memrchr(b'\n', bytes) {
            Some(at) => {
                self.fresh_line = true;
                self.prefix_len = bytes.len() - at - 1;
            }
            None => self.prefix_len += bytes.len(),
        }
    }

    fn note(&mut self, probe: Probe, at: Instant, len: usize) {
        let arrival = Arrival { probe, at, prefix_len: self.prefix_len, on_its_own_line: self.fresh_line };
        if probe.kind == Kind::Hello {
            // It may be a name before a line, and so a part of the line's prefix.
            self.prefix_len += len;
            self.keep(arrival);
            return;
        }
        self.prefix_len = 0;
        self.fresh_line = false;
        match probe.kind {
            Kind::Flood => self.flood.push((probe.sender, probe.seq)),
            _ => self.keep(arrival),
        }
    }

    fn keep(&mut self, arrival: Arrival) {
        let entry = self.index.entry(arrival.probe).or_default();
        *entry = (self.arrivals.len(), entry.1 + 1);
        self.senders.insert(arrival.probe.sender);
        self.arrivals.push(arrival);
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL)..]);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
    }

    pub fn arrival(&self, probe: Probe) -> Option<&Arrival> {
        self.index.get(&probe).map(|&(last, _)| &self.arrivals[last])
    }

    pub fn times(&self, probe: Probe) -> usize {
        self.index.get(&probe).map_or(0, |&(_, times)| times)
    }

    /// Whether any probe of this sender has arrived.
    pub fn knows(&self, sender: u16) -> bool {
        self.senders.contains(&sender)
    }

    /// Watches from now on for a text, which is not empty and at most 256 bytes long.
    pub fn watch_for(&mut self, text: &'static [u8]) {
        self.watched = Some((text, false));
    }

    /// Whether the text that is watched for has come.
    pub fn has_seen_it(&self) -> bool {
        self.watched.is_some_and(|(_, came)| came)
    }

    /// Keeps all bytes from now on.
    pub fn begin_record(&mut self) {
        self.record = Some(Vec::new());
    }

    /// The lines that were kept, each as the text before its last probe, that probe, and the text behind it. A line
    /// without a probe has all its text in front; a hello is no probe here, but text, because it may be a name.
    pub fn end_record(&mut self) -> Vec<RecordedLine> {
        let record = self.record.take().unwrap_or_default();
        let whole = record.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
        whole.map(|line| self.recorded(&line[..line.len() - 1])).collect()
    }

    fn recorded(&self, line: &[u8]) -> RecordedLine {
        let mut recorded = RecordedLine { before: line.to_vec(), probe: None, behind: Vec::new() };
        let mut at = 0;
        while let Some(found) = self.finder.find(&line[at..]) {
            let (begin, text) = (at + found, &line[at + found..]);
            at = begin + OPENING_LEN;
            if let Some((probe, len)) = text.get(..HEADER_LEN).and_then(Probe::of_header)
                && len <= text.len()
                && probe.is_intact(&text[..len], len)
                && probe.kind != Kind::Hello
            {
                (recorded.before, recorded.behind) = (line[..begin].to_vec(), text[len..].to_vec());
                recorded.probe = Some(probe);
                at = begin + len;
            }
        }
        recorded
    }

    /// What stood on its line before the last probe, if that has come just now.
    pub fn last_prefix(&self) -> Option<String> {
        let mut lines = self.tail.split(|&byte| byte == b'\n').rev();
        lines.find_map(|line| Some(show(&line[..self.finder.find_last(line)?])))
    }

    /// The end of the stream in a readable form.
    pub fn excerpt(&self) -> String {
        let begin = self.tail.len().saturating_sub(EXCERPT);
        let tail = &self.tail[begin..];
        // Leave out the rest of a line that was cut, if whole lines follow.
        let cut = memchr(b'\n', tail).filter(|at| at + 1 < tail.len()).map_or(0, |at| at + 1);
        show_lines(&self.finder, if begin > 0 { &tail[cut..] } else { tail })
    }

    /// Forgets the probes of a flood that have arrived.
    pub fn forget_flood(&mut self) {
        self.flood.clear();
    }
}

/// How much of a text is shown. Bytes.
const EXCERPT: usize = 120;

#[cfg(test)]
mod tests {
    use super::super::probe::LEN_MIN;
    use super::*;

    const NONCE: Nonce = *b"abcd";

    fn probe(kind: Kind, seq: u32) -> Probe {
        Probe { kind, sender: 7, seq }
    }

    fn text(kind: Kind, seq: u32, len: usize) -> Vec<u8> {
        let mut out = Vec::new();
        probe(kind, seq).write(NONCE, len, &mut out);
        out
    }

    #[test]
    fn a_probe_is_found_whatever_surrounds_it_and_wherever_the_stream_is_cut() {
        let words = [text(Kind::Line, 0, LEN_MIN), text(Kind::Han, 1, 64), text(Kind::Flood, 2, 300)];
        let stream = [b"hi\n<a> ", &words[0][..], b" (7)\r\nqzab ", &words[1], b"\n", &words[2], b"\n"].concat();
        for cut in 0..stream.len() {
            let mut receiver = Receiver::new(NONCE);
            receiver.feed(&stream[..cut]);
            receiver.feed(&stream[cut..]);
            let found: Vec<_> = receiver.arrivals.iter().map(|w| (w.probe, w.prefix_len, w.on_its_own_line)).collect();
            assert_eq!(found, [(probe(Kind::Line, 0), 4, true), (probe(Kind::Han, 1), 5, true)], "{cut}");
            assert_eq!((receiver.flood.as_slice(), receiver.mangled), (&[(7, 2)][..], 0), "{cut}");
        }
    }

    #[test]
    fn a_probe_that_is_cut_or_changed_is_mangled() {
        let whole = text(Kind::Line, 3, 60);
        for at in OPENING_LEN + 1..60 {
            let mut receiver = Receiver::new(NONCE);
            receiver.feed(&[&whole[..at], b"\n<b> ", &whole[at..], b"\n"].concat());
            assert_eq!((receiver.arrivals.len(), receiver.mangled), (0, 1), "{at}");
        }
    }

    #[test]
    fn probes_on_one_line_and_hellos_used_as_names_are_distinguished() {
        let mut receiver = Receiver::new(NONCE);
        receiver.feed(&[&text(Kind::Line, 0, LEN_MIN)[..], &text(Kind::Line, 1, LEN_MIN)].concat());
        assert_eq!(receiver.arrivals.iter().map(|w| w.on_its_own_line).collect::<Vec<_>>(), [true, false]);
        let mut receiver = Receiver::new(NONCE);
        receiver.feed(&[&text(Kind::Hello, 0, LEN_MIN)[..], b": ", &text(Kind::Line, 1, LEN_MIN), b"\n"].concat());
        let word = receiver.arrivals[1];
        assert!(word.on_its_own_line && word.prefix_len == LEN_MIN + 2);
    }

    #[test]
    fn a_hello_that_is_cut_and_used_as_a_name_is_no_damage() {
        let hello = text(Kind::Hello, 0, LEN_MIN);
        for cut in 1..=LEN_MIN {
            let mut receiver = Receiver::new(NONCE);
            receiver
                .feed(&[&hello[..cut], b" is here\n<", &hello[..cut], b"> ", &text(Kind::Line, 1, 60), b"\n"].concat());
            assert_eq!(receiver.mangled, 0, "{cut}");
            let line = receiver.arrival(probe(Kind::Line, 1)).expect("it is whole");
            assert!(line.on_its_own_line && line.prefix_len == cut + 3, "{cut}");
        }
    }

    #[test]
    fn what_stands_before_the_last_probe_is_its_prefix() {
        let mut receiver = Receiver::new(NONCE);
        assert_eq!(receiver.last_prefix(), None);
        receiver.feed(&[b"<ana> ", &text(Kind::Line, 0, LEN_MIN)[..], b"\n12:00 beto: "].concat());
        receiver.feed(&[&text(Kind::Line, 1, LEN_MIN)[..], b"\n-- cleo left\n"].concat());
        assert_eq!(receiver.last_prefix().as_deref(), Some("12:00 beto: "));
        receiver.feed(&[b"<qzabcdh00> ", &text(Kind::Line, 2, LEN_MIN)[..], b"\n"].concat());
        assert_eq!(receiver.last_prefix().as_deref(), Some("<qzabcdh00> "));
    }

    #[test]
    fn a_text_that_is_watched_for_is_seen_wherever_the_stream_is_cut() {
        let stream = b"welcome, :q leaves\n";
        for cut in 0..stream.len() {
            let mut receiver = Receiver::new(NONCE);
            receiver.watch_for(b":q leaves");
            receiver.feed(&stream[..cut]);
            receiver.feed(&stream[cut..]);
            assert!(receiver.has_seen_it(), "{cut}");
        }
    }
}
