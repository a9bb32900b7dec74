//! The first line of a connection: it shows whether the peer speaks another protocol.
//!
//! A web page may let a browser send a POST request to any port of the same machine, and the lines of that request would be
//! said in the room. So whoever begins with a request of HTTP, a record of TLS or the banner of SSH is disconnected, and nothing
//! of what it sends is said.

use super::line::Line;
use std::fmt::{self, Display, Formatter};

/// A protocol that is not this chat's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// A request line, as browsers send it.
    Http,
    /// A handshake record.
    Tls,
    /// A banner.
    Ssh,
}

impl Display for Protocol {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(match self {
            Protocol::Http => "HTTP",
            Protocol::Tls => "TLS",
            Protocol::Ssh => "SSH",
        })
    }
}

/// The type of TLS's handshake records: the first byte of a connection.
const TLS_HANDSHAKE: u8 = 22;

/// What is known of a connection's first line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Opening {
    /// It is not complete. These are its first bytes: the decoder does not keep a line that is too long.
    Unfinished { head: [u8; 10], len: u8 },
    /// It is complete, and looked at.
    Over,
}

impl Opening {
    pub(crate) const NEW: Opening = Opening::Unfinished { head: [0; 10], len: 0 };

    /// Takes in what has been read. Returns the protocol if the first byte shows it: TLS sends no line.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Option<Protocol> {
        let Opening::Unfinished { head, len } = self else { return None };
        for (to, from) in head[usize::from(*len)..].iter_mut().zip(bytes) {
            *to = *from;
            *len += 1;
        }
        (*len > 0 && head[0] == TLS_HANDSHAKE).then_some(Protocol::Tls)
    }

    /// A line is complete. Returns the protocol if it is the first line and shows one.
    pub(crate) fn line(&mut self, line: &Line<'_>) -> Option<Protocol> {
        let Opening::Unfinished { head, len } = *self else { return None };
        *self = Opening::Over;
        match line {
            Line::Text(text) if text.starts_with(b"SSH-") => Some(Protocol::Ssh),
            Line::Text(text) if begins_request(text) && ends_request(text) => Some(Protocol::Http),
            Line::TooLong(_) | Line::Endless if begins_request(&head[..len.into()]) => Some(Protocol::Http),
            _ => None,
        }
    }
}

/// A method, a space, and what begins a target: a path, an address or an asterisk.
fn begins_request(bytes: &[u8]) -> bool {
    let method = bytes.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    (3..=7).contains(&method) && matches!(bytes[method..], [b' ', b'/' | b'*' | b'a'..=b'z', ..])
}

/// The version, such as `HTTP/1.1`.
fn ends_request(line: &[u8]) -> bool {
    line.rsplit(|byte| *byte == b' ').next().is_some_and(|last| last.starts_with(b"HTTP/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protocol(line: &[u8]) -> Option<Protocol> {
        let mut opening = Opening::NEW;
        opening.read(line).or_else(|| opening.line(&Line::Text(line)))
    }

    #[test]
    fn other_protocols_are_known_by_their_first_line() {
        for request in
            ["GET / HTTP/1.1", "POST /x?y=z HTTP/1.0", "OPTIONS * HTTP/1.1", "PRI * HTTP/2.0", "GET http://a/ HTTP/1.1"]
        {
            assert_eq!(protocol(request.as_bytes()), Some(Protocol::Http), "{request}");
        }
        assert_eq!(protocol(b"SSH-2.0-OpenSSH_10.0"), Some(Protocol::Ssh));
        assert_eq!(protocol(b"\x16\x03\x01\x02\x00\x01"), Some(Protocol::Tls));
        for said in ["hola", "GET UP", "GET /etc/passwd", "what is HTTP/1.1", ":nick SSH-2", ""] {
            assert_eq!(protocol(said.as_bytes()), None, "{said}");
        }
    }

    #[test]
    fn a_request_that_is_too_long_is_known_by_its_beginning_and_only_the_first_line_counts() {
        let mut opening = Opening::NEW;
        for piece in [&b"PO"[..], b"ST /", b"aaaaaaaaaaaaa"] {
            assert_eq!(opening.read(piece), None);
        }
        assert_eq!(opening.line(&Line::TooLong(5000)), Some(Protocol::Http));
        let mut opening = Opening::NEW;
        opening.read(b"hola\n");
        assert_eq!(opening.line(&Line::Text(b"hola")), None);
        assert_eq!(opening.line(&Line::Text(b"GET / HTTP/1.1")), None);
    }
}
