//! Vectors of texts, in memory and on disk: a view over a [`Cache`] that knows what may be in it.
//!
//! The key is the text; what makes the vectors (model, pooling), the normaliser, the precision and the dimension are
//! the cache's [scope](plugcache_cache::cache::Builder::scope). So another model, another way to normalise or another
//! precision never serves a vector of this one, and a hit in memory is a look-up of a text.

mod refusal;

use std::{borrow::Cow, sync::Arc, time::Duration};

use plugcache_cache::{
    Cache, CacheMetrics, CacheStats, Hub,
    cache::{Eviction, LoadError},
};
use refusal::{Refusal, Unfit};

use super::{Normalizer, Precision};
use crate::summary::summary;

/// Name of the cache, in statistics and settings.
pub(crate) const EMBEDDINGS: &str = "embeddings";

/// Vectors by text. Clones are handles to the same ones.
///
/// ```
/// use plugcache::{Hub, embedding::Vectors};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vectors = Vectors::builder("all-MiniLM-L6-v2, mean").dimension(2).build(&Hub::in_memory())?;
/// # struct Model;
/// # impl Model { fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, std::io::Error> {
/// #     Ok(texts.iter().map(|text| vec![text.len() as f32, 1.0]).collect()) } }
/// # let model = Model;
/// let found = vectors.get_or_embed_many(&["up", "down", "up"], |missing| model.embed(missing))?;
/// assert_eq!(*found[1], [4.0, 1.0]);
/// assert_eq!(vectors.get("up").as_deref(), Some(&vec![2.0, 1.0]));
/// assert_eq!(vectors.cache().stats().loads, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Vectors {
    cache: Cache<str, Vec<f32>>,
    normalizer: Normalizer,
    precision: Precision,
    dimension: Option<usize>,
}

/// Describes a cache of vectors; [`build`](Self::build) makes it. Made by [`Vectors::builder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct VectorsBuilder {
    model: String,
    capacity: usize,
    max_bytes: u64,
    wait_timeout: Duration,
    normalizer: Normalizer,
    precision: Precision,
    dimension: Option<usize>,
}

const DEFAULT_CAPACITY: usize = 10_000;
const DEFAULT_BYTES: u64 = 64 << 20;
/// Long texts on a busy machine, many at once, by a model that is loaded first.
const DEFAULT_WAIT: Duration = Duration::from_mins(10);

impl VectorsBuilder {
    /// What makes the vectors, instead of what was said before.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// Another model, and what is said of its vectors' dimension.
    pub(crate) fn made_by(self, model: impl Into<String>, dimension: Option<usize>) -> Self {
        Self { dimension, ..self.model(model) }
    }

    /// Most vectors in memory, as far as [`max_bytes`](Self::max_bytes) allows. 0 keeps none there. Default: 10,000.
    pub fn capacity(mut self, vectors: usize) -> Self {
        self.capacity = vectors;
        self
    }

    /// Most bytes of texts and vectors in memory, each text with the four bytes of each of its vector's components: one
    /// of 384 takes 1.5 KB and its text. What was used least recently goes. Default: 64 MiB, enough for 10,000 of 768
    /// components with texts of 3 KB; a larger [`capacity`](Self::capacity) may need more.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How long a text waits for another thread to compute its vector before [`LoadError::Timeout`]. Default: 10 minutes.
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.wait_timeout = timeout;
        self
    }

    /// Which texts share a vector. Said aloud, by a message when the cache is built and in
    /// [`summary`](Vectors::summary). Default: none do.
    pub fn normalizer(mut self, normalizer: Normalizer) -> Self {
        self.normalizer = normalizer;
        self
    }

    /// How exactly vectors are kept. Default: [`Precision::F32`], exactly.
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// How many components a vector must have. It is a part of the scope too: vectors that were kept without a word about
    /// it are not served. Default: any number.
    pub fn dimension(mut self, components: usize) -> Self {
        self.dimension = Some(components);
        self
    }

    /// Makes the cache, in a hub, with rows on disk if the hub has a directory. The hub's settings for `embeddings`
    /// come before what was said here. An error says that the hub has a cache of that name already.
    pub fn build(self, hub: &Hub) -> Result<Vectors, plugcache_cache::Error> {
        let Self { model, capacity, max_bytes, wait_timeout, normalizer, precision, dimension } = self;
        let scope = (model, normalizer.to_string(), precision.to_string(), dimension);
        let cache = Cache::builder(EMBEDDINGS)
            .capacity(capacity)
            .eviction(Eviction::Lru)
            .max_bytes(max_bytes)
            .weigher(weight)
            .wait_timeout(wait_timeout)
            .disk_with(precision.codec())
            .scope(&scope)
            .build(hub)?;
        if !normalizer.is_none() {
            tracing::info!("cache `{EMBEDDINGS}`: texts share vectors, normalised by `{normalizer}`");
        }
        Ok(Vectors { cache, normalizer, precision, dimension })
    }
}

/// Bytes of an entry.
fn weight(text: &str, vector: &Vec<f32>) -> u64 {
    (text.len() + size_of_val(vector.as_slice())) as u64
}

impl Vectors {
    /// Begins to describe a cache of vectors. `model` names all that makes a vector of a text but the text: the digest of
    /// the model's files, the pooling, whether vectors are scaled to length 1.
    pub fn builder(model: impl Into<String>) -> VectorsBuilder {
        VectorsBuilder {
            model: model.into(),
            capacity: DEFAULT_CAPACITY,
            max_bytes: DEFAULT_BYTES,
            wait_timeout: DEFAULT_WAIT,
            normalizer: Normalizer::None,
            precision: Precision::F32,
            dimension: None,
        }
    }

    /// The vector of a text, if it is kept.
    pub fn get(&self, text: &str) -> Option<Arc<Vec<f32>>> {
        self.cache.get(&self.normalizer.apply(text))
    }

    /// The vector of a text: kept, or what `embed` makes of the [normalised](Normalizer) text, once however many ask.
    /// Errors are not kept. [`LoadError::Refused`] says that the vector has another number of components than it must
    /// have, or one that is not finite.
    pub fn get_or_embed<E>(
        &self,
        text: &str,
        embed: impl FnOnce(&str) -> Result<Vec<f32>, E>,
    ) -> Result<Arc<Vec<f32>>, LoadError<E>>
    where
        E: Send + Sync + 'static,
    {
        let text = self.normalizer.apply(text);
        let load = |text: &str| self.admit(text, embed(text).map_err(Refusal::of)?);
        self.cache.get_or_load(&text, load).map_err(|error| self.plain(error))
    }

    /// The vectors of many texts, in their order. `embed` gets the normalised texts that are missing, each once, and
    /// gives a vector for each; see [`Cache::get_or_load_many`] for when it is called twice. One vector that is refused, see
    /// [`get_or_embed`](Self::get_or_embed), or an error of `embed` fails all of this call, and nobody else: who waits for
    /// one of several texts computes it for himself.
    pub fn get_or_embed_many<E>(
        &self,
        texts: &[&str],
        mut embed: impl FnMut(&[&str]) -> Result<Vec<Vec<f32>>, E>,
    ) -> Result<Vec<Arc<Vec<f32>>>, LoadError<E>>
    where
        E: Send + Sync + 'static,
    {
        let normalised: Vec<Cow<'_, str>> = texts.iter().map(|text| self.normalizer.apply(text)).collect();
        let keys: Vec<&str> = normalised.iter().map(AsRef::as_ref).collect();
        let load = |missing: &[&str]| {
            let vectors = embed(missing).map_err(Refusal::of)?;
            if vectors.len() != missing.len() {
                // The cache says how many it needs.
                return Ok(vectors);
            }
            missing.iter().zip(vectors).map(|(text, vector)| self.admit(text, vector)).collect()
        };
        self.cache.get_or_load_many(&keys, load).map_err(|error| self.plain(error))
    }

    /// The vector as it is kept, if it may be.
    fn admit<E>(&self, text: &str, vector: Vec<f32>) -> Result<Vec<f32>, Refusal<E>> {
        let refused = |reason| Refusal::Unfit { text: text.to_owned(), reason };
        if let Some(expected) = self.dimension.filter(|expected| *expected != vector.len()) {
            return Err(refused(Unfit::Dimension { expected, got: vector.len() }));
        }
        if let Some(position) = vector.iter().position(|component| !component.is_finite()) {
            return Err(refused(Unfit::NotFinite { position, component: vector[position] }));
        }
        let precision = self.precision;
        precision.round(vector).map_err(|what| refused(Unfit::TooLarge { precision, what }))
    }

    fn plain<E>(&self, error: LoadError<Refusal<E>>) -> LoadError<E> {
        error.map_loader(|refusal| match Refusal::taken(refusal) {
            Refusal::Embed(error) => LoadError::Loader(error),
            Refusal::Unfit { text, reason } => LoadError::Refused {
                cache: self.cache.name().to_owned(),
                key: text,
                reason: reason.to_string(),
            },
        })
    }

    /// Removes all vectors in memory and, of all models, on disk. Returns how many went.
    pub fn clear(&self) -> Result<u64, plugcache_cache::Error> {
        self.cache.clear()
    }

    /// How many vectors are in memory, and how many can be.
    pub fn stats(&self) -> CacheStats {
        self.cache.stats().occupancy()
    }

    /// What it has done in this process.
    pub fn metrics(&self) -> CacheMetrics {
        self.cache.stats().metrics()
    }

    /// `Embedding Cache: 8,432 / 10,000 entries (84% full, 42% hit rate)`, and how texts are normalised if they are.
    pub fn summary(&self) -> String {
        let line = summary("Embedding Cache", "entries", &self.cache.stats());
        if self.normalizer.is_none() {
            line
        } else {
            format!("{line}; texts normalised by `{}`", self.normalizer)
        }
    }

    /// Which texts share a vector.
    pub fn normalizer(&self) -> &Normalizer {
        &self.normalizer
    }

    /// How exactly vectors are kept.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The cache below, for its figures and to remove single texts; its keys are normalised texts.
    pub fn cache(&self) -> &Cache<str, Vec<f32>> {
        &self.cache
    }
}
