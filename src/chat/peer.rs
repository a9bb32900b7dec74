//! Where a client comes from.
//!
//! Limits and bans count by origin. A client that came over the network has an address. A client of a Unix socket has none: the
//! system knows of which user its process is, and so it is counted by user, and banned as `uid:1000`.

use serde::{Serialize, Serializer};
use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The other end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Peer {
    /// The address of a TCP connection.
    Tcp(SocketAddr),
    /// The user whose process has connected to a Unix socket.
    User(u32),
    /// A client of another server of the room.
    Elsewhere,
}

/// What is the same for all connections of one subscriber.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Origin {
    /// An address of the network.
    Address(IpAddr),
    /// A user of this machine.
    User(u32),
    /// Another server of the room.
    Elsewhere,
}

impl Peer {
    /// Where it comes from.
    pub fn origin(self) -> Origin {
        match self {
            Peer::Tcp(addr) => Origin::Address(addr.ip()),
            Peer::User(uid) => Origin::User(uid),
            Peer::Elsewhere => Origin::Elsewhere,
        }
    }
}

impl Origin {
    /// The part of it that one subscriber has: an IPv4 address, the first 64 bits of an IPv6 address, or a user.
    pub(crate) fn network(self) -> Origin {
        match self {
            Origin::User(_) | Origin::Elsewhere => self,
            Origin::Address(addr) => Origin::Address(match addr.to_canonical() {
                IpAddr::V6(addr) => Ipv6Addr::from_bits(addr.to_bits() >> 64 << 64).into(),
                addr => addr,
            }),
        }
    }
}

/// How a user is written where others have an address.
const USER: &str = "uid:";
/// How a client of another server is written. It is no address, so it cannot be banned.
const ELSEWHERE: &str = "elsewhere";

impl Display for Peer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Tcp(addr) => addr.fmt(f),
            Peer::User(uid) => write!(f, "{USER}{uid}"),
            Peer::Elsewhere => f.write_str(ELSEWHERE),
        }
    }
}

impl Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Address(addr) => addr.fmt(f),
            Origin::User(uid) => write!(f, "{USER}{uid}"),
            Origin::Elsewhere => f.write_str(ELSEWHERE),
        }
    }
}

impl FromStr for Origin {
    type Err = ();

    fn from_str(text: &str) -> Result<Origin, ()> {
        match text.strip_prefix(USER) {
            Some(uid) => uid.parse().map(Origin::User).map_err(drop),
            None => text.parse().map(Origin::Address).map_err(drop),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<A: Into<SocketAddr>> From<A> for Peer {
    fn from(addr: A) -> Peer {
        Peer::Tcp(addr.into())
    }
}

impl<A: Into<IpAddr>> From<A> for Origin {
    fn from(addr: A) -> Origin {
        Origin::Address(addr.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_subscriber_is_one_network() {
        let network = |text: &str| text.parse().map(Origin::network);
        assert_eq!(network("::ffff:10.0.0.1"), "10.0.0.1".parse());
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("uid:1000"), Ok(Peer::User(1000).origin()));
        assert_ne!(network("uid:1000"), network("uid:1001"));
    }

    #[test]
    fn an_origin_is_read_as_it_is_written() {
        for text in ["10.0.0.1", "2001:db8::1", "uid:0", "uid:4294967295"] {
            assert_eq!(text.parse().map(|origin: Origin| origin.to_string()), Ok(text.to_owned()));
        }
        for text in ["uid:", "uid:-1", "uid:4294967296", "uid:ana", "ana", ""] {
            assert_eq!(text.parse::<Origin>(), Err(()), "{text}");
        }
    }
}
