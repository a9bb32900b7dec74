//! Whatever happens to a room, the laws of its scripts hold, and with both styles of driver.

use super::super::script::{LINE_MAX, Step, assert_all};
use crate::chat::limits::{Framing, Limits};
use std::time::Duration;

/// So many steps of a script are played. Each costs little, but the laws compare everybody's with everybody's.
const STEPS_MAX: usize = 120;
/// So many kibibytes of earlier lines are read to those who come, all together.
const REPLAY_MAX: usize = 24 << 10;
/// So long does a wait take at the most: longer than anybody's patience.
const WAIT_MAX: Duration = Duration::from_secs(40);

/// What people type, and those who would like to see what comes of it.
const TYPED: [&str; 16] = [
    "hola\n",
    "hola",
    "\n",
    "\r\n",
    ":q\n",
    ":who\n",
    ":help\n",
    ":qit\n",
    ":)\n::q\n",
    ":me waves\n",
    ":nick ana\n",
    ":nick \u{430}na\n",
    ":nick beto\n",
    ":msg ana psst\n",
    ":msg beto psst\n",
    ":msg guest1 psst\n",
];

/// The first byte holds the framing and the number of seats, the second the size of pieces; then steps follow.
///
/// A step's first byte says with its low half what happens, and with its high half to whom. See [`Bytes::step`].
pub fn hub(input: &[u8]) {
    let mut bytes = Bytes { rest: input, replay_left: REPLAY_MAX };
    let (Some(room), Some(size)) = (bytes.byte(), bytes.byte()) else { return };
    let framing = if room & 0x80 == 0 { Framing::Line } else { Framing::Raw };
    let limits = Limits { clients_max: 1 + usize::from(room % 6), line_max: LINE_MAX, framing };
    let script: Vec<Step> = std::iter::from_fn(|| bytes.step()).take(STEPS_MAX).collect();
    assert_all(&script, &limits, 1 + usize::from(size));
}

/// What is left of the input.
struct Bytes<'a> {
    rest: &'a [u8],
    replay_left: usize,
}

impl Bytes<'_> {
    fn step(&mut self) -> Option<Step> {
        let byte = self.byte()?;
        let who = usize::from(byte >> 4);
        Some(match byte & 15 {
            0..=2 => Step::Come { room: self.size()?, replay: 0 },
            3 => {
                let replay = self.size()?.min(1500).min(self.replay_left);
                self.replay_left -= replay;
                Step::Come { room: self.size()?, replay }
            }
            4 | 5 => Step::Send(who, TYPED[usize::from(self.byte()?) % TYPED.len()].into()),
            6..=8 => {
                let len = usize::from(self.byte()?).min(self.rest.len());
                let (bytes, rest) = self.rest.split_at(len);
                self.rest = rest;
                Step::Send(who, bytes.to_vec())
            }
            9 => Step::Send(who, vec![b'x'; self.size()?.min(2000)]),
            10 => Step::End(who),
            11 => Step::Lose(who),
            12 => Step::Take(who, self.size()?),
            13 => Step::Write(who, self.size()?),
            14 => Step::Turn,
            _ => Step::Wait(Duration::from_millis(self.size()? as u64).min(WAIT_MAX)),
        })
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    /// From nothing to more than anybody needs in one byte: up to 15 times a power of two.
    fn size(&mut self) -> Option<usize> {
        let byte = self.byte()?;
        Some(usize::from(byte & 15) << (2 * (byte >> 4)).min(40))
    }
}
