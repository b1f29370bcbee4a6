//! Embeddings: texts as vectors, made once, and texts found by what they mean.

mod choice;
#[cfg(feature = "embedding")]
mod model;

pub use choice::{Choice, Level};
#[cfg(feature = "embedding")]
pub use model::{Model, ModelError};
