//! Unix sockets: the file by which clients find one.

use super::diagnostics;
use rustix::fs::Mode;
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The owner and its group may connect: to connect is to write.
const MODE: u32 = 0o660;
/// For how long a socket may outlive its process. It takes some milliseconds, on a busy machine some more.
const DYING_PATIENCE: Duration = Duration::from_millis(500);

/// The file of a socket on which this server listens. It is removed when this is dropped, after the listener: another server may have put
/// its own file there meanwhile, and that one is left alone.
pub(crate) struct SocketFile(PathBuf);

/// Listens on a Unix socket. A file that a dead server has left is replaced. The error is text for people.
pub(super) fn bind(path: &Path) -> Result<(TcpListener, SocketFile), String> {
    listen(path).map_err(|e| diagnostics::cannot_listen_at(path, &e))
}

fn listen(path: &Path) -> io::Result<(TcpListener, SocketFile)> {
    let addr = SockAddr::unix(path)?;
    if is_stale(path) || dies_soon(path) {
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
    is_socket(path) && connect(path).is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused)
}

/// Waits for a server that was killed a moment ago: its socket is there until the kernel has taken back all that it used, a ring above
/// all. A live server says something, or says nothing for long. Returns whether nobody listens any more.
fn dies_soon(path: &Path) -> bool {
    let until = Instant::now() + DYING_PATIENCE;
    while is_socket(path) {
        let left = until.saturating_duration_since(Instant::now());
        match connect(path).and_then(|socket| wait_for_end(socket, left)) {
            Err(e) if e.kind() == ErrorKind::ConnectionRefused => return true,
            Err(e) if e.kind() == ErrorKind::ConnectionReset && !left.is_zero() => {}
            _ => return false,
        }
    }
    false
}

/// Waits until a connection ends, which is an error: nobody has said a word. Returns `Ok` if somebody does, or if the time is over.
fn wait_for_end(socket: Socket, time: Duration) -> io::Result<()> {
    socket.set_nonblocking(false)?;
    // Zero would be no limit.
    socket.set_read_timeout(Some(time.max(Duration::from_millis(1))))?;
    match (&socket).read(&mut [0]) {
        Ok(0) => Err(ErrorKind::ConnectionReset.into()),
        Ok(_) => Ok(()),
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
        Err(e) => Err(e),
    }
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

fn connect(path: &Path) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A live server whose queue is full would make this wait.
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(socket)
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
    use std::os::unix::net::{UnixListener, UnixStream};

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
    fn a_server_that_is_dying_is_waited_for() {
        let path = std::env::temp_dir().join(format!("tertulia-{}-dying.sock", std::process::id()));
        // As the kernel does for a process that was killed: it takes a while, and then ends who waits, and those that it has accepted.
        for accepts in [false, true] {
            let dying = UnixListener::bind(&path).expect("nobody is there");
            let kernel = std::thread::spawn(move || {
                let accepted = accepts.then(|| dying.accept().expect("somebody asks who is there"));
                std::thread::sleep(Duration::from_millis(30));
                drop((accepted, dying));
            });
            let (listener, file) = bind(&path).expect("it is dead soon");
            kernel.join().expect("it ends");
            drop((listener, file));
        }
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
