//! Who is in the room, by the hub's own account.

use crate::chat::{Id, Tls};
use crate::server::WhenFull;
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) struct RoomModel {
    pub seats: usize,
    pub when_full: WhenFull,
    /// Connections are encrypted, unless they come through a Unix socket.
    pub tls: Option<Tls>,
    /// The earlier messages that newcomers get.
    pub replay: Vec<u8>,
    /// There is a history, and not only a console.
    pub has_history: bool,
    /// The number of events that are not yet shown, plus those not yet written to the history.
    pub unrecorded: usize,
    pub people: Vec<Person>,
    /// The socket of the client that said each line, and when it was said.
    pub speakers: Vec<(usize, Duration)>,
    /// When the client of each socket left.
    pub left: BTreeMap<usize, Duration>,
}

pub(super) struct Person {
    pub id: Id,
    pub nick: String,
    pub socket: usize,
}

impl RoomModel {
    pub(super) fn new(seats: usize, when_full: WhenFull, replay: Vec<u8>) -> RoomModel {
        RoomModel {
            seats,
            when_full,
            tls: None,
            replay,
            has_history: true,
            unrecorded: 0,
            people: Vec::new(),
            speakers: Vec::new(),
            left: BTreeMap::new(),
        }
    }

    /// The socket of the member whose connection has this number.
    pub(super) fn socket_of(&self, serial: u64) -> Option<usize> {
        self.people.iter().find(|person| person.id.serial() == serial).map(|person| person.socket)
    }

    pub(super) fn holds(&self, socket: usize) -> bool {
        self.people.iter().any(|person| person.socket == socket)
    }
}
