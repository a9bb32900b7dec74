//! How an address is written: `HOST:PORT`, or `unix:PATH`.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

/// What an address of a Unix socket begins with.
pub(crate) const UNIX: &str = "unix:";

/// Where a server listens, and where its clients find it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// A host, by its name or its address, and a port.
    Tcp(String, u16),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// As a user types it.
impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp(host, port) => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}
