//! Why a model cannot be used.

use std::path::PathBuf;

use plugcache_cache::Error;

/// Why a model cannot be loaded, or a text has no vector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file of the model cannot be read.
    #[error(
        "{0}; a model is a directory with config.json, tokenizer.json and model.safetensors: \
         `plugcache cache warm --model` fetches one"
    )]
    Io(#[source] Error),
    /// A file of the model is not what was expected.
    #[error("{}: {problem}; is it of the same model as the files beside it, and complete?", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The computation failed.
    #[error("the text has no vector: {0}")]
    Compute(String),
}
