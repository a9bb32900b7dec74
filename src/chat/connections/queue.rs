//! A queue of clients.

use crate::chat::id::Id;
use std::collections::BTreeMap;

/// Clients in the order of insertion, each at most once. All operations take logarithmic time.
///
/// The order gives fairness: the client that has waited longest comes first.
#[derive(Default)]
pub(crate) struct Queue {
    ids: BTreeMap<u64, Id>,
    places: BTreeMap<Id, u64>,
    next_place: u64,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(crate) fn contains(&self, id: Id) -> bool {
        self.places.contains_key(&id)
    }

    /// Puts a client at the end, if it is not in the queue yet.
    pub(crate) fn insert(&mut self, id: Id) {
        if !self.contains(id) {
            self.places.insert(id, self.next_place);
            self.ids.insert(self.next_place, id);
            self.next_place += 1;
        }
    }

    /// Takes a client out. Returns whether it was in the queue.
    pub(crate) fn remove(&mut self, id: Id) -> bool {
        let place = self.places.remove(&id);
        place.is_some_and(|place| self.ids.remove(&place).is_some())
    }

    /// Takes out the first client.
    pub(crate) fn pop(&mut self) -> Option<Id> {
        let (_, id) = self.ids.pop_first()?;
        self.places.remove(&id);
        Some(id)
    }

    /// All clients, the first one first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Id> {
        self.ids.values().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_come_out_in_the_order_in_which_they_went_in_and_once() {
        let [ana, beto, carla] = [3, 2, 1].map(|number| Id::new(number, 0));
        let mut queue = Queue::default();
        [ana, beto, ana, carla].into_iter().for_each(|id| queue.insert(id));
        assert!(queue.iter().eq([ana, beto, carla]));
        assert!(queue.remove(ana) && !queue.remove(ana) && !queue.contains(ana));
        queue.insert(ana);
        assert_eq!(
            (queue.len(), queue.pop(), queue.pop(), queue.pop(), queue.pop()),
            (3, Some(beto), Some(carla), Some(ana), None)
        );
        assert!(queue.is_empty() && !queue.contains(ana));
    }
}
