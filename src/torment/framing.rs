//! Torments with lines in pieces, several lines in one piece, and long lines.

use super::arena::{Arena, COLLECTOR_MEMORY_MIN, too_slow};
use super::arrivals::Arrivals;
use super::cause::Cause;
use super::failure::{Failure, Outcome, doubt, fault};
use super::messages;
use super::messages::framing as words;
use crate::harness::{Crowd, Kind, Probe, Waited};
use crate::text::Bilingual;
use std::time::{Duration, Instant};

const TALKER: usize = 0;
const OTHER: usize = 1;
/// Sends nothing.
const READER: usize = 2;

pub(crate) fn split_line(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(3)?;
    match split(arena, crowd)? {
        None => Ok(()),
        Some(seen) => Err(fault(&[Cause::FramingByRead], seen)),
    }
}

/// Sends half a line, another client's line, and the other half. Returns what arrived instead, if not both lines did.
pub(crate) fn split(arena: &Arena, crowd: &mut Crowd) -> Result<Option<Bilingual>, Failure> {
    let mangled = crowd.members[READER].receiver.mangled;
    let (probe, line) = crowd.members[TALKER].line(Kind::Line, arena.len(60));
    let (head, tail) = line.split_at(crowd.members[TALKER].wrapping.before.len() + 30);
    crowd.members[TALKER].push(head);
    // The server must have read the first half before the second is sent.
    crowd.go_on(Duration::from_millis(60));
    let between = crowd.says(OTHER);
    if !crowd.hears(READER, between) && crowd.members[READER].receiver.mangled == mangled {
        return Err(Failure::Silence(words::HALF_A_LINE_BLOCKS));
    }
    crowd.members[TALKER].push(tail);
    let patience = crowd.patience;
    crowd.wait(patience, |crowd| {
        let receiver = &crowd.members[READER].receiver;
        receiver.arrival(probe).is_some() || receiver.mangled > mangled
    });
    let receiver = &crowd.members[READER].receiver;
    if receiver.arrival(probe).is_some() {
        return Ok(None);
    }
    Ok(Some(words::split(receiver.first_mangled.as_deref())))
}

pub(crate) fn two_in_one(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(3)?;
    let single = crowd.says(TALKER);
    if !crowd.hears(READER, single) {
        return Err(Failure::Silence(words::NO_LINE));
    }
    let prefix_len = crowd.members[READER].receiver.arrival(single).map_or(0, |word| word.prefix_len);
    let (first, mut lines) = crowd.members[TALKER].line(Kind::Line, arena.len(60));
    let (second, more) = crowd.members[TALKER].line(Kind::Line, arena.len(60));
    lines.extend_from_slice(&more);
    crowd.members[TALKER].push(&lines);
    if let Some((_, probe)) = crowd.all_hear(&[READER], &[first, second]) {
        return Err(fault(&[Cause::FramingByRead], words::one_of_two(probe == first)));
    }
    let receiver = &crowd.members[READER].receiver;
    let Some(word) = receiver.arrival(second) else { return Ok(()) };
    if !word.on_its_own_line {
        let heard = receiver.excerpt();
        return Err(fault(&[Cause::FramingByRead], words::two_as_one(&heard)));
    }
    if prefix_len > 0 && word.prefix_len == 0 {
        let heard = receiver.excerpt();
        return Err(fault(&[Cause::FramingByRead], words::second_without_prefix(&heard)));
    }
    Ok(())
}

pub(crate) fn byte_by_byte(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(3)?;
    let mangled = crowd.members[READER].receiver.mangled;
    let (probe, line) = crowd.members[TALKER].line(Kind::Line, 40);
    for (at, byte) in line.iter().enumerate() {
        crowd.members[TALKER].push(&[*byte]);
        crowd.go_on(Duration::from_millis(3));
        if at == 15 {
            let between = crowd.says(OTHER);
            if !crowd.hears(READER, between) && crowd.members[READER].receiver.mangled == mangled {
                return Err(Failure::Silence(words::BYTES_BLOCK));
            }
        }
    }
    if hears_in_turn(crowd, probe) {
        return Ok(());
    }
    let heard = crowd.members[READER].receiver.excerpt();
    Err(fault(&[Cause::FramingByRead], words::bytes_in_pieces(&heard)))
}

/// Waits until a line has arrived, or a later one of the same sender has.
fn hears_in_turn(crowd: &mut Crowd, probe: Probe) -> bool {
    crowd.go_on(Duration::from_millis(40));
    let after = crowd.says(TALKER);
    let patience = crowd.patience;
    crowd.wait(patience, |crowd| {
        crowd.has_heard(READER, probe) || crowd.has_heard(READER, after) || !crowd.members[TALKER].is_open()
    });
    crowd.has_heard(READER, probe)
}

pub(crate) fn utf8_split(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(3)?;
    let whole = crowd.members[TALKER].say(Kind::Han, arena.len(60));
    if !crowd.hears(READER, whole) {
        if !crowd.members[TALKER].is_open() {
            return Err(fault(&[Cause::TrustsInput], words::NOT_ASCII_CLOSES));
        }
        let word = crowd.says(OTHER);
        if !crowd.hears(READER, word) {
            return Err(Failure::Silence(words::NOT_ASCII_SILENCES));
        }
        return Err(Failure::Skip(words::NOT_ASCII_IS_NOT_RELAYED));
    }
    let (probe, line) = crowd.members[TALKER].line(Kind::Han, arena.len(60));
    // The padding is characters of three bytes. The cut is after one character and one byte of the next.
    let begin = crowd.members[TALKER].wrapping.before.len();
    let (head, tail) = line.split_at(begin + crate::harness::probe::HEADER_LEN + 4);
    crowd.members[TALKER].push(head);
    crowd.go_on(Duration::from_millis(60));
    crowd.members[TALKER].push(tail);
    if hears_in_turn(crowd, probe) {
        return Ok(());
    }
    let seen = match &crowd.members[READER].receiver.first_mangled {
        None if !crowd.members[TALKER].is_open() => words::SPLIT_CHARACTER_CLOSES,
        instead => words::split_character(instead.as_deref()),
    };
    let framing = split(arena, crowd).ok().flatten().is_some();
    Err(fault(if framing { &[Cause::FramingByRead, Cause::DecodesPieces] } else { &[Cause::DecodesPieces] }, seen))
}

/// Bytes that are sent in one piece: more than any server reads at once.
const GULP: usize = 160 << 10;

pub(crate) fn gulp(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(3)?;
    let len = arena.len(79);
    let lines: Vec<_> = (0..GULP / (len + 1)).map(|_| crowd.members[TALKER].line(Kind::Flood, len)).collect();
    let mut all: Vec<u8> = lines.iter().flat_map(|(_, line)| line.iter().copied()).collect();
    let (last, line) = crowd.members[TALKER].line(Kind::Line, len);
    all.extend_from_slice(&line);
    arena.frozen(|_| crowd.members[TALKER].push(&all));
    let heard = |crowd: &Crowd| crowd.members[READER].receiver.flood.len();
    let count = lines.len();
    let waited = crowd.wait_while_it_moves(|crowd| heard(crowd) >= count || crowd.has_heard(READER, last));
    let (before, mangled) = (heard(crowd), crowd.members[READER].receiver.mangled);
    let double = Arrivals::of(&crowd.members[READER].receiver.flood).double;
    if double > 0 {
        return Err(fault(&[Cause::Duplicates], messages::floods::twice(double, count)));
    }
    if before == count {
        return Ok(());
    }
    if mangled > 0 {
        let text = crowd.members[READER].receiver.first_mangled.clone().unwrap_or_default();
        return Err(fault(&[Cause::FramingByRead, Cause::ShortWriteDropped], words::gulp_damaged(count, &text)));
    }
    if waited == Waited::Moving {
        return Err(too_slow(before, count));
    }
    let seen = words::gulp_lost(count - before, count);
    if let Some(left) = arena.left_unread(crowd, heard) {
        return Err(fault(arena.why_unread(), messages::both(&seen, &left)));
    }
    Err(fault(&[Cause::Loses, Cause::FramingByRead, Cause::ShortWriteDropped, Cause::DroppedWhenFull], seen))
}

pub(crate) fn long_line(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(3)?;
    let mut longest = 0;
    for len in [500, 1000, 2000, 5000, 20_000] {
        let mangled = crowd.members[READER].receiver.mangled;
        let probe = crowd.members[TALKER].say(Kind::Line, len);
        crowd.go_on(Duration::from_millis(40));
        let after = crowd.says(TALKER);
        let patience = crowd.patience;
        crowd.wait(patience, |crowd| crowd.has_heard(READER, after) || !crowd.members[TALKER].is_open());
        let word = crowd.says(OTHER);
        if !crowd.hears(READER, word) {
            return Err(Failure::Silence(words::long_line_silences(len)));
        }
        if !crowd.members[TALKER].is_open() {
            arena.remark(words::long_line_closes(len));
            return Ok(());
        }
        let (whole, cut) = (crowd.has_heard(READER, probe), crowd.members[READER].receiver.mangled > mangled);
        if whole {
            longest = len;
        }
        if cut {
            let text = crowd.members[READER].receiver.first_mangled.clone().unwrap_or_default();
            // A server that cuts long lines on purpose still frames short ones.
            if split(arena, crowd)?.is_some() {
                return Err(fault(&[Cause::FramingByRead], words::long_line_in_reads(len, &text)));
            }
            arena.remark(words::long_line_cut(len));
            return Ok(());
        }
        if !crowd.has_heard(READER, after) {
            return Err(doubt(&[Cause::Unknown, Cause::OneReadPerEdge], words::long_line_mutes(len)));
        }
        if !whole {
            arena.remark(words::longest_line(longest, len));
            return Ok(());
        }
    }
    Ok(())
}

/// The number of bytes without a line end. A process with a garbage collector takes memory anyway, so more bytes are
/// needed to see whether it grows without limit.
const ENDLESS: u64 = 64 << 20;
const ENDLESS_COLLECTED: u64 = 640 << 20;
/// A line of this length that is relayed whole was collected. A virtual machine may have had the memory before. Bytes.
const COLLECTED: u64 = 8 << 20;

pub(crate) fn endless_line(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(3)?;
    let before = arena.memory();
    let collected = before > Some(COLLECTOR_MEMORY_MIN);
    let goal = if collected { ENDLESS_COLLECTED } else { ENDLESS };
    let limit = arena.scaled(Duration::from_secs(if collected { 4 } else { 2 }));
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
            break; // It has stopped reading: that is a limit, too.
        }
        if half.is_none() && taken > goal / 2 {
            half = arena.memory().map(|memory| (taken, memory));
        }
        crowd.turn(Duration::from_millis(10));
    }
    crowd.go_on(Duration::from_millis(100));
    let taken = crowd.members[TALKER].written;
    if let (Some(before), Some(after)) = (before, arena.memory()) {
        let growth = after.saturating_sub(before);
        // The growth in the second half, when memory that was reserved before is used up.
        let still_grows = match half {
            Some((at, then)) => after.saturating_sub(then) * 2 > taken.saturating_sub(at),
            None => !collected,
        };
        if growth > 8 << 20 && growth * 2 > taken && still_grows {
            return Err(fault(&[Cause::UnboundedLine], words::endless_line_kept(taken, growth)));
        }
    }
    if taken > COLLECTED && is_relayed_whole(crowd, taken, arena.settings.eol.bytes()) {
        return Err(fault(&[Cause::UnboundedLine], words::endless_line_relayed(taken)));
    }
    let word = crowd.says(OTHER);
    if !crowd.hears(READER, word) {
        return Err(Failure::Silence(words::endless_line_silences(taken)));
    }
    Ok(())
}

/// Ends the endless line. Whether most of its bytes come to the reader only then.
fn is_relayed_whole(crowd: &mut Crowd, taken: u64, eol: &[u8]) -> bool {
    let got = |crowd: &Crowd| crowd.members[READER].receiver.total;
    let before = got(crowd);
    if before > taken / 4 || !crowd.members[TALKER].is_open() {
        return false;
    }
    crowd.members[TALKER].push(eol);
    let after = crowd.says(TALKER);
    crowd.wait_while_it_moves(|crowd| {
        crowd.has_heard(READER, after) || [TALKER, READER].iter().any(|&who| !crowd.members[who].is_open())
    });
    got(crowd) - before > taken / 2
}

pub(crate) fn own_line(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(2)?;
    let probe = crowd.says(TALKER);
    if !crowd.hears(OTHER, probe) {
        return Err(Failure::Silence(messages::line_missing(probe)));
    }
    // The echo may come after the others' copies.
    crowd.wait(Duration::from_millis(300), |crowd| crowd.has_heard(TALKER, probe));
    let (echoed, times) = (crowd.has_heard(TALKER, probe), crowd.members[OTHER].receiver.times(probe));
    if times > 1 {
        return Err(fault(&[Cause::Duplicates], words::arrived_often(times)));
    }
    match (arena.settings.echo, echoed) {
        (Some(false), true) => Err(fault(&[Cause::EchoesToSender], words::ECHOES)),
        (Some(true), false) => Err(fault(&[Cause::Loses], words::ECHOES_NOT)),
        (None, true) => {
            arena.remark(words::ECHOES_AND_MAY);
            Ok(())
        }
        _ => Ok(()),
    }
}
