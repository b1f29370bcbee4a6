//! Vectors of texts, in memory and on disk.

use std::{path::PathBuf, sync::Arc};

use plugcache_cache::{
    Cache, CacheMetrics, CacheStats, Hub,
    cache::{Eviction, LoadError},
};

use super::{EMBEDDINGS, Error, Result, summary::summary};

/// Vectors by model and text: the most used in memory, all of them on disk, up to 256 MiB.
#[derive(Debug, Clone)]
pub struct EmbeddingCache {
    cache: Cache<(String, String), Vec<f32>>,
    model: String,
}

impl EmbeddingCache {
    /// A cache of so many vectors in memory, which keeps them on disk below `disk_cache_dir`. A directory that
    /// cannot be used is told of in a warning, and vectors are in memory only.
    pub fn new(capacity: usize, disk_cache_dir: PathBuf) -> Self {
        Self::own(capacity, &Hub::builder().directory(disk_cache_dir).build_anyway())
    }

    /// A cache of so many vectors in memory, and none on disk.
    pub fn in_memory(capacity: usize) -> Self {
        Self::own(capacity, &Hub::in_memory())
    }

    /// In a host's hub, whose settings come before what is said here. Called `embeddings` there.
    pub fn in_hub(capacity: usize, hub: &Hub) -> Result<Self, plugcache_cache::Error> {
        let cache =
            Cache::builder(EMBEDDINGS).capacity(capacity).eviction(Eviction::Lru).disk().build(hub)?;
        Ok(Self { cache, model: String::new() })
    }

    fn own(capacity: usize, hub: &Hub) -> Self {
        match Self::in_hub(capacity, hub) {
            Ok(cache) => cache,
            Err(error) => unreachable!("nothing else is in its hub: {error}"),
        }
    }

    /// Keeps vectors of this model apart from those of others, whose dimension may be another.
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// The vector of a text: kept, or computed, once however many ask. Errors are not kept. Who waited for another's
    /// computation gets what its error says.
    pub fn get_or_embed<F>(&self, text: &str, compute_fn: F) -> Result<Vec<f32>>
    where
        F: FnOnce(&str) -> Result<Vec<f32>>,
    {
        let key = (self.model.clone(), text.to_owned());
        match self.cache.get_or_load(&key, |(_, text)| compute_fn(text)) {
            Ok(vector) => Ok(vector.to_vec()),
            Err(LoadError::Loader(error)) => {
                Err(Arc::try_unwrap(error).unwrap_or_else(|shared| Error::msg(format!("{shared:#}"))))
            }
            Err(other) => Err(Error::msg(other.to_string())),
        }
    }

    /// Removes all vectors, of all models, in memory and on disk.
    pub fn clear(&self) -> Result<()> {
        self.cache.clear()?;
        Ok(())
    }

    /// How many vectors are in memory, and how many can be.
    pub fn stats(&self) -> CacheStats {
        self.cache.stats().occupancy()
    }

    /// What it has done in this process.
    pub fn metrics(&self) -> CacheMetrics {
        self.cache.stats().metrics()
    }

    /// `Embedding Cache: 8,432 / 10,000 entries (84% full, 42% hit rate)`.
    pub fn summary(&self) -> String {
        summary("Embedding Cache", "entries", &self.cache.stats())
    }
}
