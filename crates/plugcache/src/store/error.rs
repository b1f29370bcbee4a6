//! What can go wrong with plugins' data.

use std::path::PathBuf;

use plugcache_cache::Error;

/// Why data was not saved or loaded. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or directory could not be used.
    #[error(transparent)]
    File(Error),
    /// Others could write to the data directory.
    #[error(
        "{} is not safe for durable data: {why}; run `chmod 700` on it, or choose another with PLUGCACHE_DATA_DIR",
        path.display()
    )]
    UnsafeDirectory {
        /// The directory.
        path: PathBuf,
        /// Who could write there.
        why: String,
    },
    /// A category that cannot be a directory.
    #[error(
        "`{name}` cannot be a category: it takes lower-case letters, digits, `-` and `_`, begins with a letter, has \
         at most 63 bytes, and is not `log`"
    )]
    Category {
        /// The name.
        name: String,
    },
    /// Two ids that differ only in case have the same directory.
    #[error(
        "`{id}` and `{other}` are the same in lower case and would share {}; rename one of them, or open the store \
         with the profile `Compatible` if they are to share", path.display()
    )]
    SharedName {
        /// The id that was asked for.
        id: String,
        /// The id whose data lies there.
        other: String,
        /// The directory.
        path: PathBuf,
    },
    /// A newer version of this program wrote it.
    #[error(
        "{} has format {format} and this version knows up to {known}; use the newer version, which wrote it",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u64,
        /// The newest one that is known here.
        known: u64,
    },
    /// A file is not what was saved.
    #[error("{} is not what was saved: {what}; restore it, or remove the plugin's data", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// A value that could not be read again.
    #[error("cannot save data of plugin `{id}`: {why}")]
    Unserialisable {
        /// The plugin.
        id: String,
        /// What is in the way.
        why: String,
    },
    /// It would take more room than it may.
    #[error(
        "saving {size} bytes for plugin `{id}` would take {whose} to {would} bytes, more than {limit}; remove data, \
         or raise the figure in the store's options"
    )]
    Quota {
        /// The plugin.
        id: String,
        /// Bytes that were to be saved.
        size: u64,
        /// Whose figure it is: the plugin's or that of all.
        whose: &'static str,
        /// Bytes that there would be.
        would: u64,
        /// Most bytes that there may be.
        limit: u64,
    },
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::UnsafeDirectory { path, why } => Self::UnsafeDirectory { path, why },
            other => Self::File(other),
        }
    }
}
