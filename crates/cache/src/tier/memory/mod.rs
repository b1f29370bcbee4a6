//! The memory tier's core: a bounded container that decides what to give up.
//!
//! [`Shard`] is for one thread at a time to change and for many to read: whoever uses it puts a lock around it
//! and spreads keys over several. A hit goes through `&self` and marks the entry with relaxed stores, no more, so
//! that readers share the lock and nothing is moved or counted in a common place. All thinking is done when
//! something new comes in and something else has to go: see `policy` for how, and `docs/eviction.md` for what
//! it reaches.

mod ghosts;
mod nodes;
mod policy;
mod shard;
mod table;
#[cfg(test)]
mod tests;

pub use policy::Eviction;
pub use shard::Shard;

/// How much a shard may hold. Both bounds hold whenever [`Shard::insert`] has returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most entries.
    pub entries: usize,
    /// Most weight of all entries together, in whatever unit the caller weighs them.
    pub weight: u64,
}

impl Limits {
    /// So many entries, whatever they weigh.
    #[must_use]
    pub fn entries(entries: usize) -> Self {
        Self { entries, weight: u64::MAX }
    }

    /// So much weight, in however many entries.
    #[must_use]
    pub fn weight(weight: u64) -> Self {
        Self { entries: usize::MAX, weight }
    }
}

/// What became of an item that was to be inserted.
#[derive(Debug, PartialEq, Eq)]
pub enum Inserted<T> {
    /// It is in.
    New,
    /// It is in, in the place of this one.
    Replaced(T),
    /// It does not fit even into an empty shard; here it is back. What was kept for its key has been evicted, since
    /// it is no longer the truth.
    TooHeavy(T),
}
