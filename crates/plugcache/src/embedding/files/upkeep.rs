//! What is kept, whether it is still right, and away with it.

use std::{fmt, path::PathBuf, time::Duration};

use plugcache_cache::{
    Digest, Error,
    directory::open_existing,
    fs::{Directory, Extent, Kind, c_path},
};

use super::{
    FetchError, Manifest, ModelDirectory, ModelStore, Progress, Sha256Sum, Source,
    directory::{open_plain, parent_of},
    fetch::PART,
    manifest::NAME,
    store::FILES,
};

/// A file of a model that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.path.display(), self.expected, self.found)
    }
}

/// A model whose files were read and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Where its files are.
    pub path: PathBuf,
    /// What it should be.
    pub manifest: Manifest,
    /// Files that are not what they were.
    pub problems: Vec<Problem>,
}

impl ModelStore {
    /// Reads all files of a model and compares them with its manifest. `None`: there is no manifest, so there is
    /// no copy that could be wrong.
    pub fn verify(&self, source: &Source) -> Result<Option<Vec<Problem>>, FetchError> {
        Ok(self.check(source.digest())?.map(|checked| checked.problems))
    }

    /// Like [`verify`](Self::verify), and if something is wrong, the copy counts as incomplete from here on: the
    /// next fetch keeps the files that are right and fetches the others.
    pub fn repair(&self, source: &Source) -> Result<Option<Vec<Problem>>, FetchError> {
        let Some(root) = open_existing(&self.path)? else { return Ok(None) };
        Ok(self.check_and_repair(&root, source.digest())?.map(|checked| checked.problems))
    }

    /// [`verify`](Self::verify), or [`repair`](Self::repair), of each model that has a manifest; in no order.
    pub fn verify_all(&self, repair: bool) -> Result<Vec<Checked>, FetchError> {
        let Some(root) = open_existing(&self.path)? else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for digest in digests(&root)? {
            all.extend(if repair { self.check_and_repair(&root, digest)? } else { self.check(digest)? });
        }
        Ok(all)
    }

    fn check(&self, digest: Digest) -> Result<Option<Checked>, FetchError> {
        let path = self.place(digest);
        let Some(place) = open_existing(&path)? else { return Ok(None) };
        let Some(manifest) = Manifest::read(&place)? else { return Ok(None) };
        let path = path.join(FILES);
        let mut problems = Vec::new();
        for held in &manifest.files {
            let (parent, name) = parent_of(&path, &held.name)?;
            let file = match open_existing(&parent)? {
                Some(parent) => open_plain(&parent, &name)?,
                None => None,
            };
            let expected = format!("{} bytes, SHA-256 {}", held.length, held.sha256);
            let found = match file {
                None => "nothing".to_owned(),
                Some(file) => format!("{} bytes, SHA-256 {}", file.size()?, Sha256Sum::of_file(&file)?),
            };
            if found != expected {
                problems.push(Problem { path: path.join(&held.name), expected, found });
            }
        }
        Ok(Some(Checked { path, manifest, problems }))
    }

    fn check_and_repair(&self, root: &Directory, digest: Digest) -> Result<Option<Checked>, FetchError> {
        let _lock = self.lock(root, digest, &mut |_: Progress<'_>| {})?;
        let checked = self.check(digest)?;
        if checked.as_ref().is_some_and(|checked| !checked.problems.is_empty())
            && let Some(place) = open_existing(&self.place(digest))?
        {
            place.remove(NAME)?;
            place.synchronise()?;
        }
        Ok(checked)
    }

    /// Removes what fetches that did not end have left if nothing came for longer than `age`; a fetch that goes on is
    /// left alone, and so is each complete file. Tells what went, or with `dry_run` what would.
    pub fn prune(&self, age: Duration, dry_run: bool) -> Result<Extent, FetchError> {
        let mut pruned = Extent::default();
        let Some(root) = open_existing(&self.path)? else { return Ok(pruned) };
        for digest in digests(&root)? {
            let _lock = match self.lock_for(&root, digest, Duration::ZERO) {
                Err(Error::LockTimeout { .. }) => continue,
                other => other?,
            };
            let Some(place) = open_existing(&self.place(digest))? else { continue };
            for (name, _) in place.list()?.0 {
                let name = c_path(&name)?;
                if !name.to_bytes().ends_with(PART.as_bytes()) {
                    continue;
                }
                let Some(look) = place.look(&name)? else { continue };
                let quiet = self.options.clock.wall().since(look.stamp.modified);
                if quiet > i64::try_from(age.as_nanos()).unwrap_or(i64::MAX) {
                    pruned.files += 1;
                    pruned.bytes += look.stamp.size;
                    if !dry_run {
                        place.remove(&name)?;
                    }
                }
            }
        }
        Ok(pruned)
    }

    /// All complete models, in no order.
    pub fn list(&self) -> Result<Vec<ModelDirectory>, FetchError> {
        let Some(root) = open_existing(&self.path)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for digest in digests(&root)? {
            found.extend(self.stored(digest)?);
        }
        Ok(found)
    }

    /// How many models there are, incomplete ones included.
    pub fn count(&self) -> Result<usize, FetchError> {
        open_existing(&self.path)?.map_or(Ok(0), |root| Ok(digests(&root)?.len()))
    }

    /// How many bytes all files take, those of incomplete models included.
    pub fn size(&self) -> Result<u64, FetchError> {
        open_existing(&self.path)?.map_or(Ok(0), |root| Ok(root.extent()?.bytes))
    }

    /// Removes a model, and what is there of it if it is not complete. `false` if there was nothing. Who has its
    /// files open keeps them.
    pub fn remove(&self, source: &Source) -> Result<bool, FetchError> {
        open_existing(&self.path)?.map_or(Ok(false), |root| self.remove_place(&root, source.digest()))
    }

    /// Removes all models, and what is there of those that are not complete. Returns how many went.
    pub fn clear(&self) -> Result<usize, FetchError> {
        let Some(root) = open_existing(&self.path)? else { return Ok(0) };
        let mut removed = 0;
        for digest in digests(&root)? {
            removed += usize::from(self.remove_place(&root, digest)?);
        }
        Ok(removed)
    }

    fn remove_place(&self, root: &Directory, digest: Digest) -> Result<bool, FetchError> {
        let _lock = self.lock(root, digest, &mut |_: Progress<'_>| {})?;
        let Some(place) = open_existing(&self.place(digest))? else { return Ok(false) };
        // First what makes it complete: a kill in between leaves no model that lacks files.
        place.remove(NAME)?;
        place.synchronise()?;
        Ok(root.remove_tree(&c_path(digest.to_string().as_bytes())?)?)
    }
}

/// The models that have a directory, complete or not.
fn digests(root: &Directory) -> Result<Vec<Digest>, FetchError> {
    let entries = root.list()?.0.into_iter();
    let directories = entries.filter(|(_, kind)| *kind == Kind::Directory);
    Ok(directories.filter_map(|(name, _)| digest_of(&name)).collect())
}

/// The digest that a directory is named by.
fn digest_of(name: &[u8]) -> Option<Digest> {
    data_encoding::HEXLOWER.decode(name).ok()?.try_into().ok().map(Digest)
}
