//! A Redis in memory, for tests: as much of it as a [`Link`](super::Link) uses, and its failures.

use super::connection::Way;
use super::entry::Place;
use super::redis::{Replies, Reply, text};
use redis_protocol::resp2::encode::encode;
use redis_protocol::resp2::types::Resp2Frame;
use std::collections::BTreeMap;

/// One end of a connection: the server's number in the test, and what it is for.
pub(crate) type End = (usize, u8);

pub(crate) fn end(server: usize, way: Way) -> End {
    (server, way as u8)
}

#[derive(Default)]
pub(crate) struct Redis {
    pub stream: Vec<(Place, Vec<String>)>,
    /// Milliseconds.
    pub time: u64,
    pub is_away: bool,
    /// Answer XADD with this.
    pub refusal: Option<&'static str>,
    clients: BTreeMap<End, Client>,
    last: Place,
}

#[derive(Default)]
struct Client {
    commands: Replies,
    output: Vec<u8>,
    /// An XREAD that waits: from where, how many entries, until when.
    waits: Option<(Place, usize, u64)>,
}

impl Redis {
    pub(crate) fn connect(&mut self, end: End) -> bool {
        if !self.is_away {
            self.clients.insert(end, Client::default());
        }
        !self.is_away
    }

    pub(crate) fn disconnect(&mut self, end: End) {
        self.clients.remove(&end);
    }

    pub(crate) fn has(&self, end: End) -> bool {
        self.clients.contains_key(&end)
    }

    /// It goes away, with all connections.
    pub(crate) fn stop(&mut self) {
        self.is_away = true;
        self.clients.clear();
    }

    /// Loses its newest entries, as another Redis does that takes over and has not got them yet.
    pub(crate) fn lose(&mut self, entries: usize) {
        self.stream.truncate(self.stream.len().saturating_sub(entries));
        self.clients.clear();
    }

    pub(crate) fn receive(&mut self, end: End, bytes: &[u8]) {
        let Some(client) = self.clients.get_mut(&end) else { return };
        client.commands.receive(bytes);
        self.work(end);
    }

    /// What has been answered.
    pub(crate) fn output(&mut self, end: End) -> Vec<u8> {
        self.work(end);
        self.clients.get_mut(&end).map(|client| std::mem::take(&mut client.output)).unwrap_or_default()
    }

    fn work(&mut self, end: End) {
        loop {
            let Some(client) = self.clients.get_mut(&end) else { return };
            if let Some((from, count, until)) = client.waits {
                let found = self.from(from, count);
                if found.is_empty() && self.time < until {
                    return;
                }
                let streams = Reply::Array(vec![Reply::Array(vec![bulk("room"), Reply::Array(found.clone())])]);
                let reply = if found.is_empty() { Reply::Null } else { streams };
                self.answer(end, &reply);
                continue;
            }
            let Some(Reply::Array(words)) = client.commands.next().expect("commands") else { return };
            let words: Vec<String> = words.iter().map(|word| text(word).expect("words").to_owned()).collect();
            self.execute(end, &words);
        }
    }

    fn execute(&mut self, end: End, words: &[String]) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let reply = match words[..] {
            ["INFO", "server"] => bulk("# Server\r\nredis_version:7.0.15\r\n"),
            ["TYPE", "room"] => Reply::SimpleString(if self.stream.is_empty() { "none" } else { "stream" }.into()),
            ["XREVRANGE", "room", "+", "-", "COUNT", count] => {
                let newest = self.stream.iter().rev().take(count.parse().expect("a number"));
                Reply::Array(newest.map(|(place, fields)| entry(*place, fields)).collect())
            }
            ["XRANGE", "room", from, to] if from == to => {
                let place: Place = from.parse().expect("a place");
                let found = self.stream.iter().find(|(it, _)| *it == place);
                Reply::Array(found.map(|(place, fields)| entry(*place, fields)).into_iter().collect())
            }
            ["XREAD", "COUNT", count, "BLOCK", block, "STREAMS", "room", from] => {
                let until = self.time + block.parse::<u64>().expect("a number");
                let wait = (from.parse().expect("a place"), count.parse().expect("a number"), until);
                if let Some(client) = self.clients.get_mut(&end) {
                    client.waits = Some(wait);
                }
                return;
            }
            ["XADD", "room", "MAXLEN", "~", _, "*", ref fields @ ..] => match self.refusal {
                Some(refusal) => Reply::Error(refusal.into()),
                None => {
                    let number = if self.last.time == self.time { self.last.number + 1 } else { 0 };
                    self.last = Place { time: self.time, number };
                    self.stream.push((self.last, fields.iter().map(|field| (*field).to_owned()).collect()));
                    bulk(&self.last.to_string())
                }
            },
            _ => Reply::Error(format!("ERR unknown command {words:?}")),
        };
        self.answer(end, &reply);
    }

    fn answer(&mut self, end: End, reply: &Reply) {
        let Some(client) = self.clients.get_mut(&end) else { return };
        let mut bytes = vec![0; reply.encode_len(false)];
        let len = encode(&mut bytes, reply, false).expect("it fits");
        client.output.extend_from_slice(&bytes[..len]);
        client.waits = None;
    }

    fn from(&self, place: Place, count: usize) -> Vec<Reply> {
        let first = self.stream.partition_point(|(it, _)| *it <= place);
        self.stream[first..].iter().take(count).map(|(place, fields)| entry(*place, fields)).collect()
    }
}

fn entry(place: Place, fields: &[String]) -> Reply {
    let fields = fields.iter().map(|field| bulk(field)).collect();
    Reply::Array(vec![bulk(&place.to_string()), Reply::Array(fields)])
}

fn bulk(text: &str) -> Reply {
    Reply::BulkString(text.as_bytes().to_vec())
}
