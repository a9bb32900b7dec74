//! A torment with clients that talk in turn: each line bears its sender's name, and nothing of another line.

use super::arena::Arena;
use super::cause::Cause::*;
use super::entry::Torment;
use super::failure::{Outcome, fault};
use super::messages::framing as words;
use crate::harness::excerpt::show;
use crate::harness::probe::LEN_MIN;
use crate::harness::receiver::RecordedLine;
use crate::harness::{Crowd, Kind, Probe, SHORT_LEN};
use crate::text::Bilingual;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

pub(crate) const NAMES: Torment = Torment::new(
    "names",
    Bilingual::new(
        "Clients send long and short lines in turn, one at a time.",
        "Unos clientes envían por turnos líneas largas y cortas, de una en una.",
    ),
    Bilingual::new(
        "All lines arrive, what the server puts before the lines of a client stays the same, and no line contains a part \
         of another.",
        "Llegan todas las líneas, lo que el servidor pone delante de las de un cliente no cambia, y ninguna contiene parte \
         de otra.",
    ),
    &[TrustsInput],
    &[Unknown],
    names,
)
.of_floods();

const READER: usize = 0;
/// Enough to meet a mistake in one of twenty lines for certain.
const LINES: usize = 240;
/// With fewer lines of each client no name can be learned.
const LINES_MIN: usize = 12;
const TALKING_MAX: Duration = Duration::from_millis(1200);
/// How long the rest of the last line may take.
const LAST_END: Duration = Duration::from_millis(100);
/// Length of the long lines. Bytes.
const LONG_LEN: usize = 160;
/// A name stands in at least this part of its client's lines, and in at most the rest of the others' lines.
const NAMED_SHARE: f64 = 0.85;
/// More padding than a hello has, which may be a name. Bytes.
const REST_LEN: usize = SHORT_LEN - LEN_MIN + 1;

fn names(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(4)?;
    let speakers = crowd.count() - 1;
    crowd.members[READER].receiver.begin_record();
    let (begin, limit) = (Instant::now(), arena.scaled(TALKING_MAX));
    let mut last = None;
    for line in 0..LINES {
        let len = if line % 2 == 0 { LONG_LEN.min(arena.baseline.line_len) } else { SHORT_LEN };
        let probe = crowd.members[1 + line % speakers].say(Kind::Line, len);
        if begin.elapsed() > limit {
            break;
        }
        if !crowd.hears(READER, probe) {
            lost_in_calm(crowd, probe, line)?;
            break;
        }
        last = Some(probe);
    }
    crowd.wait(LAST_END, |_| false);
    let lines = crowd.members[READER].receiver.end_record();
    if last.is_none() {
        return Ok(());
    }
    if let Some(rest) = lines.iter().find_map(rest_of_another) {
        return Err(fault(&[StaleBuffer], words::stale_rest(&rest)));
    }
    let named = crowd.members[1..].iter().map(|client| Named::new(client.number(), &lines));
    match named.filter_map(|named| named.wrong()).max_by_key(|(wrong, _)| *wrong) {
        Some((_, seen)) => Err(fault(&[WrongName], seen)),
        None => Ok(()),
    }
}

/// Whether a line is lost although no other is under way, and its sender is heard again. What else keeps a line from
/// arriving is left to other torments.
fn lost_in_calm(crowd: &mut Crowd, lost: Probe, heard: usize) -> Outcome {
    let Some(sender) = crowd.members.iter().position(|client| client.number() == lost.sender) else { return Ok(()) };
    let next = crowd.says(sender);
    match crowd.hears(READER, next) && !crowd.has_heard(READER, lost) {
        true => Err(fault(&[Loses], words::lost_in_calm(heard))),
        false => Ok(()),
    }
}

/// The end of another line in a recorded one, if there is one: behind its probe, or alone.
fn rest_of_another(line: &RecordedLine) -> Option<String> {
    let text = if line.probe.is_some() { &line.behind } else { &line.before };
    let is_padding = |bytes: &[u8]| bytes.iter().all(|byte| *byte == b'x');
    let mut paddings = text.windows(REST_LEN).enumerate().filter(|(_, window)| is_padding(window));
    let (at, _) = paddings.next()?;
    (line.probe.is_some() || at == 0).then(|| show(text))
}

/// What stood before the lines of one client, and the words in it that are its name.
struct Named<'a> {
    before: Vec<&'a [u8]>,
    name: BTreeSet<&'a [u8]>,
}

impl<'a> Named<'a> {
    fn new(number: u16, lines: &'a [RecordedLine]) -> Named<'a> {
        let said = |is_its: bool| {
            let lines = lines.iter().filter_map(|line| Some((line.probe?.sender, &line.before[..])));
            lines.filter(move |(sender, _)| (*sender == number) == is_its).map(|(_, before)| before)
        };
        let (before, others): (Vec<_>, Vec<_>) = (said(true).collect(), said(false).collect());
        let share = |word: &[u8], of: &[&[u8]]| {
            of.iter().filter(|before| words_of(before).any(|one| one == word)).count() as f64 / of.len().max(1) as f64
        };
        let all: BTreeSet<&[u8]> = before.iter().flat_map(|before| words_of(before)).collect();
        let is_name = |word: &&[u8]| share(word, &before) >= NAMED_SHARE && share(word, &others) <= 1.0 - NAMED_SHARE;
        let name = all.into_iter().filter(is_name).collect();
        Named { before, name }
    }

    /// How many of its lines lack its name, and what was seen.
    fn wrong(&self) -> Option<(usize, Bilingual)> {
        if self.before.len() < LINES_MIN {
            return None;
        }
        // The first word of the name that is missing somewhere.
        self.name.iter().find_map(|name| {
            let lacking = || self.before.iter().filter(|before| words_of(before).all(|word| word != *name));
            let one = lacking().next()?;
            let count = lacking().count();
            Some((count, words::wrong_name(&show(name), count, self.before.len(), &show(one))))
        })
    }
}

/// The words of a text. A time, a counter or a colour is one or more words of its own.
fn words_of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_of_a_word = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"_-".contains(byte);
    text.split(move |byte| !is_of_a_word(byte)).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of two clients in turn; `before` tells what stands before a line of a client.
    fn lines(before: impl Fn(usize, u16) -> String) -> Vec<RecordedLine> {
        let line = |nth: usize| {
            let sender = nth as u16 % 2;
            let probe = Some(Probe { kind: Kind::Line, sender, seq: nth as u32 });
            RecordedLine { before: before(nth, sender).into_bytes(), probe, behind: Vec::new() }
        };
        (0..80).map(line).collect()
    }

    fn wrong(before: impl Fn(usize, u16) -> String) -> usize {
        let lines = lines(before);
        (0..2).filter_map(|number| Named::new(number, &lines).wrong()).map(|(count, _)| count).sum()
    }

    #[test]
    fn a_name_that_is_missing_or_wrong_is_seen_and_times_counters_and_colours_are_not_names() {
        assert_eq!(wrong(|nth, sender| format!("12:0{} \x1b[3{}m<guest{sender}>\x1b[0m ", nth / 9, nth % 7)), 0);
        assert_eq!(wrong(|nth, _| format!("#{nth} ")), 0);
        assert_eq!(wrong(|_, _| String::new()), 0);
        assert_eq!(wrong(|nth, sender| format!("{nth} guest{sender}> ")), 0);
        assert_eq!(wrong(|nth, sender| if nth % 20 == 3 { String::new() } else { format!("<guest{sender}> ") }), 4);
        assert_eq!(wrong(|nth, sender| format!("<guest{}> ", if nth % 20 == 3 { 7 } else { sender })), 4);
    }
}
