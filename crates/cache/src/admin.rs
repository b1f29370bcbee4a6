//! All caches of a directory, whatever programs they belong to: seen, measured, checked and cleaned from
//! outside, beside the processes that use them.
//!
//! Nothing here knows the types of keys and values. Keys are shown as their bytes say; values stay closed.

mod entries;
mod explain;
mod sweep;
#[cfg(test)]
mod tests;
mod verify;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

pub use entries::{Listed, State};
pub use explain::{Explained, InputState};
pub use sweep::{Pruning, Swept, prune_together};
pub use verify::{Structure, Verified};

use crate::{
    clock::{Clock, SystemClock},
    control::Control,
    counters::ledger,
    directory,
    error::Result,
    fs::{Directory, Kind},
    hub::{CACHES, STATISTICS, open_cache},
    tier::{Lmdb, Storage, Usage},
};

pub use crate::counters::{Process, ledger::Counted};

/// The caches below a hub's directory.
pub struct Caches {
    root: Directory,
    clock: Arc<dyn Clock>,
}

/// One cache of a directory.
pub struct CacheOnDisk {
    name: String,
    path: PathBuf,
    control: Control,
    /// `None`: it keeps nothing on disk.
    storage: Option<Lmdb>,
    clock: Arc<dyn Clock>,
}

impl Caches {
    /// Opens a hub's directory; `None` if there is none.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        Self::open_with(path, Arc::new(SystemClock))
    }

    /// Like [`open`](Self::open), with a clock.
    pub fn open_with(path: &Path, clock: Arc<dyn Clock>) -> Result<Option<Self>> {
        Ok(directory::open_existing(path)?.map(|root| Self { root, clock }))
    }

    /// Names of the caches that have a directory.
    pub fn names(&self) -> Result<BTreeSet<String>> {
        let Some(caches) = directory::open_existing(&self.root.path().join(CACHES))? else {
            return Ok(BTreeSet::new());
        };
        let (entries, _) = caches.list()?;
        let directories = entries.into_iter().filter(|(_, kind)| *kind == Kind::Directory);
        Ok(directories.filter_map(|(name, _)| String::from_utf8(name).ok()).collect())
    }

    /// Opens a cache; `None` if there is none of that name.
    pub fn cache(&self, name: &str) -> Result<Option<CacheOnDisk>> {
        if !self.names()?.contains(name) {
            return Ok(None);
        }
        let (directory, control) = open_cache(&self.root, name)?;
        let path = directory.path().to_owned();
        let storage = match directory.look(c"data.mdb")? {
            // The bound is that of the program that writes; who only looks and removes needs what there is.
            Some(file) => Some(Lmdb::open(&path, file.stamp.size, Arc::clone(&self.clock))?),
            None => None,
        };
        Ok(Some(CacheOnDisk {
            name: name.to_owned(),
            path,
            control,
            storage,
            clock: Arc::clone(&self.clock),
        }))
    }

    /// What each cache has counted, in each running process and in all past ones together.
    pub fn counted(&self) -> Result<Vec<Counted>> {
        match directory::open_existing(&self.root.path().join(STATISTICS))? {
            Some(directory) => ledger::read(&directory, &*self.clock),
            None => Ok(Vec::new()),
        }
    }

    /// Forgets what past processes have counted.
    pub fn forget_counts(&self) -> Result<()> {
        match directory::open_existing(&self.root.path().join(STATISTICS))? {
            Some(directory) => ledger::forget_past(&directory, &*self.clock),
            None => Ok(()),
        }
    }
}

impl CacheOnDisk {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds on disk; `None` if it keeps nothing there.
    pub fn usage(&self) -> Result<Option<Usage>> {
        self.storage.as_ref().map(Storage::usage).transpose()
    }

    /// Removes everything, on disk and in every running process, from its next lookup on. Returns how many
    /// entries there were on disk.
    pub fn clear(&self) -> Result<u64> {
        self.control.clear();
        self.storage.as_ref().map_or(Ok(0), Storage::clear)
    }

    /// Declares everything wrong that has this tag, in every process.
    pub fn invalidate_tag(&self, tag: &str) {
        self.control.invalidate_tag(tag);
    }

    /// Removes what nobody will be served (expired, cleared, invalidated, damaged) and what was made longer
    /// than `older_than` ago. Returns how many entries went.
    pub fn prune(&self, older_than: Option<Duration>) -> Result<u64> {
        match &self.storage {
            Some(storage) => crate::tier::prune(storage, &self.control, older_than, &*self.clock),
            None => Ok(0),
        }
    }

    /// Gives the file system back what the database does not need any more. Returns how many bytes; 0 while
    /// another process has it open.
    pub fn compact(self) -> u64 {
        let Self { path, storage, clock, .. } = self;
        if storage.is_none() {
            return 0;
        }
        drop(storage);
        Lmdb::compact(&path, &*clock).unwrap_or(0)
    }
}
