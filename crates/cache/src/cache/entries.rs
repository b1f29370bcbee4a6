//! The memory tier of a cache: entries in shards, each behind a lock that is held for a look.

use std::{borrow::Borrow, hash::BuildHasher, sync::Arc};

use hashbrown::DefaultHashBuilder;
use serde::Serialize;

use super::Answer;
use crate::{
    counters::{Counters, Gauge},
    key::Key,
    policy::Origin,
    sync::{Guarded, RwLock},
    tier::memory::{Eviction, Inserted, Limits, Shard},
};

/// Where other processes say that they replaced a key's value, and how that stood.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyMark {
    /// The same in all processes.
    pub(super) hash: u64,
    pub(super) count: u64,
}

/// An entry. As small as can be: ten thousand of them should fit into a processor's cache.
pub(super) struct Entry<K: Key + ?Sized, V> {
    pub(super) key: K::Owned,
    /// `None`: it is known that there is nothing, see `rest`.
    pub(super) value: Option<Arc<V>>,
    /// From when on one caller should make it anew, in the time of [`Shared::now`](super::Shared::now);
    /// `u64::MAX`: never.
    pub(super) refresh_at: u64,
    /// What else is to be looked at before it is served; `None` if time and generation say all.
    pub(super) rest: Option<Box<Rest>>,
    /// Generation of the cache before the loader began, without its upper half.
    pub(super) generation: u32,
    /// What a hit saves.
    pub(super) cost: Cost,
}

/// What few entries have.
#[derive(Clone, Default)]
pub(super) struct Rest {
    /// Why there is nothing, if so.
    pub(super) missing: Option<Arc<str>>,
    /// The key's counter, where other processes may replace its value.
    pub(super) key_mark: Option<KeyMark>,
    /// Tags, signature and inputs, if it has any.
    pub(super) origin: Option<Arc<Origin>>,
}

/// A time that a loader took, in units of 32 ns, and at most two minutes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost(u32);

impl Cost {
    pub(super) fn of_nanoseconds(nanoseconds: u64) -> Self {
        Self(u32::try_from(nanoseconds / 32).unwrap_or(u32::MAX))
    }

    #[inline]
    pub(super) fn nanoseconds(self) -> u64 {
        u64::from(self.0) * 32
    }
}

impl<K: Key + ?Sized, V> Entry<K, V> {
    pub(super) fn answer(&self) -> Answer<V> {
        if let Some(value) = &self.value {
            return Answer::Value(Arc::clone(value));
        }
        let reason = self.rest.as_ref().and_then(|rest| rest.missing.clone());
        Answer::Missing(reason.unwrap_or_else(|| "".into()))
    }
}

/// Why an entry left a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// To make room for others.
    Capacity,
    /// It alone was heavier than its share of the bytes allows.
    TooHeavy,
    /// It was too old.
    Expired,
    /// Another value took its place.
    Replaced,
    /// It was removed, or the cache was cleared.
    Removed,
}

/// Entries that have left, to be dropped and told of when no lock is held. Mostly it is one: that takes no memory.
pub(super) struct Left<K: Key + ?Sized, V> {
    pub(super) first: Option<(Entry<K, V>, Cause)>,
    pub(super) more: Vec<(Entry<K, V>, Cause)>,
}

impl<K: Key + ?Sized, V> Left<K, V> {
    pub(super) fn nobody() -> Self {
        Self { first: None, more: Vec::new() }
    }

    fn push(&mut self, entry: Entry<K, V>, cause: Cause) {
        if self.first.is_none() {
            self.first = Some((entry, cause));
        } else {
            self.more.push((entry, cause));
        }
    }
}

/// What a shard gives up to make room.
impl<K: Key + ?Sized, V> Extend<Entry<K, V>> for Left<K, V> {
    fn extend<I: IntoIterator<Item = Entry<K, V>>>(&mut self, evicted: I) {
        evicted.into_iter().for_each(|entry| self.push(entry, Cause::Capacity));
    }
}

/// What memory says of a key at first sight.
pub(super) enum Glance<V> {
    /// It may be served; what that saves.
    Hit(Arc<V>, u64),
    /// There is something that needs a closer look.
    Doubt,
    /// There is nothing.
    Nothing,
}

#[inline]
fn glance<K: Key + ?Sized, V>(
    found: Option<&Entry<K, V>>,
    look: impl FnOnce(&Entry<K, V>) -> bool,
) -> Glance<V> {
    let Some(entry) = found else { return Glance::Nothing };
    match &entry.value {
        Some(value) if look(entry) => Glance::Hit(Arc::clone(value), entry.cost.nanoseconds()),
        _ => Glance::Doubt,
    }
}

/// A shard behind its lock.
type Locked<K, V> = Guarded<RwLock<Shard<Entry<K, V>>>>;

pub(super) struct Entries<K: Key + ?Sized, V> {
    hasher: DefaultHashBuilder,
    shards: Box<[Locked<K, V>]>,
    /// Shift that leaves the topmost bits of a hash as the number of its shard.
    shift: u32,
    /// Where others read how much there is.
    counters: Counters,
    is_weighed: bool,
    /// No capacity at all: what comes in is not evicted, it was never wanted.
    keeps_nothing: bool,
    /// A use changes the order, which takes the lock alone.
    is_lru: bool,
}

/// A shard with fewer entries decides too badly what to evict.
const FEWEST_PER_SHARD: usize = 512;
const MOST_SHARDS: usize = 64;

impl<K: Key + ?Sized, V> Entries<K, V> {
    /// `capacity` entries that weigh at most `max_weight` together.
    pub(super) fn new(
        capacity: usize,
        max_weight: Option<u64>,
        is_weighed: bool,
        eviction: Eviction,
        counters: Counters,
    ) -> Self {
        let is_lru = eviction == Eviction::Lru;
        // Which was used last of all can only be told where all are.
        let most_shards = if is_lru { 1 } else { MOST_SHARDS };
        let bits = (capacity / FEWEST_PER_SHARD).clamp(1, most_shards).ilog2();
        let count = 1_usize << bits;
        let shard = |position: usize| {
            let entries = capacity / count + usize::from(position < capacity % count);
            let weight = max_weight.map_or(u64::MAX, |weight| weight / count as u64);
            Guarded::shared(Shard::with_eviction(Limits { entries, weight }, eviction))
        };
        Self {
            hasher: DefaultHashBuilder::default(),
            shards: (0..count).map(shard).collect(),
            shift: 64 - bits,
            counters,
            is_weighed,
            keeps_nothing: capacity == 0,
            is_lru,
        }
    }

    #[inline]
    pub(super) fn hash(&self, key: &K) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Which shard a hash belongs to; also the stripe that its hits are counted in.
    #[inline]
    pub(super) fn shard_of(&self, hash: u64) -> usize {
        // The table below uses the lowest bits and the topmost seven: take those under them.
        (hash << 7).checked_shr(self.shift).unwrap_or(0) as usize
    }

    /// The value of a key in a shard, if `look` says that it may be served; marks it as used.
    #[inline]
    pub(super) fn get(
        &self,
        shard: usize,
        hash: u64,
        key: &K,
        look: impl FnOnce(&Entry<K, V>) -> bool,
    ) -> Glance<V> {
        let same = |entry: &Entry<K, V>| entry.key.borrow() == key;
        if self.is_lru {
            let Some(mut shard) = self.shards[shard].write() else { return Glance::Nothing };
            return glance(shard.get_in_order(hash, same), look);
        }
        let Some(shard) = self.shards[shard].read() else { return Glance::Nothing };
        glance(shard.get(hash, same), look)
    }

    /// Shows the value of a key in a shard to `see`, if `look` says that it may be served; marks it as used. With what
    /// it saves.
    #[inline]
    pub(super) fn see<T>(
        &self,
        shard: usize,
        hash: u64,
        key: &K,
        look: impl FnOnce(&Entry<K, V>) -> bool,
        see: impl FnOnce(&Arc<V>) -> T,
    ) -> Option<(T, u64)> {
        let same = |entry: &Entry<K, V>| entry.key.borrow() == key;
        let show = |found: Option<&Entry<K, V>>| {
            let entry = found.filter(|entry| look(entry))?;
            Some((see(entry.value.as_ref()?), entry.cost.nanoseconds()))
        };
        if self.is_lru {
            show(self.shards[shard].write()?.get_in_order(hash, same))
        } else {
            show(self.shards[shard].read()?.get(hash, same))
        }
    }

    /// Shows the entry of a key to `look`.
    pub(super) fn peek<T>(&self, hash: u64, key: &K, look: impl FnOnce(&Entry<K, V>) -> T) -> Option<T> {
        let shard = self.shards[self.shard_of(hash)].read()?;
        shard.peek(hash, |entry| entry.key.borrow() == key).map(look)
    }

    /// Puts an entry in, unless it is too heavy. What had to go for it is in `left`.
    pub(super) fn insert(&self, hash: u64, key: &K, entry: Entry<K, V>, weight: u64, left: &mut Left<K, V>) {
        if self.keeps_nothing {
            return;
        }
        let Some(mut shard) = self.shards[self.shard_of(hash)].write() else { return };
        let same = |old: &Entry<K, V>| old.key.borrow() == key;
        let inserted = self.gauged(&mut shard, |shard| shard.insert(hash, entry, weight, same, left));
        drop(shard);
        match inserted {
            Inserted::New => {}
            Inserted::Replaced(old) => left.push(old, Cause::Replaced),
            Inserted::TooHeavy(refused) => left.push(refused, Cause::TooHeavy),
        }
    }

    /// Changes a shard and tells the gauges, where others read how much there is.
    fn gauged<T>(
        &self,
        shard: &mut Shard<Entry<K, V>>,
        change: impl FnOnce(&mut Shard<Entry<K, V>>) -> T,
    ) -> T {
        let (entries, weight) = (shard.len(), shard.weight());
        let changed = change(shard);
        let block = self.counters.block();
        block.shift(Gauge::Entries, (shard.len() as u64).wrapping_sub(entries as u64));
        if self.is_weighed {
            block.shift(Gauge::Bytes, shard.weight().wrapping_sub(weight));
        }
        changed
    }

    /// Changes the entry of a key in place.
    pub(super) fn update(&self, hash: u64, key: &K, change: impl FnOnce(&mut Entry<K, V>)) {
        if let Some(mut shard) = self.shards[self.shard_of(hash)].write()
            && let Some(entry) = shard.peek_mut(hash, |entry| entry.key.borrow() == key)
        {
            change(entry);
        }
    }

    pub(super) fn remove(&self, hash: u64, key: &K) -> Option<Entry<K, V>> {
        let mut shard = self.shards[self.shard_of(hash)].write()?;
        self.gauged(&mut shard, |shard| shard.remove(hash, |entry| entry.key.borrow() == key))
    }

    /// Removes the entry of a key if `may` says so, which is asked while the entry's shard is locked.
    pub(super) fn remove_if(&self, hash: u64, key: &K, may: impl FnOnce() -> bool) -> Option<Entry<K, V>> {
        let mut shard = self.shards[self.shard_of(hash)].write()?;
        let same = |entry: &Entry<K, V>| entry.key.borrow() == key;
        let may = shard.peek(hash, same).is_some() && may();
        may.then(|| self.gauged(&mut shard, |shard| shard.remove(hash, same))).flatten()
    }

    /// Removes the entries that `keep` refuses.
    pub(super) fn retain(&self, keep: impl Fn(&Entry<K, V>) -> bool) -> Vec<Entry<K, V>> {
        let mut removed = Vec::new();
        for shard in &self.shards {
            if let Some(mut shard) = shard.write() {
                self.gauged(&mut shard, |shard| shard.retain(|entry| keep(entry), &mut removed));
            }
        }
        removed
    }

    /// How many of them are as `is` says.
    pub(super) fn count(&self, is: impl Fn(&Entry<K, V>) -> bool) -> usize {
        let shards = self.shards.iter().filter_map(Guarded::<RwLock<_>>::read);
        shards.map(|shard| shard.iter().filter(|entry| is(entry)).count()).sum()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().filter_map(Guarded::<RwLock<_>>::read).map(|shard| shard.len()).sum()
    }
}

/// What is gone is not counted any more.
impl<K: Key + ?Sized, V> Drop for Entries<K, V> {
    fn drop(&mut self) {
        for shard in &self.shards {
            if let Some(mut shard) = shard.write() {
                drop(self.gauged(&mut shard, Shard::clear));
            }
        }
    }
}
