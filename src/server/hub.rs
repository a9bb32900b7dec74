//! A wrapper around [`chat::Hub`] for the drivers: it marks what the hub ingests and accounts for as steps of the
//! trace.

use crate::chat::{self, Id, Reason};
use crate::trace::marks;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};

/// Wraps [`chat::Hub`] and has the same contract. The methods below add a mark each.
pub(crate) struct Hub(chat::Hub);

impl Hub {
    pub(crate) fn new(hub: chat::Hub) -> Hub {
        Hub(hub)
    }

    pub(crate) fn connect(&mut self, key: usize, peer: SocketAddr, replay: &[u8]) -> Option<Id> {
        let id = self.0.connect(key, peer, replay)?;
        marks::connected(peer, id.number());
        self.mark();
        Some(id)
    }

    pub(crate) fn permit(&mut self, id: Id) -> Option<Permit<'_>> {
        let holds_back = self.0.holds_back(id);
        let read_max = self.0.permit(id).map(|permit| permit.read_max());
        if holds_back {
            self.mark();
        }
        Some(Permit { hub: self, id, read_max: read_max? })
    }

    pub(crate) fn receive_end(&mut self, id: Id) {
        self.0.receive_end(id);
        self.mark();
    }

    pub(crate) fn disconnect(&mut self, id: Id, reason: Reason) {
        self.0.disconnect(id, reason);
        self.mark();
    }

    pub(crate) fn close_room(&mut self) {
        self.0.close_room();
        self.mark();
    }

    #[inline(always)]
    pub(crate) fn wrote(&mut self, id: Id, taken: usize) -> bool {
        marks::settled(id.number(), taken);
        self.0.wrote(id, taken)
    }

    #[inline(always)]
    pub(crate) fn carried(&mut self, id: Id, taken: usize) {
        marks::settled(id.number(), taken);
        self.0.carried(id, taken);
    }

    #[inline(always)]
    fn mark(&self) {
        marks::ingested(|| self.0.pending().map(|(id, bytes)| (id.number(), bytes)));
    }
}

/// [`chat::Permit`].
pub(crate) struct Permit<'a> {
    hub: &'a mut Hub,
    id: Id,
    read_max: usize,
}

impl Permit<'_> {
    pub(crate) fn read_max(&self) -> usize {
        self.read_max
    }

    pub(crate) fn receive(self, bytes: &[u8]) {
        if let Some(permit) = self.hub.0.permit(self.id) {
            permit.receive(bytes);
            self.hub.mark();
        }
    }
}

impl Deref for Hub {
    type Target = chat::Hub;

    fn deref(&self) -> &chat::Hub {
        &self.0
    }
}

impl DerefMut for Hub {
    fn deref_mut(&mut self) -> &mut chat::Hub {
        &mut self.0
    }
}
