//! The container: items found by hash, within limits.

use super::{
    Inserted, Limits,
    nodes::{Node, Queue},
    policy::{Eviction, Policy},
    table::{Held, MOST, Marks, Table},
};

/// Items of one kind, found by the hash of their key, and never more than the [`Limits`] allow.
///
/// An item holds its own key: the caller gives the hash, all 64 bits of it well mixed, and says with `same` whether an
/// item is the one. What leaves is handed back, so that the caller can drop it after unlocking.
#[derive(Debug)]
pub struct Shard<T> {
    limits: Limits,
    table: Table<T>,
    policy: Policy,
    weight: u64,
}

impl<T> Shard<T> {
    /// An empty shard, which takes no memory until something is put in.
    pub fn new(limits: Limits) -> Self {
        Self::with_eviction(limits, Eviction::default())
    }

    /// The same, with another choice of what goes.
    pub fn with_eviction(limits: Limits, eviction: Eviction) -> Self {
        let entries = limits.entries.min(MOST);
        let limits = Limits { entries, ..limits };
        let policy = Policy::new(limits.weight, eviction);
        Self { limits, table: Table::new(), policy, weight: 0 }
    }

    /// An item, which counts as used. Many threads may do this at once.
    #[inline]
    pub fn get(&self, hash: u64, same: impl Fn(&T) -> bool) -> Option<&T> {
        let held = self.table.find(hash, same)?;
        held.mark(self.policy.now());
        Some(&held.item)
    }

    /// An item, which counts as used at once: what [`Eviction::Lru`] needs of each use.
    pub fn get_in_order(&mut self, hash: u64, same: impl Fn(&T) -> bool) -> Option<&T> {
        let number = self.table.find(hash, &same)?.number();
        self.policy.use_now(&mut self.table, number);
        self.peek(hash, same)
    }

    /// An item, without any trace of having been looked at.
    pub fn peek(&self, hash: u64, same: impl Fn(&T) -> bool) -> Option<&T> {
        self.table.find(hash, same).map(|held| &held.item)
    }

    /// An item, to be changed in place, without any trace of having been looked at. Its key must stay what it is.
    pub fn peek_mut(&mut self, hash: u64, same: impl Fn(&T) -> bool) -> Option<&mut T> {
        self.table.find_mut(hash, same).map(|held| &mut held.item)
    }

    /// Puts an item in, in the place of one with the same key if there is one. What had to make room is added to
    /// `out`; never the item itself.
    pub fn insert(
        &mut self,
        hash: u64,
        item: T,
        weight: u64,
        same: impl Fn(&T) -> bool,
        out: &mut impl Extend<T>,
    ) -> Inserted<T> {
        // Taken out before anything is evicted: it must not be counted, nor chosen.
        let before = self.unindex(hash, same);
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
            None => self.policy.arrive(&mut self.table, hash, full),
        };
        while !self.has_room_for(weight) {
            match self.evict() {
                Some(evicted) => out.extend(Some(evicted)),
                // Nobody is left, so there is room.
                None => break,
            }
        }
        let marks = match &before {
            Some((_, marks, _)) => marks.used(now),
            None => Marks::new(now),
        };
        let number = self.table.add(item, Node::new(hash, weight), marks);
        self.policy.enter(&mut self.table, number, queue);
        self.weight += weight;
        match before {
            None => Inserted::New,
            Some((before, ..)) => Inserted::Replaced(before),
        }
    }

    /// Takes an item out.
    pub fn remove(&mut self, hash: u64, same: impl Fn(&T) -> bool) -> Option<T> {
        self.unindex(hash, same).map(|(item, ..)| item)
    }

    /// Takes out, into `out`, what `keep` does not want to keep.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool, out: &mut Vec<T>) {
        // First asked, then taken out: all is in order even if `keep` panics.
        let unwanted = self.table.iter().filter(|held| !keep(&held.item)).map(Held::number);
        for number in unwanted.collect::<Vec<_>>() {
            self.policy.leave(&mut self.table, number);
            out.extend(self.take(number));
        }
    }

    /// Takes everything out, forgets what was learnt, and gives the memory back.
    pub fn clear(&mut self) -> Vec<T> {
        self.policy = Policy::new(self.limits.weight, self.policy.eviction());
        self.weight = 0;
        std::mem::replace(&mut self.table, Table::new()).into_items().collect()
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.table.len()
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
        self.table.iter().map(|held| &held.item)
    }

    /// How many nodes and how many ghosts there are; all parts have to agree with each other.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        self.policy.check(self.len());
        (self.table.nodes.count(), self.policy.ghosts())
    }

    fn has_room_for(&self, weight: u64) -> bool {
        self.table.len() < self.limits.entries
            && self.weight.checked_add(weight).is_some_and(|all| all <= self.limits.weight)
    }

    fn evict(&mut self) -> Option<T> {
        let number = self.policy.evict(&mut self.table)?;
        self.take(number)
    }

    /// Takes out the item of a key: what it is, its marks, and its queue.
    fn unindex(&mut self, hash: u64, same: impl Fn(&T) -> bool) -> Option<(T, Marks, Queue)> {
        let (item, number, marks) = self.table.unindex(hash, same)?;
        let node = self.table.nodes.node(number);
        let (weight, queue) = (node.weight, node.queue);
        self.policy.leave(&mut self.table, number);
        self.table.nodes.free(number);
        self.weight -= weight;
        Some((item, marks, queue))
    }

    /// Takes out an item that has left its queue.
    fn take(&mut self, number: u32) -> Option<T> {
        self.weight -= self.table.nodes.node(number).weight;
        self.table.take(number)
    }
}
