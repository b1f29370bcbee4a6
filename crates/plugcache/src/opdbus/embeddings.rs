//! Vectors of texts, in memory and on disk.

use std::{path::PathBuf, sync::Arc};

use plugcache_cache::{CacheMetrics, CacheStats, Hub, cache::LoadError};

use super::{Error, Result};
use crate::embedding::{Level, Normalizer, Vectors, VectorsBuilder};

/// Vectors by model and text: the last used in memory, up to 64 MiB, all of them on disk, up to 256 MiB. A thin view over
/// [`Vectors`], in the document's shape.
#[derive(Debug, Clone)]
pub struct EmbeddingCache {
    vectors: Vectors,
    /// What it was built from, to be built again for another model.
    described: VectorsBuilder,
    hub: Hub,
}

impl EmbeddingCache {
    /// A cache of so many vectors in memory, which keeps them on disk below `disk_cache_dir`. A directory that
    /// cannot be used is told of in a warning, and vectors are in memory only. The vectors are those of a model without
    /// a name, which all who say no other share: a host whose model can change says it, see
    /// [`with_model`](Self::with_model).
    pub fn new(capacity: usize, disk_cache_dir: PathBuf) -> Self {
        let hub = Hub::builder().directory(disk_cache_dir).build_anyway();
        Self::own(Vectors::builder("").capacity(capacity), hub)
    }

    /// A cache of so many vectors in memory, and none on disk. Its model has no name, as in [`new`](Self::new).
    pub fn in_memory(capacity: usize) -> Self {
        Self::own(Vectors::builder("").capacity(capacity), Hub::in_memory())
    }

    /// In a host's hub, whose settings come before what is said here. Called `embeddings` there. Its model has no
    /// name, as in [`new`](Self::new).
    pub fn in_hub(capacity: usize, hub: &Hub) -> Result<Self, plugcache_cache::Error> {
        let described = Vectors::builder("").capacity(capacity);
        Ok(Self { vectors: described.clone().build(hub)?, described, hub: hub.clone() })
    }

    /// In a hub that has no such cache.
    fn own(described: VectorsBuilder, hub: Hub) -> Self {
        match described.clone().build(&hub) {
            Ok(vectors) => Self { vectors, described, hub },
            Err(error) => unreachable!("nothing else is in its hub: {error}"),
        }
    }

    /// Keeps vectors of this model, of whatever dimension, apart from those of others. Say it before the first
    /// text: memory begins empty. Clones of the cache go on with the model that they have, with a memory of their own.
    #[must_use]
    pub fn with_model(self, model: impl Into<String>) -> Self {
        self.described_as(|described| described.made_by(model, None))
    }

    /// Of the model that a level stands for, and of its dimension. A level without one leaves it to the host.
    pub(super) fn with_level(self, level: Level) -> Self {
        match level.repository() {
            Some(model) => self.described_as(|described| described.made_by(model, Some(level.dimension()))),
            None => self,
        }
    }

    /// Lets texts share a vector, see [`Normalizer`]; said aloud. Say it before the first text, as
    /// [`with_model`](Self::with_model). Default: none do.
    #[must_use]
    pub fn with_normalizer(self, normalizer: Normalizer) -> Self {
        self.described_as(|described| described.normalizer(normalizer))
    }

    /// Most bytes of texts and vectors in memory, see [`VectorsBuilder::max_bytes`]. Say it before the first text, as
    /// [`with_model`](Self::with_model). Default: 64 MiB.
    #[must_use]
    pub fn with_max_bytes(self, bytes: u64) -> Self {
        self.described_as(|described| described.max_bytes(bytes))
    }

    /// Built again: in its own hub, or, if that has a clone of it, in one beside.
    fn described_as(self, change: impl FnOnce(VectorsBuilder) -> VectorsBuilder) -> Self {
        let Self { vectors, described, hub } = self;
        drop(vectors);
        let described = change(described);
        match described.clone().build(&hub) {
            Ok(vectors) => Self { vectors, described, hub },
            Err(_) => Self::own(described, hub.apart()),
        }
    }

    /// The vector of a text: kept, or computed, once however many ask. Errors are not kept. Who waited for another's
    /// computation gets what its error says.
    pub fn get_or_embed<F>(&self, text: &str, compute_fn: F) -> Result<Vec<f32>>
    where
        F: FnOnce(&str) -> Result<Vec<f32>>,
    {
        match self.vectors.get_or_embed(text, compute_fn) {
            Ok(vector) => Ok(vector.to_vec()),
            Err(LoadError::Loader(error)) => {
                Err(Arc::try_unwrap(error).unwrap_or_else(|shared| Error::msg(format!("{shared:#}"))))
            }
            Err(other) => Err(Error::msg(other.to_string())),
        }
    }

    /// Removes all vectors: of this model in memory, and of all models on disk, whose other handles then serve none
    /// either.
    pub fn clear(&self) -> Result<()> {
        self.vectors.clear()?;
        Ok(())
    }

    /// How many vectors are in memory, and how many can be.
    pub fn stats(&self) -> CacheStats {
        self.vectors.stats()
    }

    /// What it has done in this process.
    pub fn metrics(&self) -> CacheMetrics {
        self.vectors.metrics()
    }

    /// `Embedding Cache: 8,432 / 10,000 entries (84% full, 42% hit rate)`, and how texts are normalised if they are.
    pub fn summary(&self) -> String {
        self.vectors.summary()
    }
}
