//! The container: items found by hash, within limits.

use hashbrown::HashTable;

use super::{
    Inserted, Limits,
    policy::Policy,
    slots::{Node, Slots},
};

/// Items of one kind, found by the hash of their key, and never more than the [`Limits`] allow.
///
/// An item holds its own key: the caller gives the hash, all 64 bits of it well mixed, and says with `same` whether an
/// item is the one. What leaves is handed back, so that the caller can drop it after unlocking.
#[derive(Debug)]
pub struct Shard<T> {
    limits: Limits,
    index: HashTable<u32>,
    slots: Slots<T>,
    policy: Policy,
    weight: u64,
}

impl<T> Shard<T> {
    /// An empty shard, which takes no memory until something is put in.
    pub fn new(limits: Limits) -> Self {
        // Slots have 32-bit numbers, of which the last stands for none.
        let entries = limits.entries.min(u32::MAX as usize - 1);
        let limits = Limits { entries, ..limits };
        Self { limits, index: HashTable::new(), slots: Slots::new(), policy: Policy::new(), weight: 0 }
    }

    /// An item, which counts as used. Many threads may do this at once.
    pub fn get(&self, hash: u64, same: impl Fn(&T) -> bool) -> Option<&T> {
        let (node, item) = self.find(hash, same)?;
        self.policy.mark(node);
        Some(item)
    }

    /// An item, without any trace of having been looked at.
    pub fn peek(&self, hash: u64, same: impl Fn(&T) -> bool) -> Option<&T> {
        self.find(hash, same).map(|(_, item)| item)
    }

    /// Puts an item in, in the place of one with the same key if there is one. What had to make room is added to
    /// `out`; never the item itself.
    pub fn insert(
        &mut self,
        hash: u64,
        item: T,
        weight: u64,
        same: impl Fn(&T) -> bool,
        out: &mut Vec<T>,
    ) -> Inserted<T> {
        // Taken out before anything is evicted: it must not be counted, nor chosen.
        let before = self.unindex(hash, same).and_then(|number| {
            let (turns, queue) = (*self.slots.node_mut(number).turns(), self.slots.node(number).queue);
            Some((self.take(number)?, turns, queue))
        });
        if weight > self.limits.weight || self.limits.entries == 0 {
            out.extend(before.map(|(item, ..)| item));
            return Inserted::TooHeavy(item);
        }
        let full = !self.has_room_for(weight);
        if full {
            self.policy.filled(self.len() + usize::from(before.is_some()));
        }
        let (now, queue) = match before {
            // A new value is no new entry. It keeps its queue, and being written counts as a use.
            Some((.., queue)) => (self.policy.now(), queue),
            None => self.policy.arrive(&mut self.slots, hash, full),
        };
        while !self.has_room_for(weight) {
            match self.evict() {
                Some(evicted) => out.push(evicted),
                // Nobody is left, so there is room.
                None => break,
            }
        }
        let number = self.slots.add(Node::new(hash, weight, now), item);
        self.policy.enter(&mut self.slots, number, queue);
        self.weight += weight;
        let slots = &self.slots;
        self.index.insert_unique(hash, number, |number| slots.node(*number).hash);
        match before {
            None => Inserted::New,
            Some((before, turns, _)) => {
                *self.slots.node_mut(number).turns() = turns;
                self.policy.mark(self.slots.node(number));
                Inserted::Replaced(before)
            }
        }
    }

    /// Takes an item out.
    pub fn remove(&mut self, hash: u64, same: impl Fn(&T) -> bool) -> Option<T> {
        let number = self.unindex(hash, same)?;
        self.take(number)
    }

    /// Takes out, into `out`, what `keep` does not want to keep.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool, out: &mut Vec<T>) {
        let mut from = 0;
        while let Some((number, item)) = self.slots.next_from(from) {
            if !keep(item) {
                self.forget(number);
                out.extend(self.take(number));
            }
            from = number + 1;
        }
    }

    /// Takes everything out, forgets what was learnt, and gives the memory back.
    pub fn clear(&mut self) -> Vec<T> {
        self.index = HashTable::new();
        self.policy = Policy::new();
        self.weight = 0;
        self.slots.clear()
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weight of all items.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// All items, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter()
    }

    /// How many slots and how many ghosts there are; all parts have to agree with each other.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        self.policy.check(self.len());
        assert_eq!(self.index.len(), self.len());
        (self.slots.count(), self.policy.ghosts())
    }

    fn find(&self, hash: u64, same: impl Fn(&T) -> bool) -> Option<(&Node, &T)> {
        let is = |number: &u32| self.slots.is(*number, hash, &same);
        self.slots.get(*self.index.find(hash, is)?)
    }

    fn has_room_for(&self, weight: u64) -> bool {
        self.slots.len() < self.limits.entries
            && self.weight.checked_add(weight).is_some_and(|all| all <= self.limits.weight)
    }

    fn evict(&mut self) -> Option<T> {
        let number = self.policy.evict(&mut self.slots)?;
        self.forget(number);
        self.weight -= self.slots.node(number).weight;
        self.slots.take(number)
    }

    /// Takes an item's number out of the index.
    fn unindex(&mut self, hash: u64, same: impl Fn(&T) -> bool) -> Option<u32> {
        let slots = &self.slots;
        let is = |number: &u32| slots.is(*number, hash, &same);
        Some(self.index.find_entry(hash, is).ok()?.remove().0)
    }

    /// Takes a slot's number out of the index.
    fn forget(&mut self, number: u32) {
        let hash = self.slots.node(number).hash;
        if let Ok(entry) = self.index.find_entry(hash, |other| *other == number) {
            entry.remove();
        }
    }

    /// Takes an item out of its queue and its slot.
    fn take(&mut self, number: u32) -> Option<T> {
        self.policy.leave(&mut self.slots, number);
        self.weight -= self.slots.node(number).weight;
        self.slots.take(number)
    }
}
