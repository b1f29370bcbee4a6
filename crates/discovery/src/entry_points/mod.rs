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
pub mod kept;

use std::collections::BTreeMap;

pub use finder::EntryPointFinder;
use serde::Serialize;

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

/// Stands for the length of a text that is not there.
const NOT_TOLD: u32 = u32::MAX;

impl<'a> EntryPointRef<'a> {
    /// Reads a record of an [`EntryPointFinder`]; `None` if it is none.
    ///
    /// A payload is the lengths of group, value, distribution and version in four bytes each, then their
    /// text in one piece: thousands of them are read at every start, and text that is checked once is read
    /// three times as fast as four short ones.
    pub fn decode(name: &'a str, payload: &'a [u8]) -> Option<Self> {
        let (lengths, text) = payload.split_first_chunk::<16>()?;
        let mut lengths = lengths.as_chunks::<4>().0.iter().map(|length| u32::from_le_bytes(*length));
        let mut rest = std::str::from_utf8(text).ok()?;
        let mut next = || {
            let length = lengths.next()?;
            if length == NOT_TOLD {
                return Some(None);
            }
            let (text, after) = rest.split_at_checked(length as usize)?;
            rest = after;
            Some(Some(text))
        };
        let (group, value, distribution, version) = (next()??, next()??, next()?, next()?);
        rest.is_empty().then_some(Self { group, name, value, distribution, version })
    }

    fn encode(&self) -> Vec<u8> {
        let texts = [Some(self.group), Some(self.value), self.distribution, self.version];
        let lengths = texts.map(|text| text.map_or(NOT_TOLD, |text| text.len() as u32));
        let lengths = lengths.iter().flat_map(|length| length.to_le_bytes());
        lengths.chain(texts.into_iter().flatten().flat_map(str::bytes)).collect()
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
        all = by_group(&all);
    }
    Ok(all)
}

/// Sorts by group, otherwise as they stand. There are few groups, and neighbours share them, so this
/// compares hardly any text.
fn by_group<'a>(all: &[EntryPointRef<'a>]) -> Vec<EntryPointRef<'a>> {
    let mut groups: BTreeMap<&str, Vec<std::ops::Range<usize>>> = BTreeMap::new();
    let mut start = 0;
    for run in all.chunk_by(|left, right| left.group == right.group) {
        let end = start + run.len();
        if let Some(first) = run.first() {
            groups.entry(first.group).or_default().push(start..end);
        }
        start = end;
    }
    let runs = groups.into_values().flatten().filter_map(|run| all.get(run));
    let mut sorted = Vec::with_capacity(all.len());
    runs.for_each(|run| sorted.extend_from_slice(run));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>(group: &'a str, name: &'a str, distribution: Option<&'a str>) -> EntryPointRef<'a> {
        EntryPointRef { group, name, value: "m:o [é]", distribution, version: Some("") }
    }

    #[test]
    fn records_read_back() {
        for original in [entry("g", "n", Some("d")), entry("", "", None)] {
            let payload = original.encode();
            assert_eq!(EntryPointRef::decode(original.name, &payload), Some(original));
            for length in 0..payload.len() {
                assert_eq!(EntryPointRef::decode("n", &payload[..length]), None);
            }
        }
        assert_eq!(EntryPointRef::decode("n", &[0xFF; 40]), None);
    }

    #[test]
    fn groups_are_sorted_and_nothing_else() {
        let all =
            [entry("b", "2", None), entry("a", "3", None), entry("a", "1", None), entry("b", "1", None)];
        let sorted: Vec<_> = by_group(&all).iter().map(|entry| (entry.group, entry.name)).collect();
        assert_eq!(sorted, [("a", "3"), ("a", "1"), ("b", "2"), ("b", "1")]);
    }
}
