//! The container: items found by hash, within limits.

use hashbrown::HashTable;

use super::{
    Inserted, Limits,
    nodes::{Node, Nodes},
    policy::Policy,
};

/// Items of one kind, found by the hash of their key, and never more than the [`Limits`] allow.
///
/// An item holds its own key: the caller gives the hash, all 64 bits of it well mixed, and says with `same` whether an
/// item is the one. What leaves is handed back, so that the caller can drop it after unlocking.
#[derive(Debug)]
pub struct Shard<T> {
    limits: Limits,
    index: HashTable<Held<T>>,
    nodes: Nodes,
    policy: Policy,
    weight: u64,
}

/// An item and the number of its node.
#[derive(Debug)]
struct Held<T> {
    number: u32,
    item: T,
}

impl<T> Shard<T> {
    /// An empty shard, which takes no memory until something is put in.
    pub fn new(limits: Limits) -> Self {
        // Nodes have 32-bit numbers, of which the last stands for none.
        let entries = limits.entries.min(u32::MAX as usize - 1);
        let limits = Limits { entries, ..limits };
        Self {
            limits,
            index: HashTable::new(),
            nodes: Nodes::new(),
            policy: Policy::new(limits.weight),
            weight: 0,
        }
    }

    /// An item, which counts as used. Many threads may do this at once.
    #[inline]
    pub fn get(&self, hash: u64, same: impl Fn(&T) -> bool) -> Option<&T> {
        let held = self.index.find(hash, |held| same(&held.item))?;
        self.policy.mark(self.nodes.node(held.number));
        Some(&held.item)
    }

    /// An item, without any trace of having been looked at.
    pub fn peek(&self, hash: u64, same: impl Fn(&T) -> bool) -> Option<&T> {
        self.index.find(hash, |held| same(&held.item)).map(|held| &held.item)
    }

    /// An item, to be changed in place, without any trace of having been looked at. Its key must stay what it is.
    pub fn peek_mut(&mut self, hash: u64, same: impl Fn(&T) -> bool) -> Option<&mut T> {
        self.index.find_mut(hash, |held| same(&held.item)).map(|held| &mut held.item)
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
        let before = self.unindex(hash, same).map(|held| {
            let node = self.nodes.node_mut(held.number);
            let (turns, queue) = (*node.turns(), node.queue);
            self.policy.leave(&mut self.nodes, held.number);
            (self.release(held), turns, queue)
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
            None => self.policy.arrive(&mut self.nodes, hash, full),
        };
        while !self.has_room_for(weight) {
            match self.evict() {
                Some(evicted) => out.push(evicted),
                // Nobody is left, so there is room.
                None => break,
            }
        }
        let number = self.nodes.add(Node::new(hash, weight, now));
        self.policy.enter(&mut self.nodes, number, queue);
        self.weight += weight;
        let nodes = &self.nodes;
        self.index.insert_unique(hash, Held { number, item }, |held| nodes.node(held.number).hash);
        match before {
            None => Inserted::New,
            Some((before, turns, _)) => {
                *self.nodes.node_mut(number).turns() = turns;
                self.policy.mark(self.nodes.node(number));
                Inserted::Replaced(before)
            }
        }
    }

    /// Takes an item out.
    pub fn remove(&mut self, hash: u64, same: impl Fn(&T) -> bool) -> Option<T> {
        let held = self.unindex(hash, same)?;
        self.policy.leave(&mut self.nodes, held.number);
        Some(self.release(held))
    }

    /// Takes out, into `out`, what `keep` does not want to keep.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool, out: &mut Vec<T>) {
        // First asked, then taken out: all is in order even if `keep` panics.
        let unwanted = self.index.iter().filter(|held| !keep(&held.item)).map(|held| held.number);
        for number in unwanted.collect::<Vec<_>>() {
            self.policy.leave(&mut self.nodes, number);
            out.extend(self.take(number));
        }
    }

    /// Takes everything out, forgets what was learnt, and gives the memory back.
    pub fn clear(&mut self) -> Vec<T> {
        self.nodes = Nodes::new();
        self.policy = Policy::new(self.limits.weight);
        self.weight = 0;
        std::mem::take(&mut self.index).into_iter().map(|held| held.item).collect()
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.index.len()
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
        self.index.iter().map(|held| &held.item)
    }

    /// How many nodes and how many ghosts there are; all parts have to agree with each other.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        self.policy.check(self.len());
        assert_eq!(self.index.len(), self.len());
        (self.nodes.count(), self.policy.ghosts())
    }

    fn has_room_for(&self, weight: u64) -> bool {
        self.index.len() < self.limits.entries
            && self.weight.checked_add(weight).is_some_and(|all| all <= self.limits.weight)
    }

    fn evict(&mut self) -> Option<T> {
        let number = self.policy.evict(&mut self.nodes)?;
        self.take(number)
    }

    /// Takes an item out of the index.
    fn unindex(&mut self, hash: u64, same: impl Fn(&T) -> bool) -> Option<Held<T>> {
        Some(self.index.find_entry(hash, |held| same(&held.item)).ok()?.remove().0)
    }

    /// Takes out an item that has left its queue.
    fn take(&mut self, number: u32) -> Option<T> {
        let hash = self.nodes.node(number).hash;
        let held = self.index.find_entry(hash, |held| held.number == number).ok()?.remove().0;
        Some(self.release(held))
    }

    /// Frees the node of an item that has left index and queue.
    fn release(&mut self, held: Held<T>) -> T {
        self.weight -= self.nodes.node(held.number).weight;
        self.nodes.free(held.number);
        held.item
    }
}
