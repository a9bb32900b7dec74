//! Clients that send one after the other, over blocking sockets that are read one after the other.
//!
//! The load generator is not used here: a loop that waits for all sockets is woken by the first line, see
//! [`Talk::round_trip`].

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub struct Talk {
    streams: Vec<TcpStream>,
    line: Vec<u8>,
    buffer: Vec<u8>,
    /// Lines sent so far, which decides whose turn it is.
    turn: usize,
}

impl Talk {
    /// Connects, and reads greetings and arrivals until all is quiet.
    pub fn new(addr: SocketAddr, clients: usize, line_len: usize) -> Talk {
        let connect = |_| {
            let stream = TcpStream::connect(addr).expect("the server accepts");
            stream.set_nodelay(true).expect("a socket");
            stream
        };
        let line = [&vec![b'x'; line_len - 1][..], b"\n"].concat();
        let streams: Vec<TcpStream> = (0..clients).map(connect).collect();
        let mut talk = Talk { streams, line, buffer: vec![0; 64 << 10], turn: 0 };
        // All notices are read until there is silence. Then one line must reach everybody, so all are in the room.
        let quiet = Some(Duration::from_millis(100));
        for stream in &talk.streams {
            stream.set_read_timeout(quiet).expect("a socket");
        }
        for mut stream in &talk.streams {
            while matches!(stream.read(&mut talk.buffer), Ok(1..)) {}
        }
        for stream in &talk.streams {
            stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        }
        talk.round_trip();
        talk
    }

    /// One client sends a line, and all others read it. With each call it is the next client's turn.
    ///
    /// The last receiver is read first. A thread that waits for the first one would be woken by the first write, and on
    /// one core it would preempt the server after every write. The round trip would take four times as long, and
    /// measure the scheduler.
    pub fn round_trip(&mut self) {
        let speaker = self.turn % self.streams.len();
        self.turn += 1;
        (&self.streams[speaker]).write_all(&self.line).expect("the server reads");
        for listener in (0..self.streams.len()).rev().filter(|listener| *listener != speaker) {
            let mut got = 0;
            while got == 0 || self.buffer[got - 1] != b'\n' {
                let n = (&self.streams[listener]).read(&mut self.buffer[got..]).expect("the line arrives");
                assert!(n > 0, "the server closed the connection");
                got += n;
            }
        }
    }

    /// Reads what the idle clients have received, so that their sockets do not fill up.
    pub fn discard(&mut self, crowd: &[TcpStream]) {
        for mut stream in crowd {
            stream.set_nonblocking(true).expect("a socket");
            while matches!(stream.read(&mut self.buffer), Ok(1..)) {}
        }
    }
}
