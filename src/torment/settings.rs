//! What is tormented, and how.

use crate::harness::{Eol, Launcher};
use std::net::SocketAddr;
use std::time::Duration;

/// What the server is like, and how it is to be tormented.
#[derive(Clone, Debug)]
pub struct Settings {
    pub eol: Eol,
    /// A line that each client says first; `{n}` is its number.
    pub login: Option<String>,
    /// Whether a sender is to hear its own lines; `None` if either is well.
    pub echo: Option<bool>,
    pub seed: u64,
    /// Every time is this many times as long.
    pub time: f64,
    /// No torment is begun after this. The command takes 50 s times `time`, so that it ends within a minute.
    pub limit: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { eol: Eol::Lf, login: None, echo: None, seed: 1, time: 1.0, limit: Duration::from_secs(50) }
    }
}

/// Whom to torment.
pub enum Target {
    /// A server that runs.
    Running(SocketAddr),
    /// A server that is started, anew for each torment, so that none pays for another.
    Started(Launcher<'static>),
}
