//! The layout of an index file, byte by byte; `docs/format.md` tells it in prose.
//!
//! ```text
//! header │ directories │ files │ plugins │ names │ heap
//! ```
//! Tables hold rows of fixed size in blocks, each block with a checksum. Rows point into `names` (paths,
//! needed by every validation, so kept together) and `heap` (everything else); each pointer carries the
//! checksum of what it points at. So damage anywhere is noticed where it is read, and nothing but what is
//! read need be checked.

use plugcache_cache::{Stamp, Timestamp};
use xxhash_rust::xxh3::xxh3_64_with_seed;
use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
    little_endian::{I64, U16, U32, U64},
};

pub(super) const MAGIC: [u8; 8] = *b"plugidx\n";

/// Goes up whenever the layout changes; another version is a miss.
pub(super) const FORMAT: u32 = 1;

/// The path of a directory or file is absent on purpose.
pub(super) const ABSENT: u16 = 1;
/// The stamp was too young to prove anything when it was taken.
pub(super) const RACY: u16 = 2;
/// The facts are a problem instead.
pub(super) const PROBLEM: u16 = 4;

/// A pointer into `names` or `heap`.
#[derive(Debug, Clone, Copy, Default, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Pointer {
    pub(super) offset: U64,
    pub(super) length: U32,
    pub(super) sum: U64,
}

/// See [`Stamp`].
#[derive(Debug, Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct StampRow {
    device: U64,
    inode: U64,
    size: U64,
    modified: I64,
    changed: I64,
}

/// A directory that was listed.
#[derive(Debug, Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct DirectoryRow {
    pub(super) root: U16,
    pub(super) flags: U16,
    /// In `names`, with a NUL at its end: relative to the root.
    pub(super) path: Pointer,
    pub(super) stamp: StampRow,
    /// In `heap`.
    pub(super) listing: Pointer,
}

/// A file that was declared.
#[derive(Debug, Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct FileRow {
    pub(super) directory: U32,
    pub(super) flags: U16,
    /// In `names`, with a NUL at its end: relative to its directory.
    pub(super) path: Pointer,
    pub(super) stamp: StampRow,
    pub(super) digest: [u8; 16],
    /// In `heap`: what was extracted from it.
    pub(super) facts: Pointer,
    /// In `heap`: what linking made of it, apart from its plugins.
    pub(super) links: Pointer,
}

/// A plugin. Rows are sorted by hash, then file, then ordinal.
#[derive(Debug, Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct PluginRow {
    /// Of the folded name: see [`name_hash`].
    pub(super) hash: U64,
    pub(super) file: U32,
    /// Position among the plugins of its file.
    pub(super) ordinal: U32,
    /// In `heap`.
    pub(super) record: Pointer,
}

/// Where a part of the file lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Section {
    pub(super) offset: U64,
    /// In bytes.
    pub(super) length: U64,
    /// Rows, for a table.
    pub(super) count: U64,
}

/// The start of the file.
#[derive(Debug, Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Header {
    pub(super) magic: [u8; 8],
    pub(super) format: U32,
    /// Version of the finder.
    pub(super) version: U32,
    /// Digest of the finder's specification.
    pub(super) key: [u8; 16],
    /// Digest of the roots' paths.
    pub(super) place: [u8; 16],
    /// Random; seeds the checksums of the tables, so that blocks of two indexes cannot be mixed up.
    pub(super) id: U64,
    /// When the observation began that every row rests on.
    pub(super) made: I64,
    pub(super) directories: Section,
    pub(super) files: Section,
    pub(super) plugins: Section,
    pub(super) names: Section,
    pub(super) heap: Section,
    /// Bytes of the heap that nothing points at any more.
    pub(super) garbage: U64,
    /// In `heap`: see [`Meta`](super::image::Meta).
    pub(super) meta: Pointer,
    /// Of everything above.
    pub(super) sum: U64,
}

impl Header {
    /// The checksum that `sum` must hold.
    pub(super) fn checksum(&self) -> u64 {
        let bytes = self.as_bytes();
        let covered = bytes.len() - size_of::<U64>();
        bytes.get(..covered).map_or(0, |bytes| xxh3_64_with_seed(bytes, 0))
    }
}

impl Pointer {
    pub(super) fn checksum(bytes: &[u8]) -> u64 {
        xxh3_64_with_seed(bytes, bytes.len() as u64)
    }
}

impl From<Stamp> for StampRow {
    fn from(stamp: Stamp) -> Self {
        Self {
            device: stamp.device.into(),
            inode: stamp.inode.into(),
            size: stamp.size.into(),
            modified: stamp.modified.0.into(),
            changed: stamp.changed.0.into(),
        }
    }
}

impl From<StampRow> for Stamp {
    fn from(row: StampRow) -> Self {
        Self {
            device: row.device.get(),
            inode: row.inode.get(),
            size: row.size.get(),
            modified: Timestamp(row.modified.get()),
            changed: Timestamp(row.changed.get()),
        }
    }
}

/// Hash under which a name is found: of its lower case without `_` and `-`, so that `Foo_Bar`, `foo-bar`
/// and `FooBar` meet and the case rule decides among them.
pub(super) fn name_hash(name: &str) -> u64 {
    // Names are short and nearly always ASCII: the buffer on the stack serves them without allocation.
    let mut buffer = [0_u8; 128];
    if name.is_ascii() && name.len() <= buffer.len() {
        let mut length = 0;
        for (byte, slot) in name.bytes().filter(|byte| !is_separator(char::from(*byte))).zip(&mut buffer) {
            *slot = byte.to_ascii_lowercase();
            length += 1;
        }
        return xxh3_64_with_seed(buffer.get(..length).unwrap_or_default(), 0);
    }
    let folded: String = fold(name);
    xxh3_64_with_seed(folded.as_bytes(), 0)
}

/// Lower case without `_` and `-`.
pub(crate) fn fold(name: &str) -> String {
    name.chars().filter(|c| !is_separator(*c)).flat_map(char::to_lowercase).collect()
}

fn is_separator(c: char) -> bool {
    c == '_' || c == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_document() {
        assert_eq!(size_of::<Pointer>(), 20);
        assert_eq!(size_of::<DirectoryRow>(), 84);
        assert_eq!(size_of::<FileRow>(), 122);
        assert_eq!(size_of::<PluginRow>(), 36);
        assert_eq!(size_of::<Header>(), 220);
    }

    #[test]
    fn short_and_long_way_of_hashing_agree() {
        for name in ["FooBar", "foo_bar", "foo-bar", &"x_Y".repeat(100)] {
            let folded = fold(name);
            assert_eq!(name_hash(name), xxh3_64_with_seed(folded.as_bytes(), 0), "{name}");
        }
        assert_eq!(name_hash("Ünï"), name_hash("ÜNÏ"));
    }
}
