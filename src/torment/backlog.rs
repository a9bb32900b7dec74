//! A torment with a client that is behind for a moment, by a little more than the kernel's buffers hold.

use super::arena::Arena;
use super::cause::Cause::*;
use super::entry::Torment;
use super::failure::{Outcome, fault};
use super::messages;
use super::messages::floods as words;
use crate::harness::{Crowd, Flood, Reading, proc};
use crate::text::Bilingual;
use std::time::Duration;

pub(crate) const BACKLOG: Torment = Torment::new(
    "backlog",
    Bilingual::new(
        "A client stops reading until a little more waits for it than the kernel holds; then it reads all, while nobody \
         sends anything.",
        "Un cliente deja de leer hasta que le espera un poco más de lo que guarda el kernel; después lo lee todo, sin que \
         nadie envíe nada.",
    ),
    Bilingual::new(
        "It gets all that waits, and then the server sleeps.",
        "Recibe todo lo que le espera, y después el servidor duerme.",
    ),
    &[WouldBlockIsAnError],
    &[BlockingWrite],
    backlog,
)
.of_floods();

const TALKER: usize = 0;
const OTHER: usize = 1;
/// Segments and a receive buffer with which the kernel holds less than a MiB. Bytes.
const SEGMENT: u32 = 1400;
const NARROW: usize = 16 << 10;
/// What is sent at a time: servers keep at least as much for a client. Bytes.
const STEP: usize = 64 << 10;
/// The kernel holds less than this. Bytes.
const STEPS_MAX: usize = (12 << 20) / STEP;
/// A server that does not relay a step within this time waits for the client.
const STEP_MAX: Duration = Duration::from_secs(1);
/// What waited for another line arrives within this time.
const SHOVED: Duration = Duration::from_millis(500);

fn backlog(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(2)?;
    arena.segment = Some(SEGMENT);
    let joined = arena.join_within(crowd, arena.patience(), Some(NARROW));
    arena.segment = None;
    joined?;
    let slow = crowd.count() - 1;
    let got = |crowd: &Crowd| crowd.members[slow].receiver.flood.len();
    crowd.members[slow].reading = Reading::Never;
    make_backlog(arena, crowd, slow);
    crowd.members[slow].reading = Reading::Eagerly;
    let said = crowd.members[TALKER].flooded() as usize;
    crowd.wait_while_it_moves(|crowd| got(crowd) >= said || !crowd.members[slow].is_open());
    if crowd.members.iter().any(|client| !client.is_open()) {
        arena.remark(words::BEHIND_IS_CLOSED);
        return Ok(());
    }
    let is_sound = |who: usize| {
        let receiver = &crowd.members[who].receiver;
        receiver.mangled == 0 && receiver.flood.len() >= said
    };
    // What everybody lacks was not lost because one client was behind.
    if is_sound(OTHER) && !is_sound(slow) {
        let before = got(crowd);
        // If the end of a line is lost, the next one is seen to follow its beginning.
        crowd.says(OTHER);
        crowd.wait(SHOVED, |crowd| got(crowd) >= said);
        let receiver = &crowd.members[slow].receiver;
        if receiver.mangled > 0 {
            let text = receiver.first_mangled.clone().unwrap_or_default();
            return Err(fault(&[ShortWriteDropped], words::behind_got_pieces(&text)));
        }
        let (lacked, more) = (said - before, got(crowd) - before);
        return Err(match more {
            0 => fault(&[DroppedWhenFull, ShortWriteDropped], words::behind_lacks(lacked, said)),
            _ => fault(&[ForgetsTheRest], words::behind_was_shoved(lacked, said, more)),
        });
    }
    match arena.spins() {
        Some(seen) => Err(fault(&[SpinsWhenDrained, BusyLoop], messages::at(&words::AFTER_A_BACKLOG, &seen))),
        None => Ok(()),
    }
}

/// Sends until the kernel takes no more for the slow client, so that the rest is in the server's own memory.
fn make_backlog(arena: &Arena, crowd: &mut Crowd, slow: usize) {
    let len = arena.baseline.line_len;
    // What the server's kernel holds, and the client's. In this order, bytes that move meanwhile are not missed.
    let held = |crowd: &Crowd| {
        let client = crowd.members[slow].stream.local_addr().ok()?;
        Some(u64::from(proc::unsent(arena.addr, client)?) + u64::from(proc::unread(client, arena.addr)?))
    };
    let is_relayed = |crowd: &Crowd| {
        let talker = &crowd.members[TALKER];
        talker.has_said_all() && crowd.members[OTHER].receiver.flood.len() >= talker.flooded() as usize
    };
    let told = crowd.members[OTHER].receiver.total;
    for _ in 0..STEPS_MAX {
        crowd.members[TALKER].start_flood(Flood::Probes { lines: (STEP / (len + 1)) as u32, len });
        if !crowd.wait(STEP_MAX, is_relayed) {
            break;
        }
        let relayed = crowd.members[OTHER].receiver.total - told;
        if held(crowd).is_some_and(|held| relayed > held + STEP as u64 / 2) {
            break;
        }
    }
    crowd.members[TALKER].end_flood();
}
