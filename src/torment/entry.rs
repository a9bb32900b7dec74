//! An entry of the catalogue.

use super::arena::Arena;
use super::cause::Cause;
use super::failure::Outcome;
use crate::harness::{Crowd, Stdout};
use crate::text::Bilingual;

/// A way to treat a server, and what a healthy server does about it.
pub struct Torment {
    /// As `--only` takes it.
    pub name: &'static str,
    /// What is done, in a sentence or two.
    pub does: Bilingual,
    /// What a healthy server does, in a sentence.
    pub healthy: Bilingual,
    /// It needs the server's process.
    pub needs_process: bool,
    /// Its clients send more lines than a server takes that limits their rate.
    pub floods: bool,
    /// If time is short, it is done before the others that look for the same faults.
    pub is_first_of_its_kind: bool,
    /// It runs beside all others, on a server of its own, if servers are started here.
    pub is_beside_others: bool,
    /// What becomes of the server's stdout.
    pub stdout: Stdout,
    /// Afterwards the server is checked for a busy loop.
    pub may_spin: bool,
    /// Likely causes if the server ends, the likeliest first.
    pub if_it_ends: &'static [Cause],
    /// The same if no client can talk any more.
    pub if_silent: &'static [Cause],
    /// Does it.
    pub run: fn(&mut Arena, &mut Crowd) -> Outcome,
}

impl std::fmt::Debug for Torment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Torment {
    /// One with nothing special.
    pub const fn new(
        name: &'static str,
        does: Bilingual,
        healthy: Bilingual,
        if_it_ends: &'static [Cause],
        if_silent: &'static [Cause],
        run: fn(&mut Arena, &mut Crowd) -> Outcome,
    ) -> Torment {
        Torment {
            name,
            does,
            healthy,
            needs_process: false,
            floods: false,
            is_first_of_its_kind: false,
            is_beside_others: false,
            stdout: Stdout::Nowhere,
            may_spin: false,
            if_it_ends,
            if_silent,
            run,
        }
    }

    /// The same, and afterwards the server is checked for a busy loop.
    pub const fn checked_for_busy_loop(mut self) -> Torment {
        self.may_spin = true;
        self
    }

    /// The same, for servers that do not limit the rate of lines.
    pub const fn of_floods(mut self) -> Torment {
        self.floods = true;
        self
    }

    /// The same, done first if time is short.
    pub const fn first_of_its_kind(mut self) -> Torment {
        self.is_first_of_its_kind = true;
        self
    }

    /// The same, beside all others.
    pub const fn beside_all_others(mut self) -> Torment {
        self.is_beside_others = true;
        self
    }

    /// The same, for servers that were started here only.
    pub const fn of_the_process(mut self) -> Torment {
        self.needs_process = true;
        self
    }

    /// The same, with the server's stdout in a pipe.
    pub const fn of_its_stdout(mut self) -> Torment {
        self.needs_process = true;
        self.stdout = Stdout::Pipe;
        self
    }
}
