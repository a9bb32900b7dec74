//! The fuzz target for the hub: whatever happens to a room, the laws of its scripts hold, with both styles of driver.

use super::super::script::{LINE_MAX, Step, assert_all};
use crate::chat::limits::{Framing, Limits};
use std::time::Duration;

/// At most this many steps of a script are played. Each step is cheap, but the laws compare the output of all clients.
const STEPS_MAX: usize = 120;
/// The limit for the earlier lines that all clients of a script get together. Kibibytes.
const REPLAY_MAX: usize = 24 << 10;
/// The longest wait in a script. It is longer than all timeouts.
const WAIT_MAX: Duration = Duration::from_secs(40);

/// Things that people type, and attempts to break the server.
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

/// What those in charge order.
const ORDERS: [&str; 16] = [
    ":op sesamo",
    ":op guess",
    ":who",
    ":help",
    ":say tea",
    ":kick ana",
    ":kick #2 says too much",
    ":mute ana 1",
    ":mute #1",
    ":unmute ana",
    ":ban ana 1",
    ":ban 127.0.0.2",
    ":bans",
    ":unban 127.0.0.2",
    ":mute",
    ":stop for today",
];

/// The first byte holds the framing and the number of seats, and the second the size of the pieces. Then steps follow.
///
/// The low half of a step's first byte says what happens, and the high half to which client. See [`Bytes::step`].
pub fn hub(input: &[u8]) {
    let mut bytes = Bytes { rest: input, replay_left: REPLAY_MAX };
    let (Some(room), Some(size)) = (bytes.byte(), bytes.byte()) else { return };
    let framing = if room & 0x80 == 0 { Framing::Line } else { Framing::Raw };
    let limits = Limits { clients_max: 1 + usize::from(room % 6), line_max: LINE_MAX, framing, ..Limits::default() };
    let script: Vec<Step> = std::iter::from_fn(|| bytes.step()).take(STEPS_MAX).collect();
    assert_all(&script, &limits, 1 + usize::from(size));
}

/// The rest of the input.
struct Bytes<'a> {
    rest: &'a [u8],
    replay_left: usize,
}

impl Bytes<'_> {
    fn step(&mut self) -> Option<Step> {
        let byte = self.byte()?;
        let who = usize::from(byte >> 4);
        Some(match byte & 15 {
            0..=2 => Step::Come { host: byte >> 4, room: self.size()?, replay: 0 },
            3 => {
                let replay = self.size()?.min(1500).min(self.replay_left);
                self.replay_left -= replay;
                Step::Come { host: byte >> 4, room: self.size()?, replay }
            }
            4 | 5 => match usize::from(self.byte()?) {
                at @ ..128 => Step::Send(who, TYPED[at % TYPED.len()].into()),
                at => Step::Send(who, format!("{}\n", ORDERS[at % ORDERS.len()]).into()),
            },
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
            14 if who > 12 => Step::Operate(ORDERS[usize::from(self.byte()?) % ORDERS.len()].into()),
            14 => Step::Turn,
            _ => Step::Wait(Duration::from_millis(self.size()? as u64).min(WAIT_MAX)),
        })
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    /// A size from one byte, from zero to more than any test needs: up to 15 times a power of two.
    fn size(&mut self) -> Option<usize> {
        let byte = self.byte()?;
        Some(usize::from(byte & 15) << (2 * (byte >> 4)).min(40))
    }
}
