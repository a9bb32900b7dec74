//! Unix sockets: the file by which clients find one.

use super::diagnostics;
use rustix::fs::Mode;
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs;
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// The owner and its group may connect: to connect is to write.
const MODE: u32 = 0o660;

/// The file of a socket on which this server listens. It is removed when this is dropped, after the listener: another server may have put
/// its own file there meanwhile, and that one is left alone.
pub(crate) struct SocketFile(PathBuf);

/// Listens on a Unix socket. A file that a dead server has left is replaced. The error is text for people.
pub(super) fn bind(path: &Path) -> Result<(TcpListener, SocketFile), String> {
    listen(path).map_err(|e| diagnostics::cannot_listen_at(path, &e))
}

fn listen(path: &Path) -> io::Result<(TcpListener, SocketFile)> {
    let addr = SockAddr::unix(path)?;
    if is_stale(path) {
        fs::remove_file(path)?;
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&addr)?;
    let file = SocketFile(path.to_owned());
    // Nobody can connect before `listen`, so nobody comes in between under the mode that `bind` has given it.
    rustix::fs::chmod(path, Mode::from_raw_mode(MODE))?;
    socket.listen(super::listener::BACKLOG)?;
    // All that follows works on any stream socket, whatever the standard library calls its type.
    Ok((OwnedFd::from(socket).into(), file))
}

/// Whether the file is a socket on which nobody listens any more.
fn is_stale(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let connect = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // A live server whose queue is full would make this wait.
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)
    };
    is_socket && connect().is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused)
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if is_stale(&self.0) {
            fs::remove_file(&self.0).unwrap_or_else(|e| log::debug!("{}: {e}", self.0.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_dead_servers_file_is_replaced_and_a_live_one_is_left_alone() {
        let path = std::env::temp_dir().join(format!("tertulia-{}-file.sock", std::process::id()));
        let (listener, file) = bind(&path).expect("nobody is there");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, MODE);
        let error = bind(&path).err().expect("somebody listens");
        assert!(error.contains("address already in use") && !error.contains('\n'), "{error}");
        UnixStream::connect(&path).expect("the live one is still found");
        drop(listener);
        let (listener, new) = bind(&path).expect("the first one is dead");
        drop(file);
        UnixStream::connect(&path).expect("the first one does not remove the second one's file");
        drop((listener, new));
        assert!(!path.exists(), "it is removed at the end");
    }

    #[test]
    fn what_is_no_socket_is_never_removed() {
        let path = std::env::temp_dir().join(format!("tertulia-{}-no-socket", std::process::id()));
        fs::write(&path, "precious").expect("a temporary file");
        assert!(bind(&path).is_err());
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "precious");
        fs::remove_file(&path).expect("it is there");
        assert!(bind(Path::new(&"x".repeat(200))).is_err(), "a name that is too long");
    }
}
