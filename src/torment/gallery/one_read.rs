//! Short talk works. Who pastes a long text sees only the beginning of it arrive; the rest comes when he says something
//! more.
//!
//! <details><summary>The cure</summary>
//!
//! mio's poll is edge-triggered: it does not say again that there is more to read. Read in a loop until `WouldBlock`.
//!
//! </details>

use super::parts::{Lines, Outbox, said};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;

const LISTENER: Token = Token(0);

struct Client {
    stream: TcpStream,
    lines: Lines,
    outbox: Outbox,
}

pub fn serve(listener: std::net::TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(64));
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut clients: BTreeMap<usize, Client> = BTreeMap::new();
    let (mut last, mut accept_again) = (0, false);
    loop {
        match poll.poll(&mut events, accept_again.then_some(Duration::from_millis(50))) {
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        }
        let mut dead = Vec::new();
        for event in &events {
            let number = event.token().0;
            if event.is_readable() && !read(&mut clients, number, &mut dead) {
                dead.push(number);
            }
            if let Some(client) = clients.get_mut(&number)
                && !client.outbox.flush(&mut client.stream)
            {
                dead.push(number);
            }
        }
        dead.iter().for_each(|number| drop(clients.remove(number)));
        accept_again = loop {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    last += 1;
                    poll.registry().register(&mut stream, Token(last), Interest::READABLE | Interest::WRITABLE)?;
                    clients.insert(last, Client { stream, lines: Lines::default(), outbox: Outbox::default() });
                }
                Err(e) => break e.kind() != ErrorKind::WouldBlock,
            }
        };
    }
}

/// Reads what is there, and says each line to all others. `false`: it is gone.
fn read(clients: &mut BTreeMap<usize, Client>, number: usize, dead: &mut Vec<usize>) -> bool {
    let mut buffer = [0; 4096];
    if let Some(client) = clients.get_mut(&number) {
        match client.stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(n) => client.lines.push(&buffer[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return true,
            Err(_) => return false,
        }
        while let Some(line) = clients.get_mut(&number).and_then(|client| client.lines.take_line()) {
            let text = said(number, &line);
            for (&other, client) in clients.iter_mut().filter(|(other, _)| **other != number) {
                client.outbox.push(&text);
                if !client.outbox.flush(&mut client.stream) {
                    dead.push(other);
                }
            }
        }
        if clients.get(&number).is_some_and(|client| client.lines.is_too_long()) {
            return false;
        }
    }
    true
}
