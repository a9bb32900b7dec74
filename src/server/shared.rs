//! A room on several servers: where its log is, and whether this server can use it.

use super::recent::Recent;
use super::{diagnostics, wall_clock};
use crate::chat;
use crate::chat::link::entry::{Event, NotOurs, Place, ServerId};
use crate::chat::link::redis::{self, Replies, Reply};
use crate::chat::link::room::{Room, Trouble};
use crate::chat::link::{Link, checked_type, checked_version};
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::process;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// At start the log has to answer within this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// The log keeps about this many entries. A server appends an entry in a round trip to Redis, so these are a minute at least.
const KEPT: u64 = 100_000;
const PORT: u16 = 6379;
/// So many entries are read at once in search of the last messages ...
const PAGE: &str = "500";
/// ... and so many times. In a room where nobody speaks each server appends an entry every two seconds.
const PAGES_MAX: usize = 200;

/// Where the log of a room is: `redis://HOST[:PORT][/DB]/NAME`, with `USER:PASSWORD@` before the host if Redis asks for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Shared {
    host: String,
    port: u16,
    database: u32,
    name: String,
    user: Option<String>,
    password: Option<String>,
}

/// What the address of a room looks like.
const FORM: &str = "redis://HOST[:PORT][/DB]/NAME";

impl FromStr for Shared {
    type Err = String;

    fn from_str(url: &str) -> Result<Shared, String> {
        let wrong = || diagnostics::no_room(FORM);
        if url.starts_with("rediss://") {
            return Err(diagnostics::no_rediss());
        }
        let rest = url.strip_prefix("redis://").ok_or_else(wrong)?;
        let (authority, path) = rest.split_once('/').ok_or_else(wrong)?;
        let (user_info, place) = match authority.rsplit_once('@') {
            Some((user_info, place)) => (Some(user_info), place),
            None => (None, authority),
        };
        let (user, password) = match user_info.map(|it| it.split_once(':').unwrap_or(("", it))) {
            Some((user, password)) => (Some(user).filter(|user| !user.is_empty()), Some(password)),
            None => (None, None),
        };
        let (database, name) = match path.split_once('/') {
            Some((database, name)) => (database.parse().map_err(|_| wrong())?, name),
            None => (0, path),
        };
        let (host, port) = host_and_port(place).ok_or_else(wrong)?;
        if name.is_empty() || name.contains(['/', '?', '#']) {
            return Err(wrong());
        }
        let decoded = |text: &str| percent_decoded(text).ok_or_else(wrong);
        Ok(Shared {
            host: host.into(),
            port,
            database,
            name: decoded(name)?,
            user: user.map(decoded).transpose()?,
            password: password.map(decoded).transpose()?,
        })
    }
}

/// The address without the password.
impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "redis://{}:{}/{}/{}", self.host, self.port, self.database, self.name)
    }
}

/// `HOST`, `HOST:PORT` or `[IPv6]:PORT`.
fn host_and_port(place: &str) -> Option<(&str, u16)> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Some(PORT), |port| port.parse().ok())?;
    (!host.is_empty() && port != 0).then_some((host, port))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A log that can be used.
pub(super) struct Found {
    room: Room,
    addrs: Vec<SocketAddr>,
    recent: Option<Recent>,
}

impl Shared {
    /// Looks whether the log can be used, and for the last messages in it. The error is text for people.
    pub(super) fn look(&self, replay: usize) -> Result<Found, String> {
        let place = format!("{}:{}", self.host, self.port);
        let tell = |trouble| diagnostics::cannot_use_log(&place, &self.name, &trouble);
        let addrs = (self.host.as_str(), self.port).to_socket_addrs();
        let addrs: Vec<SocketAddr> = addrs.map_err(|e| diagnostics::cannot_find(&place, &e))?.collect();
        let room = Room {
            key: self.name.clone(),
            database: self.database,
            user: self.user.clone(),
            password: self.password.clone(),
            kept: KEPT,
        };
        let looks = addrs.iter().map(|addr| look(*addr, &room, replay)).reduce(|first, other| first.or(other));
        let recent = looks.unwrap_or(Err(Trouble::Unreachable)).map_err(tell)?;
        Ok(Found { room, addrs, recent })
    }
}

impl Found {
    /// The last messages; `None` if newcomers get none.
    pub(super) fn recent(&self) -> Option<Recent> {
        self.recent.clone()
    }

    /// Makes the room of a hub one on several servers.
    pub(super) fn share(self, hub: chat::Hub) -> chat::Hub {
        let server = ServerId(RandomState::new().hash_one(process::id()));
        hub.share_room(Link::new(self.room, server, Instant::now()), self.addrs)
    }
}

/// Looks whether there is a Redis that can be used, and whether the key holds the log of a room, or nothing. Returns the last
/// messages.
fn look(addr: SocketAddr, room: &Room, replay: usize) -> Result<Option<Recent>, Trouble> {
    let mut talk = Talk::begin(addr)?;
    for words in room.greetings() {
        talk.ask(&words.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    checked_version(redis::text(&talk.ask(&["INFO", "server"])?).unwrap_or_default())?;
    checked_type(redis::text(&talk.ask(&["TYPE", &room.key])?).unwrap_or_default())?;
    let recent = Recent::new(replay);
    let messages = last_messages(&mut talk, &room.key, replay)?;
    if let Some(recent) = &recent {
        for Message { at, nick, text, is_act } in messages.into_iter().rev() {
            let time = wall_clock::timestamp(at.time);
            match is_act {
                false => recent.said(&time, &nick, &text),
                true => recent.acted(&time, &nick, &text),
            }
        }
    }
    Ok(recent)
}

struct Message {
    at: Place,
    nick: String,
    text: String,
    is_act: bool,
}

/// The last messages of the log, the newest first. It is read back until there are enough, or for [`PAGES_MAX`].
fn last_messages(talk: &mut Talk, key: &str, most: usize) -> Result<Vec<Message>, Trouble> {
    let mut messages = Vec::new();
    // An entry may be there twice.
    let mut known = HashSet::new();
    let mut end = "+".to_owned();
    for _ in 0..PAGES_MAX {
        let page = talk.ask(&["XREVRANGE", key, &end, "-", "COUNT", PAGE])?;
        let page = redis::entries(&page).map_err(|NotOurs| Trouble::Foreign)?;
        let Some(last) = page.last() else { break };
        end = format!("({}", last.place);
        for entry in page.iter().filter(|entry| known.insert((entry.server, entry.number))) {
            let told = entry.text.lines().rev().filter_map(|line| match Event::read(line) {
                Ok(Event::Said { nick, text, .. }) => Some((nick, text, false)),
                Ok(Event::Acted { nick, text, .. }) => Some((nick, text, true)),
                _ => None,
            });
            messages.extend(told.map(|(nick, text, is_act)| Message {
                at: entry.place,
                nick: nick.into(),
                text: text.into(),
                is_act,
            }));
        }
        if messages.len() >= most {
            break;
        }
    }
    messages.truncate(most);
    Ok(messages)
}

/// A conversation with Redis before the server waits for anything else.
struct Talk {
    stream: TcpStream,
    replies: Replies,
}

impl Talk {
    fn begin(addr: SocketAddr) -> Result<Talk, Trouble> {
        let connect = || {
            let stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        let stream = connect().map_err(|_: std::io::Error| Trouble::Unreachable)?;
        Ok(Talk { stream, replies: Replies::default() })
    }

    fn ask(&mut self, words: &[&str]) -> Result<Reply, Trouble> {
        let mut command = Vec::new();
        redis::command(&mut command, words);
        self.stream.write_all(&command).map_err(|_| Trouble::Unreachable)?;
        let mut buffer = [0; 16 << 10];
        let mut silence = Trouble::Unreachable;
        loop {
            match self.replies.next().map_err(|NotOurs| Trouble::NotRedis)? {
                Some(Reply::Error(text)) => return Err(Trouble::Refused(text)),
                Some(reply) => return Ok(reply),
                None => match self.stream.read(&mut buffer) {
                    Ok(0) | Err(_) => return Err(silence),
                    Ok(len) => {
                        self.replies.receive(&buffer[..len]);
                        // Something that is no whole answer, for long, is none of Redis.
                        silence = Trouble::NotRedis;
                    }
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_room_has_a_host_and_a_name() {
        let parse = |url: &str| url.parse::<Shared>();
        let plain = |host: &str, port, database| Shared {
            host: host.into(),
            port,
            database,
            name: "sala".into(),
            user: None,
            password: None,
        };
        assert_eq!(parse("redis://localhost/sala"), Ok(plain("localhost", 6379, 0)));
        assert_eq!(parse("redis://10.0.0.1:7000/2/sala"), Ok(plain("10.0.0.1", 7000, 2)));
        assert_eq!(parse("redis://[::1]:7000/sala"), Ok(plain("::1", 7000, 0)));
        let with = |user: Option<&str>, password: &str| {
            let (user, password) = (user.map(str::to_owned), Some(password.to_owned()));
            Ok(Shared { user, password, ..plain("h", 6379, 0) })
        };
        assert_eq!(parse("redis://:a%40b@h/sala"), with(None, "a@b"));
        assert_eq!(parse("redis://secreto@h/sala"), with(None, "secreto"));
        assert_eq!(parse("redis://ana:x:y@h/sala"), with(Some("ana"), "x:y"));
        for wrong in [
            "",
            "redis://",
            "redis://h",
            "redis://h/",
            "redis:///sala",
            "redis://h:0/sala",
            "redis://h:x/sala",
            "redis://h/db/sala",
            "redis://h/0/a/b",
            "redis://h/sala?x",
            "redis://%zz@h/sala",
            "rediss://h/sala",
            "http://h/sala",
            "h/sala",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        let shown = format!("{:?}", parse("redis://ana:secreto@h/sala").expect("an address"));
        assert!(!shown.contains("secreto"), "{shown}");
    }
}
