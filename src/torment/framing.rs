//! Lines in pieces, lines together, long lines.

use super::cause::Cause;
use super::crowd::Crowd;
use super::finding::{Blow, Outcome, doubt, fault};
use super::kernel;
use super::mark::{Kind, Mark};
use super::ring::{Ring, named};
use std::time::{Duration, Instant};

const TALKER: usize = 0;
const OTHER: usize = 1;
/// Only listens.
const READER: usize = 2;

pub fn split_line(ring: &mut Ring, crowd: &mut Crowd) -> Outcome {
    *crowd = ring.guests(3)?;
    match split(crowd)? {
        None => Ok(()),
        Some(seen) => Err(fault(&[Cause::FramingByRead], seen)),
    }
}

/// Half a line, a line of another's, the other half. What was heard instead of both lines, if they were not.
pub fn split(crowd: &mut Crowd) -> Result<Option<String>, Blow> {
    let mangled = crowd.members[READER].ear.mangled;
    let (mark, line) = crowd.members[TALKER].line(Kind::Word, 60);
    let (head, tail) = line.split_at(30);
    crowd.members[TALKER].push(head);
    // What half a line comes to must have come before the other half is sent.
    crowd.go_on(Duration::from_millis(60));
    let between = crowd.says(OTHER);
    if !crowd.hears(READER, between) && crowd.members[READER].ear.mangled == mangled {
        return Err(Blow::Silence("while one has said half a line, another's line is not heard".into()));
    }
    crowd.members[TALKER].push(tail);
    let patience = crowd.patience;
    crowd.wait(patience, |crowd| {
        let ear = &crowd.members[READER].ear;
        ear.word(mark).is_some() || ear.mangled > mangled
    });
    let ear = &crowd.members[READER].ear;
    if ear.word(mark).is_some() {
        return Ok(None);
    }
    Ok(Some(match &ear.first_mangled {
        Some(text) => format!("a line was sent in two pieces, and what came begins with \"{text}\""),
        None => "a line was sent in two pieces, and did not come".into(),
    }))
}

pub fn two_in_one(ring: &mut Ring, crowd: &mut Crowd) -> Outcome {
    *crowd = ring.guests(3)?;
    let single = crowd.says(TALKER);
    if !crowd.hears(READER, single) {
        return Err(Blow::Silence("a line is not heard".into()));
    }
    let prefix_len = crowd.members[READER].ear.word(single).map_or(0, |word| word.prefix_len);
    let (first, mut lines) = crowd.members[TALKER].line(Kind::Word, 60);
    let (second, more) = crowd.members[TALKER].line(Kind::Word, 60);
    lines.extend_from_slice(&more);
    crowd.members[TALKER].push(&lines);
    if let Some((_, mark)) = crowd.all_hear(&[READER], &[first, second]) {
        let which = if mark == first { "first" } else { "second" };
        return Err(fault(
            &[Cause::FramingByRead],
            format!("two lines were sent in one piece, and the {which} did not come"),
        ));
    }
    let ear = &crowd.members[READER].ear;
    let Some(word) = ear.word(second) else { return Ok(()) };
    if !word.on_its_own_line {
        let heard = ear.excerpt();
        return Err(fault(&[Cause::FramingByRead], format!("two lines were sent, and came as one: \"{heard}\"")));
    }
    if prefix_len > 0 && word.prefix_len == 0 {
        let heard = ear.excerpt();
        return Err(fault(
            &[Cause::FramingByRead],
            format!(
                "two lines were sent in one piece, and only the first came with what the server puts before a line: \"{heard}\""
            ),
        ));
    }
    Ok(())
}

pub fn byte_by_byte(ring: &mut Ring, crowd: &mut Crowd) -> Outcome {
    *crowd = ring.guests(3)?;
    let mangled = crowd.members[READER].ear.mangled;
    let (mark, line) = crowd.members[TALKER].line(Kind::Word, 40);
    for (at, byte) in line.iter().enumerate() {
        crowd.members[TALKER].push(&[*byte]);
        crowd.go_on(Duration::from_millis(3));
        if at == 15 {
            let between = crowd.says(OTHER);
            if !crowd.hears(READER, between) && crowd.members[READER].ear.mangled == mangled {
                return Err(Blow::Silence("while one types a line, another's line is not heard".into()));
            }
        }
    }
    if hears_in_turn(crowd, mark) {
        return Ok(());
    }
    let heard = crowd.members[READER].ear.excerpt();
    Err(fault(&[Cause::FramingByRead], format!("a line was sent byte by byte, and what came ends with \"{heard}\"")))
}

/// Waits for a line, until it is heard or one that is said after it: a server does not turn them round.
fn hears_in_turn(crowd: &mut Crowd, mark: Mark) -> bool {
    crowd.go_on(Duration::from_millis(40));
    let after = crowd.says(TALKER);
    let patience = crowd.patience;
    crowd.wait(patience, |crowd| {
        crowd.has_heard(READER, mark) || crowd.has_heard(READER, after) || !crowd.members[TALKER].is_open()
    });
    crowd.has_heard(READER, mark)
}

pub fn utf8_split(ring: &mut Ring, crowd: &mut Crowd) -> Outcome {
    *crowd = ring.guests(3)?;
    let whole = crowd.members[TALKER].say(Kind::Han, 60);
    if !crowd.hears(READER, whole) {
        if !crowd.members[TALKER].is_open() {
            return Err(fault(&[Cause::TrustsInput], "who says a line that is not ASCII is closed"));
        }
        let word = crowd.says(OTHER);
        if !crowd.hears(READER, word) {
            return Err(Blow::Silence("after a line that is not ASCII nobody is heard".into()));
        }
        return Err(Blow::Skip("it does not relay characters of several bytes even in one piece".into()));
    }
    let (mark, line) = crowd.members[TALKER].line(Kind::Han, 60);
    // Behind the header the padding is characters of three bytes: one byte of one, and the rest.
    let (head, tail) = line.split_at(super::mark::HEADER_LEN + 10);
    crowd.members[TALKER].push(head);
    crowd.go_on(Duration::from_millis(60));
    crowd.members[TALKER].push(tail);
    if hears_in_turn(crowd, mark) {
        return Ok(());
    }
    let seen = match &crowd.members[READER].ear.first_mangled {
        Some(text) => format!("a character was sent in two pieces, and what came is \"{text}\""),
        None if !crowd.members[TALKER].is_open() => "who sends a character in two pieces is closed".into(),
        None => "a line with a character sent in two pieces did not come".to_owned(),
    };
    let framing = split(crowd).ok().flatten().is_some();
    Err(fault(if framing { &[Cause::FramingByRead, Cause::DecodesPieces] } else { &[Cause::DecodesPieces] }, seen))
}

/// So many bytes of lines in one go: more than any server reads at a time.
const GULP: usize = 160 << 10;

pub fn gulp(ring: &mut Ring, crowd: &mut Crowd) -> Outcome {
    *crowd = ring.guests(3)?;
    let len = 79;
    let lines: Vec<_> = (0..GULP / (len + 1)).map(|_| crowd.members[TALKER].line(Kind::Flood, len)).collect();
    let mut all: Vec<u8> = lines.iter().flat_map(|(_, line)| line.iter().copied()).collect();
    let (last, line) = crowd.members[TALKER].line(Kind::Word, len);
    all.extend_from_slice(&line);
    ring.frozen(|_| crowd.members[TALKER].push(&all));
    let heard = |crowd: &Crowd| crowd.members[READER].ear.flood.len();
    let count = lines.len();
    let waited = wait_while_it_moves(crowd, |crowd| heard(crowd) >= count || crowd.has_heard(READER, last));
    let (before, mangled) = (heard(crowd), crowd.members[READER].ear.mangled);
    if before == count {
        return Ok(());
    }
    if mangled > 0 {
        let text = crowd.members[READER].ear.first_mangled.clone().unwrap_or_default();
        return Err(fault(
            &[Cause::FramingByRead, Cause::ShortWriteDropped],
            format!("{count} lines were sent in one piece, and some came cut: \"{text}\""),
        ));
    }
    if waited == Waited::Moving {
        return Err(too_slow(before, count));
    }
    let seen = format!("{count} lines were sent in one piece, and {} of them did not come", count - before);
    if let Some(left) = left_unread(ring, crowd, heard) {
        return Err(fault(&[Cause::OneReadPerEdge], format!("{seen}; {left}")));
    }
    Err(fault(&[Cause::Loses, Cause::FramingByRead, Cause::ShortWriteDropped, Cause::DroppedWhenFull], seen))
}

/// When nothing moves any more: whether the server has left something unread that it could read, in words.
pub fn left_unread(ring: &Ring, crowd: &mut Crowd, heard: impl Fn(&Crowd) -> usize) -> Option<String> {
    let unread = crowd.members.iter().filter_map(|client| kernel::unread(ring.addr, client.stream.local_addr().ok()?));
    let unread: u64 = unread.sum();
    if unread > 0 {
        return Some(format!("{unread} bytes lie in its sockets, and it does not read them"));
    }
    // Where the kernel does not tell: what was left comes with the next line of each.
    let before = heard(crowd);
    for who in 0..crowd.count() {
        crowd.says(who);
    }
    crowd.go_on(Duration::from_secs(1));
    let more = heard(crowd).saturating_sub(before);
    (more > 0).then(|| format!("{more} came when more was said"))
}

/// So many times as long as one is patient with a server that does nothing, if it does something all the time.
const PATIENT_WITH_WHO_MOVES: u32 = 4;

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waited {
    Done,
    /// Nothing has moved for as long as one is patient.
    Still,
    /// It is not done, and goes on.
    Moving,
}

/// Waits until it is done, or nothing has moved for as long as one is patient, or it goes on for ever.
pub fn wait_while_it_moves(crowd: &mut Crowd, mut done: impl FnMut(&Crowd) -> bool) -> Waited {
    let moved = |crowd: &Crowd| -> u64 { crowd.members.iter().map(|client| client.ear.total + client.written).sum() };
    let (begin, mut last, mut at) = (Instant::now(), moved(crowd), Instant::now());
    let patience = crowd.patience;
    loop {
        if crowd.wait(Duration::from_millis(50), &mut done) {
            return Waited::Done;
        }
        let now = moved(crowd);
        if now != last {
            (last, at) = (now, Instant::now());
        } else if at.elapsed() > patience || crowd.members.iter().all(|client| !client.is_open()) {
            return Waited::Still;
        }
        if begin.elapsed() > patience * PATIENT_WITH_WHO_MOVES {
            return Waited::Moving;
        }
    }
}

/// Who relays a few lines a second is not blamed for those that are still to come.
pub fn too_slow(came: usize, due: usize) -> Blow {
    Blow::Skip(format!("it relays too slowly: {came} of {due} lines came in the time; --time gives more"))
}

pub fn long_line(ring: &mut Ring, crowd: &mut Crowd) -> Outcome {
    *crowd = ring.guests(3)?;
    let mut longest = 0;
    for len in [500, 1000, 2000, 5000, 20_000] {
        let mangled = crowd.members[READER].ear.mangled;
        let mark = crowd.members[TALKER].say(Kind::Word, len);
        crowd.go_on(Duration::from_millis(40));
        let after = crowd.says(TALKER);
        let patience = crowd.patience;
        crowd.wait(patience, |crowd| crowd.has_heard(READER, after) || !crowd.members[TALKER].is_open());
        let word = crowd.says(OTHER);
        if !crowd.hears(READER, word) {
            return Err(Blow::Silence(format!("after a line of {len} bytes nobody is heard")));
        }
        if !crowd.members[TALKER].is_open() {
            ring.remark(format!("who says a line of {len} bytes is closed"));
            return Ok(());
        }
        let (whole, cut) = (crowd.has_heard(READER, mark), crowd.members[READER].ear.mangled > mangled);
        if whole {
            longest = len;
        }
        if cut {
            let text = crowd.members[READER].ear.first_mangled.clone().unwrap_or_default();
            // A server that cuts what is too long on purpose still knows what a line is.
            if split(crowd)?.is_some() {
                return Err(fault(
                    &[Cause::FramingByRead],
                    format!("a line of {len} bytes came in pieces, as it was read: \"{text}\""),
                ));
            }
            ring.remark(format!("a line of {len} bytes comes cut or in pieces"));
            return Ok(());
        }
        if !crowd.has_heard(READER, after) {
            return Err(doubt(
                &[Cause::Unknown],
                format!("who has said a line of {len} bytes is not heard any more, and not closed"),
            ));
        }
        if !whole {
            ring.remark(format!("a line of {longest} bytes is relayed, one of {len} is not"));
            return Ok(());
        }
    }
    Ok(())
}

/// Bytes without a line end. A program of its own grows with them from the first; one with a garbage collector takes what it
/// can get anyway, and it takes more to see that it takes without limit.
const ENDLESS: u64 = 64 << 20;
const ENDLESS_COLLECTED: u64 = 640 << 20;
/// A process that has so much when it has done nothing brings a runtime with a garbage collector. Bytes.
pub const RUNTIME: u64 = 20 << 20;

pub fn endless_line(ring: &mut Ring, crowd: &mut Crowd) -> Outcome {
    *crowd = ring.guests(3)?;
    let before = ring.usage().map(|usage| usage.memory);
    let collected = before > Some(RUNTIME);
    let goal = if collected { ENDLESS_COLLECTED } else { ENDLESS };
    let limit = ring.scaled(Duration::from_secs(if collected { 4 } else { 2 }));
    let piece = vec![b'a'; 64 << 10];
    let (begin, mut last_taken, mut moved_at) = (Instant::now(), 0, Instant::now());
    let mut half = None;
    while crowd.members[TALKER].is_open() && begin.elapsed() < limit {
        let talker = &mut crowd.members[TALKER];
        if talker.has_said_all() {
            talker.push(&piece);
        }
        let taken = talker.written;
        if taken > goal {
            break;
        }
        if taken > last_taken {
            (last_taken, moved_at) = (taken, Instant::now());
        } else if moved_at.elapsed() > Duration::from_millis(500) {
            break; // It does not read on: that is a limit, too.
        }
        if half.is_none() && taken > goal / 2 {
            half = ring.usage().map(|usage| (taken, usage.memory));
        }
        crowd.turn(Duration::from_millis(10));
    }
    crowd.go_on(Duration::from_millis(100));
    let taken = crowd.members[TALKER].written;
    if let (Some(before), Some(after)) = (before, ring.usage().map(|usage| usage.memory)) {
        let growth = after.saturating_sub(before);
        // What it still took in the second half, when what is only taken on credit is used up.
        let still_grows = match half {
            Some((at, then)) => after.saturating_sub(then) * 2 > taken.saturating_sub(at),
            None => !collected,
        };
        if growth > 8 << 20 && growth * 2 > taken && still_grows {
            return Err(fault(
                &[Cause::UnboundedLine],
                format!("{} MiB without a line end made its memory grow by {} MiB", taken >> 20, growth >> 20),
            ));
        }
    }
    let word = crowd.says(OTHER);
    if !crowd.hears(READER, word) {
        return Err(Blow::Silence(format!(
            "after {} KiB without a line end, another's line is not heard",
            taken >> 10
        )));
    }
    Ok(())
}

pub fn own_line(ring: &mut Ring, crowd: &mut Crowd) -> Outcome {
    *crowd = ring.guests(2)?;
    let mark = crowd.says(TALKER);
    if !crowd.hears(OTHER, mark) {
        return Err(Blow::Silence(format!("{} is not heard", named(mark))));
    }
    // It may be the last to get it.
    crowd.wait(Duration::from_millis(300), |crowd| crowd.has_heard(TALKER, mark));
    let (echoed, times) = (crowd.has_heard(TALKER, mark), crowd.members[OTHER].ear.times(mark));
    if times > 1 {
        return Err(fault(&[Cause::Duplicates], format!("one line came {times} times")));
    }
    match (ring.settings.echo, echoed) {
        (Some(false), true) => Err(fault(&[Cause::EchoesToSender], "who says a line hears it, too")),
        (Some(true), false) => Err(fault(&[Cause::Loses], "who says a line does not hear it, as --echo yes expects")),
        (None, true) => {
            ring.remark("a sender hears its own lines (--echo no calls that a fault)");
            Ok(())
        }
        _ => Ok(()),
    }
}
