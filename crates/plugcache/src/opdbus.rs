//! The types and variables of the op-dbus caching document, with their shapes.
//!
//! Each is a thin view over a [`Cache`](crate::Cache), so it does what the document leaves open: one computation
//! however many ask, damaged files that heal, a model in the key, bounds that hold on disk too, a capacity of
//! 0 that keeps nothing instead of panicking. Vectors on disk are rows of a database below
//! `caches-v1/embeddings`, not the document's `.vec` files.
//!
//! ```
//! use plugcache::opdbus::{EmbeddingCache, Result};
//!
//! # fn main() -> Result<()> {
//! # let place = tempfile::tempdir()?;
//! let cache = EmbeddingCache::new(10_000, place.path().join("cache"));
//! let embedding = cache.get_or_embed("Created container 100", |text| Ok(vec![text.len() as f32]))?;
//! assert_eq!(embedding, [21.0]);
//! assert_eq!(cache.stats().size, 1);
//! # Ok(())
//! # }
//! ```

mod blocks;
mod embeddings;
mod settings;
mod states;
mod summary;

pub use blocks::{BlockCache, BlockEvent};
pub use embeddings::EmbeddingCache;
pub use plugcache_cache::{CacheMetrics, CacheStats};
pub use settings::Settings;
pub use states::{DiffCache, QueryCache};

pub use crate::state::StateDiff;

/// Any error, as the document's programs pass them on.
pub type Error = anyhow::Error;

/// Result with any error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Names of the caches, in statistics and settings.
const EMBEDDINGS: &str = "embeddings";
const BLOCKS: &str = "blocks";
const QUERIES: &str = "queries";
const DIFFS: &str = "diffs";
