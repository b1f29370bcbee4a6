//! The items, found by the hash of their key, each with the marks that its uses leave.
//!
//! Marks lie beside the item, in the line of the processor's cache that a hit has just read: anywhere else, a hit in a
//! large cache would wait for memory once more, only to write there. Whoever decides what goes finds them through the
//! index, by the hash that the node knows.

use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::HashTable;

use super::nodes::{Node, Nodes};

/// Turns that an entry can earn ahead, one for each use.
const MOST_TURNS: u32 = 3;
/// Where the turns are in [`Held::place`], above the number.
const TURN: u32 = 1 << 30;
/// Most entries: a number has 30 bits.
pub(super) const MOST: usize = TURN as usize;

/// An item.
#[derive(Debug)]
pub(super) struct Held<T> {
    pub(super) item: T,
    /// The number of its node, and in the upper two bits the uses that have not been paid for by a turn in the main
    /// queue. Written by readers: [`Held::mark`].
    place: AtomicU32,
    /// The policy's time of the last use. Written by readers: [`Held::mark`].
    used: AtomicU32,
}

/// What uses have left on an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) turns: u32,
    pub(super) used: u32,
}

impl Marks {
    /// Those of an item that comes at this time.
    pub(super) fn new(now: u32) -> Self {
        Self { turns: 0, used: now }
    }

    /// These and those of one more use.
    pub(super) fn used(self, now: u32) -> Self {
        Self { turns: (self.turns + 1).min(MOST_TURNS), used: now }
    }
}

impl<T> Held<T> {
    /// Notes a use. Two readers at once may count as one: the difference is not worth a locked instruction. What
    /// would not change is not written, so that a popular entry's line stays shared between processors.
    #[inline]
    pub(super) fn mark(&self, now: u32) {
        let place = self.place.load(Ordering::Relaxed);
        if place < MOST_TURNS * TURN {
            self.place.store(place + TURN, Ordering::Relaxed);
        }
        if self.used.load(Ordering::Relaxed) != now {
            self.used.store(now, Ordering::Relaxed);
        }
    }

    pub(super) fn number(&self) -> u32 {
        self.place.load(Ordering::Relaxed) % TURN
    }

    fn marks(&self) -> Marks {
        Marks { turns: self.place.load(Ordering::Relaxed) / TURN, used: self.used.load(Ordering::Relaxed) }
    }
}

/// Items and their nodes.
#[derive(Debug)]
pub(super) struct Table<T> {
    index: HashTable<Held<T>>,
    pub(super) nodes: Nodes,
}

impl<T> Table<T> {
    pub(super) fn new() -> Self {
        Self { index: HashTable::new(), nodes: Nodes::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, same: impl Fn(&T) -> bool) -> Option<&Held<T>> {
        self.index.find(hash, |held| same(&held.item))
    }

    pub(super) fn find_mut(&mut self, hash: u64, same: impl Fn(&T) -> bool) -> Option<&mut Held<T>> {
        self.index.find_mut(hash, |held| same(&held.item))
    }

    /// All items, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Held<T>> {
        self.index.iter()
    }

    pub(super) fn into_items(self) -> impl Iterator<Item = T> {
        self.index.into_iter().map(|held| held.item)
    }

    /// Puts an item in, which was used at that time, and of which there must be none yet. Returns its number.
    pub(super) fn add(&mut self, item: T, node: Node, marks: Marks) -> u32 {
        let hash = node.hash;
        let number = self.nodes.add(node);
        let (place, used) = (AtomicU32::new(number + marks.turns * TURN), AtomicU32::new(marks.used));
        let nodes = &self.nodes;
        self.index.insert_unique(hash, Held { item, place, used }, |held| nodes.node(held.number()).hash);
        number
    }

    /// Takes an item out of the index. It keeps its node until that is freed.
    pub(super) fn unindex(&mut self, hash: u64, same: impl Fn(&T) -> bool) -> Option<(T, u32, Marks)> {
        let held = self.index.find_entry(hash, |held| same(&held.item)).ok()?.remove().0;
        let (number, marks) = (held.number(), held.marks());
        Some((held.item, number, marks))
    }

    /// Takes out the item of a node that is in no queue, and frees the node.
    pub(super) fn take(&mut self, number: u32) -> Option<T> {
        let hash = self.nodes.node(number).hash;
        let held = self.index.find_entry(hash, |held| held.number() == number).ok()?.remove().0;
        self.nodes.free(number);
        Some(held.item)
    }

    pub(super) fn marks(&self, number: u32) -> Marks {
        let hash = self.nodes.node(number).hash;
        // It is always there: an item and its node come and go together.
        let held = self.index.find(hash, |held| held.number() == number);
        held.map_or(Marks { turns: 0, used: 0 }, Held::marks)
    }

    pub(super) fn set_turns(&mut self, number: u32, turns: u32) {
        let hash = self.nodes.node(number).hash;
        if let Some(held) = self.index.find_mut(hash, |held| held.number() == number) {
            *held.place.get_mut() = number + turns * TURN;
        }
    }
}
