//! A client of the load generator: its socket, its lines, and what it has received.
//!
//! Unlike the test clients of the harness it must be faster than any server, so it belongs to an edge-triggered loop
//! and compares lines instead of searching them.

use super::scenario::Scenario;
use super::tally::Tally;
use super::tls::Session;
use super::under_way::UnderWay;
use crate::harness::{Nonce, Probe};
use mio::net::TcpStream;
use mio::{Interest, Registry};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

/// How long connecting may take. A server whose queue of connections is full drops what comes next, and the kernel tries
/// again after one and after three seconds.
pub(crate) const CONNECT_MAX: Duration = Duration::from_secs(5);

/// A client that the generator plays.
pub(crate) struct LoadClient {
    stream: TcpStream,
    /// Its connection is encrypted with this.
    session: Option<Box<Session>>,
    /// The beginning of a line whose end has not arrived.
    pub partial: Vec<u8>,
    /// Bytes that its socket has not taken yet.
    pub unsent: Vec<u8>,
    pub tally: Tally,
    /// Its own lines.
    pub under_way: UnderWay,
    /// The sender of the line that arrived last.
    pub heard_last: usize,
    /// The last line without a probe: a notice of the server.
    pub last_notice: Vec<u8>,
    pub heard_roll_call: bool,
    /// It is on the generator's list of talkers whose window is not full.
    pub dirty: bool,
    pub closed: bool,
}

impl LoadClient {
    /// Connects, and sends its login.
    pub(crate) fn connect(
        addr: SocketAddr,
        number: usize,
        scenario: &Scenario,
        registry: &Registry,
    ) -> io::Result<LoadClient> {
        // Blocking, one after the other, so that no server's backlog overflows.
        let stream = std::net::TcpStream::connect_timeout(&addr, CONNECT_MAX)?;
        stream.set_nodelay(true)?;
        let mut session = scenario.tls.then(|| Session::begin(&stream).map(Box::new)).transpose()?;
        if let Some(login) = &scenario.login {
            let mut line = login.replace("{n}", &number.to_string()).into_bytes();
            line.extend_from_slice(scenario.eol.bytes());
            match &mut session {
                Some(session) => session.encrypt(&mut line).and_then(|()| session.flush(&mut &stream))?,
                None => (&stream).write_all(&line)?,
            }
        }
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, mio::Token(number), Interest::READABLE | Interest::WRITABLE)?;
        Ok(LoadClient {
            stream,
            session,
            partial: Vec::new(),
            unsent: Vec::new(),
            tally: Tally::new(scenario.talkers),
            under_way: UnderWay::new(scenario.clients as u32 - 1),
            heard_last: 0,
            last_notice: Vec::new(),
            heard_roll_call: false,
            dirty: false,
            closed: false,
        })
    }

    /// Adds a line to the unsent bytes.
    pub(crate) fn append(&mut self, probe: Probe, nonce: Nonce, scenario: &Scenario) {
        let eol = scenario.eol.bytes();
        probe.write(nonce, scenario.line_len - eol.len(), &mut self.unsent);
        self.unsent.extend_from_slice(eol);
    }

    /// Writes until the socket is full. The poll reports when it is writable again.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if let Some(session) = self.session.as_mut().filter(|_| !self.closed) {
            session.encrypt(&mut self.unsent)?;
            return match session.flush(&mut self.stream) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(()),
                result => result,
            };
        }
        while !self.unsent.is_empty() && !self.closed {
            match self.stream.write(&self.unsent) {
                Ok(n) => drop(self.unsent.drain(..n)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Reads some bytes, and tells whether the socket may have more.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<(usize, bool)> {
        match &mut self.session {
            Some(session) => Ok((session.read(&mut self.stream, buffer)?, true)),
            None => {
                let n = self.stream.read(buffer)?;
                // On Linux a read that is short has emptied the socket.
                Ok((n, !cfg!(target_os = "linux") || n == buffer.len()))
            }
        }
    }
}
