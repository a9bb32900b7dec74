//! A torment with two clients that stay for a long time and talk now and then.

use super::arena::Arena;
use super::cause::Cause::*;
use super::entry::Torment;
use super::failure::{Failure, Outcome, fault};
use super::messages::connections as words;
use crate::harness::Crowd;
use crate::text::Bilingual;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

pub(crate) const LONG_LIVED: Torment = Torment::new(
    "long-lived",
    Bilingual::new(
        "Two clients stay connected beside all other torments, on a server of their own, and send a line every half second.",
        "Dos clientes siguen conectados durante todas las demás pruebas, en un servidor propio, y envían una línea cada medio \
         segundo.",
    ),
    Bilingual::new("All lines arrive.", "Llegan todas las líneas."),
    &[Unknown],
    &[Unknown],
    long_lived,
)
.beside_all_others();

const EVERY: Duration = Duration::from_millis(500);
/// They stay for at least this long.
const STAY_LEAST: Duration = Duration::from_millis(4200);
/// Other torments may keep the machine busy meanwhile.
const LATE: Duration = Duration::from_secs(10);

fn long_lived(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(2)?;
    crowd.patience = arena.scaled(LATE);
    let begin = Instant::now();
    let is_over = |arena: &Arena| arena.is_over.as_ref().is_none_or(|is_over| is_over.load(Ordering::Relaxed));
    let least = arena.scaled(STAY_LEAST);
    while begin.elapsed() < least || !is_over(arena) {
        for (talker, reader) in [(0, 1), (1, 0)] {
            let after = begin.elapsed();
            let word = crowd.says(talker);
            if crowd.hears(reader, word) && crowd.members[talker].is_open() {
                continue;
            }
            return Err(match crowd.members.iter().find(|client| !client.is_open()) {
                Some(closed) => fault(&[ClosesActive], words::talker_closed(after, &closed.receiver.excerpt())),
                None => Failure::Silence(words::talk_ends(after)),
            });
        }
        crowd.wait(EVERY, |crowd| {
            let is_late = begin.elapsed() > least && is_over(arena);
            is_late || crowd.members.iter().any(|client| !client.is_open())
        });
    }
    Ok(())
}
