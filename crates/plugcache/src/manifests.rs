//! Manifests by plugin id, each read once in its time to live, and again as soon as its files change.
//!
//! A view over [`Cache`]: one load per id at a time, different ids side by side, errors never kept. Manifests
//! are handed out behind an `Arc`, so that what a caller does to one changes nobody else's.
//!
//! ```
//! use plugcache::{Hub, manifests::ManifestCache};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let manifests = ManifestCache::builder().build(&Hub::in_memory())?;
//! let load = |id: &str| Ok::<_, std::io::Error>(Some(json!({ "id": id })));
//! assert_eq!(manifests.get("ocr", load)?.as_deref(), Some(&json!({ "id": "ocr" })));
//! manifests.clear("ocr");
//! assert_eq!(manifests.stats().total_entries, 0);
//! # Ok(())
//! # }
//! ```

mod file;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

pub use file::ReadError;
use plugcache_cache::{
    Cache, Hub, Inputs,
    cache::{self, Answer, LoadError},
};
use serde::Serialize;
use serde_json::Value;

/// Manifests that are kept for a while. Clones are handles to the same ones.
#[derive(Clone)]
pub struct ManifestCache {
    cache: Cache<str, Value>,
}

/// Describes a [`ManifestCache`].
#[must_use]
pub struct Builder {
    cache: cache::Builder<str, Value>,
    ttl: Duration,
}

/// Why manifests cannot be kept as described.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestCacheError {
    /// A time to live of nothing.
    #[error("a time to live of {ttl:?} keeps no manifest: say more than 0 s, or call the loader itself")]
    Ttl {
        /// What was said.
        ttl: Duration,
    },
    /// The engine refused.
    #[error(transparent)]
    Cache(#[from] plugcache_cache::Error),
}

/// How many manifests are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ManifestStats {
    /// Manifests in memory, expired ones included.
    pub total_entries: usize,
    /// Those of them whose time is over, and that nobody has asked for since.
    pub expired_entries: usize,
    /// Their time to live in seconds, rounded up.
    pub ttl_seconds: u64,
}

const DEFAULT_TTL: Duration = Duration::from_mins(5);

impl Builder {
    /// How long a manifest is kept. Default: 300 s.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// How long it is remembered that there is no manifest. Default: not at all.
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.cache = self.cache.negative_ttl(ttl);
        self
    }

    /// Most manifests that are kept. Default: 10,000.
    pub fn capacity(mut self, manifests: usize) -> Self {
        self.cache = self.cache.capacity(manifests);
        self
    }

    /// The files that a plugin's manifest is made from: it is made anew when one of them changes, appears or
    /// goes. That costs a `stat` a file at each lookup. Default: none.
    pub fn files(mut self, files: impl Fn(&str) -> Vec<PathBuf> + Send + Sync + 'static) -> Self {
        self.cache = self.cache.inputs(move |id| files(id).into_iter().collect());
        self
    }

    /// Makes the cache. A hub has one of each name: this one is called `manifests`.
    pub fn build(self, hub: &Hub) -> Result<ManifestCache, ManifestCacheError> {
        if self.ttl.is_zero() {
            return Err(ManifestCacheError::Ttl { ttl: self.ttl });
        }
        Ok(ManifestCache { cache: self.cache.ttl(self.ttl).build(hub)? })
    }
}

impl ManifestCache {
    /// Begins to describe one.
    pub fn builder() -> Builder {
        Builder { cache: Cache::builder("manifests"), ttl: DEFAULT_TTL }
    }

    /// The manifest of a plugin: the one that is kept, or what `loader` makes. `None`: there is none, which is
    /// remembered only if the cache has a [negative time to live](Builder::negative_ttl). `{}` and `null` are
    /// manifests. An error of the loader is returned to all who wait for it, and not kept.
    pub fn get<E>(
        &self,
        id: &str,
        loader: impl FnOnce(&str) -> Result<Option<Value>, E>,
    ) -> Result<Option<Arc<Value>>, LoadError<E>>
    where
        E: Send + Sync + 'static,
    {
        self.cache.get_or_load_with(id, |id, _| loader(id)).map(Answer::value)
    }

    /// Like [`get`](Self::get) for a manifest that is made from these files: it is served only as long as they
    /// are what they were before the loader ran. Files that cannot be looked at make one that is not kept.
    pub fn get_from<E>(
        &self,
        id: &str,
        files: impl IntoIterator<Item = impl Into<PathBuf>>,
        loader: impl FnOnce(&str) -> Result<Option<Value>, E>,
    ) -> Result<Option<Arc<Value>>, LoadError<E>>
    where
        E: Send + Sync + 'static,
    {
        let answer = self.cache.get_or_load_with(id, |id, load| {
            let inputs: Inputs = files.into_iter().collect();
            // It says itself that the value is not kept then, which is all there is to do about it.
            let _ = load.inputs(&inputs);
            loader(id)
        });
        answer.map(Answer::value)
    }

    /// The manifest in a JSON, TOML or YAML file, as its extension says; `None` if there is no such file. It is
    /// read within the default [`Limits`](plugcache_discovery::manifest::Limits), and again when the file
    /// changes.
    pub fn read(&self, id: &str, path: &Path) -> Result<Option<Arc<Value>>, LoadError<ReadError>> {
        self.get_from(id, [path], |_| file::read(path))
    }

    /// Forgets the manifest of one plugin, as when it is reloaded. A load that is under way is not kept.
    /// Returns whether one was kept.
    pub fn clear(&self, id: &str) -> bool {
        self.cache.remove(id)
    }

    /// Forgets all. Returns how many there were.
    pub fn clear_all(&self) -> plugcache_cache::Result<u64> {
        self.cache.clear()
    }

    /// Forgets the manifest of a plugin that has changed, by its name. Returns whether one was kept.
    pub fn forget(&self, change: &crate::watch::Change) -> bool {
        self.clear(change.name())
    }

    /// How many are kept.
    pub fn stats(&self) -> ManifestStats {
        ManifestStats {
            total_entries: self.cache.len(),
            expired_entries: self.cache.expired_len(),
            ttl_seconds: self.cache.stats().ttl.unwrap_or_default().as_millis().div_ceil(1000) as u64,
        }
    }

    /// The cache below, for its figures and explanations.
    pub fn cache(&self) -> &Cache<str, Value> {
        &self.cache
    }
}

impl fmt::Debug for ManifestCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManifestCache").field("stats", &self.stats()).finish()
    }
}
