//! Looking after kept files: check them, remove them. Beside live readers: a reader keeps what it mapped.

use plugcache_cache::{
    Error, StaleReason,
    fs::{Directory, Kind, c_path, remove_abandoned},
};
use serde::Serialize;

use super::open::{self, Bytes};

/// Endings of the files that this program keeps; `clear` removes nothing else.
const ENDINGS: [&str; 3] = [".plugidx", ".plugidx.lock", ".interpreter"];

/// What `verify` says of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The file.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// How many plugins it knows.
    pub plugins: usize,
    /// What it was made for, as its finder says.
    pub spec: String,
    /// What is wrong with it; it will be made anew on its next use.
    pub damage: Option<StaleReason>,
}

/// A file that `clear` removed or would remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// The file.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Reads every index in a directory whole and says which are damaged.
pub fn verify(directory: &Directory) -> Result<Vec<Checked>, Error> {
    let mut checked = Vec::new();
    for name in own_files(directory)? {
        let path = directory.path().join(&name).display().to_string();
        if !name.ends_with(ENDINGS[0]) {
            continue;
        }
        let Some(map) = directory.map(&c_path(name.as_bytes())?)? else { continue };
        let size = map.len() as u64;
        let (plugins, spec, damage) = match open::inspect(Bytes::Mapped(map)) {
            Ok((plugins, spec)) => (plugins, spec, None),
            Err(reason) => (0, String::new(), Some(reason)),
        };
        checked.push(Checked { path, size, plugins, spec, damage });
    }
    Ok(checked)
}

/// Reads the bytes of an index whole: how many plugins it knows, and what it was made for.
pub fn check(bytes: Vec<u8>) -> Result<(usize, String), StaleReason> {
    open::inspect(Bytes::Owned(bytes))
}

/// Removes every file that this program keeps in a directory, and nothing else.
pub fn clear(directory: &Directory, dry_run: bool) -> Result<Vec<Removed>, Error> {
    let mut removed = Vec::new();
    for name in own_files(directory)? {
        let c_name = c_path(name.as_bytes())?;
        let size = directory.look(&c_name)?.map_or(0, |look| look.stamp.size);
        if dry_run || directory.remove(&c_name)? {
            removed.push(Removed { path: directory.path().join(&name).display().to_string(), size });
        }
    }
    if !dry_run {
        remove_abandoned(directory, std::time::Duration::from_hours(1))?;
    }
    Ok(removed)
}

fn own_files(directory: &Directory) -> Result<Vec<String>, Error> {
    let (entries, _) = directory.list()?;
    let own = |(name, kind): (Vec<u8>, Kind)| {
        let name = String::from_utf8(name).ok()?;
        (kind == Kind::File && ENDINGS.iter().any(|ending| name.ends_with(ending))).then_some(name)
    };
    let mut names: Vec<String> = entries.into_iter().filter_map(own).collect();
    names.sort_unstable();
    Ok(names)
}
