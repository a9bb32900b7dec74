//! The scenario of a load: who talks, how fast and how long.

use crate::harness::{Eol, probe};
use crate::text::{Bilingual, say};
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
    /// Whether connections are encrypted.
    pub tls: bool,
}

/// The most lines that a talker may have under way.
pub(crate) const WINDOW_MAX: u32 = 4096;

impl Scenario {
    /// Why the scenario cannot be played, and what to change.
    pub fn flaw(&self) -> Option<Bilingual> {
        let Scenario { clients, talkers, line_len, .. } = *self;
        let (shortest, longest) = (probe::LEN_MIN + self.eol.bytes().len(), probe::LEN_MAX);
        let talkers_max = u16::MAX - 1;
        if clients < 2 {
            return Some(Bilingual::new(
                "a load needs two clients; use --clients 2 or more",
                "una carga necesita dos clientes; usa --clients 2 o más",
            ));
        }
        if talkers == 0 || talkers > clients {
            return Some(Bilingual::of(|lang| {
                say!(lang,
                    "the number of talkers must be from 1 to {clients}; change --talkers or --clients";
                    "los clientes que hablan tienen que ser de 1 a {clients}; cambia --talkers o --clients")
            }));
        }
        if talkers > usize::from(talkers_max) {
            return Some(Bilingual::of(|lang| {
                say!(lang,
                    "{talkers} talkers are too many; use at most {talkers_max}";
                    "{talkers} clientes que hablan son demasiados; usa como mucho {talkers_max}")
            }));
        }
        if line_len < shortest {
            return Some(Bilingual::of(|lang| {
                say!(lang,
                    "a line of {line_len} bytes is too short for the data that is checked; use {shortest} or more";
                    "una línea de {line_len} bytes es demasiado corta para los datos que se comprueban; usa {shortest} o más")
            }));
        }
        if line_len > longest {
            return Some(Bilingual::of(|lang| {
                say!(lang,
                    "a line of {line_len} bytes is too long; use at most {longest}";
                    "una línea de {line_len} bytes es demasiado larga; usa como mucho {longest}")
            }));
        }
        match self.pace {
            Pace::Window(0) => Some(Bilingual::new(
                "with a window of 0 no client can send a line; use 1 or more",
                "con una ventana de 0 ningún cliente puede enviar una línea; usa 1 o más",
            )),
            Pace::Window(lines) if lines > WINDOW_MAX => Some(Bilingual::of(|lang| {
                say!(lang,
                    "a window of {lines} lines is too large; use at most {WINDOW_MAX}";
                    "una ventana de {lines} líneas es demasiado grande; usa como mucho {WINDOW_MAX}")
            })),
            Pace::Rate(rate) if !(rate.is_finite() && rate > 0.0) => Some(Bilingual::of(|lang| {
                say!(lang,
                    "{rate} is not a valid rate; use a number above 0";
                    "{rate} no es un ritmo válido; usa un número mayor que 0")
            })),
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
            tls: false,
            eol: Eol::Lf,
        }
    }
}
