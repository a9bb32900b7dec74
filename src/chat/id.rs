//! The identity of a client, and a table by identity.

use std::fmt::{self, Display, Formatter};

/// The identity of a client, unique for the lifetime of the server: `#1`, `#2`, ... A number is never used twice.
///
/// An id also holds the driver's key for the connection. Keys are reused, so an outdated id may have the key of another
/// client. Every look-up compares the numbers too, so it does not find that client.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Id {
    number: u64,
    key: usize,
}

impl Id {
    /// For ids that the hub did not give out: `join` reads them in notices.
    pub(crate) fn new(number: u64, key: usize) -> Id {
        Id { number, key }
    }

    /// The number that people see: 1 for the first client.
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
        write!(f, "#{}", self.number)
    }
}

/// One value for each client, indexed by the driver's key.
pub(super) struct Table<T> {
    slots: Vec<Option<(Id, T)>>,
}

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table { slots: Vec::new() }
    }
}

impl<T> Table<T> {
    pub(super) fn get(&self, id: Id) -> Option<&T> {
        match self.slots.get(id.key)? {
            Some((owner, value)) if owner.number == id.number => Some(value),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        match self.slots.get_mut(id.key)? {
            Some((owner, value)) if owner.number == id.number => Some(value),
            _ => None,
        }
    }

    pub(super) fn has_key(&self, key: usize) -> bool {
        self.slots.get(key).is_some_and(Option::is_some)
    }

    /// Inserts a value. It replaces one with the same key.
    pub(super) fn insert(&mut self, id: Id, value: T) {
        if self.slots.len() <= id.key {
            self.slots.resize_with(id.key + 1, || None);
        }
        self.slots[id.key] = Some((id, value));
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<T> {
        let removed = self.slots.get_mut(id.key)?.take_if(|(owner, _)| owner.number == id.number);
        removed.map(|(_, value)| value)
    }

    /// All values, in the order of the keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Id, &T)> {
        self.slots.iter().flatten().map(|(id, value)| (*id, value))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    /// The table as an array by key, for a walk that stops and continues later.
    pub(super) fn slots(&self) -> &[Option<(Id, T)>] {
        &self.slots
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
