//! What was evicted not long ago: without it, nobody could tell a newcomer from one that was given up too soon.

use std::collections::VecDeque;

use hashbrown::HashTable;

use super::nodes::Queue;

/// An entry that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ghost {
    /// A part of its key's hash. Two keys that share it are taken for one: rare, and it costs no more than a
    /// badly chosen place for one entry.
    tag: u32,
    /// The policy's time of its last use.
    pub(super) used: u32,
    /// The queue it was evicted from; nothing once it has come back.
    from: Option<Queue>,
}

/// A ghost that was met again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Met {
    pub(super) used: u32,
    pub(super) from: Queue,
    /// How many were evicted after it.
    pub(super) since: usize,
    /// How many ghosts there were of each queue, this one included.
    pub(super) small: usize,
    pub(super) main: usize,
}

/// The last evictions, in order: 12 bytes each, beside some 8 for the index.
#[derive(Debug, Default)]
pub(super) struct Ghosts {
    ring: VecDeque<Ghost>,
    /// Serial numbers, found by tag. The ring's oldest has the number `first`; numbers wrap.
    index: HashTable<u32>,
    first: u32,
    small: usize,
    main: usize,
}

impl Ghosts {
    /// Remembers an eviction, and forgets the oldest ones beyond `most`.
    pub(super) fn add(&mut self, hash: u64, used: u32, from: Queue, most: usize) {
        let tag = tag(hash);
        // One ghost a key, or the older would be taken for the newer.
        self.lay(tag);
        while self.ring.len() >= most.max(1) {
            self.forget_oldest();
        }
        let serial = self.first.wrapping_add(self.ring.len() as u32);
        self.ring.push_back(Ghost { tag, used, from: Some(from) });
        *self.count(from) += 1;
        let (ring, first) = (&self.ring, self.first);
        self.index.insert_unique(spread(tag), serial, |serial| {
            ring.get(place(*serial, first)).map_or(0, |ghost| spread(ghost.tag))
        });
    }

    /// Meets the ghost of a key again, if there is one; it is no ghost any more.
    pub(super) fn meet(&mut self, hash: u64) -> Option<Met> {
        let (small, main) = (self.small, self.main);
        let (ghost, place) = self.lay(tag(hash))?;
        Some(Met { used: ghost.used, from: ghost.from?, since: self.ring.len() - 1 - place, small, main })
    }

    /// How many evictions are remembered, those of keys that came back included.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether index, ring and counts agree.
    #[cfg(test)]
    pub(super) fn is_sound(&self) -> bool {
        let of = |queue| self.ring.iter().filter(|ghost| ghost.from == Some(queue)).count();
        (of(Queue::Small), of(Queue::Main), self.index.len())
            == (self.small, self.main, self.small + self.main)
    }

    /// Takes a ghost out of the index. Its place in the ring stays, as a gap.
    fn lay(&mut self, tag: u32) -> Option<(Ghost, usize)> {
        let (ring, first) = (&self.ring, self.first);
        let same = |serial: &u32| ring.get(place(*serial, first)).is_some_and(|ghost| ghost.tag == tag);
        let (serial, _) = self.index.find_entry(spread(tag), same).ok()?.remove();
        let place = place(serial, first);
        let ghost = self.ring.get_mut(place)?;
        let was = *ghost;
        ghost.from = None;
        *self.count(was.from?) -= 1;
        Some((was, place))
    }

    fn forget_oldest(&mut self) {
        if let Some(ghost) = self.ring.front().copied() {
            if let Some(from) = ghost.from {
                // Found by number: there is no need to look at other ghosts.
                let first = self.first;
                let found = self.index.find_entry(spread(ghost.tag), |serial| *serial == first);
                found.ok().map(hashbrown::hash_table::OccupiedEntry::remove);
                *self.count(from) -= 1;
            }
            self.ring.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }

    fn count(&mut self, queue: Queue) -> &mut usize {
        match queue {
            Queue::Small => &mut self.small,
            Queue::Main => &mut self.main,
        }
    }
}

fn place(serial: u32, first: u32) -> usize {
    serial.wrapping_sub(first) as usize
}

fn tag(hash: u64) -> u32 {
    (hash ^ (hash >> 32)) as u32
}

/// The index looks at the highest and the lowest bits of a hash; a tag has only low ones.
fn spread(tag: u32) -> u64 {
    u64::from(tag).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
