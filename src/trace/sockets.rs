//! The map from descriptors to clients.
//!
//! A driver's system layer knows descriptors, and a trace shows clients. The layer reports what happens to a descriptor
//! (accepted, watched, shut down, closed). The room reports which client was let in from which address.

use super::step::{Ready, Source};
use crate::chat::Peer;
use std::collections::HashMap;
use std::os::fd::RawFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The open descriptors.
#[derive(Default)]
pub(crate) struct Sockets(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    connections: HashMap<RawFd, Connection>,
    /// Accepted connections that are neither let in nor refused yet.
    newcomers: HashMap<Peer, RawFd>,
    /// The connection of this server's own that was begun last, and has no number yet.
    dialled: Option<RawFd>,
    /// The descriptors that the poll watches, by token.
    tokens: HashMap<usize, RawFd>,
    /// The listener and the signals.
    others: HashMap<RawFd, Source>,
}

/// A client's socket.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub(crate) struct Connection {
    /// The client's number; 0 if it was not let in.
    pub client: u64,
    /// Our side is shut down: what still comes is discarded.
    pub shut: bool,
}

impl Sockets {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection was accepted.
    pub(crate) fn accepted(&self, fd: RawFd, peer: Peer) {
        let mut tables = self.tables();
        tables.connections.insert(fd, Connection::default());
        tables.newcomers.insert(peer, fd);
    }

    /// The connection from this address is in the room, as this client.
    pub(crate) fn connected(&self, peer: Peer, client: u64) {
        let mut tables = self.tables();
        if let Some(fd) = tables.newcomers.remove(&peer)
            && let Some(connection) = tables.connections.get_mut(&fd)
        {
            connection.client = client;
        }
    }

    /// A connection of this server's own is begun.
    pub(crate) fn dials(&self, fd: RawFd) {
        let mut tables = self.tables();
        tables.connections.insert(fd, Connection::default());
        tables.dialled = Some(fd);
    }

    /// The connection that was begun last has this number.
    pub(crate) fn dialled(&self, client: u64) {
        let mut tables = self.tables();
        if let Some(fd) = tables.dialled.take()
            && let Some(connection) = tables.connections.get_mut(&fd)
        {
            connection.client = client;
        }
    }

    pub(crate) fn connection(&self, fd: RawFd) -> Connection {
        self.tables().connections.get(&fd).copied().unwrap_or_default()
    }

    /// Notes that our side is shut down. Returns the connection as it was before.
    pub(crate) fn shut(&self, fd: RawFd) -> Connection {
        let mut tables = self.tables();
        let Some(connection) = tables.connections.get_mut(&fd) else { return Connection::default() };
        std::mem::replace(connection, Connection { shut: true, ..*connection })
    }

    /// Forgets the connection. Returns it as it was.
    pub(crate) fn closed(&self, fd: RawFd) -> Connection {
        let mut tables = self.tables();
        tables.newcomers.retain(|_, newcomer| *newcomer != fd);
        tables.tokens.retain(|_, watched| *watched != fd);
        tables.connections.remove(&fd).unwrap_or_default()
    }

    /// This descriptor is the listener, or the socket pair of the signals.
    pub(crate) fn is(&self, fd: RawFd, source: Source) {
        self.tables().others.insert(fd, source);
    }

    /// The poll watches this descriptor under this token.
    pub(crate) fn watched(&self, token: usize, fd: RawFd) {
        self.tables().tokens.insert(token, fd);
    }

    /// The sources that the poll reported as ready, by token.
    pub(crate) fn ready_tokens(&self, ready: impl Iterator<Item = (usize, bool, bool)>) -> Vec<Ready> {
        let tables = self.tables();
        let by_fd = |(token, readable, writable)| Some((*tables.tokens.get(&token)?, readable, writable));
        ready.filter_map(by_fd).map(|ready| tables.ready(ready)).collect()
    }

    /// The source that is watched under this token. It is complete: something came from it.
    #[cfg(all(feature = "uring", target_os = "linux"))]
    pub(crate) fn by_token(&self, token: usize) -> Option<Ready> {
        let tables = self.tables();
        Some(tables.ready((*tables.tokens.get(&token)?, true, false)))
    }

    /// The descriptor that is watched under this token.
    #[cfg(all(feature = "uring", target_os = "linux"))]
    pub(crate) fn descriptor(&self, token: usize) -> Option<RawFd> {
        self.tables().tokens.get(&token).copied()
    }

    /// The sources that the poll reported as ready, by descriptor.
    pub(crate) fn ready(&self, ready: impl Iterator<Item = (RawFd, bool, bool)>) -> Vec<Ready> {
        let tables = self.tables();
        ready.map(|ready| tables.ready(ready)).collect()
    }
}

impl Tables {
    fn ready(&self, (fd, readable, writable): (RawFd, bool, bool)) -> Ready {
        let connection = || match self.connections.get(&fd) {
            Some(Connection { client, shut: false }) if *client > 0 => Source::Client(*client),
            _ => Source::Leaver,
        };
        Ready { source: self.others.get(&fd).copied().unwrap_or_else(connection), readable, writable }
    }
}
