//! Connects to `HOST:PORT`, with TLS or without, or to `unix:PATH`.

use super::messages::Text;
use super::stream::Stream;
use super::trust::{Trust, secure};
use crate::address::UNIX;
use crate::text::Lang;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// The timeout for each of a host's addresses. The kernel's own timeout is two minutes.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// The first keepalive probe is sent when the server has been silent for this long.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
/// The time between two keepalive probes.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);

/// Connects. With TLS, also ends the handshake.
pub(super) fn connect(addr: &str, trust: Option<&Trust>, lang: Lang) -> Result<Stream, String> {
    secured(open(addr, lang)?, addr, trust, lang)
}

/// With TLS, ends the handshake of a new connection. Nobody overhears a Unix socket.
pub(super) fn secured(socket: TcpStream, addr: &str, trust: Option<&Trust>, lang: Lang) -> Result<Stream, String> {
    match trust.filter(|_| !addr.starts_with(UNIX)) {
        Some(trust) => secure(socket, addr, trust, lang),
        None => Ok(Stream::plain(socket)),
    }
}

/// Connects to the first of the host's addresses that answers.
pub(super) fn open(addr: &str, lang: Lang) -> Result<TcpStream, String> {
    if let Some(path) = addr.strip_prefix(UNIX) {
        let stream = UnixStream::connect(path).map_err(|e| Text::CannotConnect(addr, &e).say(lang))?;
        // All that follows works on any stream socket, whatever the standard library calls its type.
        return Ok(OwnedFd::from(stream).into());
    }
    let found = addr.to_socket_addrs().map_err(|e| match e.kind() {
        io::ErrorKind::InvalidInput => Text::BadAddress(addr).say(lang),
        _ => Text::NoSuchHost(addr).say(lang),
    })?;
    let mut last = None;
    for candidate in found {
        match TcpStream::connect_timeout(&candidate, CONNECT_PATIENCE) {
            Ok(stream) => {
                tune(&stream);
                return Ok(stream);
            }
            Err(e) => last = Some(e),
        }
    }
    Err(match last {
        Some(e) => Text::CannotConnect(addr, &e).say(lang),
        None => Text::NoSuchHost(addr).say(lang),
    })
}

/// Disables Nagle's algorithm, because lines are small and must not be delayed. Enables keepalive, so that a dead
/// server is noticed although nothing is written to it. The socket works without both, so an error is only logged.
fn tune(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
    if let Err(e) = stream.set_nodelay(true).and_then(|()| SockRef::from(stream).set_tcp_keepalive(&keepalive)) {
        log::debug!("the socket options cannot be set: {e}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn who_is_not_there_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("an address").to_string();
        open(&addr, Lang::En).expect("somebody listens");
        drop(listener);
        let error = open(&addr, Lang::En).expect_err("nobody listens");
        assert!(error.starts_with(&format!("cannot connect to {addr}: connection refused; ")), "{error}");
        for addr in ["no-port", "host:port", "127.0.0.1:70000"] {
            assert!(open(addr, Lang::En).expect_err("no address").contains("HOST:PORT"), "{addr}");
        }
    }
}
