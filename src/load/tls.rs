//! TLS for a client of the load generator.

use crate::certificates::{Pinned, connection};
use rustls::ClientConnection;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

/// A session whose handshake has ended. It accepts any certificate.
pub(super) struct Session(ClientConnection);

impl Session {
    /// Ends the handshake of a new connection, whose socket blocks.
    pub(super) fn begin(mut socket: &std::net::TcpStream) -> io::Result<Session> {
        let name = "localhost".try_into().map_err(io::Error::other)?;
        let mut tls = connection(Arc::new(Pinned::new(None)), name).map_err(io::Error::other)?;
        tls.set_buffer_limit(None);
        while tls.is_handshaking() || tls.wants_write() {
            tls.complete_io(&mut socket)?;
        }
        Ok(Session(tls))
    }

    /// Reads what the socket has, as a socket does.
    pub(super) fn read(&mut self, socket: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.reader().read(buffer) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
            if self.0.read_tls(socket)? == 0 {
                return Ok(0);
            }
            self.0.process_new_packets().map_err(io::Error::other)?;
        }
    }

    /// Encrypts all of `bytes`.
    pub(super) fn encrypt(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        self.0.writer().write_all(bytes)?;
        bytes.clear();
        Ok(())
    }

    /// Writes until nothing is left.
    pub(super) fn flush(&mut self, socket: &mut impl Write) -> io::Result<()> {
        while self.0.wants_write() {
            self.0.write_tls(socket)?;
        }
        Ok(())
    }
}
