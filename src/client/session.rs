//! A TLS session: what two threads share of a connection.
//!
//! One thread reads and one writes, at the same time. The session's state is locked only for as long as bytes are encrypted or
//! decrypted, and never while the socket is waited for: a server that takes nothing must not keep us from reading, for then we
//! would be the slow reader.

use rustls::{ClientConnection, Error};
use std::io::{self, BufRead, Read, Write};
use std::net::TcpStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How much is read from the socket at a time. Bytes.
const READ_MAX: usize = 16 << 10;

pub(super) struct Session {
    state: Mutex<State>,
    /// Nobody writes to the socket any more.
    is_free: Condvar,
}

struct State {
    tls: ClientConnection,
    /// A thread writes what the session has to send to the socket. Records must not overtake each other.
    is_writing: bool,
    /// What was decrypted and not read yet.
    decrypted: Vec<u8>,
    /// What comes behind that, if it is the end: one that the server has announced, or an error.
    end: Option<io::Result<()>>,
}

impl State {
    /// Decrypts what has come from the socket. Nothing is its end.
    fn decrypt(&mut self, mut received: &[u8]) {
        loop {
            let taken = self.tls.read_tls(&mut received);
            let processed = self.tls.process_new_packets();
            let mut reader = self.tls.reader();
            while let Ok(piece @ [_, ..]) = reader.fill_buf() {
                self.decrypted.extend_from_slice(piece);
                let len = piece.len();
                reader.consume(len);
            }
            let state = match processed {
                Ok(state) => state,
                Err(e) => {
                    self.end = Some(Err(io::Error::new(io::ErrorKind::InvalidData, e)));
                    return;
                }
            };
            match taken {
                Err(e) => self.end = Some(Err(e)),
                _ if state.peer_has_closed() => self.end = Some(Ok(())),
                // Somebody else may have made this end.
                Ok(0) => self.end = Some(Err(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) if !received.is_empty() => continue,
                Ok(_) => {}
            }
            return;
        }
    }
}

impl Session {
    /// Ends the handshake of a new connection.
    ///
    /// # Errors
    ///
    /// The outer one is the socket's. The inner one is of TLS: the other end is not the right one, or does not speak TLS.
    pub(super) fn begin(mut tls: ClientConnection, mut socket: &TcpStream) -> io::Result<Result<Session, Error>> {
        // What is said is bounded by whoever says it.
        tls.set_buffer_limit(None);
        while tls.is_handshaking() {
            if tls.wants_write() {
                tls.write_tls(&mut socket)?;
            } else {
                if tls.read_tls(&mut socket)? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                if let Err(e) = tls.process_new_packets() {
                    // The server learns why.
                    let _ = tls.write_tls(&mut socket);
                    return Ok(Err(e));
                }
            }
        }
        let session = Session {
            state: Mutex::new(State { tls, is_writing: false, decrypted: Vec::new(), end: None }),
            is_free: Condvar::new(),
        };
        session.write(socket, session.lock())?;
        Ok(Ok(session))
    }

    pub(super) fn read(&self, mut socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut state = self.lock();
            if !state.decrypted.is_empty() {
                let len = buffer.len().min(state.decrypted.len());
                buffer[..len].copy_from_slice(&state.decrypted[..len]);
                state.decrypted.drain(..len);
                return Ok(len);
            }
            if let Some(end) = state.end.take() {
                return end.map(|()| 0);
            }
            drop(state);
            let mut received = [0; READ_MAX];
            let len = socket.read(&mut received)?;
            let mut state = self.lock();
            state.decrypt(&received[..len]);
            // TLS may have to answer. If the other thread is writing, it finds that.
            if state.tls.wants_write() && !state.is_writing {
                self.write(socket, state)?;
            }
        }
    }

    pub(super) fn write_all(&self, socket: &TcpStream, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.free();
        state.tls.writer().write_all(bytes)?;
        self.write(socket, state)
    }

    /// Says that we send nothing more.
    pub(super) fn end(&self, socket: &TcpStream) -> io::Result<()> {
        let mut state = self.free();
        state.tls.send_close_notify();
        self.write(socket, state)
    }

    /// Writes what the session has to send.
    fn write<'a>(&'a self, mut socket: &TcpStream, mut state: MutexGuard<'a, State>) -> io::Result<()> {
        state.is_writing = true;
        let mut result = Ok(());
        while state.tls.wants_write() && result.is_ok() {
            let mut bytes = Vec::new();
            state.tls.write_tls(&mut bytes)?;
            drop(state);
            result = socket.write_all(&bytes);
            state = self.lock();
        }
        state.is_writing = false;
        self.is_free.notify_all();
        result
    }

    /// The state, when nobody writes.
    fn free(&self) -> MutexGuard<'_, State> {
        let is_writing = |state: &mut State| state.is_writing;
        self.is_free.wait_while(self.lock(), is_writing).unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
