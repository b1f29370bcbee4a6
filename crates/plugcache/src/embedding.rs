//! Embeddings: texts as vectors, made once, and texts found by what they mean.

mod normalizer;
mod precision;
mod vectors;

pub use normalizer::{Function, Normalizer};
pub use precision::Precision;
pub(crate) use vectors::EMBEDDINGS;
pub use vectors::{Vectors, VectorsBuilder};
