//! The settings of a run, and the server under test.

use crate::harness::{Eol, Launcher, ServerPool};
use std::net::SocketAddr;
use std::time::Duration;

/// What the server expects, and how it is tormented.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What ends a line.
    pub eol: Eol,
    /// Lines that each client sends first; `{n}` is its number.
    pub login: Option<String>,
    /// How a client says a line: `{line}` is the line, and `{n}` the client's number. `None` if it sends the line alone.
    pub say: Option<String>,
    /// Whether a sender must get its own lines back; `None` if both are right.
    pub echo: Option<bool>,
    /// Of all random choices.
    pub seed: u64,
    /// All times are multiplied by this.
    pub time: f64,
    /// No torment begins after this, or up to a tenth later if the server was slow to start. The command's default is 50 s
    /// times `time`, so that it ends within a minute.
    pub limit: Duration,
    /// A torment that fails is run this often in all, on a fresh server each time, if the time allows.
    pub runs_max: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            eol: Eol::Lf,
            login: None,
            say: None,
            echo: None,
            seed: 1,
            time: 1.0,
            limit: Duration::from_secs(50),
            runs_max: 3,
        }
    }
}

/// The server under test.
pub enum Target {
    /// A server that runs.
    Running(SocketAddr),
    /// A server that is started anew for each torment, so that a torment does not suffer from the one before.
    Started(Launcher<'static>),
}

/// Where the server for the next torment comes from.
pub(crate) enum Source<'a> {
    Running(SocketAddr),
    Started(ServerPool<'a>),
}

impl Target {
    pub(crate) fn source(&self) -> Source<'_> {
        match self {
            Target::Running(addr) => Source::Running(*addr),
            Target::Started(launcher) => Source::Started(ServerPool::new(launcher)),
        }
    }
}
