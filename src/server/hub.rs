//! The hub as drivers hold it: what it ingests, and what it accounts for, are steps of the trace.

use crate::chat::{self, Id, Reason};
use crate::trace::marks;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};

/// [`chat::Hub`], whose contract it has. The methods here are the same, each with its mark.
pub struct Hub(chat::Hub);

impl Hub {
    pub fn new(hub: chat::Hub) -> Hub {
        Hub(hub)
    }

    pub fn connect(&mut self, key: usize, peer: SocketAddr, replay: &[u8]) -> Id {
        let id = self.0.connect(key, peer, replay);
        marks::connected(peer, id.number());
        self.mark();
        id
    }

    pub fn receive(&mut self, id: Id, bytes: &[u8]) {
        self.0.receive(id, bytes);
        self.mark();
    }

    pub fn receive_end(&mut self, id: Id) {
        self.0.receive_end(id);
        self.mark();
    }

    pub fn disconnect(&mut self, id: Id, reason: Reason) {
        self.0.disconnect(id, reason);
        self.mark();
    }

    pub fn close_room(&mut self) {
        self.0.close_room();
        self.mark();
    }

    #[inline(always)]
    pub fn wrote(&mut self, id: Id, taken: usize) -> bool {
        marks::settled(id.number(), taken);
        self.0.wrote(id, taken)
    }

    #[inline(always)]
    pub fn carried(&mut self, id: Id, taken: usize) {
        marks::settled(id.number(), taken);
        self.0.carried(id, taken);
    }

    #[inline(always)]
    fn mark(&self) {
        marks::ingested(|| self.0.owed().map(|(id, bytes)| (id.number(), bytes)));
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
