//! What `plugcache cache verify`, `prune` and `clear` do with fetched models.

use std::time::Duration;

use plugcache::{
    cache::fs::Extent,
    embedding::{
        Choice,
        files::{Checked, ModelStore, Options},
    },
};

use crate::{
    commands::cache::{CheckedModel, Models},
    output::Failure,
};

/// A fetch may be gone on with for so long after it broke off.
const ABANDONED: Duration = Duration::from_hours(24);

/// Reads all files of all models. With `repair`, those that are wrong are fetched anew by the next use.
pub(in crate::commands) fn verify(models: &Models, repair: bool) -> Result<Vec<CheckedModel>, Failure> {
    Ok(open(models)?.verify_all(repair)?.into_iter().map(told).collect())
}

/// Removes what broken fetches have left, and tells how much that is.
pub(in crate::commands) fn prune(models: &Models, dry_run: bool) -> Result<Extent, Failure> {
    Ok(open(models)?.prune(ABANDONED, dry_run)?)
}

/// Removes all models, and tells how many.
pub(in crate::commands) fn clear(models: &Models, dry_run: bool) -> Result<usize, Failure> {
    let store = open(models)?;
    Ok(if dry_run { store.count()? } else { store.clear()? })
}

fn open(models: &Models) -> Result<ModelStore, Failure> {
    let options = Options { lock_timeout: models.lock_timeout, offline: true, ..Options::default() };
    Ok(ModelStore::open(&models.directory, options)?)
}

fn told(checked: Checked) -> CheckedModel {
    let Checked { path, manifest, problems, .. } = checked;
    let choice =
        Choice::Repository { name: manifest.repository.clone(), revision: manifest.revision.clone() };
    CheckedModel {
        name: choice.to_string(),
        directory: path,
        files: manifest.files.len(),
        bytes: manifest.size(),
        problems: problems.iter().map(ToString::to_string).collect(),
    }
}
