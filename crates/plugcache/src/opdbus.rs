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
//!
//! The document's example has three texts of one pattern share a vector. That is the vector of the pattern and not of
//! any of them, so it is asked for:
//!
//! ```
//! use plugcache::{embedding::Normalizer, opdbus::{EmbeddingCache, Result}};
//! # fn main() -> Result<()> {
//! # let mut texts = Vec::new();
//! # let mut embed = |text: &str| { texts.push(text.to_owned()); Ok(vec![0.5]) };
//! let cache = EmbeddingCache::in_memory(10_000).with_normalizer(Normalizer::Digits);
//! cache.get_or_embed("Created container 100", &mut embed)?; // computed, as `Created container #`
//! cache.get_or_embed("Created container 101", &mut embed)?; // a hit
//! cache.get_or_embed("Created container 102", &mut embed)?; // a hit
//! # assert_eq!(texts, ["Created container #"]);
//! # Ok(())
//! # }
//! ```

mod blocks;
mod embeddings;
mod settings;
mod states;

pub use blocks::{BlockCache, BlockEvent};
pub use embeddings::EmbeddingCache;
pub use plugcache_cache::{CacheMetrics, CacheStats};
pub use settings::Settings;
pub use states::{DiffCache, QueryCache};

pub use crate::state::StateDiff;

use crate::embedding::EMBEDDINGS;

/// Any error, as the document's programs pass them on.
pub type Error = anyhow::Error;

/// Result with any error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Names of the caches, in statistics and settings.
const BLOCKS: &str = "blocks";
const QUERIES: &str = "queries";
const DIFFS: &str = "diffs";
