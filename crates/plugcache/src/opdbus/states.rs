//! States of plugins for some seconds, and diffs between them. [`StateManager`](crate::state::StateManager) keeps
//! both by itself; these are for programs that have their own.

use std::time::Duration;

use plugcache_cache::{Cache, CacheMetrics, CacheStats, Codec, Hub, cache::Eviction};
use serde_json::Value;

use super::{DIFFS, QUERIES, Result};
use crate::{state::StateDiff, summary::summary};

/// States by plugin, for as long as they count as new. At most 10,000.
#[derive(Debug, Clone)]
pub struct QueryCache {
    cache: Cache<str, Value>,
}

impl QueryCache {
    /// A cache of states that are served for so long.
    pub fn new(ttl: Duration) -> Self {
        match Self::in_hub(ttl, &Hub::in_memory()) {
            Ok(cache) => cache,
            Err(error) => unreachable!("nothing else is in its hub: {error}"),
        }
    }

    /// In a host's hub, whose settings come before what is said here. Called `queries` there.
    pub fn in_hub(ttl: Duration, hub: &Hub) -> Result<Self, plugcache_cache::Error> {
        Ok(Self { cache: Cache::builder(QUERIES).ttl(ttl).disk_with(Codec::json()).build(hub)? })
    }

    /// A state that is new enough.
    pub fn get(&self, plugin: &str) -> Option<Value> {
        self.cache.get(plugin).map(|state| Value::clone(&state))
    }

    /// Keeps a state.
    #[expect(clippy::needless_pass_by_value, reason = "the shape of the original")]
    pub fn put(&self, plugin: String, result: Value) {
        self.cache.insert(&plugin, result);
    }

    /// Forgets a state.
    pub fn invalidate(&self, plugin: &str) {
        self.cache.remove(plugin);
    }

    /// Forgets all states. What cannot be removed from disk is not served any more.
    pub fn clear(&self) {
        let _ = self.cache.clear();
    }

    /// How many states there are, the ones included that are too old, and how many there can be.
    pub fn stats(&self) -> CacheStats {
        self.cache.stats().occupancy()
    }

    /// What it has done in this process.
    pub fn metrics(&self) -> CacheMetrics {
        self.cache.stats().metrics()
    }

    /// `Query Cache: 4 / 10,000 entries (0% full, 5s TTL, 67% hit rate)`.
    pub fn summary(&self) -> String {
        summary("Query Cache", "entries", &self.cache.stats())
    }
}

/// Diffs by the hashes of the two states, for a minute.
#[derive(Debug, Clone)]
pub struct DiffCache {
    cache: Cache<(String, String), Vec<StateDiff>>,
}

impl DiffCache {
    /// A cache of so many diffs. 0 keeps none.
    pub fn new(capacity: usize) -> Self {
        match Self::in_hub(capacity, &Hub::in_memory()) {
            Ok(cache) => cache,
            Err(error) => unreachable!("nothing else is in its hub: {error}"),
        }
    }

    /// In a host's hub, whose settings come before what is said here. Called `diffs` there.
    pub fn in_hub(capacity: usize, hub: &Hub) -> Result<Self, plugcache_cache::Error> {
        let cache =
            Cache::builder(DIFFS).capacity(capacity).eviction(Eviction::Lru).ttl(Duration::from_mins(1));
        Ok(Self { cache: cache.disk_with(Codec::json()).build(hub)? })
    }

    /// Diffs that are kept.
    pub fn get(&self, current_hash: &str, desired_hash: &str) -> Option<Vec<StateDiff>> {
        self.cache.get(&(current_hash.to_owned(), desired_hash.to_owned())).map(|diffs| diffs.to_vec())
    }

    /// Keeps diffs.
    pub fn put(&self, current_hash: String, desired_hash: String, diffs: Vec<StateDiff>) {
        self.cache.insert(&(current_hash, desired_hash), diffs);
    }

    /// How many diffs there are, and how many there can be.
    pub fn stats(&self) -> CacheStats {
        self.cache.stats().occupancy()
    }

    /// What it has done in this process.
    pub fn metrics(&self) -> CacheMetrics {
        self.cache.stats().metrics()
    }

    /// `Diff Cache: 12 / 100 entries (12% full, 60s TTL)`.
    pub fn summary(&self) -> String {
        summary("Diff Cache", "entries", &self.cache.stats())
    }
}
