//! Figures of a cache.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

/// What a cache has done since its process began, or what past processes have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Answers out of memory.
    pub memory_hits: u64,
    /// Answers from disk.
    pub disk_hits: u64,
    /// Answers that there is nothing, remembered.
    pub negative_hits: u64,
    /// Of all hits, those that were served although expired, while one caller made them anew.
    pub stale_hits: u64,
    /// Lookups without an answer, by reason.
    pub misses: BTreeMap<String, u64>,
    /// Entries that had to go, by cause.
    pub evictions: BTreeMap<String, u64>,
    /// Loaders that ran.
    pub loads: u64,
    /// Of these, how many failed.
    pub load_errors: u64,
    /// Time that loaders took.
    pub load_time: Duration,
    /// Time that loaders would have taken at the hits, as long as they took before. An estimate.
    pub time_saved: Duration,
    /// Time that reading from disk and writing to it took.
    pub lookup_time: Duration,
    /// Lookups that waited for another's loader.
    pub waits: u64,
    /// Of these, how many gave up.
    pub wait_timeouts: u64,
    /// Values that were put in without a loader.
    pub inserts: u64,
    /// Values that were returned and not kept: an input changed meanwhile, or the key was invalidated.
    pub not_kept: u64,
    /// Values that could not be written to disk.
    pub store_errors: u64,
    /// Entries that were removed one by one.
    pub removed: u64,
    /// How often everything was cleared.
    pub clears: u64,
    /// Entries in memory.
    pub entries: u64,
    /// Most entries in memory.
    pub capacity: Option<u64>,
    /// Weight of the entries in memory, in bytes, where a weigher is set.
    pub bytes: u64,
    /// Most bytes in memory.
    pub max_bytes: Option<u64>,
    /// Time to live of new entries.
    pub ttl: Option<Duration>,
    /// Whether there is a disk tier.
    pub has_disk: bool,
}

impl Stats {
    /// Lookups that were answered without a loader.
    pub fn hits(&self) -> u64 {
        self.memory_hits + self.disk_hits + self.negative_hits
    }

    /// Lookups that were not.
    pub fn missed(&self) -> u64 {
        self.misses.values().sum()
    }

    /// Share of the lookups that were answered without a loader; 0 if there was none.
    pub fn hit_rate(&self) -> f64 {
        self.metrics().hit_rate()
    }

    /// Whether it has cost more time than it saved, after enough lookups to tell: what was measured on disk
    /// and what a lookup in memory takes, about a tenth of a microsecond, against what its loaders would
    /// have taken at the hits.
    pub fn does_not_pay(&self) -> bool {
        const ENOUGH: u64 = 100;
        const IN_MEMORY: u64 = 100;
        let lookups = self.hits() + self.missed();
        let cost = self.lookup_time + Duration::from_nanos(lookups.saturating_mul(IN_MEMORY));
        lookups >= ENOUGH && cost > self.time_saved
    }

    /// The figures in the shape that metrics are read in.
    pub fn metrics(&self) -> CacheMetrics {
        CacheMetrics {
            hits: self.hits(),
            misses: self.missed(),
            evictions: self.evictions.values().sum(),
            size: usize::try_from(self.entries).unwrap_or(usize::MAX),
            capacity: self
                .capacity
                .map_or(usize::MAX, |capacity| usize::try_from(capacity).unwrap_or(usize::MAX)),
        }
    }

    /// How full it is.
    pub fn occupancy(&self) -> CacheStats {
        let CacheMetrics { size, capacity, .. } = self.metrics();
        CacheStats { size, capacity }
    }

    /// These and those of another process.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        let add = |into: &mut BTreeMap<String, u64>, from: &BTreeMap<String, u64>| {
            for (name, count) in from {
                *into.entry(name.clone()).or_default() += count;
            }
        };
        add(&mut self.misses, &other.misses);
        add(&mut self.evictions, &other.evictions);
        Self {
            memory_hits: self.memory_hits + other.memory_hits,
            disk_hits: self.disk_hits + other.disk_hits,
            negative_hits: self.negative_hits + other.negative_hits,
            stale_hits: self.stale_hits + other.stale_hits,
            loads: self.loads + other.loads,
            load_errors: self.load_errors + other.load_errors,
            load_time: self.load_time + other.load_time,
            time_saved: self.time_saved + other.time_saved,
            lookup_time: self.lookup_time + other.lookup_time,
            waits: self.waits + other.waits,
            wait_timeouts: self.wait_timeouts + other.wait_timeouts,
            inserts: self.inserts + other.inserts,
            not_kept: self.not_kept + other.not_kept,
            store_errors: self.store_errors + other.store_errors,
            removed: self.removed + other.removed,
            clears: self.clears + other.clears,
            entries: self.entries + other.entries,
            capacity: self.capacity.max(other.capacity),
            bytes: self.bytes + other.bytes,
            max_bytes: self.max_bytes.max(other.max_bytes),
            ttl: self.ttl.max(other.ttl),
            has_disk: self.has_disk || other.has_disk,
            ..self
        }
    }
}

/// How many entries a cache has, and how many it can have; `usize::MAX` where that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheStats {
    /// Entries.
    pub size: usize,
    /// Most entries.
    pub capacity: usize,
}

/// A cache's figures at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheMetrics {
    /// Lookups that were answered without a loader.
    pub hits: u64,
    /// Lookups that were not.
    pub misses: u64,
    /// Entries that had to go.
    pub evictions: u64,
    /// Entries.
    pub size: usize,
    /// Most entries.
    pub capacity: usize,
}

impl CacheMetrics {
    /// Share of the lookups that were answered without a loader; 0 if there was none.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
    pub fn hit_rate(&self) -> f64 {
        let total = self.hits + self.misses;
        if total == 0 { 0.0 } else { self.hits as f64 / total as f64 }
    }

    /// Share of the capacity that is in use; 0 of none.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
    pub fn utilization(&self) -> f64 {
        if self.capacity == 0 { 0.0 } else { self.size as f64 / self.capacity as f64 }
    }
}
