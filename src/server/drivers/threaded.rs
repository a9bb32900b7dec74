//! The threaded driver: one thread per client.
//!
//! A client's thread sleeps in `read`, on that client's socket alone. The kernel wakes the one thread whose client has
//! sent. All threads share the room, so a mutex guards it. A thread's turn is:
//!
//! read → lock the room, hand over what was read, carry off what is to be written → unlock, write → lock, account for
//! it
//!
//! Nothing is written while the room is locked: one full socket would stop everybody. The thread that said a line
//! writes it to all its receivers, as much as the sockets take at once, so that a single message wakes only its
//! receivers. What a socket does not take goes to that member's own writer thread, which may block. One thread at a
//! time writes to a member. What others say to it meanwhile collects in its outbox and goes out in one write.
//!
//! This file holds the turn, the client threads, the accepting thread and the shutdown. [`writing`] holds the writes,
//! and [`recording`] the console and the history.
//!
//! The threads: `client-7` for each client, `writer-7` for each client that was slow once, `accept`, `records` if there
//! is a console or a history, `watchdog` if a supervisor expects signs of life, `log-7` for
//! each connection to the log of a room on several servers and `log-timer`, and the main thread, which waits for signals. As in every mode, `disk` writes a history.

// With explicit paths, because the tests compile this file from another directory.
#[path = "threaded/recording.rs"]
mod recording;
#[path = "threaded/writing.rs"]
mod writing;

use super::blocking::{
    self, Condvar, Listeners, Metrics, Mutex, MutexGuard, RoomGuard, RoomMutex, Signals, TcpStream, Terminal, mpsc, now,
};
use super::hub::Hub;
use super::lingering::LINGER;
use super::records::Records;
use super::{ACCEPT_RETRY, Order, STOP_PATIENCE, Service, WhenFull, listener};
use crate::chat::Peer;
use crate::chat::limits::READ_MAX;
use crate::chat::{Effect, Framing, Id, Reason, Transcript};
use crate::server::diagnostics;
use crate::server::figures;
use crate::server::service::{BURST, CROWD};
use crate::server::signals;
use slab::Slab;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use writing::{Parcel, WriterHandle};

/// The stack of each thread: small, because the buffers are on the heap. Only the pages that are used cost memory.
/// Bytes.
const STACK: usize = 256 << 10;
/// So many times in a row accept must fail before it is told that nobody can be let in.
const ACCEPT_FAILURES: u32 = 5;
/// A thread that waits to be resumed does not read, so it looks this often whether its client has reset the connection.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The first and the largest size of a client's own read buffer. It doubles when a read fills it. A larger one would be kept by every
/// client that has sent much once. Bytes.
const READ_OWN: (usize, usize) = (256, 4 << 10);
/// So many threads at a time can read [`READ_MAX`] bytes at once. The others read what their own buffers hold.
const LARGE_BUFFERS: usize = 4;

/// Serves until told to stop.
pub(crate) fn run(mut service: Service) -> io::Result<()> {
    let mut signals = Signals::new()?;
    service.announce()?;
    let Service { listeners, are_shared, hub, records, terminal, metrics, when_full, lingering_max, .. } = service;
    let has_supervisor = hub.next_beat().is_some();
    let has_log = hub.link_deadline().is_some();
    let are_kept = records.are_kept();
    let server = Arc::new(Server {
        listeners: Listeners::new(listeners, are_shared)?,
        room: RoomMutex::new(LockedRoom {
            hub,
            clients: Slab::new(),
            transcript: Transcript::default(),
            has_leader: false,
            accept_waits: false,
            log_wakes_at: None,
            stopping: false,
        }),
        when_full,
        seat_freed: Condvar::new(),
        client_closed: Condvar::new(),
        records: are_kept.then(|| Mutex::new(records)),
        records_due: Condvar::new(),
        log_due: Condvar::new(),
        large_buffers: Mutex::new((0..LARGE_BUFFERS).map(|_| Vec::with_capacity(READ_MAX)).collect()),
        lingering: AtomicUsize::new(0),
        lingering_max,
    });

    spawn("accept".into(), &server, |server| server.accept())?;
    if are_kept {
        spawn("records".into(), &server, |server| server.keep_flushing())?;
    }
    if has_supervisor {
        spawn("watchdog".into(), &server, |server| server.give_signs_of_life())?;
    }
    if has_log {
        spawn("log-timer".into(), &server, |server| server.keep_log_time())?;
    }
    if let Some(terminal) = terminal {
        spawn("terminal".into(), &server, |server| server.operate(terminal))?;
    }
    if let Some(metrics) = metrics {
        spawn("metrics".into(), &server, |server| server.serve_metrics(metrics))?;
    }
    loop {
        match signals.wait() {
            Some(Order::ReopenHistory) => server.reopen_history(),
            Some(Order::PrintFigures) => {
                let table = server.room.lock().hub.table();
                figures::print(&table);
            }
            Some(Order::Stop) | None => break,
        }
    }
    server.stop();
    Ok(())
}

/// What all threads share.
struct Server {
    listeners: Listeners,
    room: RoomMutex<LockedRoom>,
    when_full: WhenFull,
    /// Wakes the accepting thread when it waits for a free seat.
    seat_freed: Condvar,
    /// Wakes the stopping thread when it waits for the last client to be closed.
    client_closed: Condvar,
    /// `None` if nothing is recorded. Lock it while holding the room's mutex or alone; never lock the room while
    /// holding it.
    records: Option<Mutex<Records>>,
    /// Wakes the thread that flushes the records when there is something for it.
    records_due: Condvar,
    /// Wakes the thread that keeps the log's time when that is earlier than it knew.
    log_due: Condvar,
    /// Buffers for clients that send much.
    large_buffers: Mutex<Vec<Vec<u8>>>,
    /// The number of threads that only wait for their peer to close.
    lingering: AtomicUsize,
    lingering_max: usize,
}

/// What the mutex guards.
struct LockedRoom {
    hub: Hub,
    /// By the hub's keys.
    clients: Slab<Arc<Client>>,
    transcript: Transcript,
    /// A thread is writing what was said, and will look for more: see [`Server::commit`].
    has_leader: bool,
    accept_waits: bool,
    /// When the thread that keeps the log's time wakes up, while it sleeps.
    log_wakes_at: Option<Instant>,
    stopping: bool,
}

struct Client {
    id: Id,
    stream: TcpStream,
    /// Wakes the client's thread when it waits to be resumed or closed. Used with the room's mutex.
    changed: Condvar,
    writer: Mutex<WriterHandle>,
}

impl Client {
    fn new(id: Id, stream: TcpStream) -> Client {
        Client { id, stream, changed: Condvar::new(), writer: Mutex::new(WriterHandle::None) }
    }
}

impl Server {
    // Turns.

    /// One turn: a change to the room, and its effects.
    fn turn<T>(self: &Arc<Self>, change: impl FnOnce(&mut LockedRoom) -> T) -> T {
        self.turn_in(self.lock(), change)
    }

    /// A turn in a room that is already locked.
    fn turn_in<T>(
        self: &Arc<Self>,
        mut room: RoomGuard<'_, LockedRoom>,
        change: impl FnOnce(&mut LockedRoom) -> T,
    ) -> T {
        let mut parcels = Vec::new();
        let result = change(&mut room);
        self.end_turn(&mut room, &mut parcels);
        drop(room);
        self.deliver(parcels, false);
        result
    }

    /// Locks the room for a turn, and tells the hub the time. That may have effects, too.
    fn lock(&self) -> RoomGuard<'_, LockedRoom> {
        let mut room = self.room.lock();
        room.hub.tick(now());
        room
    }

    /// Carries out the hub's effects while the room is locked. Nothing here blocks: bytes are carried off and written
    /// later.
    fn end_turn(self: &Arc<Self>, room: &mut LockedRoom, parcels: &mut Vec<Parcel>) {
        while let Some(effect) = room.hub.poll_effect() {
            match effect {
                Effect::Flush(id) => parcels.extend(room.carry_off(id)),
                Effect::Close(id, reason) => {
                    if let Some(client) = room.remove(id) {
                        // The client's own thread, which may be blocked in a read, finishes the close. If the client
                        // did not end the connection itself, `Both` wakes the thread from its read.
                        let how = if reason.is_the_clients() { Shutdown::Write } else { Shutdown::Both };
                        let _ = client.stream.shutdown(how);
                        // The process may end before the client's thread lingers, and unread bytes would then cause a
                        // RST.
                        discard_at_once(&client.stream);
                        client.let_go();
                    }
                }
                Effect::Stop => signals::tell_to_stop(),
                Effect::Dial(addr) => self.dial(room, addr),
                Effect::Resume(id) => {
                    if let Some(client) = room.clients.get(id.key()) {
                        client.changed.notify_all();
                    }
                }
            }
        }
        room.hub.end_turn();
        if room.accept_waits && room.hub.has_seat() {
            self.seat_freed.notify_one();
        }
        if room.stopping {
            self.client_closed.notify_all();
        }
        if let (Some(wakes_at), Some(due)) = (room.log_wakes_at, room.hub.link_deadline())
            && due < wakes_at
        {
            self.log_due.notify_one();
        }
        self.note(room);
    }

    // A client's thread.

    fn serve(self: &Arc<Self>, client: &Client) {
        let id = client.id;
        // Small at first, because most clients are silent most of the time; it grows with what the client sends. With
        // raw framing each read is a message and must not be cut.
        let room = self.room.lock();
        let room_at_first = match room.hub.limits().framing {
            Framing::Line => READ_OWN.0,
            Framing::Raw => READ_MAX,
        };
        // A client that stays silent is announced, and later warned or disconnected, by its own thread.
        let mut attended_by = room.hub.attended_by(id);
        drop(room);
        let mut buffer = Vec::with_capacity(room_at_first);
        let mut ended = false;
        loop {
            buffer.clear();
            let result = match attended_by {
                Some(at) => client.stream.read_by(at, &mut buffer),
                None => client.stream.read(&mut buffer),
            };
            match result {
                // A thread that writes to the client may have got the error. What the client said last is not complete.
                Ok(0) if client.stream.is_reset() => {
                    self.turn(|room| room.disconnect(id, Reason::Lost));
                    return;
                }
                Ok(0) => {
                    ended = true;
                    self.turn(|room| room.hub.receive_end(id));
                    break;
                }
                Ok(_) => {
                    if !self.take_in(client, &buffer) {
                        break;
                    }
                    if buffer.len() == buffer.capacity() {
                        if buffer.len() < READ_OWN.1 {
                            buffer = Vec::with_capacity(2 * buffer.len());
                        }
                        if !self.drain(client) {
                            break;
                        }
                    }
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if attended_by.is_some() && matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    self.turn(|_| ());
                }
                Err(e) => {
                    log::debug!("{id}: read: {e}");
                    self.turn(|room| room.disconnect(id, Reason::Lost));
                    return;
                }
            }
            if attended_by.is_some() {
                let room = self.room.lock();
                // Its time at the door may be over, whichever thread noticed it.
                if !room.hub.is_seated(id) {
                    break;
                }
                attended_by = room.hub.attended_by(id);
            }
        }
        self.wait_for_close(client);
        if !ended {
            self.linger(&client.stream);
        }
    }

    /// Reads on without blocking, into a large buffer if one is free, until a read leaves some of it empty. The end of the stream is
    /// left to the next read that blocks. Returns whether the client stays.
    fn drain(self: &Arc<Self>, client: &Client) -> bool {
        let Some(mut buffer) = lock(&self.large_buffers).pop() else { return true };
        let mut stays = true;
        loop {
            buffer.clear();
            if !client.stream.read_at_once(&mut buffer).is_ok_and(|len| len > 0) {
                break;
            }
            stays = self.take_in(client, &buffer);
            if !stays || buffer.len() < buffer.capacity() {
                break;
            }
        }
        lock(&self.large_buffers).push(buffer);
        stays
    }

    /// Hands over to the hub what a client sent. Returns whether the client stays.
    ///
    /// While others cannot keep up with the client, its thread blocks here. It reads no more, so the TCP window closes
    /// and the client can send no more.
    fn take_in(self: &Arc<Self>, client: &Client, bytes: &[u8]) -> bool {
        let mut room = self.lock();
        if let Some(permit) = room.hub.permit(client.id) {
            permit.receive(bytes);
        }
        while room.hub.permit(client.id).is_none() {
            room = self.wait_to_be_resumed(room, client);
        }
        let stays = room.hub.is_seated(client.id);
        self.commit(room, bytes.len());
        stays
    }

    /// Waits until a client that was refused a permit may ask again. The turn ends before that, because it may have brought
    /// something to others.
    fn wait_to_be_resumed<'a>(
        self: &'a Arc<Self>,
        mut room: RoomGuard<'a, LockedRoom>,
        client: &Client,
    ) -> RoomGuard<'a, LockedRoom> {
        let mut parcels = Vec::new();
        self.end_turn(&mut room, &mut parcels);
        if !parcels.is_empty() {
            drop(room);
            self.deliver(parcels, false);
            return self.lock();
        }
        if !room.hub.interest(client.id).readable {
            let resumed_in = room.hub.resumed_by(client.id).map(|at| at.saturating_duration_since(now()));
            room = room.wait_timeout(&client.changed, resumed_in.unwrap_or(LOOK_EVERY).min(LOOK_EVERY));
            room.hub.tick(now());
            if client.stream.is_reset() {
                room.disconnect(client.id, Reason::Lost);
            }
        }
        room
    }

    /// Group commit: one thread writes for all threads that have spoken.
    ///
    /// A thread that finds a leader leaves its line to the leader and goes back to read. A thread that finds none
    /// becomes the leader: it unlocks the room, yields once to the other threads, and then writes to each member what
    /// all of them have said, in one write. It repeats that until nobody has said more, or often enough. A single line
    /// in a small room gains nothing by this: its thread writes it at once.
    ///
    /// A turn never holds more than the outboxes can take: the thread that fills it ends it, leader or not.
    fn commit<'a>(self: &'a Arc<Self>, mut room: RoomGuard<'a, LockedRoom>, said: usize) {
        let mut leads = false;
        if room.hub.turn_has_room() {
            if room.has_leader {
                return;
            }
            leads = said >= BURST || room.clients.len() >= CROWD;
            if leads {
                room.has_leader = true;
                drop(room);
                blocking::yield_now();
                room = self.lock();
            }
        }
        let mut parcels = Vec::new();
        self.end_turn(&mut room, &mut parcels);
        if leads && parcels.is_empty() {
            room.has_leader = false;
        }
        drop(room);
        self.deliver(parcels, leads);
    }

    fn wait_for_close(&self, client: &Client) {
        let mut room = self.room.lock();
        while room.holds(client.id) {
            room = room.wait(&client.changed);
        }
    }

    /// Reads and discards until the peer closes too, or until [`LINGER`] is over.
    fn linger(&self, stream: &TcpStream) {
        if self.lingering.fetch_add(1, Ordering::Relaxed) < self.lingering_max {
            self.discard(stream, now() + LINGER);
        }
        self.lingering.fetch_sub(1, Ordering::Relaxed);
    }

    /// Reads and discards until the end of the stream, or until `end`.
    fn discard(&self, stream: &TcpStream, end: Instant) {
        loop {
            match stream.discard(end) {
                Ok(1..) => {}
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return,
            }
        }
    }

    // The accepting thread.

    fn accept(self: &Arc<Self>) {
        let mut failures = 0;
        loop {
            if self.when_full == WhenFull::Wait {
                self.wait_for_seat();
            }
            match self.listeners.accept() {
                Ok((stream, peer)) => {
                    failures = 0;
                    self.admit(stream, peer);
                }
                Err(e) if listener::is_one_connections(&e) => log::debug!("accept: {e}"),
                Err(e) => {
                    // Most likely no descriptors are left: the same call would fail again at once.
                    failures += 1;
                    // At first, threads of clients that have left may only not have closed their sockets yet.
                    if failures == ACCEPT_FAILURES {
                        log::warn!("{}", diagnostics::cannot_accept(&e));
                    }
                    blocking::sleep(ACCEPT_RETRY);
                }
            }
        }
    }

    fn wait_for_seat(&self) {
        let mut room = self.room.lock();
        while !room.hub.has_seat() {
            room.accept_waits = true;
            room = room.wait(&self.seat_freed);
        }
        room.accept_waits = false;
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, peer: Peer) {
        let room = self.room.lock();
        listener::prepare(&stream, peer, room.hub.limits());
        // The thread is started first: a client that no thread can serve is not let in.
        let name = format!("client-{}", room.hub.next_serial());
        drop(room);
        let (admit, admitted) = mpsc::sync_channel::<Result<Arc<Client>, TcpStream>>(1);
        let serve = move |server: &Arc<Server>| {
            let answer = admitted.recv();
            // It takes more memory than a silent client.
            drop(admitted);
            match answer {
                Ok(Ok(client)) => server.serve(&client),
                Ok(Err(refused)) => server.linger(&refused),
                Err(_) => {}
            }
        };
        if let Err(e) = spawn(name, self, serve) {
            log::warn!("{}", diagnostics::no_thread(peer, &e));
            let refusal = self.room.lock().hub.refuse_without_thread(peer);
            let _ = stream.write_at_once(&[IoSlice::new(&refusal)]);
            return;
        }

        let result = self.turn(|room| {
            let entry = room.clients.vacant_entry();
            let Some(id) = room.hub.connect(entry.key(), peer) else {
                return Err((stream, room.hub.refuse(peer)));
            };
            Ok(entry.insert(Arc::new(Client::new(id, stream))).clone())
        });
        let _ = admit.send(result.map_err(|(stream, refusal)| {
            // A new socket's buffer is empty: these few bytes fit.
            let _ = stream.write_at_once(&[IoSlice::new(&refusal)]);
            let _ = stream.shutdown(Shutdown::Write);
            discard_at_once(&stream);
            stream
        }));
    }

    // The connections to the log of a room on several servers, and their timer.

    /// They are served as those of clients are.
    fn dial(self: &Arc<Self>, room: &mut LockedRoom, addr: SocketAddr) {
        let entry = room.clients.vacant_entry();
        let key = entry.key();
        let client = match TcpStream::dial(addr) {
            Ok(stream) => {
                let Some(id) = room.hub.dialled(key) else { return };
                entry.insert(Arc::new(Client::new(id, stream))).clone()
            }
            Err(e) => {
                log::debug!("{addr}: {e}");
                return room.hub.not_dialled();
            }
        };
        let id = client.id;
        if let Err(e) = spawn(format!("log-{}", id.serial()), self, move |server| server.serve(&client)) {
            log::debug!("{addr}: {e}");
            room.disconnect(id, Reason::Lost);
        }
    }

    /// Takes the turns that the log needs at certain times.
    fn keep_log_time(self: &Arc<Self>) {
        loop {
            self.turn(|_| ());
            let mut room = self.room.lock();
            let Some(due) = room.hub.link_deadline() else { return };
            let wait = due.saturating_duration_since(now());
            if !wait.is_zero() {
                room.log_wakes_at = Some(due);
                room = room.wait_timeout(&self.log_due, wait);
                room.log_wakes_at = None;
            }
        }
    }

    // The thread that lives for the supervisor.

    /// Takes the room's lock for each sign: a room that stays locked gives none.
    fn give_signs_of_life(self: &Arc<Self>) {
        while let Some(due) = self.turn(|room| room.hub.next_beat()) {
            blocking::sleep(due.saturating_duration_since(now()));
        }
    }

    // The thread of the server's own terminal.

    fn operate(self: &Arc<Self>, mut terminal: Terminal) {
        while terminal.wait().is_ok() {
            let lines = terminal.lines();
            self.turn(|room| room.hub.operate(lines));
        }
    }

    // The thread that answers whoever asks for the figures.

    fn serve_metrics(&self, mut metrics: Metrics) {
        while metrics.wait().is_ok() {
            metrics.serve(|| self.room.lock().hub.metrics());
        }
    }

    // The end.

    fn stop(self: &Arc<Self>) {
        let end = now() + STOP_PATIENCE;
        self.listeners.shutdown();
        self.turn(|room| {
            room.stopping = true;
            room.hub.close_room();
        });
        let mut room = self.room.lock();
        while !room.hub.is_deserted() && now() < end {
            room = room.wait_timeout(&self.client_closed, end.saturating_duration_since(now()));
        }
        for (_, client) in &room.clients {
            let _ = client.stream.shutdown(Shutdown::Both);
        }
        drop(room);
        if let Some(records) = &self.records {
            lock(records).finish();
        }
    }
}

impl LockedRoom {
    fn carry_off(&mut self, id: Id) -> Option<Parcel> {
        let client = self.clients.get(id.key())?.clone();
        let flight = self.hub.carry_off(id)?;
        Some(Parcel { client, flight, taken: 0 })
    }

    /// Whether the client is not closed yet.
    fn holds(&self, id: Id) -> bool {
        self.clients.get(id.key()).is_some_and(|client| client.id == id)
    }

    fn remove(&mut self, id: Id) -> Option<Arc<Client>> {
        self.holds(id).then(|| self.clients.remove(id.key()))
    }

    /// Removes a client that cannot be served any more.
    fn disconnect(&mut self, id: Id, reason: Reason) {
        if let Some(client) = self.remove(id) {
            self.hub.disconnect(id, reason);
            let _ = client.stream.shutdown(Shutdown::Both);
            client.let_go();
        }
    }
}

fn spawn(name: String, server: &Arc<Server>, run: impl FnOnce(&Arc<Server>) + Send + 'static) -> io::Result<()> {
    let server = server.clone();
    blocking::spawn(name, STACK, move || run(&server))
}

/// Reads and discards what is there, without blocking.
fn discard_at_once(stream: &TcpStream) {
    let _ = stream.read_at_once(&mut Vec::with_capacity(READ_MAX));
}

/// Ignores poisoning: a thread that panicked has left the data between two changes, and the other threads go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
