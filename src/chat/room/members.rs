//! All members of a room, by their ids.

use crate::chat::id::{Id, Table};
use crate::chat::limits::KEYS_MAX;

/// One value for each member. In a room on several servers there are members whose clients are not here: their keys begin at
/// [`KEYS_MAX`].
pub(super) struct Members<T> {
    here: Table<T>,
    elsewhere: Table<T>,
}

impl<T> Default for Members<T> {
    fn default() -> Members<T> {
        Members { here: Table::default(), elsewhere: Table::default() }
    }
}

impl<T> Members<T> {
    #[inline]
    pub(super) fn get(&self, id: Id) -> Option<&T> {
        if id.key() < KEYS_MAX { self.here.get(id) } else { self.elsewhere.get(within(id)) }
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        if id.key() < KEYS_MAX { self.here.get_mut(id) } else { self.elsewhere.get_mut(within(id)) }
    }

    /// The member that has a key.
    pub(super) fn at(&self, key: usize) -> Option<Id> {
        match key.checked_sub(KEYS_MAX) {
            None => self.here.at(key).map(|(id, _)| id),
            Some(place) => self.elsewhere.at(place).map(|(id, _)| outside(id)),
        }
    }

    pub(super) fn insert(&mut self, id: Id, value: T) {
        if id.key() < KEYS_MAX { self.here.insert(id, value) } else { self.elsewhere.insert(within(id), value) }
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<T> {
        if id.key() < KEYS_MAX { self.here.remove(id) } else { self.elsewhere.remove(within(id)) }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Id, &T)> {
        self.here().chain(self.elsewhere.iter().map(|(id, value)| (outside(id), value)))
    }

    /// Those whose clients are here.
    pub(super) fn here(&self) -> impl Iterator<Item = (Id, &T)> {
        self.here.iter()
    }
}

/// The id under which a member whose client is not here stands in its table.
fn within(id: Id) -> Id {
    id.with_key(id.key() - KEYS_MAX)
}

fn outside(id: Id) -> Id {
    id.with_key(id.key() + KEYS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_wherever_their_clients_are() {
        let (ana, beto) = (Id::new(1, 0), Id::new(2, KEYS_MAX));
        let mut members = Members::default();
        members.insert(ana, "ana");
        members.insert(beto, "beto");
        assert_eq!(members.iter().collect::<Vec<_>>(), [(ana, &"ana"), (beto, &"beto")]);
        assert_eq!(members.here().collect::<Vec<_>>(), [(ana, &"ana")]);
        assert_eq!((members.at(KEYS_MAX), members.at(KEYS_MAX + 1)), (Some(beto), None));
        assert_eq!((members.get(beto), members.get(Id::new(3, KEYS_MAX))), (Some(&"beto"), None));
        assert_eq!((members.remove(beto), members.get_mut(beto)), (Some("beto"), None));
    }
}
