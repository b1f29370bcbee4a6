//! Where an index looked: what a watcher has to hear of, if it is to vouch for the index.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use plugcache_cache::StaleReason;

use super::Index;

/// Every place whose state an index rests on, absent ones included. Absolute paths, as they were looked at:
/// links are not resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Directories: their entries, and the content of all files that are directly in them.
    pub directories: BTreeSet<PathBuf>,
    /// Files in directories that are no evidence themselves.
    pub files: BTreeSet<PathBuf>,
}

impl Places {
    /// The roots alone, for before anything else is known.
    pub fn of_roots(roots: &[PathBuf]) -> Self {
        Self { directories: roots.iter().cloned().collect(), files: BTreeSet::new() }
    }

    /// Whether all of them are among `others`.
    pub fn are_within(&self, others: &Self) -> bool {
        self.directories.is_subset(&others.directories) && self.files.is_subset(&others.files)
    }
}

impl Index {
    /// Every place that it rests on; its roots are always among them.
    pub fn places(&self) -> Result<Places, StaleReason> {
        let damaged = |_| StaleReason::Damaged { part: "directories or files".to_owned() };
        let mut places = Places::of_roots(self.roots());
        let mut directories = Vec::new();
        for row in self.directory_rows().map_err(damaged)?.iter() {
            let row = row.map_err(damaged)?;
            let name = self.name(&row.path).ok_or_else(|| self.damaged("directories"))?;
            let path = self.below(row.root.get(), name.to_bytes());
            directories.push(path.clone());
            places.directories.insert(path);
        }
        for row in self.file_rows().map_err(damaged)?.iter() {
            let row = row.map_err(damaged)?;
            let name = self.name(&row.path).ok_or_else(|| self.damaged("files"))?.to_bytes();
            if name.contains(&b'/')
                && let Some(above) = directories.get(row.directory.get() as usize)
            {
                places.files.insert(above.join(OsStr::from_bytes(name)));
            }
        }
        Ok(places)
    }

    fn below(&self, root: u16, path: &[u8]) -> PathBuf {
        let root = self.roots().get(usize::from(root)).map_or(Path::new(""), PathBuf::as_path);
        // Joining nothing would leave a slash at the end, which makes another path of it.
        if path.is_empty() { root.to_owned() } else { root.join(OsStr::from_bytes(path)) }
    }
}
