//! The scenario of a load: who talks, how fast and how long.

use crate::harness::{Eol, probe};
use std::time::Duration;

/// When a client sends its next line.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Pace {
    /// Closed loop: the number of lines that each talker has under way. It sends the next when one has reached its last
    /// receiver. The server's delay slows the load down, so this measures the server's best.
    Window(u32),
    /// Open loop: lines per second, of all talkers together, whether the server keeps up or not. Latency counts from
    /// when a line was due, not from when it could be sent, so a stall affects all lines that it would have delayed (no
    /// *coordinated omission*).
    Rate(f64),
}

/// A load.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Clients that must receive a line before it counts as delivered.
    pub clients: usize,
    /// How many of the clients talk.
    pub talkers: usize,
    /// Further clients, which nobody waits for.
    pub idle: usize,
    /// Bytes in a line, including its end.
    pub line_len: usize,
    /// When a line is sent.
    pub pace: Pace,
    /// How long is measured, after the warm-up.
    pub duration: Duration,
    /// How long it runs before anything is measured.
    pub warm_up: Duration,
    /// A line that each client sends first; `{n}` is its number.
    pub login: Option<String>,
    /// What ends a line.
    pub eol: Eol,
}

/// The most lines that a talker may have under way.
pub(crate) const WINDOW_MAX: u32 = 4096;

impl Scenario {
    /// Why the scenario cannot be played, in a sentence.
    pub fn flaw(&self) -> Option<String> {
        let least = probe::LEN_MIN + self.eol.bytes().len();
        if self.clients < 2 {
            return Some("a load needs two clients; use --clients 2 or more".into());
        }
        if self.talkers == 0 || self.talkers > self.clients {
            return Some(format!(
                "the number of talkers must be from 1 to {}; change --talkers or --clients",
                self.clients
            ));
        }
        if self.talkers >= usize::from(u16::MAX) {
            return Some(format!("{} talkers are too many; use at most {}", self.talkers, u16::MAX - 1));
        }
        if self.line_len < least {
            return Some(format!(
                "a line of {} bytes is too short for the data that is checked; use {least} or more",
                self.line_len
            ));
        }
        if self.line_len > probe::LEN_MAX {
            return Some(format!("a line of {} bytes is too long; use at most {}", self.line_len, probe::LEN_MAX));
        }
        match self.pace {
            Pace::Window(0) => Some("with a window of 0 no client can send a line; use 1 or more".into()),
            Pace::Window(n) if n > WINDOW_MAX => {
                Some(format!("a window of {n} lines is too large; use at most {WINDOW_MAX}"))
            }
            Pace::Rate(rate) if !(rate.is_finite() && rate > 0.0) => {
                Some(format!("{rate} is not a valid rate; use a number above 0"))
            }
            _ => None,
        }
    }

    /// Connections in all: those that must get each line, and the idle ones.
    pub fn connections(&self) -> usize {
        self.clients + self.idle
    }
}

impl Default for Scenario {
    fn default() -> Scenario {
        Scenario {
            clients: 6,
            talkers: 6,
            idle: 0,
            line_len: 64,
            pace: Pace::Window(1),
            duration: Duration::from_secs(5),
            warm_up: Duration::from_secs(1),
            login: None,
            eol: Eol::Lf,
        }
    }
}
