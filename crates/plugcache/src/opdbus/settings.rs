//! The variables that hosts of op-dbus and `OpenHCS` are set with.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use super::{BLOCKS, BlockCache, DIFFS, DiffCache, EMBEDDINGS, EmbeddingCache, QUERIES, QueryCache};
use crate::{
    config::{Config, ConfigError, Origin, Setting, units},
    embedding::{Choice, Level},
};

/// What the variables `OPDBUS_*` and `OPENHCS_DISABLE_REGISTRY_CACHE` say. Nothing here looks at the
/// environment: whoever is at the edge hands it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `OPDBUS_EMBEDDING_CACHE_SIZE`: vectors in memory, as far as they fit into 64 MiB. Default: 10,000.
    pub embedding_cache_size: Setting<usize>,
    /// `OPDBUS_EMBEDDING_DISK_CACHE`: whether vectors are kept on disk. Default: yes.
    pub embedding_disk_cache: Setting<bool>,
    /// `OPDBUS_BLOCK_CACHE_SIZE`: blocks in memory. Default: 1,000.
    pub block_cache_size: Setting<usize>,
    /// `OPDBUS_QUERY_CACHE_TTL`: how long states are served, in seconds. Default: 5 s.
    pub query_cache_ttl: Setting<Duration>,
    /// `OPDBUS_DIFF_CACHE_SIZE`: diffs in memory. Default: 100.
    pub diff_cache_size: Setting<usize>,
    /// `OPDBUS_CACHE_DIR`: where caches are kept. Default: `/var/lib/op-dbus/cache`.
    pub cache_dir: Setting<PathBuf>,
    /// `OP_DBUS_VECTOR_LEVEL`: which model makes vectors. Default: none.
    pub vector_level: Setting<Level>,
    /// `OP_DBUS_MODEL_DIR`: where models are kept. Default: `/var/lib/op-dbus/models`.
    pub model_dir: Setting<PathBuf>,
    /// `OPENHCS_DISABLE_REGISTRY_CACHE`: whether nothing is kept beyond the process. Default: no.
    pub disable_registry_cache: Setting<bool>,
}

impl Settings {
    /// What the variables say. Others, and empty ones, count for nothing. An error names the variable, what
    /// it says, and what was expected.
    pub fn from_variables<K: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, ConfigError> {
        let mut settings = Self::default();
        for (name, value) in variables {
            let (name, value) = (name.into(), value.into());
            if let Some(name) = name.to_str()
                && !value.is_empty()
            {
                settings.set(name, &value)?;
            }
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &OsString) -> Result<(), ConfigError> {
        match name {
            "OPDBUS_EMBEDDING_CACHE_SIZE" => self.embedding_cache_size = read(name, value, entries)?,
            "OPDBUS_EMBEDDING_DISK_CACHE" => self.embedding_disk_cache = read(name, value, units::flag)?,
            "OPDBUS_BLOCK_CACHE_SIZE" => self.block_cache_size = read(name, value, entries)?,
            "OPDBUS_QUERY_CACHE_TTL" => self.query_cache_ttl = read(name, value, units::duration)?,
            "OPDBUS_DIFF_CACHE_SIZE" => self.diff_cache_size = read(name, value, entries)?,
            "OPDBUS_CACHE_DIR" => self.cache_dir = set_by(name, value.into()),
            "OP_DBUS_VECTOR_LEVEL" => self.vector_level = read(name, value, str::parse)?,
            "OP_DBUS_MODEL_DIR" => self.model_dir = set_by(name, value.into()),
            "OPENHCS_DISABLE_REGISTRY_CACHE" => self.disable_registry_cache = read(name, value, units::flag)?,
            _ => {}
        }
        Ok(())
    }

    /// Puts what is set here into a host's configuration. Flags and the variables `PLUGCACHE_*` come before it,
    /// files after it.
    pub fn put_into(&self, config: &mut Config) {
        put(&mut config.directory, &self.cache_dir, |path| Some(path.clone()));
        if self.disable_registry_cache.value {
            put(&mut config.no_cache, &self.disable_registry_cache, |_| true);
        }
        let embedding = &mut config.embedding;
        put(&mut embedding.model, &self.vector_level, |level| Some(Choice::Level(*level)));
        put(&mut embedding.models_directory, &self.model_dir, |path| Some(path.clone()));
        put_one(config, EMBEDDINGS, &self.embedding_cache_size, |one| &mut one.capacity);
        put_one(config, EMBEDDINGS, &self.embedding_disk_cache, |one| &mut one.disk);
        put_one(config, BLOCKS, &self.block_cache_size, |one| &mut one.capacity);
        put_one(config, QUERIES, &self.query_cache_ttl, |one| &mut one.ttl);
        put_one(config, DIFFS, &self.diff_cache_size, |one| &mut one.capacity);
    }

    /// The embedding cache that they describe, with the vectors of the level's model: others, or of another dimension,
    /// are not in it. A host that has a model of its own says so with [`EmbeddingCache::with_model`].
    pub fn embedding_cache(&self) -> EmbeddingCache {
        let capacity = self.embedding_cache_size.value;
        let cache = if self.embedding_disk_cache.value && !self.disable_registry_cache.value {
            EmbeddingCache::new(capacity, self.cache_dir.value.clone())
        } else {
            EmbeddingCache::in_memory(capacity)
        };
        cache.with_level(self.vector_level.value)
    }

    /// The block cache that they describe.
    pub fn block_cache(&self) -> BlockCache {
        BlockCache::new(self.block_cache_size.value)
    }

    /// The query cache that they describe.
    pub fn query_cache(&self) -> QueryCache {
        QueryCache::new(self.query_cache_ttl.value)
    }

    /// The diff cache that they describe.
    pub fn diff_cache(&self) -> DiffCache {
        DiffCache::new(self.diff_cache_size.value)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            embedding_cache_size: usual(10_000),
            embedding_disk_cache: usual(true),
            block_cache_size: usual(1000),
            query_cache_ttl: usual(Duration::from_secs(5)),
            diff_cache_size: usual(100),
            vector_level: usual(Level::None),
            model_dir: usual("/var/lib/op-dbus/models".into()),
            cache_dir: usual("/var/lib/op-dbus/cache".into()),
            disable_registry_cache: usual(false),
        }
    }
}

fn usual<T>(value: T) -> Setting<T> {
    Setting { value, origin: Origin::Default }
}

fn set_by<T>(name: &str, value: T) -> Setting<T> {
    Setting { value, origin: Origin::Variable(name.to_owned()) }
}

fn read<T>(
    name: &str,
    value: &OsString,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Setting<T>, ConfigError> {
    let text = value.to_str().ok_or_else(|| format!("`{}` is not UTF-8", value.display()));
    let parsed = text.and_then(parse);
    let wrong = |problem| ConfigError::Variable { name: name.to_owned(), problem };
    parsed.map(|value| set_by(name, value)).map_err(wrong)
}

fn entries(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| format!("`{text}` is not a number of entries such as 10000"))
}

/// Whether a value was set by somebody who comes before these variables.
fn is_firm(origin: &Origin) -> bool {
    matches!(origin, Origin::Flag(_) | Origin::Variable(_))
}

fn put<T, U>(into: &mut Setting<U>, from: &Setting<T>, convert: impl Fn(&T) -> U) {
    if from.origin != Origin::Default && !is_firm(&into.origin) {
        *into = Setting { value: convert(&from.value), origin: from.origin.clone() };
    }
}

fn put_one<T: Clone>(
    config: &mut Config,
    cache: &str,
    from: &Setting<T>,
    field: impl Fn(&mut crate::config::OneCache) -> &mut Option<Setting<T>>,
) {
    if from.origin == Origin::Default {
        return;
    }
    let into = field(config.caches.entry(cache.to_owned()).or_default());
    if into.as_ref().is_none_or(|into| !is_firm(&into.origin)) {
        *into = Some(from.clone());
    }
}
