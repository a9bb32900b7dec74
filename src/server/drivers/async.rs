//! The async driver: a task for each client, and one thread for all tasks.
//!
//! The code reads as that of threads does: a client's task waits for its socket, reads, and hands over what was said
//! (`serve`). But a task that waits does not keep the thread. It leaves a *waker* and returns to the runtime, which
//! *polls* the next task that was woken. When there is none, the thread sleeps in one place, the runtime's `epoll_wait`,
//! and what the kernel reports there wakes tasks. So this is the event loop of `--mode epoll`, written by the compiler.
//!
//! The tasks:
//!
//! * one for each client reads;
//! * one writes to all (`write`). Whoever has read wakes it, and it runs after all who were woken before, so there is one
//!   gathered write to each member for all that was said meanwhile;
//! * one for each client whose socket is full waits for space;
//! * one for each listener accepts, and one waits for signals.
//!
//! They share the room in a `RefCell`: all run on one thread, and none holds a borrow while it waits. No lock is needed,
//! and no channel.

use super::hub::Hub;
use super::lingering::Lingering;
use super::net::now;
use super::records::Records;
use super::tasks::{
    Listener, Metrics, Notify, Runtime, Signals, Source, Task, TcpStream, Terminal, sleep_until, wait_until, yield_now,
};
use super::{ACCEPT_RETRY, Order, Service, WhenFull, listener};
use crate::chat::Peer;
use crate::chat::limits::READ_MAX;
use crate::chat::{Effect, Id, Reason, Transcript};
use crate::server::diagnostics;
use crate::server::figures;
use crate::server::signals;
use crate::server::stopping::Stopping;
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

/// Serves until told to stop.
pub(crate) fn run(service: Service) -> io::Result<()> {
    let runtime = Runtime::new()?;
    let server = runtime.block_on(open(service))?;
    runtime.block_on(server.is_over.notified());
    server.room.borrow_mut().hang_up();
    // The tasks end, and their sockets are closed.
    drop(runtime);
    server.room.borrow_mut().records.finish();
    Ok(())
}

/// What the tasks share.
struct Server {
    room: RefCell<Room>,
    /// Wakes the writer: there may be something to write, or an earlier deadline.
    said: Notify,
    /// Wakes those who found no room in a turn that is over now.
    turn_is_over: Notify,
    /// Wakes those who accept: a seat may be free.
    seat: Notify,
    /// The server may end.
    is_over: Notify,
}

struct Room {
    /// The slab's key is the hub's key. Keys are reused.
    connections: Slab<Connection>,
    hub: Hub,
    records: Records,
    transcript: Transcript,
    when_full: WhenFull,
    /// Connections that failed while others were still to be served in this turn.
    dead: Vec<Id>,
    lingering: Lingering,
    stopping: Stopping,
    buffer: Box<[u8]>,
    /// The tasks that accept, write, and wait for signals.
    tasks: Vec<Task>,
    accepting: Vec<Task>,
}

/// Its tasks end with it.
enum Connection {
    Client {
        client: Rc<Client>,
        _reading: Task,
        /// Waits until the full socket takes bytes again.
        space: Option<Task>,
    },
    /// Closed on our side, and read from until its peer closes too: see [`Lingering`].
    Lingering { stream: Rc<TcpStream>, _reading: Task },
}

struct Client {
    id: Id,
    stream: Rc<TcpStream>,
    /// Wakes the client's task: the hub may have a permit for it.
    resumed: Notify,
    /// The end-of-file or an error has been read.
    ended: Cell<bool>,
}

/// Starts the tasks.
async fn open(mut service: Service) -> io::Result<Rc<Server>> {
    let signals = Signals::new()?;
    service.announce()?;
    let Service { listeners, hub, records, terminal, metrics, when_full, lingering_max, .. } = service;
    let listeners = listeners.into_iter().map(Listener::new).collect::<io::Result<Vec<_>>>()?;
    let room = Room {
        connections: Slab::new(),
        hub,
        records,
        transcript: Transcript::default(),
        when_full,
        dead: Vec::new(),
        lingering: Lingering::new(lingering_max),
        stopping: Stopping::default(),
        buffer: vec![0; READ_MAX].into(),
        tasks: Vec::new(),
        accepting: Vec::new(),
    };
    let server = Rc::new(Server {
        room: RefCell::new(room),
        said: Notify::new(),
        turn_is_over: Notify::new(),
        seat: Notify::new(),
        is_over: Notify::new(),
    });
    let mut room = server.room.borrow_mut();
    room.tasks = vec![
        Task::spawn(Source::Writer, write(server.clone())),
        Task::spawn(Source::Signals, obey(server.clone(), signals)),
    ];
    if let Some(terminal) = terminal {
        room.tasks.push(Task::spawn(Source::Terminal, operate(server.clone(), Terminal::new(terminal)?)));
    }
    if let Some(metrics) = metrics {
        room.tasks.push(Task::spawn(Source::Metrics, serve_metrics(server.clone(), Metrics::new(metrics)?)));
    }
    let accepts = |listener| Task::spawn(Source::Listener, accept(server.clone(), listener));
    room.accepting = listeners.into_iter().map(accepts).collect();
    drop(room);
    Ok(server)
}

// Read.

/// What a client's task waits for before it reads again.
enum Until {
    Readable,
    /// There may be more to read, and the others come first.
    OthersAreServed,
    /// This turn has no room for more.
    NextTurn,
    /// The client has to wait for the others: see [`chat::Hub::permit`](crate::chat::Hub::permit).
    Resumed,
    /// There is nothing more to read.
    Never,
}

/// A client's task.
async fn serve(server: Rc<Server>, client: Rc<Client>) {
    let mut sends_on = false;
    client.stream.readable().await;
    loop {
        match server.read(&client) {
            Until::Readable => {
                sends_on = false;
                client.stream.readable().await;
            }
            // Usually the next read finds nothing. If it does, the runtime has to look for new events before the one
            // after it: otherwise a client that sends without pause would keep all others waiting.
            Until::OthersAreServed if sends_on => yield_now().await,
            Until::OthersAreServed => {
                sends_on = true;
                server.turn_is_over.notified().await;
            }
            Until::NextTurn => server.turn_is_over.notified().await,
            Until::Resumed => client.resumed.notified().await,
            Until::Never => return,
        }
    }
}

impl Server {
    /// Reads once, a bounded number of bytes: a client that sends much does not delay the others.
    fn read(&self, client: &Client) -> Until {
        let Room { hub, buffer, dead, .. } = &mut *self.room.borrow_mut();
        if !hub.turn_has_room() {
            return Until::NextTurn;
        }
        hub.tick(now());
        if hub.holds_back(client.id) {
            // It may be said now.
            self.said.notify_one();
        }
        let Some(permit) = hub.permit(client.id) else { return Until::Resumed };
        let buffer = &mut buffer[..permit.read_max()];
        let until = match client.stream.read(buffer) {
            Ok(0) => {
                client.ended.set(true);
                hub.receive_end(client.id);
                Until::Never
            }
            Ok(n) => {
                permit.receive(&buffer[..n]);
                Until::OthersAreServed
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Until::Readable,
            Err(e) => {
                log::debug!("{}: read: {e}", client.id);
                client.ended.set(true);
                dead.push(client.id);
                Until::Never
            }
        };
        self.said.notify_one();
        until
    }
}

// Write.

/// The task that writes to all.
async fn write(server: Rc<Server>) {
    loop {
        let deadline = server.turn();
        if server.room.borrow().is_done() {
            server.is_over.notify_one();
        }
        wait_until(deadline, server.said.notified()).await;
    }
}

impl Server {
    /// Writes what was said since the last turn. Returns when the next one has to begin at the latest.
    fn turn(self: &Rc<Server>) -> Option<Instant> {
        let mut room = self.room.borrow_mut();
        let now = now();
        room.hub.tick(now);
        while let Some(key) = room.lingering.pop_over(now) {
            room.connections.remove(key);
        }
        while let Some(effect) = room.hub.poll_effect() {
            match effect {
                Effect::Flush(id) => self.flush(&mut room, id),
                Effect::Close(id, _) => self.close(&mut room, id, now),
                Effect::Stop => signals::tell_to_stop(),
                Effect::Dial(addr) => self.dial(&mut room, addr),
                // Some of its input was held back, so there is something to do even if it has sent nothing meanwhile.
                Effect::Resume(id) => {
                    if let Some(Connection::Client { client, .. }) = room.connections.get(id.key()) {
                        client.resumed.notify_one();
                    }
                }
            }
        }
        room.hub.end_turn();
        room.bury_dead();
        room.show(now);
        self.turn_is_over.notify_waiters();
        if room.may_accept() {
            self.seat.notify_waiters();
        }
        let deadlines =
            [room.hub.next_deadline(), room.records.deadline(), room.lingering.deadline(), room.stopping.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// One gathered write: what is left from earlier turns, and this turn's lines without the client's own.
    fn flush(self: &Rc<Server>, room: &mut Room, id: Id) {
        let Some(Connection::Client { client, space, .. }) = room.connections.get_mut(id.key()) else { return };
        let taken = loop {
            match client.stream.write_vectored(&room.hub.gather(id)) {
                Ok(n) => break n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break 0,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    log::debug!("{id}: write: {e}");
                    room.dead.push(id);
                    break 0;
                }
            }
        };
        if room.hub.wrote(id, taken) {
            *space = Some(Task::spawn(Source::Client(id.serial()), wait_for_space(self.clone(), client.clone())));
        }
    }

    /// Closes a connection whose last bytes are written. Its socket lingers until the peer closes too.
    fn close(self: &Rc<Server>, room: &mut Room, id: Id, now: Instant) {
        let Some(Connection::Client { client, .. }) = room.connections.get(id.key()) else { return };
        let (stream, ended) = (client.stream.clone(), client.ended.get());
        let _ = stream.shutdown();
        room.connections.remove(id.key());
        if !ended {
            self.linger(room, stream, now);
        }
    }
}

async fn wait_for_space(server: Rc<Server>, client: Rc<Client>) {
    client.stream.writable().await;
    server.room.borrow_mut().hub.writable(client.id);
    server.said.notify_one();
}

impl Room {
    /// Failed connections are removed here and not where they failed, so that no departure is announced in the middle
    /// of a fan-out.
    fn bury_dead(&mut self) {
        while let Some(id) = self.dead.pop() {
            if matches!(self.connections.get(id.key()), Some(Connection::Client { client, .. }) if client.id == id) {
                self.hub.disconnect(id, Reason::Lost);
                self.connections.remove(id.key());
            }
        }
    }

    fn show(&mut self, now: Instant) {
        if self.records.are_kept() {
            self.hub.take_transcript(&mut self.transcript);
            self.records.note(&mut self.transcript, now);
            self.records.flush(now);
        }
    }

    fn is_done(&self) -> bool {
        self.stopping.is_over(now(), || self.hub.is_deserted())
    }
}

// Linger.

impl Server {
    fn linger(self: &Rc<Server>, room: &mut Room, stream: Rc<TcpStream>, now: Instant) {
        let entry = room.connections.vacant_entry();
        let key = entry.key();
        let _reading = Task::spawn(Source::Leaver, discard(self.clone(), key, stream.clone()));
        entry.insert(Connection::Lingering { stream, _reading });
        if let Some(oldest) = room.lingering.push(key, now) {
            room.connections.remove(oldest);
        }
    }
}

/// The task of a lingering connection.
async fn discard(server: Rc<Server>, key: usize, stream: Rc<TcpStream>) {
    loop {
        stream.readable().await;
        let room = &mut *server.room.borrow_mut();
        match stream.read(&mut room.buffer) {
            Ok(1..) => {}
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Ok(0) | Err(_) => {
                room.lingering.remove(key);
                // This task ends with it.
                room.connections.remove(key);
                return;
            }
        }
    }
}

impl Room {
    /// Closes all connections. What the lingering clients have sent is read before, so that closing sends no RST.
    fn hang_up(&mut self) {
        for (_, connection) in &self.connections {
            if let Connection::Lingering { stream, .. } = connection {
                while stream.read(&mut self.buffer).is_err_and(|e| e.kind() == ErrorKind::Interrupted) {}
            }
        }
        self.connections.clear();
    }
}

// Accept.

/// The task of a listener.
async fn accept(server: Rc<Server>, listener: Listener) {
    let mut is_failing = false;
    loop {
        while !server.room.borrow().may_accept() {
            server.seat.notified().await;
        }
        match listener.accept().await {
            Ok((stream, peer)) => {
                is_failing = false;
                server.admit(stream, peer);
            }
            Err(e) if listener::is_one_connections(&e) => log::debug!("accept: {e}"),
            Err(e) => {
                // Most likely no descriptors are left. The next accept would fail at once, too.
                if !std::mem::replace(&mut is_failing, true) {
                    log::warn!("{}", diagnostics::cannot_accept(&e));
                }
                sleep_until(now() + ACCEPT_RETRY).await;
            }
        }
    }
}

impl Room {
    fn may_accept(&self) -> bool {
        self.hub.has_seat() || self.when_full == WhenFull::Refuse
    }
}

impl Server {
    fn admit(self: &Rc<Server>, stream: TcpStream, peer: Peer) {
        let room = &mut *self.room.borrow_mut();
        listener::prepare(&stream, peer, room.hub.limits());
        let (stream, now) = (Rc::new(stream), now());
        room.hub.tick(now);
        let entry = room.connections.vacant_entry();
        if let Some(id) = room.hub.connect(entry.key(), peer) {
            entry.insert(self.client(stream, id));
        } else {
            let _ = stream.write(&room.hub.refuse(peer));
            let _ = stream.shutdown();
            self.linger(room, stream, now);
        }
        self.said.notify_one();
    }
}

// Dial.

impl Server {
    /// The connections to the log of a room on several servers are served as those of clients are.
    fn dial(self: &Rc<Server>, room: &mut Room, addr: SocketAddr) {
        let entry = room.connections.vacant_entry();
        match TcpStream::dial(addr) {
            Ok(stream) => {
                if let Some(id) = room.hub.dialled(entry.key()) {
                    entry.insert(self.client(Rc::new(stream), id));
                }
            }
            Err(e) => {
                log::debug!("{addr}: {e}");
                room.hub.not_dialled();
            }
        }
    }

    /// A client and its task.
    fn client(self: &Rc<Server>, stream: Rc<TcpStream>, id: Id) -> Connection {
        let client = Rc::new(Client { id, stream, resumed: Notify::new(), ended: Cell::new(false) });
        let _reading = Task::spawn(Source::Client(id.serial()), serve(self.clone(), client.clone()));
        Connection::Client { client, _reading, space: None }
    }
}

// The terminal.

/// The task that waits for what is typed at the server's own terminal.
async fn operate(server: Rc<Server>, mut terminal: Terminal) {
    while let Ok(lines) = terminal.next().await {
        let hub = &mut server.room.borrow_mut().hub;
        hub.tick(now());
        hub.operate(lines);
        server.said.notify_one();
    }
}

// The metrics.

/// The task that waits until somebody asks for the figures.
async fn serve_metrics(server: Rc<Server>, mut metrics: Metrics) {
    while let Ok(metrics) = metrics.next().await {
        metrics.serve(|| server.room.borrow().hub.metrics());
    }
}

// Signals.

/// The task that waits for signals.
async fn obey(server: Rc<Server>, mut signals: Signals) {
    loop {
        server.obey(signals.next().await);
    }
}

impl Server {
    fn obey(&self, orders: impl Iterator<Item = Order>) {
        let room = &mut *self.room.borrow_mut();
        let (reopen, print) = (|| room.records.reopen(), || figures::print(&room.hub.table()));
        if room.stopping.obey(orders, now(), reopen, print) {
            room.hub.tick(now());
            room.hub.close_room();
            room.accepting.clear();
        }
        self.said.notify_one();
    }
}
