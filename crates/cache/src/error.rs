//! What can go wrong with files. Every error names its path.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustix::io::Errno;

/// A failed operation of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A system call failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `list`, …
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A file changed each time that it was read.
    #[error("{} changes while it is read; try again when nothing writes to it", path.display())]
    Unsettled {
        /// The file.
        path: PathBuf,
    },
    /// Not a regular file or not a directory, as was expected.
    #[error("{} is not a {expected}", path.display())]
    WrongKind {
        /// The path.
        path: PathBuf,
        /// What was expected.
        expected: &'static str,
    },
    /// A file is larger than the caller accepts.
    #[error("{} has {size} bytes, more than the limit of {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A directory that others could tamper with.
    #[error("{} is not safe for a cache: {why}; run `chmod 700` on it, or choose another with PLUGCACHE_DIR", path.display())]
    UnsafeDirectory {
        /// The directory.
        path: PathBuf,
        /// Who else could write there.
        why: String,
    },
    /// A cache that cannot be made as it was described.
    #[error("cache `{name}` cannot be made: {what}")]
    Cache {
        /// Its name.
        name: String,
        /// What is wrong, and what to do.
        what: &'static str,
    },
    /// Another process holds a lock for longer than the caller waits.
    #[error("{} is locked by {holder} for more than {waited_ms} ms; wait for it, or stop it", path.display())]
    LockTimeout {
        /// The lock file.
        path: PathBuf,
        /// What is known of the holder: `process 4711`.
        holder: String,
        /// How long the caller waited, in milliseconds.
        waited_ms: u64,
    },
    /// A directory where a database cannot be shared by processes.
    #[error("{} is not on a local file system, and a database that processes share through a map is not safe there; choose a local directory with PLUGCACHE_DIR", path.display())]
    NotLocal {
        /// The directory.
        path: PathBuf,
    },
    /// A value, or several that belong together, would take too much of a storage.
    #[error("{size} bytes are too much for the cache in {}, which takes at most {limit} at once; raise its limit on disk", path.display())]
    RowTooLarge {
        /// The storage's directory.
        path: PathBuf,
        /// Bytes that were to be kept.
        size: u64,
        /// Most bytes that are.
        limit: u64,
    },
    /// A storage has no room although it evicted what it could.
    #[error("the cache in {} has no room although values were evicted: another process may be reading old ones; try again", path.display())]
    StorageFull {
        /// The storage's directory.
        path: PathBuf,
    },
    /// A storage is damaged while others have it open, or its library refused something.
    #[error("cannot {action} the cache in {}: {reason}; if this stays, stop what uses the directory and remove it", path.display())]
    Storage {
        /// What was tried: `open`, `read`, `write`, …
        action: &'static str,
        /// The storage's directory.
        path: PathBuf,
        /// What was found or answered.
        reason: String,
    },
}

/// Result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self::Io { action, path: path.into(), source: source.into() }
    }

    /// The path, or the cache, it happened to.
    pub fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. }
            | Self::Unsettled { path }
            | Self::WrongKind { path, .. }
            | Self::TooLarge { path, .. }
            | Self::UnsafeDirectory { path, .. }
            | Self::LockTimeout { path, .. }
            | Self::NotLocal { path }
            | Self::RowTooLarge { path, .. }
            | Self::StorageFull { path }
            | Self::Storage { path, .. } => path,
            Self::Cache { name, .. } => Path::new(name),
        }
    }

    /// Whether the same call may well succeed soon: such an outcome is never kept.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unsettled { .. }
            | Self::LockTimeout { .. }
            | Self::StorageFull { .. }
            | Self::Storage { .. } => true,
            Self::Io { source, .. } => {
                // These say something lasting about the path, which its stamp or a listing proves; anything
                // else is about the state of the machine.
                const LASTING: [Errno; 5] =
                    [Errno::NOENT, Errno::ACCESS, Errno::PERM, Errno::NOTDIR, Errno::LOOP];
                !Errno::from_io_error(source).is_some_and(|errno| LASTING.contains(&errno))
            }
            Self::WrongKind { .. }
            | Self::TooLarge { .. }
            | Self::Cache { .. }
            | Self::UnsafeDirectory { .. }
            | Self::NotLocal { .. }
            | Self::RowTooLarge { .. } => false,
        }
    }
}
