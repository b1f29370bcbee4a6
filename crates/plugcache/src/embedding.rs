//! Embeddings: texts as vectors, made once, and texts found by what they mean.

#[cfg(feature = "embedding")]
mod model;

#[cfg(feature = "embedding")]
pub use model::{Model, ModelError};
