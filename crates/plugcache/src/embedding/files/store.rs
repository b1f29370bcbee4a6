//! The models of a directory: found without a connection, fetched once for all processes.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use plugcache_cache::{
    Digest, Error,
    directory::{open_existing, open_or_create_plain},
    fs::{Directory, c_path},
    lock::{self, Lock},
};

use crate::embedding::Choice;

use super::{
    FetchError, Manifest, ModelDirectory, Options, Progress, Source, Wanted,
    client::Client,
    directory::{has, open_plain, parent_of},
    fetch::{Fetch, clean},
    url,
};

/// The files of a model, in its directory.
pub(super) const FILES: &str = "files";

/// The models of a directory. Clones are handles to the same one; processes share it.
#[derive(Debug, Clone)]
pub struct ModelStore {
    pub(super) path: PathBuf,
    pub(super) options: Options,
}

impl ModelStore {
    /// The models of a directory. It is made, with mode 0700, when the first model is fetched; one that others
    /// could write to is refused whenever it is used.
    pub fn open(path: impl Into<PathBuf>, options: Options) -> Result<Self, FetchError> {
        url::endpoint(&options.endpoint)?;
        Ok(Self { path: path.into(), options })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A complete copy of a model, with a manifest and files as long as it says. No connection is made and nothing
    /// but the manifest is read; [`verify`](Self::verify) reads it all.
    pub fn find(&self, source: &Source) -> Result<Option<ModelDirectory>, FetchError> {
        let Some(found) = self.stored(source.digest())? else { return Ok(None) };
        Ok(found.manifest().is_some_and(|manifest| manifest.covers(source)).then_some(found))
    }

    /// The complete copy of this name, of whatever source it may be.
    pub(super) fn stored(&self, digest: Digest) -> Result<Option<ModelDirectory>, FetchError> {
        // Each one above is looked at: whoever may write to one of them could exchange what is below.
        if open_existing(&self.path)?.is_none() {
            return Ok(None);
        }
        let path = self.place(digest);
        let Some(place) = open_existing(&path)? else { return Ok(None) };
        let Some(manifest) = Manifest::read(&place)? else { return Ok(None) };
        let path = path.join(FILES);
        for held in &manifest.files {
            let (parent, name) = parent_of(&path, &held.name)?;
            let Some(parent) = open_existing(&parent)? else { return Ok(None) };
            let Some(file) = open_plain(&parent, &name)? else { return Ok(None) };
            if file.size()? != held.length {
                return Ok(None);
            }
        }
        Ok(Some(ModelDirectory { path, manifest: Some(manifest) }))
    }

    pub(super) fn place(&self, digest: Digest) -> PathBuf {
        self.path.join(digest.to_string())
    }

    /// The complete copy of a model, fetched if there is none. One process at a time fetches a model; the others
    /// wait and then find it. What a killed one has left is gone on with.
    pub fn fetch(
        &self,
        source: &Source,
        report: &mut dyn FnMut(Progress<'_>),
    ) -> Result<ModelDirectory, FetchError> {
        if let Some(found) = self.find(source)? {
            return Ok(found);
        }
        if self.options.offline {
            return Err(self.offline(source));
        }
        let client = Client::new(&self.options)?;
        let root = open_or_create_plain(&self.path)?;
        let _lock = self.lock(&root, source.digest(), report)?;
        if let Some(found) = self.find(source)? {
            return Ok(found);
        }
        let place = open_or_create_plain(&self.place(source.digest()))?;
        root.synchronise()?;
        let manifest = Fetch { options: &self.options, client, source, place: &place }.run(report)?;
        // Directories were made in it, whose names are to stay as surely as the manifest.
        open_or_create_plain(&place.path().join(FILES))?.synchronise()?;
        manifest.write(&place)?;
        clean(&place)?;
        Ok(ModelDirectory { path: place.path().join(FILES), manifest: Some(manifest) })
    }

    pub(super) fn lock(
        &self,
        root: &Directory,
        digest: Digest,
        report: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Lock, FetchError> {
        match self.lock_for(root, digest, Duration::ZERO) {
            Err(Error::LockTimeout { holder, .. }) => {
                tracing::info!("{holder} fetches the model; waiting for it");
                report(Progress::Waiting { holder: &holder });
                Ok(self.lock_for(root, digest, self.options.lock_timeout)?)
            }
            other => Ok(other?),
        }
    }

    pub(super) fn lock_for(
        &self,
        root: &Directory,
        digest: Digest,
        timeout: Duration,
    ) -> plugcache_cache::Result<Lock> {
        let name = c_path(format!("{digest}.lock").as_bytes())?;
        lock::acquire(root, &name, timeout, &*self.options.clock)
    }

    fn offline(&self, source: &Source) -> FetchError {
        let path = self.place(source.digest()).join(FILES);
        let is_missing = |wanted: &&Wanted| {
            !wanted.is_optional
                && Directory::open(&path)
                    .and_then(|directory| has(&directory, &wanted.name))
                    .map_or(true, |is_there| !is_there)
        };
        let file = source.files().iter().find(is_missing).map_or("the manifest", |wanted| &wanted.name);
        let mut repository = source.repository().to_owned();
        if source.asked_revision() != Choice::REVISION {
            repository.push('@');
            repository.push_str(source.asked_revision());
        }
        FetchError::Offline { repository, file: file.to_owned(), path }
    }
}
