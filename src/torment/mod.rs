//! The misbehaving clients: what ordinary life does to a chat server, done on purpose.
//!
//! It works on any server that relays a line to the other clients, and knows nothing of what is inside. In reading order:
//!
//! * [`catalogue`]: what is done, and what a healthy server does;
//! * [`cause`]: the mistakes that servers fail by, with a word for whoever made them;
//! * [`framing`], [`bytes`], [`connections`], [`readers`], [`floods`], [`machine`]: the torments;
//! * [`trial`]: how they are done one after the other; [`knowledge`]: what is normal for a server;
//! * [`ring`]: where they take place; [`crowd`], [`client`], [`ear`], [`mark`]: the clients, what they say and hear;
//! * [`server`]: the server's process, if it was started here; [`kernel`]: what is known of sockets;
//! * [`finding`], [`diagnosis`]: what came of it, and what it means;
//! * `gallery` (cargo feature `gallery`): servers that are broken on purpose, one for each classic mistake.
//!
//! A torment blames a server only for what harms those who behave: a freeze, a crash, lines that are lost, doubled or mixed, a
//! processor that spins, memory without limit. How long a line may be, what a full house does and whether a sender hears itself
//! are the server's own choice, and worth a remark at most.

pub mod bytes;
pub mod catalogue;
pub mod cause;
pub mod client;
pub mod connections;
pub mod crowd;
pub mod diagnosis;
pub mod ear;
pub mod finding;
pub mod floods;
pub mod framing;
#[cfg(feature = "gallery")]
pub mod gallery;
pub mod kernel;
pub mod knowledge;
pub mod machine;
pub mod mark;
pub mod readers;
pub mod ring;
pub mod server;
pub mod trial;

pub use crate::eol::Eol;
pub use catalogue::{TORMENTS, Torment};
pub use cause::Cause;
pub use diagnosis::diagnose;
pub use finding::{Finding, Verdict};
pub use knowledge::Knowledge;
pub use trial::{News, run};

use server::Launcher;
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
    Started(Launcher),
}
