//! A model and the vectors that it has made: the model is loaded when the first text has no vector yet.

use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use plugcache_cache::{Hub, cache::LoadError};

use super::{
    Model, ModelError, Normalizer, Precision, Vectors, VectorsBuilder,
    files::{FetchError, ModelDirectory},
};
use crate::warm::Lazy;

/// Version of what this library makes of a model's files. It goes up when vectors change by more than rounding.
const ENCODER: &str = "1";

/// Texts that are computed and kept together, and bytes of them. The vectors of a long list are kept piece by piece:
/// whoever is interrupted has what was made, and who waits for one text waits for one piece, some seconds.
const TEXTS_AT_ONCE: usize = 128;
const BYTES_AT_ONCE: usize = 16 * 1024;
/// More of a text hardly counts: models cut it off.
const LONGEST: usize = 2 * 1024;

/// Vectors of texts by a model that is loaded at most once, whoever asks first.
///
/// ```no_run
/// use plugcache::{Hub, embedding::{Embedder, files::ModelDirectory}};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::builder().directory("/var/cache/my-host").build()?;
/// let embedder = Embedder::builder(ModelDirectory::local("models/all-MiniLM-L6-v2")?).build(&hub)?;
/// let vector = embedder.embed("Created container 100")?;
/// assert_eq!(vector.len(), 384);
/// # Ok(())
/// # }
/// ```
pub struct Embedder {
    model: Lazy<Model, ModelError>,
    vectors: Vectors,
}

/// Describes an [`Embedder`].
#[must_use]
#[derive(Debug)]
pub struct EmbedderBuilder {
    directory: ModelDirectory,
    vectors: VectorsBuilder,
    threads: Option<usize>,
}

/// Why a text has no vector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The model cannot be loaded, or not be used.
    #[error("{0}")]
    Model(Arc<LoadError<ModelError>>),
    /// Waiting for another's computation, or what it made, came to nothing.
    #[error("{0}")]
    Vector(LoadError<Infallible>),
}

impl EmbedderBuilder {
    /// Most vectors in memory. Default: 10,000.
    pub fn capacity(mut self, vectors: usize) -> Self {
        self.vectors = self.vectors.capacity(vectors);
        self
    }

    /// Most bytes of texts and vectors in memory. Default: 64 MiB.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.vectors = self.vectors.max_bytes(bytes);
        self
    }

    /// Which texts share a vector. Default: none do.
    pub fn normalizer(mut self, normalizer: Normalizer) -> Self {
        self.vectors = self.vectors.normalizer(normalizer);
        self
    }

    /// How exactly vectors are kept. Default: exactly.
    pub fn precision(mut self, precision: Precision) -> Self {
        self.vectors = self.vectors.precision(precision);
        self
    }

    /// How many threads the model computes on, for as long as it is loaded. Default: one for each core.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Makes it; loads nothing. Its caches are called `embeddings` and `embedding-model` in the hub; one of a hub's
    /// own directory finds the vectors of earlier processes. An error says that the model's files cannot be read, or
    /// that the hub has such caches already.
    pub fn build(self, hub: &Hub) -> Result<Embedder, FetchError> {
        let identity = self.directory.identity(hub)?;
        let vectors = self.vectors.model(format!("{identity}/{ENCODER}")).build(hub)?;
        let Self { directory, threads, .. } = self;
        let own = hub.clone();
        let load = move || {
            let model = Model::load(&directory, threads)?;
            // What was read is what the vectors are kept under, if it is so before and after.
            if directory.identity(&own)? != identity {
                return Err(ModelError::Changed { path: directory.path().to_owned() });
            }
            Ok(model)
        };
        let model = Lazy::new(hub, "embedding-model", load)?;
        Ok(Embedder { model, vectors })
    }
}

impl Embedder {
    /// Begins to describe one.
    pub fn builder(directory: ModelDirectory) -> EmbedderBuilder {
        EmbedderBuilder { directory, vectors: Vectors::builder(""), threads: None }
    }

    /// The vector of a text: kept, or computed once however many ask.
    pub fn embed(&self, text: &str) -> Result<Arc<Vec<f32>>, EmbedError> {
        let embed = |text: &str| self.model.get()?.embed(text).map_err(loader);
        self.vectors.get_or_embed(text, embed).map_err(failed)
    }

    /// The vectors of many texts, in their order. What is missing is computed together, each text once.
    pub fn embed_many(&self, texts: &[&str]) -> Result<Vec<Arc<Vec<f32>>>, EmbedError> {
        self.embed_many_with(texts, |_| {})
    }

    /// The same; `about` is told the (normalised) texts that are about to be computed, some at a time.
    pub fn embed_many_with(
        &self,
        texts: &[&str],
        mut about: impl FnMut(&[&str]),
    ) -> Result<Vec<Arc<Vec<f32>>>, EmbedError> {
        let mut embed = |missing: &[&str]| {
            about(missing);
            self.model.get()?.embed_many(missing).map_err(loader)
        };
        let mut vectors = Vec::with_capacity(texts.len());
        for some in pieces(texts) {
            vectors.extend(self.vectors.get_or_embed_many(some, &mut embed).map_err(failed)?);
        }
        Ok(vectors)
    }

    /// The model, loaded now if it is not: before the first text comes, say.
    pub fn model(&self) -> Result<Arc<Model>, EmbedError> {
        self.model.get().map_err(|error| EmbedError::Model(Arc::new(error)))
    }

    /// Whether the model is loaded.
    pub fn is_loaded(&self) -> bool {
        self.model.get_if_made().is_some()
    }

    /// Lets the model go if nothing was computed for `idle`, with its memory and threads; the next text without a
    /// vector loads it again. For a host to call now and then. Returns whether it did.
    pub fn release_idle(&self, idle: Duration) -> bool {
        self.model.release_idle(idle)
    }

    /// The vectors.
    pub fn vectors(&self) -> &Vectors {
        &self.vectors
    }
}

impl fmt::Debug for Embedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedder").field("vectors", &self.vectors).finish_non_exhaustive()
    }
}

/// The texts in pieces that take about as long, one text at least.
fn pieces<'a, 'b>(texts: &'a [&'b str]) -> impl Iterator<Item = &'a [&'b str]> {
    let mut rest = texts;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |text: &&&str| {
            bytes += text.len().min(LONGEST);
            bytes <= BYTES_AT_ONCE
        };
        let count = rest.iter().take(TEXTS_AT_ONCE).take_while(fits).count();
        let (piece, later) = rest.split_at(count);
        rest = later;
        (!piece.is_empty()).then_some(piece)
    })
}

fn loader(error: ModelError) -> LoadError<ModelError> {
    LoadError::Loader(Arc::new(error))
}

fn failed(error: LoadError<LoadError<ModelError>>) -> EmbedError {
    match error {
        LoadError::Loader(error) => EmbedError::Model(error),
        other => EmbedError::Vector(
            other.map_loader(|_| unreachable!("the loader's errors are those of the model, taken out above")),
        ),
    }
}
