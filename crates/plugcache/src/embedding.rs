//! Embeddings: texts as vectors, made once, and texts found by what they mean.

mod normalizer;
mod precision;
#[cfg(feature = "embedding")]
mod similar;
mod vectors;

pub use normalizer::{Function, Normalizer};
pub use precision::Precision;
#[cfg(feature = "embedding")]
pub use similar::{Corpus, CorpusError};
pub(crate) use vectors::EMBEDDINGS;
pub use vectors::{Vectors, VectorsBuilder};
