//! Embeddings: texts as vectors, made once, and texts found by what they mean.

mod choice;
#[cfg(feature = "embedding")]
mod embedder;
#[cfg(feature = "embedding")]
pub mod files;
#[cfg(feature = "embedding")]
mod model;
mod normalizer;
mod precision;
#[cfg(feature = "embedding")]
mod similar;
pub mod speech;
mod vectors;

pub use choice::{Choice, Level};
#[cfg(feature = "embedding")]
pub use embedder::{EmbedError, Embedder, EmbedderBuilder};
#[cfg(feature = "embedding")]
pub use model::{Model, ModelError};
pub use normalizer::{Function, Normalizer};
pub use precision::Precision;
#[cfg(feature = "embedding")]
pub use similar::{Corpus, CorpusError};
pub(crate) use vectors::EMBEDDINGS;
pub use vectors::{Vectors, VectorsBuilder};
