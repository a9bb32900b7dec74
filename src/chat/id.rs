//! The identity of a client, and a table by identity.

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};
use std::hash::{Hash, Hasher};

/// The identity of a client, unique for the lifetime of the server.
///
/// An id holds the driver's key for the connection. Keys are reused, so an outdated id may have the key of another client. Every
/// look-up compares the serial numbers, too, so it does not find that client.
///
/// People see another number: `#1`, `#2`, ... It is never used twice, either. Where a door keeps out those who do not know the
/// password, a client gets it when it takes its seat, and the driver's own id of the client goes on without it.
#[derive(Clone, Copy, Debug)]
pub struct Id {
    /// 1 for the first connection.
    serial: u64,
    /// 0 before the client takes a seat.
    number: u64,
    key: usize,
}

impl Id {
    /// Also for ids that the hub did not give out: `join` reads them in notices.
    pub(crate) fn new(number: u64, key: usize) -> Id {
        Id { serial: number, number, key }
    }

    /// Of a client that has no seat yet.
    pub(super) fn without_number(serial: u64, key: usize) -> Id {
        Id { serial, number: 0, key }
    }

    /// Of a member whose client is not here. `at` is its place among those.
    #[cfg(feature = "link")]
    pub(super) fn elsewhere(number: u64, at: usize) -> Id {
        Id { serial: number, number, key: super::limits::KEYS_MAX + at }
    }

    /// The place of a member among those whose clients are not here; `None` if its client is here.
    #[cfg(feature = "link")]
    pub(super) fn place_elsewhere(self) -> Option<usize> {
        self.key.checked_sub(super::limits::KEYS_MAX)
    }

    pub(super) fn with_key(self, key: usize) -> Id {
        Id { key, ..self }
    }

    /// The same client, with its number.
    pub(super) fn numbered(self, number: u64) -> Id {
        Id { number, ..self }
    }

    #[inline]
    pub(super) fn has_number(self) -> bool {
        self.number != 0
    }

    /// The number of the connection, for logs and traces.
    pub fn serial(self) -> u64 {
        self.serial
    }

    /// The number that people see. 0 if this id was given out before the client took its seat.
    pub fn number(self) -> u64 {
        self.number
    }

    /// The key that the driver gave with [`Hub::connect`](super::Hub::connect).
    pub fn key(self) -> usize {
        self.key
    }
}

impl Display for Id {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self.number {
            0 => write!(f, "connection {}", self.serial),
            number => write!(f, "#{number}"),
        }
    }
}

// Whether a number is known makes no difference.

impl PartialEq for Id {
    fn eq(&self, other: &Id) -> bool {
        (self.serial, self.key) == (other.serial, other.key)
    }
}

impl Eq for Id {}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.serial, self.key).hash(state);
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Id) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Id) -> Ordering {
        (self.serial, self.key).cmp(&(other.serial, other.key))
    }
}

/// One value for each client, indexed by the driver's key.
pub(super) struct Table<T> {
    slots: Vec<Option<Slot<T>>>,
}

/// A client's value, and its id without the key, which the place in the table shows.
struct Slot<T> {
    serial: u64,
    number: u64,
    value: T,
}

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table { slots: Vec::new() }
    }
}

impl<T> Table<T> {
    pub(super) fn get(&self, id: Id) -> Option<&T> {
        match self.slots.get(id.key)? {
            Some(slot) if slot.serial == id.serial => Some(&slot.value),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        match self.slots.get_mut(id.key)? {
            Some(slot) if slot.serial == id.serial => Some(&mut slot.value),
            _ => None,
        }
    }

    /// The value with the id under which it was inserted.
    pub(super) fn find(&self, id: Id) -> Option<(Id, &T)> {
        self.at(id.key).filter(|(owner, _)| *owner == id)
    }

    /// The client that has a key.
    #[inline]
    pub(super) fn at(&self, key: usize) -> Option<(Id, &T)> {
        self.slots.get(key)?.as_ref().map(|slot| (slot.id(key), &slot.value))
    }

    /// No client has this key, or one above it.
    #[inline]
    pub(super) fn end(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn has_key(&self, key: usize) -> bool {
        self.slots.get(key).is_some_and(Option::is_some)
    }

    /// Inserts a value. It replaces one with the same key.
    pub(super) fn insert(&mut self, id: Id, value: T) {
        if self.slots.len() <= id.key {
            self.slots.resize_with(id.key + 1, || None);
        }
        self.slots[id.key] = Some(Slot { serial: id.serial, number: id.number, value });
    }

    /// Gives a value another id of the same client.
    pub(super) fn rename(&mut self, id: Id) {
        if let Some(slot) = self.slots.get_mut(id.key).and_then(Option::as_mut)
            && slot.serial == id.serial
        {
            slot.number = id.number;
        }
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<T> {
        let removed = self.slots.get_mut(id.key)?.take_if(|slot| slot.serial == id.serial);
        removed.map(|slot| slot.value)
    }

    /// All values, in the order of the keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Id, &T)> {
        (0..self.end()).filter_map(|key| self.at(key))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }
}

impl<T> Slot<T> {
    #[inline]
    fn id(&self, key: usize) -> Id {
        Id { serial: self.serial, number: self.number, key }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_out_of_date_finds_nobody() {
        let (old, new) = (Id::new(1, 2), Id::new(2, 2));
        let mut table = Table::default();
        table.insert(old, "ana");
        assert_eq!((table.get(old), table.get(new)), (Some(&"ana"), None));
        table.insert(new, "beto");
        assert_eq!(table.get(old), None);
        assert_eq!(table.get_mut(old), None);
        assert_eq!(table.remove(old), None);
        assert_eq!(table.iter().collect::<Vec<_>>(), [(new, &"beto")]);
        assert_eq!(table.remove(new), Some("beto"));
        assert!(table.is_empty() && !table.has_key(2) && table.get(Id::new(3, 9)).is_none());
    }
}
