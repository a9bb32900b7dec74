//! The writes to clients: the thread that said something writes as much as the sockets take at once, and a thread that
//! may block writes the rest.

use super::blocking::mpsc::{self, Receiver, Sender};
use super::{Client, Reason, Server, lock, spawn};
use crate::chat::Flight;
use crate::server::diagnostics;
use crate::trace::marks;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

/// How long a write to a slow client blocks before the hub is told the result.
const WRITE_PATIENCE: Duration = Duration::from_millis(50);
/// The most rounds of writes in one delivery while other threads keep adding: some milliseconds. After that each
/// member's own writer goes on, because this thread's own client is waiting to be read. A lower limit wakes the writers
/// for every parcel, and 64 clients that all talk get a third less through.
const ROUNDS_MAX: usize = 64;

/// The channel to the thread that may block on a client's socket.
pub(super) enum WriterHandle {
    /// None was needed so far.
    None,
    Writing(Sender<Parcel>),
    /// The client is closed.
    Gone,
}

/// Bytes carried off for a client.
pub(super) struct Parcel {
    pub client: Arc<Client>,
    pub flight: Flight,
    /// What the socket took in the last write, and the hub does not know yet. Bytes.
    pub taken: usize,
}

impl Parcel {
    fn take(&mut self, taken: usize) {
        self.taken = taken;
        self.flight.advance(taken);
    }
}

impl Server {
    /// Writes what the sockets take at once, and then what others have added meanwhile. What a socket does not take is
    /// left to the client's own writer. A leader stays the leader until nothing is left to write, or for [`ROUNDS_MAX`]
    /// rounds.
    pub(super) fn deliver(self: &Arc<Self>, mut parcels: Vec<Parcel>, leads: bool) {
        for round in 0.. {
            if parcels.is_empty() {
                break;
            }
            let mut failed = Vec::new();
            for parcel in &mut parcels {
                match parcel.client.stream.write_at_once(&parcel.flight.rest()) {
                    Ok(n) => parcel.take(n),
                    Err(e) if is_passing(&e) => {}
                    Err(e) => {
                        log::debug!("{}: write: {e}", parcel.client.id);
                        failed.push(parcel.client.id);
                    }
                }
            }

            let mut left = Vec::new();
            let mut more = Vec::new();
            let mut room = self.lock();
            for mut parcel in parcels.drain(..) {
                let id = parcel.client.id;
                room.hub.carried(id, std::mem::take(&mut parcel.taken));
                if failed.contains(&id) {
                    room.disconnect(id, Reason::Lost);
                } else if !parcel.flight.is_empty() {
                    left.push(parcel);
                } else if let Some(flight) = room.hub.carry_off(id) {
                    parcel.flight = flight;
                    more.push(parcel);
                }
            }
            self.end_turn(&mut room, &mut more);
            if leads && (more.is_empty() || round + 1 == ROUNDS_MAX) {
                room.has_leader = false;
            }
            drop(room);

            if round + 1 < ROUNDS_MAX {
                parcels = more;
            } else {
                left.extend(more);
            }
            for parcel in left {
                self.hand_over(parcel);
            }
        }
        self.flush_records();
    }

    /// Leaves the rest of a parcel to the client's writer.
    pub(super) fn hand_over(self: &Arc<Self>, mut parcel: Parcel) {
        let client = parcel.client.clone();
        // The parcel may wait for long, so it must not keep the whole turn's log alive.
        parcel.flight.compact();
        marks::handed_over(client.id.serial(), parcel.flight.len());
        if let Err(e) = client.hand_over(self, parcel) {
            log::warn!("{}", diagnostics::no_writer(client.id, &e));
            self.turn(|room| room.disconnect(client.id, Reason::NoThread));
        }
    }

    pub(super) fn write_slowly(self: &Arc<Self>, parcels: &Receiver<Parcel>) {
        for mut parcel in parcels {
            let id = parcel.client.id;
            loop {
                // Blocks only for a short time, so that the hub learns in time that the member takes nothing.
                let taken = match parcel.client.stream.write(&parcel.flight.rest()) {
                    Ok(n) => n,
                    Err(e) if is_passing(&e) => 0,
                    Err(e) => {
                        log::debug!("{id}: write: {e}");
                        self.turn(|room| room.disconnect(id, Reason::Lost));
                        break;
                    }
                };
                parcel.flight.advance(taken);
                let is_done = parcel.flight.is_empty();
                let next = self.turn(|room| {
                    room.hub.carried(id, taken);
                    if is_done { room.hub.carry_off(id) } else { None }
                });
                match next {
                    Some(flight) => parcel.flight = flight,
                    None if is_done => break,
                    None => {}
                }
            }
        }
    }
}

impl Client {
    pub(super) fn hand_over(&self, server: &Arc<Server>, parcel: Parcel) -> io::Result<()> {
        let mut writer = lock(&self.writer);
        if let WriterHandle::None = *writer {
            self.stream.set_write_timeout(WRITE_PATIENCE)?;
            let (sender, parcels) = mpsc::channel();
            let name = format!("writer-{}", self.id.serial());
            spawn(name, server, move |server| server.write_slowly(&parcels))?;
            *writer = WriterHandle::Writing(sender);
        }
        match &*writer {
            WriterHandle::Writing(sender) => sender.send(parcel).map_err(|_| ErrorKind::BrokenPipe.into()),
            WriterHandle::None | WriterHandle::Gone => Ok(()),
        }
    }

    /// Ends the threads that wait for this client.
    pub(super) fn let_go(&self) {
        *lock(&self.writer) = WriterHandle::Gone;
        self.changed.notify_all();
    }
}

/// Whether a write that failed may be tried again later.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
