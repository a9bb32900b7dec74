//! A room for benchmarks: a line's way through the hub, without sockets.

use std::time::Instant;
use tertulia::chat::{Effect, Hub, Id, Lang, Limits};

/// 64 bytes.
pub const LINE: &[u8] = b"a line as people write them, with some sixty bytes in all .....\n";

/// A room, and a driver whose sockets take everything.
pub struct BenchRoom {
    pub hub: Hub,
    pub ids: Vec<Id>,
}

impl BenchRoom {
    pub fn new(members: usize) -> BenchRoom {
        let limits = Limits { clients_max: members, ..Limits::default() };
        let mut hub = Hub::new(limits, Lang::En, Instant::now());
        let peer = ([127, 0, 0, 1], 4000).into();
        let ids = (0..members).map(|key| hub.connect(key, peer).expect("a seat")).collect();
        let mut room = BenchRoom { hub, ids };
        room.flush();
        room
    }

    /// Receives bytes from a member.
    pub fn receive(&mut self, id: Id, bytes: &[u8]) {
        self.hub.permit(id).expect("nobody has to wait").receive(bytes);
    }

    /// Ends the turn, and returns the number of bytes written.
    pub fn flush(&mut self) -> usize {
        let mut bytes = 0;
        while let Some(effect) = self.hub.poll_effect() {
            if let Effect::Flush(id) = effect {
                let taken = self.hub.gather(id).iter().map(|slice| slice.len()).sum();
                let _ = self.hub.wrote(id, taken);
                bytes += taken;
            }
        }
        self.hub.end_turn();
        bytes
    }
}
