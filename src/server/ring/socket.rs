//! A client's connection.

use crate::chat::Peer;
use crate::server::listener;
use crate::trace::marks::{self, Call};
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};
use socket2::{SockAddr, SockAddrStorage};
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// A socket in blocking mode: in the other mode the kernel would end an operation that has to wait. What is called here
/// does not block.
pub(crate) struct Socket(OwnedFd);

impl Socket {
    pub(super) fn new(fd: OwnedFd) -> Socket {
        Socket(fd)
    }

    /// A connection of this server's own: see [`listener::dial`]. What is handed over for it waits until it stands.
    pub(crate) fn dial(addr: SocketAddr) -> io::Result<Socket> {
        let stream = listener::dial(addr)?;
        stream.set_nonblocking(false)?;
        marks::dials(stream.as_raw_fd());
        Ok(Socket(stream.into()))
    }

    /// Its peer. Ask once, after it was accepted: an accept that goes on does not tell it.
    pub(crate) fn peer(&self) -> io::Result<Peer> {
        marks::accepted(self.0.as_raw_fd(), || match listener::peer_of(&self.0)? {
            Some(peer) => Ok(peer),
            None => lost_peer_addr(&self.0).map(Peer::from),
        })
    }

    /// Writes what the socket takes at once.
    pub(crate) fn write_at_once(&self, bytes: &[u8]) -> io::Result<usize> {
        let call = || Ok(send(&self.0, bytes, SendFlags::DONTWAIT)?);
        marks::write(Call::at_once("sendto"), self.0.as_raw_fd(), &[IoSlice::new(bytes)], call)
    }

    /// Reads and discards what is there.
    pub(crate) fn discard_at_once(&self, buffer: &mut [u8]) {
        let asked = buffer.len();
        let call = || Ok(recv(&self.0, buffer, RecvFlags::DONTWAIT)?.0);
        let _ = marks::read(Call::at_once("recvfrom"), self.0.as_raw_fd(), asked, call);
    }

    /// Sends the end-of-file.
    pub(crate) fn shutdown(&self) {
        let _ = marks::shutdown(self.0.as_raw_fd(), || shutdown(&self.0, Shutdown::Write));
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> OwnedFd {
        socket.0
    }
}

/// The address of a peer that has reset its connection, so that getpeername(2) fails.
fn lost_peer_addr(socket: &impl AsFd) -> io::Result<SocketAddr> {
    /// The same on all architectures for which the crate `io-uring` is made.
    const SO_PEERNAME: libc::c_int = 28;
    let fd = socket.as_fd().as_raw_fd();
    let mut result = Err(ErrorKind::NotConnected.into());
    // The kernel refuses a length beyond that of the address.
    for asked in [size_of::<libc::sockaddr_in6>(), size_of::<libc::sockaddr_in>()] {
        let init = |storage: *mut SockAddrStorage, len: *mut libc::socklen_t| {
            // SAFETY: `len` is valid, and the storage is larger than each of these addresses. The kernel writes no more
            // than it is asked for.
            let failed = unsafe {
                *len = asked as libc::socklen_t;
                libc::getsockopt(fd, libc::SOL_SOCKET, SO_PEERNAME, storage.cast(), len)
            };
            if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
        };
        // SAFETY: on success the storage holds an address of this length.
        result = unsafe { SockAddr::try_init(init) }.map(|((), addr)| addr);
        if result.is_ok() {
            break;
        }
    }
    result?.as_socket().ok_or_else(|| ErrorKind::Unsupported.into())
}
