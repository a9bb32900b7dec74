//! What all connections get, stored once: the log of the turn.

use std::ops::Range;
use std::sync::Arc;

/// The bytes for everybody since the last turn ended.
///
/// Positions count all bytes that were ever logged, so that no [`Place`] has to be set back when the log is cleared.
#[derive(Default)]
pub struct Broadcast {
    start: u64,
    bytes: Bytes,
    /// The bytes of an earlier turn, where writers may still have them. Their memory is used again when they are done.
    spare: Option<Arc<Vec<u8>>>,
}

/// The log's own, or shared with writers that carried off parts of it.
enum Bytes {
    Own(Vec<u8>),
    Shared(Arc<Vec<u8>>),
}

impl Default for Bytes {
    fn default() -> Bytes {
        Bytes::Own(Vec::new())
    }
}

impl Bytes {
    #[inline]
    fn get(&self) -> &[u8] {
        match self {
            Bytes::Own(bytes) => bytes,
            Bytes::Shared(bytes) => bytes,
        }
    }

    #[inline]
    fn get_mut(&mut self) -> &mut Vec<u8> {
        match self {
            Bytes::Own(bytes) => bytes,
            // Somebody had to go in the middle of a turn, and the others are told. What is shared is copied, once.
            Bytes::Shared(bytes) => Arc::make_mut(bytes),
        }
    }

    /// Makes them shared, without a copy.
    fn share(&mut self) -> Arc<Vec<u8>> {
        let bytes = match self {
            Bytes::Own(bytes) => Arc::new(std::mem::take(bytes)),
            Bytes::Shared(bytes) => return bytes.clone(),
        };
        *self = Bytes::Shared(bytes.clone());
        bytes
    }
}

/// A part of the log, less what its reader said itself, that outlives the turn.
#[derive(Default)]
pub struct Share {
    pub bytes: Arc<Vec<u8>>,
    pub before: Range<usize>,
    pub after: Range<usize>,
}

/// How far one connection has got in the log.
pub struct Place {
    /// The position up to which it has read: the bytes are written to the socket, or copied to the outbox. It reads all there
    /// is at once, so between two turns this is the log's end.
    read_to: u64,
    /// What it said itself and does not get back, where that stands behind something that it has not read yet.
    own: Range<u64>,
}

impl Place {
    /// The place of a connection that gets no more of the log.
    pub const BEYOND: Place = Place { read_to: u64::MAX, own: 0..0 };
}

impl Broadcast {
    /// The place of a connection that gets what is said from now on.
    pub fn end_place(&self) -> Place {
        Place { read_to: self.end(), own: 0..0 }
    }

    /// The position behind the last byte.
    pub fn end(&self) -> u64 {
        self.start + self.len() as u64
    }

    /// Bytes logged in this turn.
    pub fn len(&self) -> usize {
        self.bytes.get().len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.get().is_empty()
    }

    /// Logs something for everybody.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.get_mut().extend_from_slice(bytes);
    }

    /// Whether a connection has to read all before [`Broadcast::push_own`]: its own part is one range, and others have logged
    /// something since.
    pub fn parts_own(&self, place: &Place) -> bool {
        place.read_to < place.own.end && place.own.end < self.end()
    }

    /// Logs something for everybody but the connection at this place.
    #[inline]
    pub fn push_own(&mut self, place: &mut Place, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.end();
        write(self.bytes.get_mut());
        let end = self.end();
        if place.read_to == start {
            place.read_to = end;
        } else if place.own.end == start {
            place.own.end = end;
        } else {
            place.own = start..end;
        }
    }

    /// Whether a connection has not read all there is for it.
    pub fn has_unread(&self, place: &Place) -> bool {
        place.read_to < self.end()
    }

    /// The length of what [`Broadcast::unread`] returns.
    pub fn unread_len(&self, place: &Place) -> usize {
        let own = if place.own.end > place.read_to { place.own.end - place.own.start } else { 0 };
        (self.end().saturating_sub(place.read_to) - own) as usize
    }

    /// What a connection has not read yet, before and after its own part.
    pub fn unread(&self, place: &Place) -> (&[u8], &[u8]) {
        let (before, after) = self.unread_ranges(place);
        let bytes = self.bytes.get();
        (&bytes[before], &bytes[after])
    }

    /// Where in the log's bytes that is.
    fn unread_ranges(&self, place: &Place) -> (Range<usize>, Range<usize>) {
        let end = self.len();
        let at = |position: u64| (position.saturating_sub(self.start) as usize).min(end);
        if place.own.end <= place.read_to {
            return (at(place.read_to)..end, end..end);
        }
        (at(place.read_to)..at(place.own.start), at(place.own.end)..end)
    }

    /// The same as [`Broadcast::unread`], to be kept beyond the turn. The log's bytes are not copied for it.
    pub fn share_unread(&mut self, place: &Place) -> Share {
        let (before, after) = self.unread_ranges(place);
        Share { bytes: self.bytes.share(), before, after }
    }

    /// The connection has read all there is.
    pub fn read_all(&self, place: &mut Place) {
        place.read_to = place.read_to.max(self.end());
    }

    /// Forgets all bytes. Whoever has not read them never will.
    pub fn clear(&mut self) {
        self.start = self.end();
        match &mut self.bytes {
            Bytes::Own(bytes) => bytes.clear(),
            Bytes::Shared(_) => {
                let mut free = self.spare.take().and_then(Arc::into_inner).unwrap_or_default();
                free.clear();
                if let Bytes::Shared(bytes) = std::mem::replace(&mut self.bytes, Bytes::Own(free)) {
                    self.spare = Some(bytes);
                }
            }
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
