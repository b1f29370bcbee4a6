//! Where a cache is kept and counted.
//!
//! ```text
//! <directory>/
//!   caches-v1/<name>/       one directory a cache
//!     generations           what was cleared and invalidated
//!     data.mdb, …           values
//!     locks/                keys that a process is loading
//!   statistics-v1/          counters, a file a process
//! ```

use std::{ffi::CString, path::PathBuf, sync::Arc};

use crate::{
    clock::Clock,
    control::Control,
    counters::{Counters, ProcessFile},
    directory,
    error::{Error, Result},
    fs::Directory,
    tier::{Lmdb, Storage},
};

/// Where the caches are, below a hub's directory. The number changes with the layout: another version's
/// caches are not looked at.
pub(crate) const CACHES: &str = "caches-v1";
/// Where the counters are.
pub(crate) const STATISTICS: &str = "statistics-v1";
/// Where keys are locked, below a cache's directory.
const LOCKS: &str = "locks";

/// Where a cache is kept and counted.
pub(crate) struct Place {
    pub(crate) control: Control,
    pub(crate) counters: Counters,
    clock: Arc<dyn Clock>,
    /// `None`: in memory only.
    path: Option<PathBuf>,
}

/// Opens a storage, when it is first needed.
type Open = Box<dyn Fn() -> Result<Arc<dyn Storage>> + Send + Sync>;

impl Place {
    pub(super) fn new(
        root: Option<&Directory>,
        name: &str,
        process: &ProcessFile,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        check_name(name)?;
        let opened = root.map(|root| open_cache(root, name)).transpose();
        let (control, path) = match opened {
            Ok(Some((directory, control))) => (control, Some(directory.path().to_owned())),
            Ok(None) => (Control::private(), None),
            Err(error) => {
                tracing::warn!("cache `{name}` is in memory only: {error}");
                (Control::private(), None)
            }
        };
        Ok(Self { control, counters: process.counters(name), clock, path })
    }

    /// How to open the disk tier; `None` without a directory.
    pub(crate) fn storage(&self, max_bytes: u64) -> Option<Open> {
        let path = self.path.clone()?;
        let clock = Arc::clone(&self.clock);
        Some(Box::new(move || Ok(Arc::new(Lmdb::open(&path, max_bytes, Arc::clone(&clock))?))))
    }

    /// Where processes lock keys; `None` if that cannot be.
    pub(crate) fn locks(&self) -> Option<Directory> {
        let path = self.path.as_ref()?.join(LOCKS);
        directory::open_or_create_plain(&path)
            .inspect_err(|error| tracing::warn!("processes do not wait for each other: {error}"))
            .ok()
    }
}

/// Opens the directory and the generations of a cache.
pub(crate) fn open_cache(root: &Directory, name: &str) -> Result<(Directory, Control)> {
    let directory = directory::open_or_create_plain(&root.path().join(CACHES).join(name))?;
    let control = Control::open(&directory)?;
    Ok((directory, control))
}

/// The counters' file of this process: in private where there is no directory or it cannot be written to.
pub(super) fn process_file(root: Option<&Directory>, clock: &dyn Clock) -> ProcessFile {
    let Some(root) = root else { return ProcessFile::private() };
    directory::open_or_create_plain(&root.path().join(STATISTICS))
        .and_then(|directory| ProcessFile::create(&directory, clock))
        .unwrap_or_else(|error| {
            tracing::warn!("what this process's caches do is not seen by others: {error}");
            ProcessFile::private()
        })
}

/// A name becomes a directory and a part of variables, so it is plain.
fn check_name(name: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if starts_well && name.len() < 64 && name.bytes().all(is_plain) && CString::new(name).is_ok() {
        return Ok(());
    }
    let what =
        "a name is 1 to 63 lower-case letters, digits, `-` and `_`, and begins with one of the first two";
    Err(Error::Cache { name: name.to_owned(), what })
}
