//! Somebody stops a client with Ctrl-Z, and after a while no line arrives at anybody. After `fg` the chat goes on.
//!
//! <details><summary>The cure</summary>
//!
//! The sockets are in blocking mode, so the loop waits for the one that is full. Make them non-blocking, keep what they
//! do not take in an outbox for each client (`Outbox`), and disconnect a client whose outbox grows too long.
//!
//! </details>

use super::parts::{Lines, said};
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

struct PolledClient {
    number: usize,
    stream: TcpStream,
    lines: Lines,
}

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    let mut clients: Vec<PolledClient> = Vec::new();
    let (mut last, mut accept_at) = (0, Instant::now());
    loop {
        // When no descriptors are left, the listener is left alone for a while.
        let accepts = Instant::now() >= accept_at;
        let mut fds: Vec<PollFd> = clients.iter().map(|c| PollFd::new(&c.stream, PollFlags::IN)).collect();
        fds.push(PollFd::new(&listener, if accepts { PollFlags::IN } else { PollFlags::empty() }));
        let timeout = rustix::event::Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        if let Err(e) = poll(&mut fds, if accepts { None } else { Some(&timeout) })
            && e != rustix::io::Errno::INTR
        {
            return Err(e.into());
        }
        let mut ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        if ready.pop() == Some(true) {
            match listener.accept() {
                Ok((stream, _)) => {
                    last += 1;
                    clients.push(PolledClient { number: last, stream, lines: Lines::default() });
                }
                Err(_) => accept_at = Instant::now() + Duration::from_millis(50),
            }
        }
        let numbers: Vec<usize> = clients.iter().map(|client| client.number).collect();
        for (number, _) in numbers.into_iter().zip(ready).filter(|(_, ready)| *ready) {
            if !read(&mut clients, number) {
                clients.retain(|client| client.number != number);
            }
        }
    }
}

/// Reads once, and sends each line to all others. Returns `false` if the client is gone.
fn read(clients: &mut [PolledClient], number: usize) -> bool {
    let mut buffer = [0; 4096];
    let Some(at) = clients.iter().position(|client| client.number == number) else { return true };
    match clients[at].stream.read(&mut buffer) {
        Ok(n @ 1..) => clients[at].lines.push(&buffer[..n]),
        _ => return false,
    }
    while let Some(line) = clients[at].lines.take_line() {
        let text = said(number, &line);
        for client in clients.iter_mut().filter(|client| client.number != number) {
            // A client that is gone is found by its own read.
            let _ = client.stream.write_all(&text);
        }
    }
    !clients[at].lines.is_too_long()
}
