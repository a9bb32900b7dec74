//! Torments with bytes that are not text.

use super::arena::Arena;
use super::cause::Cause;
use super::failure::{Failure, Outcome, fault};
use super::messages;
use super::messages::framing as words;
use crate::harness::{Crowd, Kind};
use crate::text::Bilingual;
use std::time::Duration;

/// Sets a terminal's clipboard (OSC 52), clears the screen and changes the colour.
const ESCAPE: &[u8] = b"\x1b]52;c;dG9ybWVudA==\x07\x1b[2J\x1b[31m";

/// The bytes to send, each with a name.
fn garbage(arena: &mut Arena) -> Vec<(Bilingual, Vec<u8>)> {
    let mut random = [0; 4096];
    arena.random.fill(&mut random);
    vec![
        (
            Bilingual::new("an HTTP request", "una petición HTTP"),
            b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n".to_vec(),
        ),
        (
            Bilingual::new("a TLS hello", "un saludo TLS"),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x8f\x00\xff\xc0\x2b\x00\x00\n".to_vec(),
        ),
        (
            Bilingual::new("telnet commands", "órdenes de telnet"),
            b"\xff\xfd\x03\xff\xfb\x18\xff\xfa\x18\x00xterm\xff\xf0\xff\xf4\xff\xfd\x06\r\n".to_vec(),
        ),
        (
            Bilingual::new("bytes that are not UTF-8", "bytes que no son UTF-8"),
            b"\x80\xc0\xaf\xed\xa0\x80\xf8\xff\xfe lone\r\n".to_vec(),
        ),
        (Bilingual::new("NUL bytes", "bytes nulos"), b"a\0b\0\0\0\r\n\0\n".to_vec()),
        (Bilingual::new("escape sequences", "secuencias de escape"), [ESCAPE, b"\r\n"].concat()),
        (Bilingual::new("empty lines", "líneas vacías"), b"\r\n\n\n   \n\t\n\r\r\n".to_vec()),
        (
            Bilingual::new("lines that look like commands", "líneas que parecen órdenes"),
            b"/\n/nick\n/msg\n/msg x\n:\n:nick\n:msg\n@\n@x\n%s%n%x\n{}\n".to_vec(),
        ),
        (Bilingual::new("random bytes", "bytes al azar"), [&random[..], b"\r\n"].concat()),
    ]
}

pub(crate) fn garbage_bytes(arena: &mut Arena, crowd: &mut Crowd) -> Outcome {
    *crowd = arena.guests(2)?;
    crowd.members[1].receiver.watch_for(ESCAPE);
    for (name, bytes) in garbage(arena) {
        let mut stranger = arena.connect().map_err(|e| Failure::Silence(messages::cannot_connect(&e)))?;
        // A server may take the first line as a name, so the garbage comes after it.
        stranger.say(Kind::Hello, crate::harness::SHORT_LEN);
        crowd.members.push(stranger);
        crowd.go_on(Duration::from_millis(20));
        crowd.members[2].push(&bytes);
        crowd.go_on(Duration::from_millis(30));
        for (talker, reader) in [(0, 1), (1, 0)] {
            let word = crowd.says(talker);
            if !crowd.hears(reader, word) {
                return Err(match crowd.members[reader].is_open() {
                    true => Failure::Silence(words::garbage_silences(&name)),
                    false => fault(&[Cause::TrustsInput], words::garbage_closes(&name)),
                });
            }
        }
        crowd.leaves(2);
    }
    if crowd.members[1].receiver.has_seen_it() {
        arena.remark(words::ESCAPES_PASS);
    }
    Ok(())
}
