//! The connection to the server: a socket, with TLS or without.

use super::session::Session;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// A connection. Its clones are for the threads that read from it and write to it.
#[derive(Clone)]
pub(super) struct Stream {
    socket: Arc<TcpStream>,
    /// `None` without TLS.
    session: Option<Arc<Session>>,
}

impl Stream {
    pub(super) fn plain(socket: TcpStream) -> Stream {
        Stream { socket: Arc::new(socket), session: None }
    }

    /// A connection whose handshake has ended.
    pub(super) fn encrypted(socket: TcpStream, session: Session) -> Stream {
        Stream { socket: Arc::new(socket), session: Some(Arc::new(session)) }
    }

    /// Waits for bytes, at most for `timeout`, and reads them.
    pub(super) fn read(&self, buffer: &mut [u8], timeout: Option<Duration>) -> io::Result<usize> {
        // A timeout of zero is an error.
        self.socket.set_read_timeout(timeout.map(|timeout| timeout.max(Duration::from_millis(1))))?;
        match &self.session {
            Some(session) => session.read(&self.socket, buffer),
            None => (&*self.socket).read(buffer),
        }
    }

    pub(super) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match &self.session {
            Some(session) => session.write_all(&self.socket, bytes),
            None => (&*self.socket).write_all(bytes),
        }
    }

    /// Ends our sending direction. The server may still send.
    pub(super) fn end_output(&self) {
        // It fails only if the connection has ended anyway.
        if let Some(session) = &self.session {
            let _ = session.end(&self.socket);
        }
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// Ends both directions: a read that waits gets an end.
    pub(super) fn close(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}
