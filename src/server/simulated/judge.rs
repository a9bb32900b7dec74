//! What must hold, by the hub's own account of what happened: who has to get which bytes, and who may have left for which
//! reason.
//!
//! The hub's own tests show that the hub is right. Here the driver is judged by it.

use super::client::Habit;
use super::kernel::{self, Kernel, OVERSLEEP, Socket, Stage};
use super::room::Person;
use super::tls::Session;
use crate::chat::limits::LISTED_MAX;
use crate::chat::messages::{self, Listed, Notice, Who};
use crate::chat::{Event, Id, Reason, Refusal};
use crate::server::lingering::LINGERING_MAX;
use crate::server::service::{ACCEPT_RETRY, STOP_PATIENCE, WhenFull};
use crate::text::Lang;
use std::io;
use std::time::Duration;

impl Kernel {
    pub(super) fn note(&mut self, event: &Event<'_>) {
        match *event {
            Event::Arrived { id, nick, peer, .. } => self.came(id, nick, kernel::number(peer)),
            Event::Said { id, nick, text } => self.said(id, nick, text),
            Event::Left { id, nick, reason, .. } => self.left(Who { nick, id }, reason),
            Event::Refused { peer, why } => self.refused(kernel::number(peer), why),
            Event::Closing => assert!(self.told_to_stop.is_some(), "it closes by itself"),
            _ => panic!("nobody did that: {event:?}"),
        }
    }

    fn came(&mut self, id: Id, nick: &str, socket: usize) {
        let you = Who { nick, id };
        self.tell_all(&messages::notice(Lang::En, &Notice::Arrived(you)));
        let others = self.room.people.iter().map(|person| Who { nick: &person.nick, id: person.id });
        let others: Vec<Listed> = others.map(Listed::from).collect();
        let (listed, more) = others.split_at(others.len().min(LISTED_MAX));
        let here = if others.is_empty() { Notice::Alone } else { Notice::Here(listed, more.len()) };
        let greeting =
            [Notice::Welcome(you), here, Notice::HowTo].map(|notice| messages::notice(Lang::En, &notice)).concat();
        let expected = &mut self.sockets[socket].client.expected;
        expected.extend(greeting);
        expected.extend_from_slice(&self.room.replay);
        self.room.people.push(Person { id, nick: nick.to_owned(), socket });
        // Somebody who came later may be greeted earlier.
        self.room.people.sort_by_key(|person| person.id.number());
    }

    fn said(&mut self, id: Id, nick: &str, text: &str) {
        let at = self.room.people.iter().position(|person| person.id == id).expect("who speaks is here");
        let person = self.room.people.swap_remove(at);
        self.tell_all(format!("<{nick}> {text}\n").as_bytes());
        let client = &mut self.sockets[person.socket].client;
        assert_eq!(
            Some(text),
            client.lines.get(client.said).map(String::as_str),
            "what {nick} says is cut, lost or twice"
        );
        client.said += 1;
        self.room.speakers.push((person.socket, self.elapsed));
        self.room.people.push(person);
        self.room.people.sort_by_key(|person| person.id.number());
    }

    fn refused(&mut self, number: usize, why: Refusal) {
        let is_encrypted = self.room.tls.is_some() && !self.sockets[number].client.is_local;
        let socket = &mut self.sockets[number];
        let session = socket.client.session.as_ref();
        let words = match why {
            Refusal::Full => {
                assert_eq!(self.room.when_full, WhenFull::Refuse, "it was let in and had to go");
                Some(Notice::Full(self.room.seats))
            }
            Refusal::Unencrypted => {
                assert!(is_encrypted && session.is_none_or(Session::is_obscure), "client {number} speaks TLS");
                session.is_none().then_some(Notice::SpeakTls)
            }
            Refusal::Handshake => {
                let has_cause = socket.fin || socket.reset || !socket.client.is_sound();
                assert!(is_encrypted && has_cause, "the handshake of client {number} failed");
                None
            }
            Refusal::Closing => {
                assert!(self.told_to_stop.is_some(), "it closes by itself");
                Some(Notice::Goodbye(Reason::Refused(why)))
            }
            _ => panic!("client {number} is refused: {why:?}"),
        };
        let words = words.map_or_else(Vec::new, |words| messages::notice(Lang::En, &words));
        let words = if why == Refusal::Closing { self.at_once(number, words) } else { words };
        let client = &mut self.sockets[number].client;
        client.refused = true;
        client.expected.extend(words);
        self.meet(match why {
            Refusal::Full => "full house",
            Refusal::Unencrypted => "plain text",
            _ => "failed handshake",
        });
    }

    /// What a client gets to read in place of these words if it is not let in at all.
    pub(super) fn at_once(&self, number: usize, words: Vec<u8>) -> Vec<u8> {
        /// A record of TLS with the fatal alert `access_denied`.
        const ALERT: &[u8] = &[21, 3, 3, 0, 2, 2, 49];
        let client = &self.sockets[number].client;
        match (&self.room.tls, &client.session) {
            (Some(_), None) if !client.is_local => ALERT.to_vec(),
            // It says nothing in words.
            (_, Some(_)) => Vec::new(),
            _ => words,
        }
    }

    fn left(&mut self, who: Who<'_>, reason: Reason) {
        let at = self.room.people.iter().position(|person| person.id == who.id).expect("who leaves is here");
        let person = self.room.people.remove(at);
        self.room.left.insert(person.socket, self.elapsed);
        self.tell_all(&messages::notice(Lang::En, &Notice::Left(who, reason)));
        let socket = &mut self.sockets[person.socket];
        let session = socket.client.session.as_ref();
        let has_cause = match reason {
            Reason::Quit => socket.client.quits,
            Reason::EndOfInput => session.map_or(socket.fin, Session::has_said_the_end),
            Reason::Lost => socket.reset || session.is_some_and(Session::may_be_lost),
            Reason::TooSlow(_) => !socket.client.reads(),
            Reason::Closing => self.told_to_stop.is_some(),
            Reason::NoThread => socket.client.unserved,
            _ => false,
        };
        assert!(has_cause, "client {} left for no reason of its own: {reason:?}", person.socket);
        socket.client.expected.extend(messages::notice(Lang::En, &Notice::Goodbye(reason)));
        socket.quits = reason == Reason::Quit;
        socket.client.is_lost = reason == Reason::Lost;
        if socket.client.is_lost && !socket.reset {
            self.meet("lost without a reset");
        }
        if matches!(reason, Reason::TooSlow(_)) {
            self.meet("too slow");
        }
    }

    fn tell_all(&mut self, bytes: &[u8]) {
        for person in &self.room.people {
            self.sockets[person.socket].client.expected.extend_from_slice(bytes);
        }
    }

    /// Whether somebody who comes now is accepted. Newcomers, who are not announced yet, have seats, too.
    fn lets_in(&self) -> bool {
        let is_new = |(number, socket): &(usize, &Socket)| {
            let is_known = self.room.holds(*number) || self.room.left.contains_key(number) || socket.client.refused;
            socket.stage == Stage::Accepted && !is_known
        };
        let newcomers = self.sockets.iter().enumerate().filter(is_new).count();
        self.room.people.len() + newcomers < self.room.seats || self.room.when_full == WhenFull::Refuse
    }

    // Checks.

    /// Checks that the loop may sleep: no work is left that only the server can do and that no event will report.
    /// Clients may wait unread for a slow client, but only if the sleep has a timeout.
    pub(super) fn assert_may_sleep(&self, for_a_time: bool) {
        let lingering = self.lingering();
        assert!(lingering <= LINGERING_MAX, "{lingering} connections linger");
        let somebody_lags = for_a_time && self.sockets.iter().any(Socket::has_pending);
        for (number, socket) in self.sockets.iter().enumerate() {
            if socket.stage == Stage::Accepted {
                let may_write = socket.has_pending() && socket.is_writable();
                assert!(!may_write, "lost wake-up: client {number} would take what it is expected");
                let may_read = socket.has_unread() && !somebody_lags;
                assert!(!may_read, "lost wake-up: client {number} has not been read");
            }
        }
        let tries_later = self.refused_at.is_some_and(|at| self.elapsed < at + ACCEPT_RETRY + OVERSLEEP);
        let may_accept = self.is_listening && !self.queue.is_empty() && self.lets_in() && !tries_later;
        assert!(!may_accept, "lost wake-up: somebody waits to be accepted");
    }

    /// Nobody is here any more, and nobody is expected anything.
    pub(super) fn is_deserted(&self) -> bool {
        // Only the server knows whether a record of the handshake or of the end is still to be sent.
        let may_need_records =
            |socket: &Socket| socket.client.session.is_some() && socket.stage == Stage::Accepted && !socket.shut;
        let is_needed = |socket: &Socket| socket.has_pending() || may_need_records(socket);
        self.room.people.is_empty() && !self.sockets.iter().any(is_needed)
    }

    /// The server sleeps without a timeout and no client will act again. Checks the state, and tells the server to
    /// stop.
    pub(super) fn rest(&mut self) {
        assert!(self.told_to_stop.is_none(), "it was told to stop, and sleeps");
        for (number, socket) in self.sockets.iter().enumerate() {
            // A client has an open socket if and only if it is in the room.
            let is_open = socket.stage == Stage::Accepted;
            assert_eq!(is_open, self.room.holds(number), "client {number}: hub and slab do not agree");
            let client = &socket.client;
            if socket.stage == Stage::Queued {
                assert!(!self.lets_in(), "client {number} waits to be let in");
                continue;
            }
            if client.aborted || client.refused || client.unserved {
                continue;
            }
            let goes = client.quits || socket.fin || socket.reset;
            if client.reads() && client.is_sound() {
                assert_eq!(is_open, !goes, "client {number} is here");
            }
            if client.reads() && client.is_sound() && !socket.reset {
                assert_eq!(client.said, client.lines.len(), "client {number} has said all it had to say");
            }
        }
        assert_eq!(self.room.unrecorded, 0, "what happened is shown and written down");
        self.meet("rest");
        self.judge_streams(|socket| socket.client.unserved);
        self.signal();
    }

    /// Checks the state after the server has ended.
    pub(super) fn judge(&mut self, result: io::Result<()>) {
        result.expect("it ends well");
        let told = self.told_to_stop.expect("it was told to stop");
        let took = self.elapsed - told;
        assert!(took <= STOP_PATIENCE + Duration::from_millis(50), "it took {took:?} to stop");
        assert!(self.sockets.iter().all(|socket| socket.stage != Stage::Accepted), "all is closed");
        assert_eq!(self.room.unrecorded, 0, "what happened is shown and written down");
        for socket in &mut self.sockets {
            if socket.client.reads() {
                socket.take(socket.window.len());
            }
        }
        // The server takes the time once at the start of a turn, hence the tolerance.
        let ran_out_of_time = took + OVERSLEEP >= STOP_PATIENCE;
        self.judge_streams(|socket| {
            let is_late = ran_out_of_time && socket.client.habit == Habit::Slow;
            socket.broken || socket.client.unserved || is_late
        });
    }

    /// Checks that each reading client got exactly its bytes in order; where `may_lack` is true, a prefix of them is
    /// enough.
    fn judge_streams(&self, may_lack: impl Fn(&Socket) -> bool) {
        for (number, socket) in self.sockets.iter().enumerate() {
            let client = &socket.client;
            if !client.reads() || socket.reset {
                continue;
            }
            let (got, expected) = (&client.got[..], &client.expected[..]);
            let may_lack = may_lack(socket) || client.is_lost || !client.is_sound();
            if !may_lack && self.room.left.contains_key(&number) {
                let was_told = client.session.as_ref().is_none_or(Session::was_told_the_end);
                assert!(was_told, "client {number} was not told the end, as if its connection were cut");
            }
            let is_right = if may_lack { expected.starts_with(got) } else { got == expected };
            if !is_right {
                let same = got.iter().zip(expected).take_while(|(got, expected)| got == expected).count();
                let rest =
                    |bytes: &[u8]| String::from_utf8_lossy(&bytes[same..bytes.len().min(same + 60)]).into_owned();
                let (len, due) = (got.len(), expected.len());
                panic!(
                    "client {number} got {len} bytes of {due}; after {same}: {:?} not {:?}",
                    rest(got),
                    rest(expected)
                );
            }
        }
    }
}
