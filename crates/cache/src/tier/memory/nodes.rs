//! What is known of each entry, numbered, and the queues that run through it.
//!
//! The queues are linked by number: an entry leaves from the middle of one in constant time, and nothing is
//! allocated but the nodes. They lie apart from the items: a hit has no business here. What it has to note, it notes
//! beside the item that it reads anyway, see `table`.

/// No node.
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
    newer: u32,
    older: u32,
}

impl Node {
    pub(super) fn new(hash: u64, weight: u64) -> Self {
        Self { hash, weight, queue: Queue::Small, newer: NONE, older: NONE }
    }
}

/// The nodes of all entries, and free ones, of which `older` is the next free one.
#[derive(Debug)]
pub(super) struct Nodes {
    nodes: Vec<Node>,
    free: u32,
}

impl Nodes {
    pub(super) fn new() -> Self {
        Self { nodes: Vec::new(), free: NONE }
    }

    /// How many there are, free ones included.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn add(&mut self, node: Node) -> u32 {
        if self.free == NONE {
            self.nodes.push(node);
            // A shard never asks for more entries than numbers: `Shard::new`.
            return (self.nodes.len() - 1) as u32;
        }
        let number = self.free;
        let place = &mut self.nodes[number as usize];
        self.free = place.older;
        *place = node;
        number
    }

    /// Frees a node that is in no queue, for the next entry.
    pub(super) fn free(&mut self, number: u32) {
        self.nodes[number as usize].older = self.free;
        self.free = number;
    }

    #[inline]
    pub(super) fn node(&self, number: u32) -> &Node {
        &self.nodes[number as usize]
    }

    pub(super) fn node_mut(&mut self, number: u32) -> &mut Node {
        &mut self.nodes[number as usize]
    }
}

/// The ends of a queue.
#[derive(Debug)]
pub(super) struct List {
    newest: u32,
    oldest: u32,
    len: usize,
    weight: u64,
}

impl List {
    pub(super) fn new() -> Self {
        Self { newest: NONE, oldest: NONE, len: 0, weight: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn weight(&self) -> u64 {
        self.weight
    }

    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    pub(super) fn push(&mut self, nodes: &mut Nodes, number: u32) {
        let node = nodes.node_mut(number);
        (node.newer, node.older) = (NONE, self.newest);
        match self.newest {
            NONE => self.oldest = number,
            before => nodes.node_mut(before).newer = number,
        }
        self.newest = number;
        self.len += 1;
        self.weight += nodes.node(number).weight;
    }

    pub(super) fn remove(&mut self, nodes: &mut Nodes, number: u32) {
        let Node { newer, older, weight, .. } = *nodes.node(number);
        match newer {
            NONE => self.newest = older,
            newer => nodes.node_mut(newer).older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => nodes.node_mut(older).newer = newer,
        }
        self.len -= 1;
        self.weight -= weight;
    }
}
