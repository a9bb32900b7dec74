//! The floor: the least that a relay could do. It does one read from each client that is ready, and one gathered write
//! to each other client. It has no lines, no names and no limits, and it runs until killed.

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::time::{Duration, Instant};

const READ_MAX: usize = 64 << 10;

struct FloorClient {
    stream: TcpStream,
    /// Bytes that its socket has not taken.
    rest: Vec<u8>,
}

/// Serves until killed. Polls without sleeping for the time `spin` before it sleeps.
pub fn serve(addr: &str, spin: Duration) {
    let mut listener = TcpListener::bind(addr.parse().expect("an address")).expect("a free port");
    let mut poll = Poll::new().expect("a poll");
    poll.registry().register(&mut listener, Token(usize::MAX), Interest::READABLE).expect("a listener");
    let mut events = Events::with_capacity(1024);
    let mut clients: Vec<Option<FloorClient>> = Vec::new();
    let mut buffer = vec![0; READ_MAX];
    let mut ready = Vec::new();

    loop {
        let begin = Instant::now();
        loop {
            let looks = !ready.is_empty() || (!spin.is_zero() && begin.elapsed() < spin);
            match poll.poll(&mut events, looks.then_some(Duration::ZERO)) {
                // A signal says nothing about the sockets.
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                polled => polled.expect("a poll"),
            }
            if !looks || !ready.is_empty() || !events.is_empty() {
                break;
            }
        }
        for event in &events {
            match event.token().0 {
                usize::MAX => accept(&listener, &poll, &mut clients),
                key => {
                    if event.is_writable() {
                        write(&mut clients[key], &[]);
                    }
                    if !ready.contains(&key) {
                        ready.push(key);
                    }
                }
            }
        }
        // Read from each ready client once, and note which bytes are its own.
        let mut said = Vec::new();
        let mut parts = Vec::new();
        for key in std::mem::take(&mut ready) {
            let Some(client) = &mut clients[key] else { continue };
            match client.stream.read(&mut buffer) {
                Ok(0) => clients[key] = None,
                Ok(n) => {
                    parts.push((key, said.len()..said.len() + n));
                    said.extend_from_slice(&buffer[..n]);
                    if n == buffer.len() {
                        ready.push(key);
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(_) => clients[key] = None,
            }
        }
        // Write to each client once.
        for (key, client) in clients.iter_mut().enumerate() {
            let own = parts.iter().find(|(speaker, _)| *speaker == key).map_or(0..0, |(_, part)| part.clone());
            write(client, &[&said[..own.start], &said[own.end..]]);
        }
    }
}

fn accept(listener: &TcpListener, poll: &Poll, clients: &mut Vec<Option<FloorClient>>) {
    while let Ok((mut stream, _)) = listener.accept() {
        stream.set_nodelay(true).expect("a socket");
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(clients.len()), interest).expect("a socket");
        clients.push(Some(FloorClient { stream, rest: Vec::new() }));
    }
}

fn write(slot: &mut Option<FloorClient>, parts: &[&[u8]]) {
    let Some(client) = slot else { return };
    let len = client.rest.len() + parts.iter().map(|part| part.len()).sum::<usize>();
    if len == 0 {
        return;
    }
    let mut slices = vec![IoSlice::new(&client.rest)];
    slices.extend(parts.iter().map(|part| IoSlice::new(part)));
    let written = match client.stream.write_vectored(&slices) {
        Ok(n) => n,
        Err(e) if e.kind() == ErrorKind::WouldBlock => 0,
        Err(_) => {
            *slot = None;
            return;
        }
    };
    if written < len {
        let all = [&client.rest[..], &parts.concat()].concat();
        client.rest = all[written..].to_vec();
    } else {
        client.rest.clear();
    }
}
