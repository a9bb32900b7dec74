//! What the kernel does with operations at their edges, on pairs of connected sockets.

use super::*;
use crate::chat::limits::OPENING_PATIENCE;
use crate::chat::{Effect, Hub, Lang, Limits};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

/// How long a completion may take.
const LIMIT: Duration = Duration::from_secs(60);
const SIZES: Sizes = Sizes { submissions: 4, completions: 8, buffers: 4, buffer_len: 16 };

/// A ring; `None`, with the reason printed, where the system forbids it.
fn ring() -> Option<Ring> {
    Ring::probe().inspect_err(|why| eprintln!("skipped: {why}")).ok()?;
    Some(Ring::new(SIZES).expect("the probe was successful"))
}

/// A connection: our end, and the peer's.
fn connection() -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let peer = TcpStream::connect(listener.local_addr().expect("bound")).expect("a connection");
    peer.set_read_timeout(Some(LIMIT)).expect("an option");
    let (own, _) = listener.accept().expect("a connection");
    (Socket::new(own.into()), peer)
}

/// A flight of so many bytes.
fn flight(len: usize) -> Flight {
    let now = Instant::now();
    let mut hub = Hub::new(Limits { line_max: len + 1, ..Limits::default() }, Lang::En, now);
    hub = hub.replay(Box::new(move |_| vec![b'x'; len]));
    let id = hub.connect(0, ([127, 0, 0, 1], 1).into()).expect("a seat");
    // Its greeting waits for its first line, but not longer than this.
    hub.tick(now + OPENING_PATIENCE);
    assert_eq!(hub.poll_effect(), Some(Effect::Flush(id)));
    hub.carry_off(id).expect("a greeting")
}

impl Ring {
    /// The next completion, of whatever kind.
    fn next(&mut self) -> Completion {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(completion) = self.next_completion().or_else(|| self.next_received()) {
                return completion;
            }
            self.wait(Some(end.saturating_duration_since(Instant::now()))).expect("the ring works");
            assert!(Instant::now() < end, "nothing is complete");
        }
    }

    /// Hands over what is new, and returns what is complete at once.
    fn look(&mut self) -> Vec<Completion> {
        self.wait(Some(Duration::ZERO)).expect("the ring works");
        std::iter::from_fn(|| self.next_completion().or_else(|| self.next_received())).collect()
    }
}

fn taken(completion: Completion) -> Result<usize, Errno> {
    let Outcome::Sent(_, result) = completion.outcome else { panic!("it is no send") };
    result
}

#[test]
fn a_quiet_send_wakes_nobody_and_is_reported_with_the_next_completion() {
    let Some(mut ring) = ring() else { return };
    let ((socket, mut peer), flight) = (connection(), flight(100));
    let len = flight.len();
    let send = ring.send(&socket, 7, flight, How::Quietly);
    let begun = Instant::now();
    ring.wait(Some(Duration::from_millis(50))).expect("the ring works");
    assert!(begun.elapsed() >= Duration::from_millis(50), "it woke the thread");
    let completion = ring.next_completion().expect("it is complete");
    assert!((completion.operation, completion.key, completion.is_last) == (send, 7, true));
    assert_eq!(taken(completion), Ok(len));
    peer.read_exact(&mut vec![0; len]).expect("all of it");
}

#[test]
fn a_quiet_send_that_comes_up_short_wakes_the_thread_and_the_rest_waits_for_the_socket() {
    let Some(mut ring) = ring() else { return };
    let (socket, mut peer) = connection();
    let mut flight = flight(16 << 20);
    let (len, whole) = (flight.len(), flight.to_vec());
    ring.send(&socket, 0, flight, How::Quietly);
    let completion = ring.next();
    let Outcome::Sent(rest, Ok(first)) = completion.outcome else { panic!("a part fits") };
    assert!(0 < first && first < len, "no socket takes so much");
    flight = rest;
    flight.advance(first);
    // Now it is full.
    ring.send(&socket, 0, flight, How::AtOnce);
    let completion = ring.next();
    let Outcome::Sent(flight, Err(Errno::AGAIN)) = completion.outcome else { panic!("nothing fits") };
    let send = ring.send(&socket, 0, flight, How::Patiently);
    assert!(ring.look().is_empty(), "it waits");
    // Cancelled, it comes back with its bytes.
    ring.cancel(send);
    let completion = ring.next();
    assert_eq!(completion.operation, send);
    let Outcome::Sent(flight, Err(Errno::CANCELED)) = completion.outcome else { panic!("it waited") };
    assert_eq!(flight.len(), len - first);
    ring.send(&socket, 0, flight, How::Patiently);
    let reader = std::thread::spawn(move || {
        let mut bytes = vec![0; len];
        peer.read_exact(&mut bytes).map(|()| bytes)
    });
    let mut sent = first;
    while sent < len {
        let Outcome::Sent(mut flight, Ok(more)) = ring.next().outcome else { panic!("the peer reads") };
        sent += more;
        flight.advance(more);
        if !flight.is_empty() {
            ring.send(&socket, 0, flight, How::Patiently);
        }
    }
    assert!(reader.join().expect("it ends").expect("all of it") == whole, "in order");
}

#[test]
fn a_full_completion_queue_loses_nothing() {
    let Some(mut ring) = ring() else { return };
    const COUNT: usize = 100;
    let mut connections: Vec<_> = (0..COUNT).map(|_| connection()).collect();
    for (key, (socket, peer)) in connections.iter_mut().enumerate() {
        peer.write_all(b"x").expect("a connection");
        ring.poll(socket, PollFlags::IN, key);
    }
    let mut keys: Vec<usize> = (0..COUNT).map(|_| ring.next().key).collect();
    keys.sort_unstable();
    assert!(keys.into_iter().eq(0..COUNT), "each once");
    assert!(ring.look().is_empty());
}

#[test]
fn quiet_sends_that_fail_while_the_completion_queue_is_full_are_no_success() {
    let Some(mut ring) = ring() else { return };
    let connections: Vec<_> = (0..100).map(|_| connection()).collect();
    let full = flight(16 << 20).len();
    for (key, (socket, _)) in connections.iter().enumerate() {
        ring.send(socket, key, flight(16 << 20), How::Quietly);
    }
    for _ in &connections {
        assert!(taken(ring.next()).expect("a part") < full);
    }
}

#[test]
fn what_finds_no_buffer_is_received_when_one_is_given_back() {
    let Some(mut ring) = ring() else { return };
    let (socket, mut peer) = connection();
    let sent: Vec<u8> = (0..200).collect();
    peer.write_all(&sent).expect("a connection");
    let mut receive = ring.receive(&socket, 0);
    let (mut received, mut kept, mut refused) = (Vec::new(), Vec::new(), 0);
    while received.len() < sent.len() {
        let completion = ring.next();
        assert_eq!(completion.operation, receive);
        match completion.outcome {
            Outcome::Received(Ok(Some(buffer))) => {
                received.extend_from_slice(ring.bytes(&buffer));
                kept.push(buffer);
            }
            Outcome::Received(Err(Errno::NOBUFS)) => {
                assert!(completion.is_last && kept.len() == usize::from(SIZES.buffers));
                refused += 1;
                kept.drain(..).for_each(|buffer| ring.give_back(buffer));
                receive = ring.receive(&socket, 0);
            }
            _ => panic!("the peer is there"),
        }
    }
    assert_eq!(received, sent);
    assert!(refused > 0);
    peer.shutdown(std::net::Shutdown::Write).expect("a connection");
    kept.drain(..).for_each(|buffer| ring.give_back(buffer));
    while !matches!(ring.next().outcome, Outcome::Received(Ok(None))) {
        ring.receive(&socket, 0);
    }
}

#[test]
fn a_receive_that_is_cancelled_brings_what_came_before_and_then_says_so() {
    let Some(mut ring) = ring() else { return };
    let (socket, mut peer) = connection();
    let receive = ring.receive(&socket, 3);
    assert!(ring.look().is_empty());
    peer.write_all(b"before").expect("a connection");
    // One call may do both in any order, but what was received is not lost.
    ring.cancel(receive);
    let mut bytes = Vec::new();
    loop {
        let completion = ring.next();
        assert_eq!((completion.operation, completion.key), (receive, 3));
        match completion.outcome {
            Outcome::Received(Ok(Some(buffer))) => {
                bytes.extend_from_slice(ring.bytes(&buffer));
                ring.give_back(buffer);
            }
            Outcome::Received(Err(Errno::CANCELED)) if completion.is_last => break,
            _ => panic!("the peer is there"),
        }
    }
    let again = ring.receive(&socket, 3);
    assert_ne!(again, receive, "a late completion of the other one would be recognized");
    while bytes != b"before" {
        let Outcome::Received(Ok(Some(buffer))) = ring.next().outcome else { panic!("the rest") };
        bytes.extend_from_slice(ring.bytes(&buffer));
        ring.give_back(buffer);
    }
}

#[test]
fn a_socket_is_closed_after_the_sends_that_were_queued_before() {
    let Some(mut ring) = ring() else { return };
    let ((socket, mut peer), flight) = (connection(), flight(100));
    let len = flight.len();
    let receive = ring.receive(&socket, 0);
    assert!(ring.look().is_empty());
    ring.send(&socket, 0, flight, How::Quietly);
    ring.cancel(receive);
    ring.close(socket);
    // Then the kernel lets go of it.
    while ring.next().operation != receive {}
    let mut text = Vec::new();
    peer.read_to_end(&mut text).expect("the end-of-file comes");
    assert_eq!(text.len(), len);
}

#[test]
fn a_ring_that_ends_lets_go_of_its_sockets_and_buffers() {
    let Some(mut ring) = ring() else { return };
    let (reading, mut silent) = connection();
    let (writing, mut full) = connection();
    ring.receive(&reading, 0);
    ring.send(&writing, 1, flight(16 << 20), How::Patiently);
    // It takes a part and waits with the rest.
    while let Outcome::Sent(mut flight, Ok(taken)) = ring.next().outcome {
        flight.advance(taken);
        ring.send(&writing, 1, flight, How::Patiently);
        if ring.look().is_empty() {
            break;
        }
    }
    drop(ring);
    drop((reading, writing));
    assert_eq!(silent.read(&mut [0]).expect("the end-of-file comes"), 0);
    full.read_to_end(&mut Vec::new()).expect("the end-of-file comes");
}
