//! A flight: bytes that are carried off to be written.

use super::broadcast::Share;
use std::io::IoSlice;

/// Bytes that a writer has to write to one client, from [`Hub::carry_off`](crate::chat::Hub::carry_off).
///
/// All flights of a turn share one copy of the turn's log, and each keeps the whole copy in memory.
/// [Compact](Flight::compact) a flight that is kept for long.
#[must_use = "the bytes are gone from the hub and have to be written"]
pub struct Flight {
    outbox: Vec<u8>,
    share: Share,
    /// The number of bytes that the socket has taken.
    taken: usize,
}

impl Flight {
    pub(super) fn new(outbox: Vec<u8>, share: Share) -> Flight {
        Flight { outbox, share, taken: 0 }
    }

    /// What is still to be written, in order, for one gathered write.
    pub fn rest(&self) -> [IoSlice<'_>; 3] {
        let Share { bytes, before, after } = &self.share;
        let mut skip = self.taken;
        [&self.outbox[..], &bytes[before.clone()], &bytes[after.clone()]].map(|piece| {
            let skipped = skip.min(piece.len());
            skip -= skipped;
            IoSlice::new(&piece[skipped..])
        })
    }

    /// The length of what is still to be written. Bytes.
    pub fn len(&self) -> usize {
        self.outbox.len() + self.share.before.len() + self.share.after.len() - self.taken
    }

    /// Whether everything is written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The socket took `taken` more bytes. A number larger than the rest counts as the rest.
    pub fn advance(&mut self, taken: usize) {
        self.taken += taken.min(self.len());
    }

    /// Copies the rest, and releases the turn's log. Does nothing the second time.
    pub fn compact(&mut self) {
        if self.share.bytes.is_empty() {
            return;
        }
        *self = Flight { outbox: self.to_vec(), share: Share::default(), taken: 0 };
    }

    /// A copy of what is still to be written.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut rest = Vec::with_capacity(self.len());
        self.rest().iter().for_each(|piece| rest.extend_from_slice(piece));
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_flight_is_written_in_order_whatever_is_taken_at_a_time() {
        for step in 1..12 {
            let share = Share { bytes: Arc::from(&b"..ab--cd"[..]), before: 2..4, after: 6..8 };
            let mut flight = Flight::new(b"xyz".to_vec(), share);
            let mut written: Vec<u8> = Vec::new();
            while !flight.is_empty() {
                let rest = flight.to_vec();
                assert_eq!(rest.len(), flight.len());
                written.extend(&rest[..step.min(rest.len())]);
                flight.advance(step);
                if written.len() == 4 {
                    flight.compact();
                }
            }
            assert_eq!(written, b"xyzabcd", "{step} at a time");
        }
    }
}
