//! Which plugins have data, and how much.

use std::time::Duration;

use plugcache_cache::{
    Error,
    fs::{DataFile, Directory, Entries, Kind, c_path},
};

use super::{
    Category, Shared, StoreError, below,
    plugin::{LOCKS, metadata_in},
};

/// How often a listing is tried again that changes while it is made.
const PATIENCE: usize = 200;

/// A plugin that has data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its category.
    pub category: Category,
    /// Its id; where only the original has saved, the name of its directory, which is the id in lower case.
    pub id: String,
    /// Bytes of its files.
    pub bytes: u64,
    /// What is wrong with its metadata, if something is.
    pub problem: Option<String>,
}

/// What plugins take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Plugins that have data.
    pub plugins: u64,
    /// Bytes of all their files.
    pub bytes: u64,
}

pub(super) fn list(shared: &Shared) -> Result<Vec<Listed>, StoreError> {
    let mut all = Vec::new();
    each(shared, |category, name, directory| {
        let (id, problem) = match metadata_in(directory) {
            Ok(metadata) => (metadata.id, None),
            Err(error) => (None, Some(error.to_string())),
        };
        let (category, id) = (category.clone(), id.unwrap_or_else(|| name.to_owned()));
        all.push(Listed { category, id, bytes: bytes_in(directory)?, problem });
        Ok(())
    })?;
    all.sort_by(|a, b| (&a.category, &a.id).cmp(&(&b.category, &b.id)));
    Ok(all)
}

pub(super) fn usage(shared: &Shared) -> Result<Usage, StoreError> {
    let mut usage = Usage::default();
    each(shared, |_, _, directory| {
        usage.plugins += 1;
        usage.bytes += bytes_in(directory)?;
        Ok(())
    })?;
    Ok(usage)
}

/// Goes to the directory of each plugin. Of categories that are not the original's, those in which somebody has
/// locked: other directories here are not ours.
fn each(
    shared: &Shared,
    mut to: impl FnMut(&Category, &str, &Directory) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for (name, kind) in listed(&shared.root)? {
        let Some(category) = String::from_utf8(name).ok().and_then(|name| Category::custom(name).ok()) else {
            continue;
        };
        if kind != Kind::Directory {
            continue;
        }
        let Some(inside) = below(&shared.root, category.name())? else { continue };
        let locks = inside.look(&c_path(LOCKS.as_bytes())?)?;
        if !Category::KNOWN.contains(&category) && locks.is_none() {
            continue;
        }
        for (name, kind) in listed(&inside)? {
            let Ok(name) = String::from_utf8(name) else { continue };
            if kind != Kind::Directory || name.starts_with('.') {
                continue;
            }
            // It may be removed at this moment.
            let Some(directory) = below(&inside, &name)? else { continue };
            if has_files(&directory)? {
                to(&category, &name, &directory)?;
            }
        }
    }
    Ok(())
}

/// Lists a directory that others may be changing: plugins come and go while somebody counts.
fn listed(directory: &Directory) -> Result<Entries, StoreError> {
    for _ in 0..PATIENCE {
        match directory.list() {
            Err(Error::Unsettled { .. }) => std::thread::sleep(Duration::from_millis(1)),
            other => return Ok(other?.0),
        }
    }
    Ok(directory.list()?.0)
}

fn has_files(directory: &Directory) -> Result<bool, StoreError> {
    Ok(listed(directory)?.iter().any(|(_, kind)| *kind == Kind::File))
}

/// Bytes of all files of a directory.
pub(super) fn bytes_in(directory: &Directory) -> Result<u64, StoreError> {
    let mut bytes = 0;
    for (name, kind) in listed(directory)? {
        if kind == Kind::File && !name.starts_with(b".tmp-") {
            bytes += directory.look(&c_path(&name)?)?.map_or(0, |look| look.stamp.size);
        }
    }
    Ok(bytes)
}

/// Bytes of one file, 0 if there is none.
pub(super) fn size_of(directory: &Directory, name: &str) -> Result<u64, StoreError> {
    Ok(DataFile::open(directory, &c_path(name.as_bytes())?)?.map_or(Ok(0), |file| file.size())?)
}
