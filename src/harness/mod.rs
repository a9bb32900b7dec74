//! The harness: what the instruments share. It works with any chat server that relays a line to the other clients.
//!
//! In reading order:
//!
//! * [`eol`]: what ends a line;
//! * [`probe`]: a line that any receiver can check;
//! * [`receiver`]: finds the probes in a stream of bytes;
//! * [`excerpt`]: bytes as people read them;
//! * [`ping`]: what an IRC server wants to be answered;
//! * [`test_client`], [`crowd`]: clients with all kinds of behaviour, driven by one thread;
//! * [`process_group`]: processes that end with this one;
//! * [`launcher`]: how a server is started; [`server_process`]: a server that was started here; [`stderr`]: what it
//!   wrote there;
//! * [`server_pool`]: servers that are started ahead;
//! * `calls`: the system calls in which threads sleep;
//! * [`proc`]: what the kernel reports about a process and its sockets.

#[cfg(target_os = "linux")]
pub(crate) mod calls;
pub(crate) mod crowd;
pub(crate) mod eol;
pub(crate) mod excerpt;
pub mod launcher;
mod ping;
pub(crate) mod probe;
pub(crate) mod proc;
pub mod process_group;
pub(crate) mod receiver;
pub(crate) mod server_pool;
pub mod server_process;
pub(crate) mod stderr;
pub(crate) mod test_client;

pub(crate) use crowd::{Crowd, Waited};
pub use eol::Eol;
pub use launcher::{Launcher, START_LIMIT};
pub(crate) use probe::{Kind, Nonce, Probe, ProbeFinder};
pub(crate) use server_pool::ServerPool;
pub use server_process::{ServerProcess, Stdout};
pub(crate) use test_client::{Flood, Identity, LoginPace, Reading, SHORT_LEN, State, TestClient, Wrapping};
