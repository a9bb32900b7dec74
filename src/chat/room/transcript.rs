//! The transcript: the events of the room, recorded during a turn and read later by the console and the history.

use crate::chat::id::Id;
use crate::chat::peer::{Origin, Peer};
use crate::chat::reason::{Reason, Refusal};

/// An event with borrowed texts.
pub type Event<'a> = EventOf<&'a str>;

/// An event. `T` is the type of its texts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EventOf<T> {
    Listening {
        /// As a client types it.
        addr: T,
        mode: T,
        seats: usize,
    },
    Arrived {
        id: Id,
        nick: T,
        peer: Peer,
        seats_taken: usize,
        seats: usize,
    },
    Said {
        id: Id,
        nick: T,
        text: T,
    },
    Acted {
        id: Id,
        nick: T,
        text: T,
    },
    /// A private message. Its text is not recorded.
    Whispered {
        id: Id,
        nick: T,
        to: T,
    },
    Renamed {
        id: Id,
        old: T,
        nick: T,
    },
    Left {
        id: Id,
        nick: T,
        reason: Reason,
        seats_taken: usize,
        seats: usize,
    },
    Refused {
        peer: Peer,
        why: Refusal,
    },
    /// A member is in charge.
    TookCharge {
        id: Id,
        nick: T,
    },
    /// A member wanted to be in charge. Its password is not recorded.
    WrongPassword {
        id: Id,
        nick: T,
    },
    /// A member in charge ordered this, or the console if there is no id.
    Ordered {
        by: Option<Id>,
        nick: T,
        line: T,
    },
    /// What the console was answered, in lines.
    Answered {
        text: T,
    },
    Banned {
        addr: Origin,
        minutes: Option<u32>,
    },
    Unbanned {
        addr: Origin,
    },
    /// So many clients of this address came and left without a word, and are not recorded one by one.
    CameAndWent {
        addr: Origin,
        times: u64,
    },
    Closing,
    /// This many lines found no room in the console's buffer.
    Lost {
        lines: u64,
    },
}

/// Events in order. The texts are in one buffer, so that a message costs no allocation of its own.
#[derive(Default)]
pub struct Transcript {
    events: Vec<EventOf<Span>>,
    texts: String,
}

/// The position of a text in the buffer. Bytes.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl<T> EventOf<T> {
    /// The same event with other texts. They are passed to `hold` in order.
    fn map<U>(self, mut hold: impl FnMut(T) -> U) -> EventOf<U> {
        use EventOf::*;
        match self {
            Listening { addr, mode, seats } => Listening { addr: hold(addr), mode: hold(mode), seats },
            Arrived { id, nick, peer, seats_taken, seats } => {
                Arrived { id, nick: hold(nick), peer, seats_taken, seats }
            }
            Said { id, nick, text } => Said { id, nick: hold(nick), text: hold(text) },
            Acted { id, nick, text } => Acted { id, nick: hold(nick), text: hold(text) },
            Whispered { id, nick, to } => Whispered { id, nick: hold(nick), to: hold(to) },
            Renamed { id, old, nick } => Renamed { id, old: hold(old), nick: hold(nick) },
            Left { id, nick, reason, seats_taken, seats } => Left { id, nick: hold(nick), reason, seats_taken, seats },
            Refused { peer, why } => Refused { peer, why },
            TookCharge { id, nick } => TookCharge { id, nick: hold(nick) },
            WrongPassword { id, nick } => WrongPassword { id, nick: hold(nick) },
            Ordered { by, nick, line } => Ordered { by, nick: hold(nick), line: hold(line) },
            Answered { text } => Answered { text: hold(text) },
            Banned { addr, minutes } => Banned { addr, minutes },
            Unbanned { addr } => Unbanned { addr },
            CameAndWent { addr, times } => CameAndWent { addr, times },
            Closing => Closing,
            Lost { lines } => Lost { lines },
        }
    }
}

impl Transcript {
    /// Whether there are no events.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The number of events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Removes all events, and keeps the memory.
    pub fn clear(&mut self) {
        self.events.clear();
        self.texts.clear();
    }

    /// Appends an event.
    pub fn push(&mut self, event: Event<'_>) {
        let texts = &mut self.texts;
        self.events.push(event.map(|text| {
            let start = texts.len();
            texts.push_str(text);
            Span { start, end: texts.len() }
        }));
    }

    /// Moves all events of `other` behind these.
    pub fn append(&mut self, other: &mut Transcript) {
        if self.is_empty() {
            // The memory of both is used again.
            return std::mem::swap(self, other);
        }
        other.iter().for_each(|event| self.push(event));
        other.clear();
    }

    /// All events, the earliest first.
    pub fn iter(&self) -> impl Iterator<Item = Event<'_>> {
        self.after(0)
    }

    /// The events after the first `len`.
    pub fn after(&self, len: usize) -> impl Iterator<Item = Event<'_>> {
        self.events
            .get(len..)
            .unwrap_or_default()
            .iter()
            .map(|event| event.map(|Span { start, end }| &self.texts[start..end]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_as_they_went_in() {
        let peer = Peer::from(([127, 0, 0, 1], 4000));
        let id = Id::new(7, 3);
        let events = [
            Event::Arrived { id, nick: "ana", peer, seats_taken: 1, seats: 6 },
            Event::Said { id, nick: "ana", text: "hola" },
            Event::Acted { id, nick: "ana", text: "waves" },
            Event::Renamed { id, old: "ana", nick: "eva" },
            Event::Whispered { id, nick: "eva", to: "beto" },
            Event::Left { id, nick: "eva", reason: Reason::Quit, seats_taken: 0, seats: 6 },
            Event::TookCharge { id, nick: "eva" },
            Event::Ordered { by: Some(id), nick: "eva", line: ":stop" },
            Event::Closing,
        ];
        let mut transcript = Transcript::default();
        events.into_iter().for_each(|event| transcript.push(event));
        assert!(transcript.iter().eq(events));
        assert!(!transcript.is_empty());

        // A transcript that was read is used again.
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
