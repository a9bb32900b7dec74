//! One of the clients: its socket, its lines, its account of the others'.

use super::scenario::Scenario;
use super::tally::Tally;
use super::under_way::UnderWay;
use crate::harness::{Nonce, Probe};
use mio::net::TcpStream;
use mio::{Interest, Registry};
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;

/// What the generator knows of one of the clients it plays.
pub struct LoadClient {
    pub stream: TcpStream,
    /// The beginning of a line whose end has not come.
    pub partial: Vec<u8>,
    /// What its socket has not taken yet.
    pub unsent: Vec<u8>,
    pub tally: Tally,
    /// Its own lines.
    pub under_way: UnderWay,
    /// Whose line came last.
    pub heard_last: usize,
    /// The last line that was the server's own.
    pub last_words: Vec<u8>,
    pub heard_roll_call: bool,
    /// It is on the generator's list of those who may say more.
    pub dirty: bool,
    pub closed: bool,
}

impl LoadClient {
    /// Connects, and says its login.
    pub fn connect(
        addr: SocketAddr,
        number: usize,
        scenario: &Scenario,
        registry: &Registry,
    ) -> io::Result<LoadClient> {
        // One after the other and waiting for each, so that no server's backlog overflows.
        let stream = std::net::TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        if let Some(login) = &scenario.login {
            let mut line = login.replace("{n}", &number.to_string()).into_bytes();
            line.extend_from_slice(scenario.eol.bytes());
            (&stream).write_all(&line)?;
        }
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, mio::Token(number), Interest::READABLE | Interest::WRITABLE)?;
        Ok(LoadClient {
            stream,
            partial: Vec::new(),
            unsent: Vec::new(),
            tally: Tally::new(scenario.talkers),
            under_way: UnderWay::new(scenario.clients as u32 - 1),
            heard_last: 0,
            last_words: Vec::new(),
            heard_roll_call: false,
            dirty: false,
            closed: false,
        })
    }

    /// Adds a line to what is to be written.
    pub fn append(&mut self, probe: Probe, nonce: Nonce, scenario: &Scenario) {
        let eol = scenario.eol.bytes();
        probe.write(nonce, scenario.line_len - eol.len(), &mut self.unsent);
        self.unsent.extend_from_slice(eol);
    }

    /// Writes until the socket is full; the poll tells when it is not any more.
    pub fn flush(&mut self) -> io::Result<()> {
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
}
