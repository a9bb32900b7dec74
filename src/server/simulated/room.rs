//! What happened in the room by the hub's own account, and what follows from it for everybody: who has to get which bytes,
//! and who may have left for which reason.
//!
//! Whether the hub is right is seen elsewhere, in its own tests. Here it is what the driver is judged by.

use super::client::Habit;
use super::kernel::{self, Kernel, OVERSLEEP, Socket, Stage, with};
use crate::chat::limits::LISTED_MAX;
use crate::chat::messages::{self, Notice, Who};
use crate::chat::{Event, Id, Reason, Transcript};
use crate::server::lingering::LINGERING_MAX;
use crate::server::{ACCEPT_RETRY, STOP_PATIENCE, WhenFull};
use crate::text::Lang;
use std::io;
use std::time::{Duration, Instant};

/// How long what was noted may wait to be written.
const WRITE_AFTER: Duration = Duration::from_millis(20);
/// When a console that took nothing is asked again.
const SHOW_AFTER: Duration = Duration::from_millis(5);

/// In place of console and history: what was noted is shown as soon as somebody looks, and written some time later.
#[derive(Default)]
pub struct Records {
    to_show: usize,
    show_at: Option<Instant>,
    to_write: usize,
    write_at: Option<Instant>,
}

/// As many notes.
pub struct Batch(usize);

impl Records {
    pub fn are_kept(&self) -> bool {
        true
    }
    pub fn note(&mut self, transcript: &mut Transcript, now: Instant) {
        let events = transcript.iter().inspect(|event| with(|kernel| kernel.note(event))).count();
        transcript.clear();
        let to_write = if with(|kernel| kernel.room.has_history) { events } else { 0 };
        if to_write > 0 {
            self.write_at.get_or_insert(now + WRITE_AFTER);
        }
        self.to_show += events;
        self.to_write += to_write;
        with(|kernel| kernel.room.unrecorded += events + to_write);
    }
    pub fn flush(&mut self, now: Instant) -> usize {
        self.due_batch(now).map(Batch::write);
        self.flush_console(now)
    }
    pub fn flush_console(&mut self, now: Instant) -> usize {
        if self.to_show == 0 || self.show_at.is_some_and(|at| now < at) {
            return 0;
        }
        self.show_at = None;
        if with(|kernel| kernel.fails && kernel.dice.one_in(4)) {
            self.show_at = Some(now + SHOW_AFTER);
            with(|kernel| kernel.meet("full console"));
            return 0;
        }
        let _ = Batch(std::mem::take(&mut self.to_show)).write();
        1
    }
    pub fn due_batch(&mut self, now: Instant) -> Option<Batch> {
        self.write_at.take_if(|at| *at <= now)?;
        Some(Batch(std::mem::take(&mut self.to_write)))
    }
    pub fn written(&mut self, result: io::Result<()>) {
        result.expect("the disk is well");
    }
    pub fn deadline(&self) -> Option<Instant> {
        self.show_at.into_iter().chain(self.write_at).min()
    }
    pub fn replay(&self) -> Vec<u8> {
        with(|kernel| kernel.room.replay.clone())
    }
    pub fn finish(&mut self) {
        for rest in [&mut self.to_show, &mut self.to_write] {
            let _ = Batch(std::mem::take(rest)).write();
        }
    }
}

impl Batch {
    pub fn write(self) -> io::Result<()> {
        with(|kernel| {
            kernel.call();
            kernel.room.unrecorded -= self.0;
        });
        Ok(())
    }
}

pub struct Room {
    pub seats: usize,
    pub when_full: WhenFull,
    /// What newcomers get to read of earlier.
    pub replay: Vec<u8>,
    /// There is one, and not a console only.
    pub has_history: bool,
    /// What happened and is not yet shown, or not yet written where it is kept.
    unrecorded: usize,
    people: Vec<Person>,
    /// Who said each line, by socket.
    pub speakers: Vec<usize>,
}

struct Person {
    id: Id,
    nick: String,
    socket: usize,
}

impl Room {
    pub fn new(seats: usize, when_full: WhenFull, replay: Vec<u8>) -> Room {
        Room { seats, when_full, replay, has_history: true, unrecorded: 0, people: Vec::new(), speakers: Vec::new() }
    }

    pub fn lets_in(&self) -> bool {
        self.people.len() < self.seats || self.when_full == WhenFull::Refuse
    }

    /// The socket of the member with this number.
    pub fn socket_of(&self, number: u64) -> Option<usize> {
        self.people.iter().find(|person| person.id.number() == number).map(|person| person.socket)
    }

    fn holds(&self, socket: usize) -> bool {
        self.people.iter().any(|person| person.socket == socket)
    }
}

impl Kernel {
    pub fn note(&mut self, event: &Event<'_>) {
        match *event {
            Event::Arrived { id, nick, peer, .. } => self.came(id, nick, kernel::number(peer)),
            Event::Said { id, nick, text } => self.said(id, nick, text),
            Event::Left { id, nick, reason, .. } => self.left(Who { nick, id }, reason),
            Event::Refused { peer } => {
                assert_eq!(self.room.when_full, WhenFull::Refuse, "it was let in and had to go");
                self.meet("full house");
                let refusal = messages::refusal(Lang::En, self.room.seats);
                let client = &mut self.sockets[kernel::number(peer)].client;
                client.refused = true;
                client.owed.extend(refusal);
            }
            Event::Closing => assert!(self.told_to_stop.is_some(), "it closes by itself"),
            _ => panic!("nobody did that: {event:?}"),
        }
    }

    fn came(&mut self, id: Id, nick: &str, socket: usize) {
        let you = Who { nick, id };
        self.tell_all(&messages::notice(Lang::En, &Notice::Arrived(you)));
        let others: Vec<Who> =
            self.room.people.iter().map(|person| Who { nick: &person.nick, id: person.id }).collect();
        let (listed, more) = others.split_at(others.len().min(LISTED_MAX));
        let here = if others.is_empty() { Notice::Alone } else { Notice::Here(listed, more.len()) };
        let greeting =
            [Notice::Welcome(you), here, Notice::HowTo].map(|notice| messages::notice(Lang::En, &notice)).concat();
        let owed = &mut self.sockets[socket].client.owed;
        owed.extend(greeting);
        owed.extend_from_slice(&self.room.replay);
        self.room.people.push(Person { id, nick: nick.to_owned(), socket });
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
        self.room.speakers.push(person.socket);
        self.room.people.push(person);
        self.room.people.sort_by_key(|person| person.id);
    }

    fn left(&mut self, who: Who<'_>, reason: Reason) {
        let at = self.room.people.iter().position(|person| person.id == who.id).expect("who leaves is here");
        let person = self.room.people.remove(at);
        self.tell_all(&messages::notice(Lang::En, &Notice::Left(who, reason)));
        let socket = &mut self.sockets[person.socket];
        let has_cause = match reason {
            Reason::Quit => socket.client.quits,
            Reason::EndOfInput => socket.fin,
            Reason::Lost => socket.reset,
            Reason::TooSlow(_) => !socket.client.reads(),
            Reason::Closing => self.told_to_stop.is_some(),
            Reason::NoThread => socket.client.unserved,
            _ => false,
        };
        assert!(has_cause, "client {} left for no reason of its own: {reason:?}", person.socket);
        socket.client.owed.extend(messages::notice(Lang::En, &Notice::Goodbye(reason)));
        socket.quits = reason == Reason::Quit;
        if matches!(reason, Reason::TooSlow(_)) {
            self.meet("too slow");
        }
    }

    fn tell_all(&mut self, bytes: &[u8]) {
        for person in &self.room.people {
            self.sockets[person.socket].client.owed.extend_from_slice(bytes);
        }
    }

    // Judging.

    /// Nothing is left that only the server can do, and that nobody will tell it of. Or somebody is slow, and others wait for
    /// that; but only for a time.
    pub fn assert_may_sleep(&self, for_a_time: bool) {
        let lingering = self.lingering();
        assert!(lingering <= LINGERING_MAX, "{lingering} connections linger");
        let somebody_lags = for_a_time && self.sockets.iter().any(Socket::is_owed);
        for (number, socket) in self.sockets.iter().enumerate() {
            if socket.stage == Stage::Accepted {
                let may_write = socket.is_owed() && socket.is_writable();
                assert!(!may_write, "lost wake-up: client {number} would take what it is owed");
                let may_read = socket.has_unread() && !somebody_lags;
                assert!(!may_read, "lost wake-up: client {number} has not been read");
            }
        }
        let tries_later = self.refused_at.is_some_and(|at| self.elapsed < at + ACCEPT_RETRY + OVERSLEEP);
        let may_accept = self.is_listening && !self.queue.is_empty() && self.room.lets_in() && !tries_later;
        assert!(!may_accept, "lost wake-up: somebody waits to be accepted");
    }

    /// Nobody is here any more, and nobody is owed anything.
    pub fn is_deserted(&self) -> bool {
        self.room.people.is_empty() && !self.sockets.iter().any(Socket::is_owed)
    }

    /// The server sleeps until something comes, and nothing will. Then it is told to stop.
    pub fn rest(&mut self) {
        assert!(self.told_to_stop.is_none(), "it was told to stop, and sleeps");
        for (number, socket) in self.sockets.iter().enumerate() {
            // Who is not in the room has no socket any more, and the other way round.
            let is_open = socket.stage == Stage::Accepted;
            assert_eq!(is_open, self.room.holds(number), "client {number}: hub and slab do not agree");
            let client = &socket.client;
            if socket.stage == Stage::Queued {
                assert!(!self.room.lets_in(), "client {number} waits to be let in");
                continue;
            }
            if client.aborted || client.refused || client.unserved {
                continue;
            }
            let goes = client.quits || socket.fin || socket.reset;
            if client.reads() {
                assert_eq!(is_open, !goes, "client {number} is here");
            }
            if client.reads() && !socket.reset {
                assert_eq!(client.said, client.lines.len(), "client {number} has said all it had to say");
            }
        }
        assert_eq!(self.room.unrecorded, 0, "what happened is shown and written down");
        self.meet("rest");
        self.judge_streams(|socket| socket.client.unserved);
        self.signal();
    }

    /// The server has ended.
    pub fn judge(&mut self, result: io::Result<()>) {
        result.expect("it ends well");
        let told = self.told_to_stop.expect("it was told to stop");
        let took = self.elapsed - told;
        assert!(took <= STOP_PATIENCE + Duration::from_millis(50), "it took {took:?} to stop");
        assert!(self.sockets.iter().all(|socket| socket.stage != Stage::Accepted), "all is closed");
        assert_eq!(self.room.unrecorded, 0, "what happened is shown and written down");
        for socket in &mut self.sockets {
            if socket.client.reads() {
                socket.client.got.append(&mut socket.window);
            }
        }
        // The server's time of a turn is that of its beginning.
        let (ran_out_of_time, told_twice) = (took + OVERSLEEP >= STOP_PATIENCE, self.told_twice);
        self.judge_streams(|socket| {
            let is_late = ran_out_of_time && socket.client.habit == Habit::Slow;
            socket.broken || socket.client.unserved || told_twice || is_late
        });
    }

    /// Who reads has got all it had to get, in one order, but for those who may lack the end of it.
    fn judge_streams(&self, may_lack: impl Fn(&Socket) -> bool) {
        for (number, socket) in self.sockets.iter().enumerate() {
            let client = &socket.client;
            if !client.reads() || socket.reset {
                continue;
            }
            let (got, owed) = (&client.got[..], &client.owed[..]);
            let is_right = if may_lack(socket) { owed.starts_with(got) } else { got == owed };
            if !is_right {
                let same = got.iter().zip(owed).take_while(|(got, owed)| got == owed).count();
                let rest =
                    |bytes: &[u8]| String::from_utf8_lossy(&bytes[same..bytes.len().min(same + 60)]).into_owned();
                let (len, due) = (got.len(), owed.len());
                panic!("client {number} got {len} bytes of {due}; after {same}: {:?} not {:?}", rest(got), rest(owed));
            }
        }
    }
}
