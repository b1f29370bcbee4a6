//! Places for items, numbered, and the queues that run through them.
//!
//! The queues are linked through the slots by number: an entry leaves from the middle of a queue in constant time,
//! and nothing is allocated but the slots themselves.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// No slot.
pub(super) const NONE: u32 = u32::MAX;

/// Which queue an entry waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    /// New entries, on probation.
    Small,
    /// Entries that have proved themselves.
    Main,
}

/// What the policy knows of an entry.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) hash: u64,
    pub(super) weight: u64,
    pub(super) queue: Queue,
    /// The policy's time of the last use. Written by readers: [`Node::mark`].
    used: AtomicU32,
    /// Uses that have not been paid for by a turn in the main queue. Written by readers: [`Node::mark`].
    turns: AtomicU8,
    newer: u32,
    older: u32,
}

impl Node {
    pub(super) fn new(hash: u64, weight: u64, now: u32) -> Self {
        let (used, turns) = (AtomicU32::new(now), AtomicU8::new(0));
        Self { hash, weight, queue: Queue::Small, used, turns, newer: NONE, older: NONE }
    }

    /// Notes a use. Two readers at once may count as one: the difference is not worth a locked instruction. What
    /// would not change is not written, so that a popular entry's cache line stays shared between processors.
    pub(super) fn mark(&self, now: u32, most: u8) {
        let turns = self.turns.load(Ordering::Relaxed);
        if turns < most {
            self.turns.store(turns + 1, Ordering::Relaxed);
        }
        if self.used.load(Ordering::Relaxed) != now {
            self.used.store(now, Ordering::Relaxed);
        }
    }

    pub(super) fn used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn turns(&mut self) -> &mut u8 {
        self.turns.get_mut()
    }
}

#[derive(Debug)]
struct Slot<T> {
    node: Node,
    /// Nothing while the slot is free; then `node.older` is the next free one.
    item: Option<T>,
}

/// The slots, free and taken.
#[derive(Debug)]
pub(super) struct Slots<T> {
    places: Vec<Slot<T>>,
    free: u32,
    len: usize,
}

impl<T> Slots<T> {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), free: NONE, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many slots there are, taken or free.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    pub(super) fn add(&mut self, node: Node, item: T) -> u32 {
        self.len += 1;
        let slot = Slot { node, item: Some(item) };
        if self.free == NONE {
            self.places.push(slot);
            // A shard never asks for more entries than numbers: `Shard::new`.
            return (self.places.len() - 1) as u32;
        }
        let number = self.free;
        let place = &mut self.places[number as usize];
        self.free = place.node.older;
        *place = slot;
        number
    }

    /// Frees a slot that is in no queue. Nothing if it was free.
    pub(super) fn take(&mut self, number: u32) -> Option<T> {
        let slot = &mut self.places[number as usize];
        let item = slot.item.take()?;
        slot.node.older = self.free;
        self.free = number;
        self.len -= 1;
        Some(item)
    }

    pub(super) fn node(&self, number: u32) -> &Node {
        &self.places[number as usize].node
    }

    pub(super) fn node_mut(&mut self, number: u32) -> &mut Node {
        &mut self.places[number as usize].node
    }

    pub(super) fn get(&self, number: u32) -> Option<(&Node, &T)> {
        let slot = self.places.get(number as usize)?;
        Some((&slot.node, slot.item.as_ref()?))
    }

    /// Whether an item with this hash is there, and is the one.
    pub(super) fn is(&self, number: u32, hash: u64, same: &impl Fn(&T) -> bool) -> bool {
        self.get(number).is_some_and(|(node, item)| node.hash == hash && same(item))
    }

    /// All that are taken.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter_map(|slot| slot.item.as_ref())
    }

    /// The next taken slot from a number on.
    pub(super) fn next_from(&self, number: u32) -> Option<(u32, &T)> {
        let rest = self.places.get(number as usize..)?;
        let (offset, item) = rest.iter().enumerate().find_map(|(n, slot)| Some((n, slot.item.as_ref()?)))?;
        Some((number + offset as u32, item))
    }

    /// Frees everything, and the memory.
    pub(super) fn clear(&mut self) -> Vec<T> {
        let places = std::mem::replace(self, Self::new()).places;
        places.into_iter().filter_map(|slot| slot.item).collect()
    }
}

/// The ends of a queue.
#[derive(Debug)]
pub(super) struct List {
    newest: u32,
    oldest: u32,
    len: usize,
}

impl List {
    pub(super) fn new() -> Self {
        Self { newest: NONE, oldest: NONE, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    pub(super) fn push<T>(&mut self, slots: &mut Slots<T>, number: u32) {
        let node = slots.node_mut(number);
        (node.newer, node.older) = (NONE, self.newest);
        match self.newest {
            NONE => self.oldest = number,
            before => slots.node_mut(before).newer = number,
        }
        self.newest = number;
        self.len += 1;
    }

    pub(super) fn remove<T>(&mut self, slots: &mut Slots<T>, number: u32) {
        let Node { newer, older, .. } = *slots.node(number);
        match newer {
            NONE => self.newest = older,
            newer => slots.node_mut(newer).older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => slots.node_mut(older).newer = newer,
        }
        self.len -= 1;
    }
}
