//! A directory with all files of a model.

use std::{
    ffi::{CStr, CString},
    path::{Path, PathBuf},
};

use plugcache_cache::{
    Error,
    fs::{DataFile, Directory, Kind, c_path},
};

use rustix::io::Errno;

use super::{
    FetchError, Manifest, Sha256Sum,
    source::{NEEDED, selecting},
};

/// Files that are larger are no sentence model.
const LARGEST: u64 = 8 << 30;

/// A directory with all files of a model: one of a store, or one that somebody has put together.
#[derive(Debug, Clone)]
pub struct ModelDirectory {
    pub(super) path: PathBuf,
    pub(super) manifest: Option<Manifest>,
}

impl ModelDirectory {
    /// A directory that the user supplies. It needs `config.json`, `tokenizer.json` and `model.safetensors`;
    /// links are followed, as in the hub's own cache.
    pub fn local(path: impl AsRef<Path>) -> Result<Self, FetchError> {
        let path = path.as_ref();
        // What is kept of it is kept under its path, wherever the program is started.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let directory = Directory::open(&path)?;
        for name in NEEDED {
            if !has(&directory, name)? {
                return Err(FetchError::Incomplete { path: path.join(name) });
            }
        }
        Ok(Self { path, manifest: None })
    }

    /// Where the files are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Commit, lengths and digests. `None`: a directory that the user supplies.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Where a file of the model is. `None` if the model does not have it.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        let is_there = match &self.manifest {
            Some(manifest) => manifest.held(name).is_some(),
            None => Directory::open(&self.path)
                .and_then(|directory| has(&directory, name))
                .is_ok_and(|is_there| is_there),
        };
        is_there.then(|| self.path.join(name))
    }

    /// The content of a file; `None`: the model does not have it. What a store has fetched is proven by its digest once
    /// more: files may have been damaged or exchanged since.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FetchError> {
        let held = self.manifest.as_ref().map(|manifest| manifest.held(name));
        if held == Some(None) {
            return Ok(None);
        }
        let directory = Directory::open(&self.path)?;
        if !has(&directory, name)? && held.is_none() {
            return Ok(None);
        }
        let bytes = directory.read(&c_path(name.as_bytes())?, LARGEST)?.bytes;
        let got = held.flatten().map(|held| (held.sha256, Sha256Sum::of(&bytes)));
        if let Some((expected, got)) = got.filter(|(expected, got)| expected != got) {
            return Err(FetchError::Damaged { path: self.path.join(name), expected, got });
        }
        Ok(Some(bytes))
    }

    /// Files whose content selects what the model gives, there or not.
    pub(super) fn selecting(&self) -> impl Iterator<Item = (&'static str, PathBuf)> {
        selecting().map(|name| (name, self.path.join(name)))
    }
}

/// Whether a directory has a regular file of this name.
pub(super) fn has(directory: &Directory, name: &str) -> plugcache_cache::Result<bool> {
    Ok(directory.look(&c_path(name.as_bytes())?)?.is_some_and(|look| look.kind == Kind::File))
}

/// The directory of a file, and its name there. Names have been judged.
pub(super) fn parent_of(directory: &Path, name: &str) -> Result<(PathBuf, CString), FetchError> {
    let (parent, leaf) = name.rsplit_once('/').unwrap_or(("", name));
    let parent = if parent.is_empty() { directory.to_owned() } else { directory.join(parent) };
    Ok((parent, c_path(leaf.as_bytes())?))
}

/// A file of a model, opened. `None` if there is none, or a link or something else in its place: neither is followed
/// or read, and the next fetch puts the file there.
pub(super) fn open_plain(directory: &Directory, name: &CStr) -> Result<Option<DataFile>, FetchError> {
    match DataFile::open(directory, name) {
        Err(Error::WrongKind { .. }) => Ok(None),
        Err(Error::Io { source, .. }) if Errno::from_io_error(&source) == Some(Errno::LOOP) => Ok(None),
        other => Ok(other?),
    }
}
