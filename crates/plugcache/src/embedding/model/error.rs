//! Why a model cannot be used.

use std::path::PathBuf;

use crate::embedding::files::FetchError;

/// Why a model cannot be loaded, or a text has no vector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file of the model cannot be read.
    #[error(transparent)]
    File(#[from] FetchError),
    /// A file of the model is not what was expected.
    #[error("{}: {problem}; is it of the same model as the files beside it, and complete?", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The files are not those any more that the kept vectors belong to.
    #[error("the model's files in {} have changed since it was opened; open it again", path.display())]
    Changed {
        /// The model's directory.
        path: PathBuf,
    },
    /// The system gives no threads to compute on. The next text tries again.
    #[error("there are no threads to compute on: {0}; is there a limit on processes or memory?")]
    Threads(String),
    /// The computation failed.
    #[error("the text has no vector: {0}")]
    Compute(String),
}
