//! The log of a turn: what all connections get, stored once.

use std::ops::Range;
use std::sync::Arc;

/// The bytes for all connections since the end of the last turn.
///
/// Positions count all bytes that were ever logged, so no [`Place`] has to change when the log is cleared.
#[derive(Default)]
pub(crate) struct Broadcast {
    start: u64,
    bytes: Vec<u8>,
    /// A copy of `bytes` from the last time when a writer carried off a part of them. The flights of a turn share it.
    shared: Arc<[u8]>,
}

/// A part of the log that outlives the turn, without its reader's own lines.
#[derive(Default)]
pub(crate) struct Share {
    pub bytes: Arc<[u8]>,
    pub before: Range<usize>,
    pub after: Range<usize>,
}

/// How much of the log one connection has read.
pub(crate) struct Place {
    /// The position up to which it has read: these bytes are written to the socket or copied to the outbox. A
    /// connection always reads all there is, so between two turns this is the log's end.
    read_to: u64,
    /// Its own lines, which it does not get back, if they stand behind something that it has not read yet.
    own: Range<u64>,
}

impl Place {
    /// The place of a connection that gets no more of the log.
    pub(crate) const BEYOND: Place = Place { read_to: u64::MAX, own: 0..0 };
}

impl Broadcast {
    /// The place of a connection that gets what is logged from now on.
    pub(crate) fn end_place(&self) -> Place {
        Place { read_to: self.end(), own: 0..0 }
    }

    /// The position behind the last byte.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.len() as u64
    }

    /// The number of bytes logged in this turn.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Logs bytes for all connections.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The same with a function that appends them.
    pub(crate) fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
    }

    /// Whether a connection has to read everything before [`Broadcast::push_own`]: its own part must be one range, and
    /// others have logged something behind it.
    pub(crate) fn parts_own(&self, place: &Place) -> bool {
        place.read_to < place.own.end && place.own.end < self.end()
    }

    /// Logs bytes for all connections but the one with this place.
    #[inline]
    pub(crate) fn push_own(&mut self, place: &mut Place, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.end();
        write(&mut self.bytes);
        let end = self.end();
        if place.read_to == start {
            place.read_to = end;
        } else if place.own.end == start {
            place.own.end = end;
        } else {
            place.own = start..end;
        }
    }

    /// Whether a connection has unread bytes in the log.
    pub(crate) fn has_unread(&self, place: &Place) -> bool {
        place.read_to < self.end()
    }

    /// The length of what [`Broadcast::unread`] returns. Bytes.
    pub(crate) fn unread_len(&self, place: &Place) -> usize {
        let own = if place.own.end > place.read_to { place.own.end - place.own.start } else { 0 };
        (self.end().saturating_sub(place.read_to) - own) as usize
    }

    /// What a connection has not read yet, before and after its own part.
    pub(crate) fn unread(&self, place: &Place) -> (&[u8], &[u8]) {
        let (before, after) = self.unread_ranges(place);
        (&self.bytes[before], &self.bytes[after])
    }

    /// The ranges of the unread bytes in `bytes`.
    fn unread_ranges(&self, place: &Place) -> (Range<usize>, Range<usize>) {
        let end = self.len();
        let at = |position: u64| (position.saturating_sub(self.start) as usize).min(end);
        if place.own.end <= place.read_to {
            return (at(place.read_to)..end, end..end);
        }
        (at(place.read_to)..at(place.own.start), at(place.own.end)..end)
    }

    /// The same as [`Broadcast::unread`], but it outlives the turn. The log's bytes are copied once for all calls.
    pub(crate) fn share_unread(&mut self, place: &Place) -> Share {
        if self.shared.len() != self.bytes.len() {
            self.shared = Arc::from(&self.bytes[..]);
        }
        let (before, after) = self.unread_ranges(place);
        Share { bytes: self.shared.clone(), before, after }
    }

    /// Marks everything as read.
    pub(crate) fn read_all(&self, place: &mut Place) {
        place.read_to = place.read_to.max(self.end());
    }

    /// Forgets all bytes, also for connections that have not read them.
    pub(crate) fn clear(&mut self) {
        self.start = self.end();
        self.bytes.clear();
        if !self.shared.is_empty() {
            self.shared = Arc::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_reads_all_but_their_own_once() {
        let mut log = Broadcast::default();
        let mut speaker = log.end_place();
        log.push(b"one ");
        let mut late = log.end_place();
        log.push_own(&mut speaker, |bytes| bytes.extend(b"two "));
        log.push_own(&mut speaker, |bytes| bytes.extend(b"three "));
        log.push(b"four");
        assert_eq!(log.unread(&speaker), (&b"one "[..], &b"four"[..]));
        assert_eq!(log.unread(&late), (&b"two three four"[..], &b""[..]));
        assert_eq!(log.unread_len(&Place::BEYOND), 0);

        log.read_all(&mut late);
        assert_eq!(log.unread_len(&late), 0);
        log.push(b" five");
        assert_eq!(log.unread(&late), (&b" five"[..], &b""[..]));
        log.read_all(&mut speaker);
        log.read_all(&mut late);
        log.clear();
        assert!(log.is_empty() && !log.has_unread(&late) && !log.has_unread(&speaker));

        log.push_own(&mut speaker, |bytes| bytes.extend(b"six "));
        assert!(!log.has_unread(&speaker), "nobody else has said anything");
        log.push(b"seven");
        assert_eq!(log.unread(&speaker), (&b"seven"[..], &b""[..]));
        assert_eq!(log.unread(&late), (&b"six seven"[..], &b""[..]));
    }

    #[test]
    fn a_second_own_part_needs_that_the_first_is_read_past() {
        let mut log = Broadcast::default();
        let mut speaker = log.end_place();
        log.push(b"zero ");
        log.push_own(&mut speaker, |bytes| bytes.extend(b"one "));
        assert!(!log.parts_own(&speaker), "the parts are one");
        log.push(b"two ");
        assert!(log.parts_own(&speaker));
        log.read_all(&mut speaker);
        assert!(!log.parts_own(&speaker));
        log.push_own(&mut speaker, |bytes| bytes.extend(b"three "));
        assert_eq!(log.unread_len(&speaker), 0);
        log.clear();
        assert!(!log.parts_own(&speaker));
    }
}
