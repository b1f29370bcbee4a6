//! Blocks of a log, by number.

use plugcache_cache::{Cache, CacheMetrics, CacheStats, Hub, cache::Eviction};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BLOCKS, Result};
use crate::summary::summary;

/// A block: one operation, and its vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockEvent {
    /// Seconds since 1970.
    pub timestamp: u64,
    /// What kind of thing was done something to.
    pub category: String,
    /// What was done.
    pub action: String,
    /// To what, and how.
    pub data: Value,
    /// Digest of the block, in hexadecimal.
    pub hash: String,
    /// Vector of its text; empty if there is none.
    pub vector: Vec<f32>,
}

/// The blocks that are used most, in memory.
#[derive(Debug, Clone)]
pub struct BlockCache {
    cache: Cache<u64, BlockEvent>,
}

impl BlockCache {
    /// A cache of so many blocks. 0 keeps none.
    pub fn new(capacity: usize) -> Self {
        match Self::in_hub(capacity, &Hub::in_memory()) {
            Ok(cache) => cache,
            Err(error) => unreachable!("nothing else is in its hub: {error}"),
        }
    }

    /// In a host's hub, whose settings come before what is said here. Called `blocks` there.
    pub fn in_hub(capacity: usize, hub: &Hub) -> Result<Self, plugcache_cache::Error> {
        Ok(Self { cache: Cache::builder(BLOCKS).capacity(capacity).eviction(Eviction::Lru).build(hub)? })
    }

    /// A block that is kept.
    pub fn get(&self, block_num: u64) -> Option<BlockEvent> {
        self.cache.get(&block_num).map(|block| BlockEvent::clone(&block))
    }

    /// Keeps a block.
    pub fn put(&self, block_num: u64, block: BlockEvent) {
        self.cache.insert(&block_num, block);
    }

    /// Forgets a block.
    pub fn invalidate(&self, block_num: u64) {
        self.cache.remove(&block_num);
    }

    /// Forgets all blocks.
    pub fn clear(&self) {
        // Only what is on disk can fail to be removed.
        let _ = self.cache.clear();
    }

    /// How many blocks there are, and how many there can be.
    pub fn stats(&self) -> CacheStats {
        self.cache.stats().occupancy()
    }

    /// What it has done in this process.
    pub fn metrics(&self) -> CacheMetrics {
        self.cache.stats().metrics()
    }

    /// `Block Cache: 234 / 1,000 blocks (23% full, 91% hit rate)`.
    pub fn summary(&self) -> String {
        summary("Block Cache", "blocks", &self.cache.stats())
    }
}
