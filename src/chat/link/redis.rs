//! What is said to Redis, and what it answers.

use super::entry::{NotOurs, Place, ServerId, number_in};
use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::encode::encode;
pub(crate) use redis_protocol::resp2::types::OwnedFrame as Reply;
use redis_protocol::resp2::types::Resp2Frame;

/// An entry of the stream.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Entry {
    pub place: Place,
    pub server: ServerId,
    /// The server's own number for it.
    pub number: u64,
    pub text: String,
}

/// The fields of an entry.
pub(crate) const FIELDS: [&str; 3] = ["server", "entry", "log"];

/// Appends a command to the bytes that are to be sent.
pub(crate) fn command(output: &mut Vec<u8>, words: &[&str]) {
    let words = words.iter().map(|word| Reply::BulkString(word.as_bytes().to_vec())).collect();
    let command = Reply::Array(words);
    let start = output.len();
    output.resize(start + command.encode_len(false), 0);
    // It has the room that it asked for.
    let written = encode(&mut output[start..], &command, false).unwrap_or(0);
    output.truncate(start + written);
}

/// Answers that arrive in pieces.
#[derive(Default)]
pub(crate) struct Replies {
    bytes: Vec<u8>,
}

impl Replies {
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole answer.
    pub(crate) fn next(&mut self) -> Result<Option<Reply>, NotOurs> {
        match decode(&self.bytes) {
            Ok(Some((reply, len))) => {
                self.bytes.drain(..len);
                Ok(Some(reply))
            }
            Ok(None) => Ok(None),
            Err(_) => Err(NotOurs),
        }
    }
}

/// The entries in an answer to XRANGE or XREVRANGE.
pub(crate) fn entries(reply: &Reply) -> Result<Vec<Entry>, NotOurs> {
    let Reply::Array(entries) = reply else { return Err(NotOurs) };
    entries.iter().map(entry).collect()
}

/// The entries in an answer to XREAD of one stream.
pub(crate) fn entries_read(reply: &Reply) -> Result<Vec<Entry>, NotOurs> {
    let streams = match reply {
        Reply::Null => return Ok(Vec::new()),
        Reply::Array(streams) => streams,
        _ => return Err(NotOurs),
    };
    match &streams[..] {
        [Reply::Array(stream)] => stream.get(1).map_or(Err(NotOurs), entries),
        _ => Err(NotOurs),
    }
}

fn entry(reply: &Reply) -> Result<Entry, NotOurs> {
    let Reply::Array(parts) = reply else { return Err(NotOurs) };
    let [place, Reply::Array(fields)] = &parts[..] else { return Err(NotOurs) };
    let value = |field: usize| match fields.get(2 * field).and_then(text) {
        Some(name) if name == FIELDS[field] => fields.get(2 * field + 1).and_then(text).ok_or(NotOurs),
        _ => Err(NotOurs),
    };
    Ok(Entry {
        place: text(place).ok_or(NotOurs)?.parse()?,
        server: value(0)?.parse()?,
        number: number_in(value(1)?)?,
        text: value(2)?.into(),
    })
}

/// The text of an answer, if it is one.
pub(crate) fn text(reply: &Reply) -> Option<&str> {
    match reply {
        Reply::SimpleString(bytes) | Reply::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Reply::Error(text) => Some(text),
        _ => None,
    }
}

/// The version of the server, from an answer to `INFO server`. Valkey calls itself Redis 7 there.
pub(crate) fn version(info: &str) -> Option<&str> {
    info.lines().find_map(|line| line.strip_prefix("redis_version:")).map(str::trim_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_texts() {
        let mut output = b"before".to_vec();
        command(&mut output, &["XADD", "ñ", ""]);
        assert_eq!(String::from_utf8_lossy(&output), "before*3\r\n$4\r\nXADD\r\n$2\r\nñ\r\n$0\r\n\r\n");
    }

    #[test]
    fn entries_are_read_however_they_are_cut() {
        let bytes =
            b"*1\r\n*2\r\n$4\r\nroom\r\n*1\r\n*2\r\n$3\r\n5-1\r\n*6\r\n$6\r\nserver\r\n$16\r\n000000000000000a\r\n\
            $5\r\nentry\r\n$1\r\n7\r\n$3\r\nlog\r\n$5\r\nasked\r\n*-1\r\n";
        let entry =
            Entry { place: Place { time: 5, number: 1 }, server: ServerId(10), number: 7, text: "asked".into() };
        for cut in 0..bytes.len() {
            let (mut replies, mut read) = (Replies::default(), Vec::new());
            for piece in [&bytes[..cut], &bytes[cut..]] {
                replies.receive(piece);
                while let Some(reply) = replies.next().expect("answers") {
                    read.push(entries_read(&reply));
                }
            }
            assert_eq!(read, [Ok(vec![entry.clone()]), Ok(vec![])], "{cut}");
        }
    }

    #[test]
    fn what_is_no_answer_and_no_entry_of_ours_is_noticed() {
        let mut replies = Replies::default();
        replies.receive(b"HTTP/1.1 400 Bad Request\r\n");
        assert_eq!(replies.next(), Err(NotOurs));
        let foreign = Reply::Array(vec![Reply::Array(vec![
            Reply::BulkString(b"5-1".to_vec()),
            Reply::Array(vec![Reply::BulkString(b"temperature".to_vec()), Reply::BulkString(b"17".to_vec())]),
        ])]);
        assert_eq!(entries(&foreign), Err(NotOurs));
        assert_eq!(entries_read(&Reply::Integer(3)), Err(NotOurs));
        assert_eq!(version("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n"), Some("7.0.15"));
    }
}
