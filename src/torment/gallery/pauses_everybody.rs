//! Memory stays small, and nobody loses a line. But when somebody with a slow network asks for the help a thousand
//! times, everybody's lines take seconds, even between two clients that have nothing to do with it.
//!
//! <details><summary>The cure</summary>
//!
//! While the outbox of one client is long, the loop reads from nobody. Count what each client has caused to be sent
//! lately, and stop reading from those that have caused much. A client that says little is then heard at once.
//!
//! </details>

use super::parts::{Lines, Outbox};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{self, ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Nobody is read from after an outbox has become longer than this, until all are shorter than the low mark. Bytes.
const HIGH: usize = 4 << 20;
const LOW: usize = 128 << 10;
/// A client that makes the others wait for longer is disconnected.
const PATIENCE: Duration = Duration::from_secs(3);
const HELP: &[u8] =
    b"* Write a line and everybody reads it. /msg NAME TEXT is read by NAME only, /help is this text.\n";
const A_MOMENT: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

struct Client {
    name: String,
    stream: TcpStream,
    lines: Lines,
    outbox: Outbox,
}

pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    let (mut clients, mut last, mut full_since) = (Vec::<Client>::new(), 0, None);
    loop {
        let mark = if full_since.is_some() { LOW } else { HIGH };
        let is_full = clients.iter().any(|client| client.outbox.len() > mark);
        full_since = is_full.then(|| full_since.unwrap_or_else(Instant::now));
        if full_since.is_some_and(|since| since.elapsed() > PATIENCE) {
            clients.retain(|client| client.outbox.len() <= LOW);
        }
        let (ready, listener_is_ready) = wait(&clients, &listener, is_full)?;
        let gone: Vec<usize> = ready.into_iter().filter(|&me| !read(&mut clients, me)).collect();
        gone.into_iter().rev().for_each(|me| drop(clients.remove(me)));
        clients.retain_mut(|client| client.outbox.flush(&mut client.stream));
        if listener_is_ready {
            match listener.accept().and_then(|(stream, _)| stream.set_nonblocking(true).map(|()| stream)) {
                Ok(stream) => {
                    last += 1;
                    let name = format!("guest{last}");
                    clients.push(Client { name, stream, lines: Lines::default(), outbox: Outbox::default() });
                }
                // Without descriptors the next accept would fail, too.
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

/// Waits for an event. Returns which clients to read from, and whether somebody waits to be accepted.
fn wait(clients: &[Client], listener: &TcpListener, is_full: bool) -> io::Result<(Vec<usize>, bool)> {
    let wants = |client: &Client| {
        let mut wants = if is_full { PollFlags::empty() } else { PollFlags::IN };
        wants.set(PollFlags::OUT, client.outbox.len() > 0);
        wants
    };
    let mut fds: Vec<PollFd> = clients.iter().map(|client| PollFd::new(&client.stream, wants(client))).collect();
    fds.push(PollFd::new(listener, PollFlags::IN));
    match poll(&mut fds, is_full.then_some(&A_MOMENT)) {
        Err(Errno::INTR) => return Ok((Vec::new(), false)),
        other => other?,
    };
    let is_ready = |fd: &PollFd| fd.revents().intersects(PollFlags::IN | PollFlags::ERR | PollFlags::HUP);
    let mut ready: Vec<usize> = (0..fds.len()).filter(|&at| is_ready(&fds[at])).collect();
    let listener_is_ready = ready.pop_if(|at| *at == clients.len()).is_some();
    Ok((ready, listener_is_ready))
}

/// Reads once. Returns `false` if the client is gone.
fn read(clients: &mut [Client], me: usize) -> bool {
    let mut buffer = [0; 4096];
    match clients[me].stream.read(&mut buffer) {
        Ok(n @ 1..) => clients[me].lines.push(&buffer[..n]),
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
        _ => return false,
    }
    while let Some(line) = clients[me].lines.take_line() {
        let line = String::from_utf8_lossy(&line);
        if line.trim_end() == "/help" {
            clients[me].outbox.push(HELP);
            continue;
        }
        let private = line.strip_prefix("/msg ").and_then(|rest| rest.split_once(' '));
        let text = format!("<{}> {}", clients[me].name, private.map_or(&*line, |(_, text)| text));
        for (other, client) in clients.iter_mut().enumerate() {
            if private.map_or(other != me, |(name, _)| client.name == name) {
                client.outbox.push(text.as_bytes());
            }
        }
    }
    !clients[me].lines.is_too_long()
}
