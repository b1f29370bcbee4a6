//! Embeddings: texts as vectors, made once, and texts found by what they mean.

#[cfg(feature = "embedding")]
pub mod files;
