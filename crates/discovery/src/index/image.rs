//! Writing an index: rows, names and heap gathered in memory, then laid out.

use std::{borrow::Cow, collections::HashMap};

use plugcache_cache::Timestamp;
use serde::{Deserialize, Serialize};
use zerocopy::IntoBytes;

use super::{
    format::{self, DirectoryRow, FileRow, Header, PluginRow, Pointer, Section},
    open::Key,
    table::Rows,
};
use crate::{
    finder::{Linked, Links, Record},
    plugin::Problem,
    tree::{Build, FileState},
};

/// What linking made of a file, apart from its plugins.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct FileLinks {
    pub(super) depends_on: Vec<u32>,
    pub(super) dynamic: Vec<Problem>,
    pub(super) problems: Vec<Problem>,
}

/// What concerns the index as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Meta {
    /// Files whose change concerns every plugin, sorted.
    pub(super) all_depend_on: Vec<u32>,
    /// Problems of the walk; those of files stand with their files.
    pub(super) problems: Vec<Problem>,
    /// The finder's specification and the roots, for people who ask what a file is.
    pub(super) spec: String,
    pub(super) roots: Vec<String>,
}

/// The parts of an index file.
pub(super) struct Image<'a> {
    pub(super) header: Header,
    pub(super) directories: Rows<'a, DirectoryRow>,
    pub(super) files: Rows<'a, FileRow>,
    /// Sorted as [`sort_plugins`] does.
    pub(super) plugins: Rows<'a, PluginRow>,
    pub(super) names: Cow<'a, [u8]>,
    /// Heap of an older index that stays as it is, before the new one.
    pub(super) kept_heap: &'a [u8],
    pub(super) heap: Heap,
}

/// Bytes that rows point into: small ones gathered, large ones as they are.
#[derive(Default)]
pub(super) struct Heap {
    /// Where the next byte goes.
    end: u64,
    pieces: Vec<Vec<u8>>,
    tail: Vec<u8>,
}

/// From this size on, copying costs more than another piece to write.
const LARGE: usize = 1024;

impl Heap {
    /// A heap that goes on behind `start` bytes that stand already.
    pub(super) fn behind(start: usize) -> Self {
        Self { end: start as u64, ..Self::default() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Pointer {
        self.tail.extend_from_slice(bytes);
        self.point_at(bytes)
    }

    pub(super) fn push_owned(&mut self, bytes: Vec<u8>) -> Pointer {
        if bytes.len() < LARGE {
            return self.push(&bytes);
        }
        let pointer = self.point_at(&bytes);
        if !self.tail.is_empty() {
            self.pieces.push(std::mem::take(&mut self.tail));
        }
        self.pieces.push(bytes);
        pointer
    }

    fn point_at(&mut self, bytes: &[u8]) -> Pointer {
        let offset = self.end;
        self.end += bytes.len() as u64;
        Pointer {
            offset: offset.into(),
            length: (bytes.len() as u32).into(),
            sum: Pointer::checksum(bytes).into(),
        }
    }

    fn into_pieces(mut self) -> Vec<Vec<u8>> {
        self.pieces.push(self.tail);
        self.pieces
    }

    pub(super) fn push_value<T: Serialize>(&mut self, value: &T) -> Pointer {
        // Encoding into memory fails only for types that none of ours is (unsized sequences); an empty
        // value then reads as damage, which is a miss.
        self.push(&postcard::to_allocvec(value).unwrap_or_default())
    }

    /// A record: line and length of the name, the name, the payload.
    pub(super) fn push_record(&mut self, record: &Record) -> Pointer {
        let mut bytes = Vec::with_capacity(8 + record.name.len() + record.payload.len());
        bytes.extend_from_slice(&record.line.to_le_bytes());
        bytes.extend_from_slice(&(record.name.len() as u32).to_le_bytes());
        bytes.extend_from_slice(record.name.as_bytes());
        bytes.extend_from_slice(&record.payload);
        self.push(&bytes)
    }
}

impl<'a> Image<'a> {
    /// The pieces in order. Sections that come first are those that every validation reads.
    pub(super) fn into_pieces(mut self) -> Vec<Cow<'a, [u8]>> {
        let id = self.header.id.get();
        let directories = self.directories.encode(id);
        let files = self.files.encode(!id);
        let plugins = self.plugins.encode(id.rotate_left(32));
        let new_heap = self.heap.into_pieces().into_iter().map(Cow::Owned);
        let heap: Vec<Cow<'a, [u8]>> =
            std::iter::once(Cow::Borrowed(self.kept_heap)).chain(new_heap).collect();

        let mut offset = size_of::<Header>();
        let mut section = |pieces: &[Cow<'_, [u8]>], count: usize| {
            let length: usize = pieces.iter().map(|piece| piece.len()).sum();
            let section = Section {
                offset: (offset as u64).into(),
                length: (length as u64).into(),
                count: (count as u64).into(),
            };
            offset += length;
            section
        };
        let names = vec![self.names];
        self.header.directories = section(&directories, self.directories.len());
        self.header.files = section(&files, self.files.len());
        self.header.plugins = section(&plugins, self.plugins.len());
        self.header.names = section(&names, 0);
        self.header.heap = section(&heap, 0);
        self.header.sum = self.header.checksum().into();
        let header = vec![Cow::Owned(self.header.as_bytes().to_vec())];
        [header, directories, files, plugins, names, heap].into_iter().flatten().collect()
    }
}

/// The order of plugins: by hash, then file, then as they stand in their file.
pub(super) fn sort_plugins(rows: &mut [PluginRow]) {
    rows.sort_unstable_by_key(|row| (row.hash.get(), row.file.get(), row.ordinal.get()));
}

/// A header for a new index; its sections are filled in by [`Image::into_pieces`].
pub(super) fn header(key: &Key, made: Timestamp, id: u64) -> Header {
    Header {
        magic: format::MAGIC,
        format: format::FORMAT.into(),
        version: key.version.into(),
        key: key.spec.0,
        place: key.place.0,
        id: id.into(),
        made: made.0.into(),
        ..Header::default()
    }
}

/// The image of a tree that was built and linked.
pub(super) fn of_build(build: Build<'_>, links: &Links, header: Header, spec: String) -> Image<'static> {
    let mut names = Heap::default();
    let mut heap = Heap::default();
    let directories = build.directories.iter().map(|node| {
        let mut flags = if node.racy { format::RACY } else { 0 };
        let listing = if let Some(listing) = &node.listing {
            heap.push(&listing.encode())
        } else {
            flags |= format::ABSENT;
            Pointer::default()
        };
        DirectoryRow {
            root: node.root.0.into(),
            flags: flags.into(),
            path: names.push(&terminated(&node.path)),
            stamp: node.stamp.into(),
            listing,
        }
    });
    let directories: Vec<DirectoryRow> = directories.collect();
    let linked: HashMap<u32, &Linked> = links.files.iter().map(|(file, linked)| (file.0, linked)).collect();
    let linked = |at: usize| linked.get(&(at as u32)).copied();
    // Links lie together, and so do records: a search for dependants and a listing read them in one go.
    let files = 0..build.files.len();
    let pointers: Vec<Pointer> = files
        .clone()
        .map(|at| linked(at).map_or_else(Pointer::default, |linked| push_links(&mut heap, linked)))
        .collect();
    let mut plugins = Vec::new();
    for at in files {
        for (ordinal, record) in linked(at).iter().flat_map(|linked| &linked.records).enumerate() {
            plugins.push(plugin_row(&mut heap, record, ordinal));
        }
    }
    let mut files = Vec::with_capacity(build.files.len());
    let roots = build.roots_for_people();
    for (node, links) in build.files.into_iter().zip(pointers) {
        let mut flags = if node.racy { format::RACY } else { 0 };
        let facts = match node.state {
            FileState::Facts(blob) => heap.push_owned(blob),
            FileState::Problem(problem) => {
                flags |= format::PROBLEM;
                heap.push_value(&problem)
            }
            FileState::Absent | FileState::Pending => {
                flags |= format::ABSENT;
                Pointer::default()
            }
        };
        let directory =
            build.directories.get(node.directory as usize).map_or("", |directory| &directory.path);
        let below =
            node.path.strip_prefix(directory).map_or(&*node.path, |path| path.trim_start_matches('/'));
        files.push(FileRow {
            directory: node.directory.into(),
            flags: flags.into(),
            path: names.push(&terminated(below)),
            stamp: node.stamp.into(),
            digest: node.digest.0,
            facts,
            links,
        });
    }
    sort_plugins(&mut plugins);
    let mut all_depend_on: Vec<u32> = links.all_depend_on.iter().map(|file| file.0).collect();
    all_depend_on.sort_unstable();
    let meta = Meta { all_depend_on, problems: build.problems, spec, roots };
    let header = Header { meta: heap.push_value(&meta), ..header };
    Image {
        header,
        directories: Rows::New(directories),
        files: Rows::New(files),
        plugins: Rows::New(plugins),
        names: Cow::Owned(names.into_pieces().concat()),
        kept_heap: &[],
        heap,
    }
}

pub(super) fn push_links(heap: &mut Heap, linked: &Linked) -> Pointer {
    let links = FileLinks {
        depends_on: linked.depends_on.iter().map(|file| file.0).collect(),
        dynamic: linked.dynamic.clone(),
        problems: linked.problems.clone(),
    };
    if links == FileLinks::default() { Pointer::default() } else { heap.push(&links.encode()) }
}

impl FileLinks {
    /// The number of files it depends on, those files, then the rest: a search for dependants reads the
    /// first two of every file and decodes nothing.
    fn encode(&self) -> Vec<u8> {
        let mut bytes = (self.depends_on.len() as u32).to_le_bytes().to_vec();
        bytes.extend(self.depends_on.iter().flat_map(|file| file.to_le_bytes()));
        // As for `push_value`: encoding these into memory cannot fail.
        bytes.extend(postcard::to_allocvec(&(&self.dynamic, &self.problems)).unwrap_or_default());
        bytes
    }

    /// The inverse of [`encode`](Self::encode).
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (depends_on, rest) = Self::split(bytes)?;
        let (dynamic, problems) = postcard::from_bytes(rest).ok()?;
        Some(Self { depends_on: depends_on.collect(), dynamic, problems })
    }

    /// The files it depends on, and the rest.
    pub(super) fn split(bytes: &[u8]) -> Option<(impl Iterator<Item = u32> + '_, &[u8])> {
        let (count, rest) = bytes.split_first_chunk::<4>()?;
        let (files, rest) = rest.split_at_checked((u32::from_le_bytes(*count) as usize).checked_mul(4)?)?;
        let (files, _) = files.as_chunks::<4>();
        Some((files.iter().map(|file| u32::from_le_bytes(*file)), rest))
    }
}

pub(super) fn plugin_row(heap: &mut Heap, record: &Record, ordinal: usize) -> PluginRow {
    PluginRow {
        hash: format::name_hash(&record.name).into(),
        file: record.file.0.into(),
        ordinal: (ordinal as u32).into(),
        record: heap.push_record(record),
    }
}

fn terminated(path: &str) -> Vec<u8> {
    [path.as_bytes(), b"\0"].concat()
}
