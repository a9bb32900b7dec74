//! The connections that this server has made itself, for the log of a room on several servers; and what clients have to wait for
//! because of the log.
//!
//! Such a connection is written to and read from as a client's is. It takes no seat, has no allowance, and is not evicted: the
//! link gives it up when no answer comes.

use super::*;
use std::net::SocketAddr;

impl Connections {
    /// Adds a connection that this server has made.
    pub(in crate::chat) fn open_upstream(&mut self, id: Id) {
        self.table.insert(id, Connection { is_upstream: true, ..Connection::new(self.at.now) });
    }

    /// Sends bytes over such a connection.
    pub(in crate::chat) fn send_upstream(&mut self, id: Id, bytes: &[u8]) {
        let at = self.at;
        let Some(connection) = self.table.get_mut(id).filter(|connection| connection.is_open()) else { return };
        let before = connection.outbox.held();
        connection.put([bytes, &[]], at);
        self.queued = self.queued - before + connection.outbox.held();
        self.dirty.insert(id);
    }

    /// Tells the driver to connect to this address.
    pub(in crate::chat) fn dial(&mut self, addr: SocketAddr) {
        self.effects.push_back(Effect::Dial(addr));
    }

    /// From now on connections may have to wait for the log.
    pub(in crate::chat) fn have_log(&mut self) {
        self.has_log = true;
    }

    /// A connection has to wait until something has come back from the log, or need not any more.
    pub(in crate::chat) fn wait_for_log(&mut self, id: Id, waits: bool) {
        let Some(connection) = self.table.get_mut(id) else { return };
        if std::mem::replace(&mut connection.waits_for_log, waits) && !waits {
            self.resume();
        }
    }

    /// All have to wait, because too much waits for the log; or they need not any more.
    pub(in crate::chat) fn fill_log(&mut self, is_full: bool) {
        if std::mem::replace(&mut self.log_is_full, is_full) && !is_full {
            self.resume();
        }
    }

    /// Those that others wait for, because their outboxes are above the high-water mark.
    pub(in crate::chat) fn blockers(&self) -> Vec<(Id, usize)> {
        let pending = |id: Id| Some((self.known(id), self.table.get(id)?.outbox.len()));
        self.blockers.iter().filter_map(pending).collect()
    }
}
