//! The entry points of installed distributions, equal to what `importlib.metadata.entry_points()` answers.
//!
//! Python lists every directory of its search path, opens one or two files of every distribution and
//! parses them, on every start. Here the listing and the files are evidence of an index: what they said is
//! kept, and a later look costs one `stat` for each directory of the path and for each of these files.
//!
//! # Equal, and where it is not
//! - Order: directories in the order of the path, distributions of one directory in the order in which
//!   the system lists them (two of one name stand together), entry points as they stand in their file;
//!   for Python 3.11 then sorted by group, as that version does. The listing order is the one that was seen
//!   when the directory's metadata last changed.
//! - A distribution is known by its normalised name; the first one of a name hides the others. Two of one
//!   name in *one* directory are reported: which of them counts is then a whim of the file system.
//! - Where Python raises, and so loses the entry points of every distribution (a line without `=`, a file
//!   that is not UTF-8, a nameless `EGG-INFO`, from 3.14 on a value that names no object), only that line
//!   or distribution is left out, and reported.
//! - `.egg-link` files are not read, by Python neither: what they point at is on the path by way of a
//!   `.pth` file.
//! - A zip file on the path is reported, not opened.

mod finder;
mod metadata;
mod search_path;
mod sectioned;
mod text;

pub mod interpreter;

pub use finder::EntryPointFinder;
use serde::{Deserialize, Serialize};

use crate::index::Index;

/// Whose `importlib.metadata` to equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum PythonVersion {
    /// 3.11, and the nearest for anything older: sorted by group.
    V3_11,
    /// 3.12.
    V3_12,
    /// 3.13.
    #[default]
    V3_13,
    /// 3.14 and newer: values are checked.
    V3_14,
}

impl PythonVersion {
    /// The semantics of a version.
    pub fn of(major: u32, minor: u32) -> Self {
        match (major, minor) {
            (..=2, _) | (3, ..=11) => Self::V3_11,
            (3, 12) => Self::V3_12,
            (3, 13) => Self::V3_13,
            _ => Self::V3_14,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::V3_11 => "3.11",
            Self::V3_12 => "3.12",
            Self::V3_13 => "3.13",
            Self::V3_14 => "3.14",
        }
    }
}

/// One entry point, borrowed from the index that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EntryPointRef<'a> {
    /// `console_scripts`, or whatever the host looks for.
    pub group: &'a str,
    /// Its name, unique in nothing.
    pub name: &'a str,
    /// `module:object [extras]`, as written.
    pub value: &'a str,
    /// `Name` of the distribution as its metadata has it; `None` where Python would raise or give `None`.
    pub distribution: Option<&'a str>,
    /// `Version` of the distribution, likewise.
    pub version: Option<&'a str>,
}

/// What a record holds beside the name.
#[derive(Serialize, Deserialize)]
struct Payload<'a> {
    group: &'a str,
    value: &'a str,
    distribution: Option<&'a str>,
    version: Option<&'a str>,
}

impl<'a> EntryPointRef<'a> {
    /// Reads a record of an [`EntryPointFinder`]; `None` if it is none.
    pub fn decode(name: &'a str, payload: &'a [u8]) -> Option<Self> {
        let Payload { group, value, distribution, version } = postcard::from_bytes(payload).ok()?;
        Some(Self { group, name, value, distribution, version })
    }

    fn encode(&self) -> Vec<u8> {
        let Self { group, value, distribution, version, .. } = *self;
        // Encoding text into memory cannot fail; empty bytes would read as damage.
        postcard::to_allocvec(&Payload { group, value, distribution, version }).unwrap_or_default()
    }
}

/// Every entry point of an index that an [`EntryPointFinder`] made, in the order of that Python. Borrowed:
/// one allocation for the list. An error means a damaged index: ask the session again.
pub fn list(
    index: &Index,
    version: PythonVersion,
) -> Result<Vec<EntryPointRef<'_>>, plugcache_cache::StaleReason> {
    let mut all = Vec::with_capacity(index.plugin_count());
    index.for_each(|record| {
        all.push(EntryPointRef::decode(record.name, record.payload)?);
        Some(())
    })?;
    if version == PythonVersion::V3_11 {
        all.sort_by_key(|entry: &EntryPointRef<'_>| entry.group);
    }
    Ok(all)
}
