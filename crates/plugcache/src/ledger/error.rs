//! What can go wrong with a log.

use std::path::PathBuf;

use plugcache_cache::Error;

use super::verify::Damage;

/// Why a log was not opened, read or appended to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// A file or directory could not be used.
    #[error(transparent)]
    File(Error),
    /// Others could write to the log's directory.
    #[error(
        "{} is not safe for a log: {why}; run `chmod 700` on it, or choose another with PLUGCACHE_DATA_DIR",
        path.display()
    )]
    UnsafeDirectory {
        /// The directory.
        path: PathBuf,
        /// Who could write there.
        why: String,
    },
    /// Something is not as it was written.
    #[error("the log is damaged: {0}; `plugcache log verify` tells all of it, a snapshot may have it whole")]
    Damaged(Box<Damage>),
    /// A newer version of this program wrote it.
    #[error(
        "{} has format {format} and this version knows up to {known}; use the newer version, which wrote it",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
        /// The newest one that is known here.
        known: u32,
    },
    /// A block, or several at once, would be too large. Nothing was appended.
    #[error(
        "{what} has {size} bytes, and a block takes 1 to {limit}; keep the data elsewhere, and its hash here"
    )]
    TooLarge {
        /// What of it.
        what: &'static str,
        /// Its bytes.
        size: u64,
        /// Most bytes that it may have.
        limit: u64,
    },
    /// Metadata that could not be read again. Nothing was appended.
    #[error("the metadata nests deeper than {limit} levels; keep the data elsewhere, and its hash here")]
    TooDeep {
        /// Most levels, the metadata as a whole included.
        limit: usize,
    },
    /// A snapshot of this name cannot be made or removed.
    #[error("`{name}` cannot be a snapshot's prefix: it takes letters, digits, `-` and `_`, at most 63")]
    Prefix {
        /// The prefix.
        name: String,
    },
    /// A block could not be waited for.
    #[error("block {number} could not be read: {why}; try again")]
    Busy {
        /// Its number.
        number: u64,
        /// What the cache of blocks says.
        why: String,
    },
    /// A thread of the parent was at work with the log when this process was forked.
    #[error("the log in {} was in use when this process was forked; open it again here", path.display())]
    Forked {
        /// The log's directory.
        path: PathBuf,
    },
}

impl From<Error> for LedgerError {
    fn from(error: Error) -> Self {
        match error {
            Error::UnsafeDirectory { path, why } => Self::UnsafeDirectory { path, why },
            other => Self::File(other),
        }
    }
}

impl From<Damage> for LedgerError {
    fn from(damage: Damage) -> Self {
        Self::Damaged(Box::new(damage))
    }
}
