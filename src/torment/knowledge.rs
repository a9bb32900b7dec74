//! What is normal for a server: found out before it is tormented, so that it is blamed for nothing that is its way.

use super::client::SHORT;
use super::crowd::Crowd;
use super::finding::Blow;
use super::mark::Kind;
use super::readers;
use super::ring::Ring;
use super::server::Stdout;
use super::{Settings, Target};
use std::time::Duration;

/// What is normal for this server.
#[derive(Clone, Copy, Debug)]
pub struct Knowledge {
    /// How many clients can be inside at once, as far as it matters here.
    pub seats: usize,
    /// Length of the flood's lines: long ones, if it relays them. Bytes.
    pub line_len: usize,
    /// It has a thread for each client.
    pub thread_each: bool,
    /// The longest round trip when nobody else says anything.
    pub round_trip: Duration,
}

/// More seats than this are of no use to a torment.
const SEATS: usize = 8;
const LINE_LENS: [usize; 3] = [900, 400, 200];

/// Finds out what is normal for a server, before it is tormented.
pub fn get_to_know(target: &Target, settings: &Settings) -> Result<Knowledge, String> {
    let unknown = Knowledge { seats: SEATS, line_len: SHORT, thread_each: false, round_trip: Duration::ZERO };
    let server = match target {
        Target::Started(launcher) => Some(launcher.start(Stdout::Nowhere)?),
        Target::Running(_) => None,
    };
    let addr = match (target, &server) {
        (Target::Running(addr), _) => *addr,
        (_, Some(server)) => server.addr,
        (_, None) => return Err("there is no server".into()),
    };
    let mut ring = Ring::new(settings, unknown, addr, settings.seed);
    ring.server = server;
    let before = ring.usage();
    let mut crowd = match ring.guests(2) {
        Ok(crowd) => crowd,
        Err(blow) => return Err(stranger(&mut ring, blow)),
    };
    // Seats: as many as let somebody in within a moment.
    let moment = ring.patience().min(Duration::from_millis(1500));
    while crowd.count() < SEATS && ring.join_within(&mut crowd, moment, None).is_ok() {}
    let mut known = Knowledge { seats: crowd.count(), ..unknown };
    if known.seats < 3 {
        return Err("it takes two clients only, and a torment needs three at least; give it more seats".into());
    }
    if let (Some(before), Some(now)) = (before, ring.usage()) {
        // A runtime may start or end some of its own meanwhile.
        known.thread_each = (now.threads.saturating_sub(before.threads)) * 5 >= crowd.count() * 4;
    }
    known.round_trip = readers::round_trips(&mut crowd, 20).into_iter().max().unwrap_or_default();
    // Who says a line that is too long may be closed: another tries the next.
    for (talker, len) in (0..known.seats - 1).cycle().zip(LINE_LENS) {
        if relays(&mut crowd, talker, len) {
            known.line_len = len;
            break;
        }
    }
    crowd.leave();
    Ok(known)
}

/// Whether it relays a line of so many bytes whole.
fn relays(crowd: &mut Crowd, talker: usize, len: usize) -> bool {
    let reader = crowd.count() - 1;
    let mark = crowd.members[talker].say(Kind::Word, len);
    // What comes after it tells that it does not come.
    let after = crowd.says(talker);
    let patience = crowd.patience;
    crowd.wait(patience, |crowd| crowd.has_heard(reader, after) || !crowd.members[talker].is_open());
    crowd.has_heard(reader, mark)
}

/// Why two cannot talk, and what to try.
fn stranger(ring: &mut Ring, blow: Blow) -> String {
    let addr = ring.addr;
    match &mut ring.server {
        Some(server) => {
            if let Some(ended) = server.ends_within(Duration::from_millis(200)) {
                let words = server.last_words().unwrap_or_default();
                return format!("the server ended when two clients came and talked: {ended}; its last words: {words}");
            }
        }
        None if std::net::TcpStream::connect(addr).is_err() => {
            return format!(
                "nobody listens on {addr}; start the server first, or here: tertulia torment -- COMMAND {{port}}"
            );
        }
        None => {}
    }
    let seen = if let Blow::Silence(seen) = blow { seen } else { "nobody is heard".into() };
    format!(
        "no line of one client gets to another: {seen}. Is it a chat? It may want a login first \
         (--login 'nick {{n}}'), or lines that end in CR LF (--eol crlf)"
    )
}
