//! What happened, for the console and the history: recorded under way, told later.

use super::{Id, words::Reason};
use std::net::SocketAddr;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    Listening {
        addr: SocketAddr,
        mode: &'a str,
        seats: usize,
    },
    Arrived {
        id: Id,
        nick: &'a str,
        peer: SocketAddr,
        seats_taken: usize,
        seats: usize,
    },
    Said {
        id: Id,
        nick: &'a str,
        text: &'a str,
    },
    Acted {
        id: Id,
        nick: &'a str,
        text: &'a str,
    },
    /// A private message. What it said is nobody else's business.
    Whispered {
        id: Id,
        nick: &'a str,
        to: &'a str,
    },
    Renamed {
        id: Id,
        old: &'a str,
        nick: &'a str,
    },
    Left {
        id: Id,
        nick: &'a str,
        reason: Reason,
        seats_taken: usize,
        seats: usize,
    },
    Refused {
        peer: SocketAddr,
    },
    Closing,
    /// So many lines found no room in the console's buffer.
    Lost {
        lines: u64,
    },
}

/// Events in order. The texts lie in one buffer, so that a message costs no allocation of its own.
#[derive(Default)]
pub struct Transcript {
    kinds: Vec<Kind>,
    /// Each event's two texts, one behind the other.
    texts: String,
}

/// An event less its texts, with their lengths in bytes.
struct Kind {
    event: Event<'static>,
    texts: (usize, usize),
}

impl Transcript {
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    pub fn clear(&mut self) {
        self.kinds.clear();
        self.texts.clear();
    }

    pub fn push(&mut self, event: Event<'_>) {
        let (event, a, b) = without_texts(event);
        self.texts.push_str(a);
        self.texts.push_str(b);
        self.kinds.push(Kind { event, texts: (a.len(), b.len()) });
    }

    /// Moves all events of `other` behind these.
    pub fn append(&mut self, other: &mut Transcript) {
        if self.is_empty() {
            // The one's memory is used again by the other.
            return std::mem::swap(self, other);
        }
        self.kinds.append(&mut other.kinds);
        self.texts.push_str(&other.texts);
        other.texts.clear();
    }

    pub fn iter(&self) -> impl Iterator<Item = Event<'_>> {
        let mut rest = self.texts.as_str();
        self.kinds.iter().map(move |kind| {
            let (a, tail) = rest.split_at(kind.texts.0);
            let (b, tail) = tail.split_at(kind.texts.1);
            rest = tail;
            with_texts(kind.event, a, b)
        })
    }
}

fn without_texts<'a>(event: Event<'a>) -> (Event<'static>, &'a str, &'a str) {
    use Event::*;
    match event {
        Listening { addr, mode, seats } => (Listening { addr, mode: "", seats }, mode, ""),
        Arrived { id, nick, peer, seats_taken, seats } => {
            (Arrived { id, nick: "", peer, seats_taken, seats }, nick, "")
        }
        Said { id, nick, text } => (Said { id, nick: "", text: "" }, nick, text),
        Acted { id, nick, text } => (Acted { id, nick: "", text: "" }, nick, text),
        Whispered { id, nick, to } => (Whispered { id, nick: "", to: "" }, nick, to),
        Renamed { id, old, nick } => (Renamed { id, old: "", nick: "" }, old, nick),
        Left { id, nick, reason, seats_taken, seats } => (Left { id, nick: "", reason, seats_taken, seats }, nick, ""),
        Refused { peer } => (Refused { peer }, "", ""),
        Closing => (Closing, "", ""),
        Lost { lines } => (Lost { lines }, "", ""),
    }
}

fn with_texts<'a>(event: Event<'static>, a: &'a str, b: &'a str) -> Event<'a> {
    use Event::*;
    match event {
        Listening { addr, seats, .. } => Listening { addr, mode: a, seats },
        Arrived { id, peer, seats_taken, seats, .. } => Arrived { id, nick: a, peer, seats_taken, seats },
        Said { id, .. } => Said { id, nick: a, text: b },
        Acted { id, .. } => Acted { id, nick: a, text: b },
        Whispered { id, .. } => Whispered { id, nick: a, to: b },
        Renamed { id, .. } => Renamed { id, old: a, nick: b },
        Left { id, reason, seats_taken, seats, .. } => Left { id, nick: a, reason, seats_taken, seats },
        other @ (Refused { .. } | Closing | Lost { .. }) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_as_they_went_in() {
        let peer = SocketAddr::from(([127, 0, 0, 1], 4000));
        let id = Id::new(7, 3);
        let events = [
            Event::Arrived { id, nick: "ana", peer, seats_taken: 1, seats: 6 },
            Event::Said { id, nick: "ana", text: "hola" },
            Event::Acted { id, nick: "ana", text: "waves" },
            Event::Renamed { id, old: "ana", nick: "eva" },
            Event::Whispered { id, nick: "eva", to: "beto" },
            Event::Left { id, nick: "eva", reason: Reason::Quit, seats_taken: 0, seats: 6 },
            Event::Closing,
        ];
        let mut transcript = Transcript::default();
        events.into_iter().for_each(|event| transcript.push(event));
        assert!(transcript.iter().eq(events));
        assert!(!transcript.is_empty());

        // One that was read is used again.
        transcript.clear();
        assert!(transcript.is_empty());
        transcript.push(events[1]);
        assert!(transcript.iter().eq([events[1]]));

        let mut more = Transcript::default();
        more.push(events[3]);
        transcript.append(&mut more);
        assert!(transcript.iter().eq([events[1], events[3]]) && more.is_empty());
    }
}
