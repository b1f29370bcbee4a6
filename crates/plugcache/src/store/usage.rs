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
    each(shared, |category, name, found| {
        // What others could have written is not asked for an id.
        let (id, problem) = match (found.problem, metadata_in(&found.directory)) {
            (Some(problem), _) => (None, Some(problem)),
            (None, Ok(metadata)) => (metadata.id, None),
            (None, Err(error)) => (None, Some(error.to_string())),
        };
        let (category, id) = (category.clone(), id.unwrap_or_else(|| name.to_owned()));
        all.push(Listed { category, id, bytes: found.bytes, problem });
    })?;
    all.sort_by(|a, b| (&a.category, &a.id).cmp(&(&b.category, &b.id)));
    Ok(all)
}

pub(super) fn usage(shared: &Shared) -> Result<Usage, StoreError> {
    let mut usage = Usage::default();
    each(shared, |_, _, found| {
        usage.plugins += 1;
        usage.bytes += found.bytes;
    })?;
    Ok(usage)
}

/// A plugin's directory, as far as somebody who only counts gets.
struct Found {
    directory: Directory,
    bytes: u64,
    problem: Option<String>,
}

/// Goes to the directory of each plugin. One that the plugin itself is refused, since others could write there, is
/// counted all the same: it must not stand in the way of the other plugins. Of categories that are not the original's, those in which somebody has
/// locked: other directories here are not ours.
fn each(shared: &Shared, mut to: impl FnMut(&Category, &str, Found)) -> Result<(), StoreError> {
    for (name, kind) in listed(&shared.root)? {
        let Some(category) = String::from_utf8(name).ok().and_then(|name| Category::custom(name).ok()) else {
            continue;
        };
        if kind != Kind::Directory {
            continue;
        }
        let Some((inside, whole)) = enter(&shared.root, category.name())? else { continue };
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
            let Some((directory, own)) = enter(&inside, &name)? else { continue };
            if has_files(&directory)? {
                let bytes = bytes_in(&directory)?;
                to(&category, &name, Found { directory, bytes, problem: own.or_else(|| whole.clone()) });
            }
        }
    }
    Ok(())
}

/// Opens a directory to count, and says what is wrong with who may write to it. `None` if there is none, or none
/// that this process may look into.
fn enter(parent: &Directory, name: &str) -> Result<Option<(Directory, Option<String>)>, StoreError> {
    let problem = match below(parent, name) {
        Ok(directory) => return Ok(directory.map(|directory| (directory, None))),
        Err(error) => error.to_string(),
    };
    match parent.open_below(&c_path(name.as_bytes())?) {
        Ok(directory) => Ok(Some((directory, Some(problem)))),
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            tracing::warn!("not counted: {error}");
            Ok(None)
        }
    }
}

/// Lists a directory that others may be changing: plugins come and go while somebody counts.
pub(super) fn listed(directory: &Directory) -> Result<Entries, StoreError> {
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

/// Whether a file is one that was being written.
pub(super) fn is_temporary(name: &[u8]) -> bool {
    let digits = name.strip_prefix(b".tmp-");
    digits.is_some_and(|digits| digits.len() == 16 && digits.iter().all(u8::is_ascii_hexdigit))
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
