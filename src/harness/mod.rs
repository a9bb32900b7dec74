//! What the instruments share. It works on any chat server that relays a line to the other clients.
//!
//! In reading order:
//!
//! * [`eol`]: what ends a line;
//! * [`probe`]: a line that any receiver can check;
//! * [`receiver`]: finds the probes in a stream of bytes;
//! * [`test_client`], [`crowd`]: clients with all kinds of behaviour, driven by one thread;
//! * [`server_process`]: a server that was started here;
//! * [`proc`]: what the kernel tells about a process and its sockets.

pub mod crowd;
pub mod eol;
pub mod probe;
pub mod proc;
pub mod receiver;
pub mod server_process;
pub mod test_client;

pub use crowd::{Crowd, Waited};
pub use eol::Eol;
pub use probe::{Kind, Nonce, Probe, ProbeFinder};
pub use server_process::{Launcher, START_LIMIT, ServerProcess, Stdout};
pub use test_client::{Flood, Identity, Reading, SHORT_LEN, State, TestClient};
