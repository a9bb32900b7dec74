//! Clients that all send at full speed. One thread plays them and counts line ends.
//!
//! The load generator is not used here: this load must cost so little that a server on the same core gets nearly all of
//! the core's time.

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

/// About this many lines may be under way to one receiver.
const UNDER_WAY: usize = 1024;
/// At most this many lines of one sender may be under way.
const WINDOW_MAX: usize = 128;
/// When nothing comes for this long, something is lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// When nothing comes for this long, all greetings and arrivals have been read.
const QUIET: Duration = Duration::from_millis(100);

pub struct Flood {
    poll: Poll,
    events: Events,
    clients: Vec<FloodClient>,
    line: Vec<u8>,
    buffer: Vec<u8>,
    /// Lines that a client may be ahead of the slowest receiver.
    window: usize,
}

struct FloodClient {
    stream: TcpStream,
    /// Lines sent so far, and bytes of them that the socket has not taken.
    said: usize,
    unsent: usize,
    /// Lines received so far, of all others.
    heard: usize,
}

impl Flood {
    /// Connects, and reads greetings and arrivals until all is quiet.
    pub fn new(addr: SocketAddr, clients: usize, line_len: usize) -> Flood {
        let poll = Poll::new().expect("a poll");
        let connect = |number| {
            let stream = std::net::TcpStream::connect(addr).expect("the server accepts");
            stream.set_nodelay(true).expect("a socket");
            stream.set_nonblocking(true).expect("a socket");
            let mut stream = TcpStream::from_std(stream);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(number), interest).expect("a socket");
            FloodClient { stream, said: 0, unsent: 0, heard: 0 }
        };
        let window = (UNDER_WAY / clients).clamp(2, WINDOW_MAX);
        let clients = (0..clients).map(connect).collect();
        let line = [&vec![b'x'; line_len - 1][..], b"\n"].concat();
        let buffer = vec![0; 256 << 10];
        let mut flood = Flood { poll, events: Events::with_capacity(1024), clients, line, buffer, window };
        while flood.wait(QUIET) {}
        flood
    }

    /// Each client sends `lines`, never more than a window ahead, and reads what all others sent.
    pub fn all_talk(&mut self, lines: usize) {
        let others = self.clients.len() - 1;
        for client in &mut self.clients {
            (client.said, client.heard) = (0, 0);
        }
        loop {
            let slowest = self.clients.iter().map(|client| client.heard).min().unwrap_or(0) / others;
            if slowest >= lines {
                return;
            }
            for client in &mut self.clients {
                let may_say = (slowest + self.window).min(lines) - client.said;
                // Send half a window at a time: sending single lines would measure the system calls of the clients.
                if may_say >= self.window / 2 || client.said + may_say == lines {
                    client.said += may_say;
                    client.unsent += may_say * self.line.len();
                    client.write(&self.line);
                }
            }
            assert!(self.wait(PATIENCE), "a line did not arrive");
        }
    }

    /// Waits until a socket is ready, and reads and writes. Returns whether one was.
    fn wait(&mut self, patience: Duration) -> bool {
        match self.poll.poll(&mut self.events, Some(patience)) {
            // A signal says nothing about the sockets.
            Err(e) if e.kind() == ErrorKind::Interrupted => return true,
            polled => polled.expect("a poll"),
        }
        for event in &self.events {
            let client = &mut self.clients[event.token().0];
            if event.is_writable() {
                client.write(&self.line);
            }
            if event.is_readable() {
                client.read(&mut self.buffer);
            }
        }
        !self.events.is_empty()
    }
}

impl FloodClient {
    fn write(&mut self, line: &[u8]) {
        while self.unsent > 0 {
            let lines = line.repeat(self.unsent.div_ceil(line.len()));
            match self.stream.write(&lines[lines.len() - self.unsent..]) {
                Ok(n) => self.unsent -= n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(e) => panic!("the server does not read: {e}"),
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) {
        loop {
            match self.stream.read(buffer) {
                Ok(n) => {
                    assert!(n > 0, "the server closed the connection");
                    self.heard += memchr::memchr_iter(b'\n', &buffer[..n]).count();
                    if n < buffer.len() {
                        return;
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(e) => panic!("the connection failed: {e}"),
            }
        }
    }
}
