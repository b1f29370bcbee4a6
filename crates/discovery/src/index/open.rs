//! Reading an index. Every access is bounds-checked and covered by a checksum; damage is a miss.

use std::{
    collections::HashMap,
    ffi::CStr,
    ops::Deref,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use plugcache_cache::{
    Digest, StaleReason, Stamp, Timestamp,
    fs::{Map, c_path, look_at},
};
use serde::Serialize;
use zerocopy::FromBytes;

use super::{
    format::{self, DirectoryRow, FileRow, Header, PluginRow, Pointer},
    image::{FileLinks, Meta},
    table::{Damaged, Table, slice},
};
use crate::{
    finder::{Facts, Record},
    plugin::Problem,
    tree::{FileId, FileState, Listing, RootId, facts},
};

/// What an index must have been made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) version: u32,
    pub(crate) spec: Digest,
    pub(crate) place: Digest,
}

/// An open index.
#[derive(Debug)]
pub struct Index {
    bytes: Bytes,
    header: Header,
    roots: Vec<PathBuf>,
    /// Set when a part that was read turned out to be damaged: answers given since are not to be believed.
    damaged: AtomicBool,
}

#[derive(Debug)]
pub(super) enum Bytes {
    Mapped(Map),
    Owned(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// A file as the index has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File {
    pub(crate) stamp: Stamp,
    pub(crate) digest: Digest,
    pub(crate) racy: bool,
    pub(crate) absent: bool,
    row: FileRow,
}

/// A file that an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Its path.
    pub file: String,
    /// Its stamp when it was last found unchanged.
    pub stamp: Stamp,
    /// Digest of its content.
    pub digest: Digest,
    /// The stamp was too young to prove anything.
    pub racy: bool,
}

/// A plugin of the wanted name.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its record.
    pub record: Record,
    /// Position of the root it lies below.
    pub root: RootId,
}

impl Index {
    pub(super) fn open(bytes: Bytes, key: &Key, roots: &[PathBuf]) -> Result<Self, StaleReason> {
        let damaged = |part: &str| StaleReason::Damaged { part: part.to_owned() };
        let (header, _) = Header::read_from_prefix(&bytes).map_err(|_| damaged("header"))?;
        if header.magic != format::MAGIC {
            return Err(damaged("magic"));
        }
        if header.format.get() != format::FORMAT {
            return Err(StaleReason::Version { found: header.format.get(), expected: format::FORMAT });
        }
        if header.checksum() != header.sum.get() {
            return Err(damaged("header"));
        }
        if header.version.get() != key.version {
            return Err(StaleReason::Version { found: header.version.get(), expected: key.version });
        }
        if header.key != key.spec.0 {
            return Err(StaleReason::OtherKey);
        }
        if header.place != key.place.0 {
            return Err(StaleReason::Relocated);
        }
        let index = Self { bytes, header, roots: roots.to_vec(), damaged: AtomicBool::new(false) };
        let fits = index.try_directories().is_some()
            && index.try_files().is_some()
            && index.try_plugins().is_some()
            && slice(&index.bytes, &header.names).is_some()
            && slice(&index.bytes, &header.heap).is_some();
        if fits { Ok(index) } else { Err(damaged("sections")) }
    }

    fn try_directories(&self) -> Option<Table<'_, DirectoryRow>> {
        Table::new(&self.bytes, &self.header.directories, self.header.id.get())
    }

    fn try_files(&self) -> Option<Table<'_, FileRow>> {
        Table::new(&self.bytes, &self.header.files, !self.header.id.get())
    }

    fn try_plugins(&self) -> Option<Table<'_, PluginRow>> {
        Table::new(&self.bytes, &self.header.plugins, self.header.id.get().rotate_left(32))
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn directory_rows(&self) -> Result<Table<'_, DirectoryRow>, Damaged> {
        self.try_directories().ok_or(Damaged)
    }

    pub(super) fn file_rows(&self) -> Result<Table<'_, FileRow>, Damaged> {
        self.try_files().ok_or(Damaged)
    }

    pub(super) fn plugin_rows(&self) -> Result<Table<'_, PluginRow>, Damaged> {
        self.try_plugins().ok_or(Damaged)
    }

    /// Whether the bytes begin with this index's header, which holds a random number.
    pub(super) fn is_same_file(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.bytes.len()
            && bytes.get(..size_of::<Header>()) == self.bytes.get(..size_of::<Header>())
    }

    /// Whether anything that was read since it was opened turned out to be damaged.
    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    pub(super) fn damaged(&self, part: &str) -> StaleReason {
        self.damaged.store(true, Ordering::Relaxed);
        StaleReason::Damaged { part: part.to_owned() }
    }

    fn note<T>(&self, part: Option<T>) -> Option<T> {
        if part.is_none() {
            self.damaged.store(true, Ordering::Relaxed);
        }
        part
    }

    /// What a pointer into the heap leads to, its checksum verified.
    pub(super) fn heap(&self, pointer: &Pointer) -> Option<&[u8]> {
        self.note(slice(&self.bytes, &self.header.heap).and_then(|heap| resolve(heap, pointer)))
    }

    /// A path, its checksum verified.
    pub(super) fn name(&self, pointer: &Pointer) -> Option<&CStr> {
        let names = slice(&self.bytes, &self.header.names);
        let name = names.and_then(|names| CStr::from_bytes_with_nul(resolve(names, pointer)?).ok());
        self.note(name)
    }

    pub(super) fn file_row(&self, file: FileId) -> Option<FileRow> {
        self.note(self.try_files().and_then(|files| files.get(file.0 as usize)))
    }

    pub(super) fn directory_row(&self, at: u32) -> Option<DirectoryRow> {
        self.note(self.try_directories().and_then(|directories| directories.get(at as usize)))
    }

    pub(crate) fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// When the observation began that this index rests on.
    pub fn made(&self) -> Timestamp {
        Timestamp(self.header.made.get())
    }

    /// Number of files that are evidence, absent ones included.
    pub fn file_count(&self) -> usize {
        self.try_files().map_or(0, |files| files.len())
    }

    /// Number of plugins, duplicates of a name included.
    pub fn plugin_count(&self) -> usize {
        self.try_plugins().map_or(0, |plugins| plugins.len())
    }

    /// Size in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn file(&self, file: FileId) -> Option<File> {
        let row = self.file_row(file)?;
        Some(File {
            stamp: row.stamp.into(),
            digest: Digest(row.digest),
            racy: row.flags.get() & format::RACY != 0,
            absent: row.flags.get() & format::ABSENT != 0,
            row,
        })
    }

    /// Root and path below it.
    pub(crate) fn file_path(&self, file: FileId) -> Option<(RootId, String)> {
        let row = self.file_row(file)?;
        let directory = self.directory_row(row.directory.get())?;
        let above = self.name(&directory.path)?.to_str().ok()?;
        let name = self.name(&row.path)?.to_str().ok()?;
        let path = if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") };
        Some((RootId(directory.root.get()), path))
    }

    /// The file of that path, declared or found absent. Looks through the rows: for the few questions of a
    /// patch that costs less than a map over all files.
    pub(crate) fn find_file(&self, root: RootId, path: &str) -> Option<FileId> {
        let directories = self.try_directories()?;
        let above = |at: usize| {
            let row = directories.get_unchecked_sum(at)?;
            let length = (row.path.length.get() as usize).checked_sub(1)?;
            let fits = row.root.get() == root.0 && length <= path.len();
            let name = fits.then(|| self.name(&row.path)?.to_str().ok())??;
            let rest = path.strip_prefix(name)?;
            let rest = if name.is_empty() { rest } else { rest.strip_prefix('/')? };
            Some((at as u32, rest))
        };
        let places: Vec<(u32, &str)> = (0..directories.len()).filter_map(above).collect();
        let files = self.try_files()?;
        let is_wanted = |row: &FileRow| {
            let place = places.iter().find(|(directory, _)| *directory == row.directory.get());
            place.is_some_and(|(_, rest)| {
                row.path.length.get() as usize == rest.len() + 1
                    && self.name(&row.path).is_some_and(|name| name.to_bytes() == rest.as_bytes())
            })
        };
        (0..files.len())
            .find(|at| files.get_unchecked_sum(*at).as_ref().is_some_and(is_wanted))
            .map(|at| FileId(at as u32))
    }

    /// The listing of a directory that was looked at: `Some(None)` if there was none.
    #[expect(clippy::option_option, reason = "not looked at, looked at and absent, present are three things")]
    pub(crate) fn find_listing(&self, root: RootId, path: &str) -> Option<Option<Listing>> {
        let directories = self.try_directories()?;
        let is_wanted = |row: &DirectoryRow| {
            row.root.get() == root.0
                && row.path.length.get() as usize == path.len() + 1
                && self.name(&row.path).is_some_and(|name| name.to_bytes() == path.as_bytes())
        };
        let row =
            (0..directories.len()).filter_map(|at| directories.get_unchecked_sum(at)).find(is_wanted)?;
        let absent = row.flags.get() & format::ABSENT != 0;
        Some(if absent { None } else { self.listing_of(&row) })
    }

    pub(crate) fn files_by_path(&self) -> HashMap<(RootId, String), FileId> {
        let count = self.file_count() as u32;
        let of = |at| self.file_path(FileId(at)).map(|path| (path, FileId(at)));
        (0..count).filter_map(of).collect()
    }

    /// What became of a file, as a build would have it; `None` if that part is damaged.
    pub(crate) fn state_of(&self, file: &File) -> Option<FileState> {
        if file.absent {
            return Some(FileState::Absent);
        }
        let blob = self.heap(&file.row.facts)?;
        if file.row.flags.get() & format::PROBLEM != 0 {
            return Some(FileState::Problem(postcard::from_bytes(blob).ok()?));
        }
        facts::split(blob)?;
        Some(FileState::Facts(blob.to_vec()))
    }

    pub(crate) fn facts_of(&self, file: FileId) -> Option<(&[u8], &[u8])> {
        let row = self.file_row(file)?;
        if row.flags.get() & (format::PROBLEM | format::ABSENT) != 0 {
            return None;
        }
        facts::split(self.heap(&row.facts)?)
    }

    pub(super) fn listing_of(&self, row: &DirectoryRow) -> Option<Listing> {
        Listing::decode(self.heap(&row.listing)?)
    }

    pub(super) fn links_of(&self, row: &FileRow) -> Option<FileLinks> {
        if row.links.length.get() == 0 {
            return Some(FileLinks::default());
        }
        self.note(FileLinks::decode(self.heap(&row.links)?))
    }

    /// Whether a file depends on one of `others`.
    pub(super) fn depends_on_any(&self, row: &FileRow, others: &[FileId]) -> Option<bool> {
        if row.links.length.get() == 0 {
            return Some(false);
        }
        let (mut depends_on, _) = FileLinks::split(self.heap(&row.links)?)?;
        Some(depends_on.any(|file| others.contains(&FileId(file))))
    }

    /// The files that a plugin of `file` rests on: the file itself, and what its linking used.
    pub(crate) fn files_behind(&self, file: FileId) -> Result<Vec<FileId>, StaleReason> {
        let links = || self.links_of(&self.file_row(file)?);
        let links = links().ok_or_else(|| StaleReason::Damaged { part: "links".to_owned() })?;
        Ok(std::iter::once(file).chain(links.depends_on.into_iter().map(FileId)).collect())
    }

    /// The evidence behind a plugin of `file`.
    pub(crate) fn evidence(&self, file: FileId) -> Vec<Evidence> {
        let files = self.files_behind(file).unwrap_or_default();
        let of = |id| {
            let file = self.file(id)?;
            Some(Evidence {
                file: self.absolute(id)?,
                stamp: file.stamp,
                digest: file.digest,
                racy: file.racy,
            })
        };
        files.into_iter().filter_map(of).collect()
    }

    /// Path and content's digest of every file that is there, in no particular order. Damage is noted: the answer
    /// is then of no use.
    pub fn files(&self) -> Vec<(String, Digest)> {
        let above = |at: u32| {
            let row = self.directory_row(at)?;
            let root = self.roots.get(usize::from(row.root.get()))?;
            Some(root.join(self.name(&row.path)?.to_str().ok()?).display().to_string())
        };
        let mut directories: HashMap<u32, Option<String>> = HashMap::default();
        let Some(table) = self.try_files() else { return Vec::new() };
        let mut files = Vec::with_capacity(table.len());
        for row in table.iter() {
            let Some(row) = self.note(row.ok()) else { return Vec::new() };
            if row.flags.get() & format::ABSENT != 0 {
                continue;
            }
            let at = row.directory.get();
            let Some(directory) = directories.entry(at).or_insert_with(|| above(at)) else { continue };
            let Some(name) = self.name(&row.path).and_then(|name| name.to_str().ok()) else { continue };
            files.push((format!("{}/{name}", directory.trim_end_matches('/')), Digest(row.digest)));
        }
        files
    }

    pub(super) fn meta(&self) -> Result<Meta, StaleReason> {
        let meta = || postcard::from_bytes(self.heap(&self.header.meta)?).ok();
        meta().ok_or_else(|| StaleReason::Damaged { part: "meta".to_owned() })
    }

    /// Problems and dynamic places of all files and of the walk.
    pub(crate) fn notes(&self) -> Result<(Vec<Problem>, Vec<Problem>), StaleReason> {
        let mut problems = self.meta()?.problems;
        let mut dynamic = Vec::new();
        let damaged = || self.damaged("files");
        let table = self.file_rows().map_err(|_| damaged())?;
        for (at, row) in table.iter().enumerate() {
            let row = row.map_err(|_| damaged())?;
            let is_problem = row.flags.get() & format::PROBLEM != 0;
            if !is_problem && row.links.length.get() == 0 {
                continue;
            }
            let links = self.links_of(row).ok_or_else(damaged)?;
            if !is_problem && links.problems.is_empty() && links.dynamic.is_empty() {
                continue;
            }
            let path = self.absolute(FileId(at as u32)).ok_or_else(damaged)?;
            let at_path = |problem| Problem { file: path.clone(), ..problem };
            if is_problem {
                let blob = self.heap(&row.facts).ok_or_else(damaged)?;
                problems.push(at_path(postcard::from_bytes(blob).map_err(|_| damaged())?));
            }
            problems.extend(links.problems.into_iter().map(at_path));
            dynamic.extend(links.dynamic.into_iter().map(at_path));
        }
        problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        Ok((problems, dynamic))
    }

    /// Where a file is: the number of its root, and its path below it.
    pub fn place(&self, file: FileId) -> Option<(usize, String)> {
        self.file_path(file).map(|(root, path)| (usize::from(root.0), path))
    }

    /// Whether one look proves that a file is as the index has it, present or absent: a look at it alone,
    /// whatever became of the rest. No where the look proves nothing.
    pub fn is_untouched(&self, file: FileId) -> bool {
        let look = || {
            let (root, path) = self.file_path(file)?;
            let path = self.roots.get(usize::from(root.0))?.join(path);
            look_at(&c_path(path.as_os_str().as_encoded_bytes()).ok()?).ok()
        };
        let (Some(kept), Some(seen)) = (self.file(file), look()) else { return false };
        !kept.racy && seen.map_or(kept.absent, |seen| !kept.absent && seen.stamp == kept.stamp)
    }

    /// Places of the roots that were not there, or no directories.
    pub fn absent_roots(&self) -> impl Iterator<Item = &Path> {
        let is_absent = |at: &usize| {
            let listing = self.find_listing(RootId(*at as u16), "");
            !matches!(listing, Some(Some(_)))
        };
        (0..self.roots.len()).filter(is_absent).filter_map(|at| self.roots.get(at)).map(PathBuf::as_path)
    }

    /// Every file that is evidence, absent ones included.
    pub fn file_ids(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..self.file_count() as u32).map(FileId)
    }

    /// Absolute path of a file, for people.
    pub fn absolute(&self, file: FileId) -> Option<String> {
        let (root, path) = self.file_path(file)?;
        Some(self.roots.get(usize::from(root.0))?.join(path).display().to_string())
    }
}

impl Facts for Index {
    fn path(&self, file: FileId) -> Option<(&Path, String)> {
        let (root, path) = self.file_path(file)?;
        Some((self.roots.get(usize::from(root.0))?, path))
    }

    fn structure(&self, file: FileId) -> Option<&[u8]> {
        self.facts_of(file).map(|(structure, _)| structure)
    }

    fn details(&self, file: FileId) -> Option<&[u8]> {
        self.facts_of(file).map(|(_, details)| details)
    }
}

fn resolve<'a>(section: &'a [u8], pointer: &Pointer) -> Option<&'a [u8]> {
    let start = usize::try_from(pointer.offset.get()).ok()?;
    let bytes = section.get(start..start.checked_add(pointer.length.get() as usize)?)?;
    (Pointer::checksum(bytes) == pointer.sum.get()).then_some(bytes)
}

/// Reads a whole index, whatever it was made for: number of plugins and specification.
pub(super) fn inspect(bytes: Bytes) -> Result<(usize, String), StaleReason> {
    let damaged = |part: &str| StaleReason::Damaged { part: part.to_owned() };
    let (header, _) = Header::read_from_prefix(&bytes).map_err(|_| damaged("header"))?;
    let key = Key { version: header.version.get(), spec: Digest(header.key), place: Digest(header.place) };
    let index = Index::open(bytes, &key, &[])?;
    let spec = index.meta()?.spec;
    let tables = index.try_directories().is_some_and(|table| table.verify())
        && index.try_files().is_some_and(|table| table.verify());
    if !tables {
        return Err(damaged("tables"));
    }
    for row in index.directory_rows().map_err(|_| damaged("directories"))?.iter().flatten() {
        index.name(&row.path);
        if row.flags.get() & format::ABSENT == 0 {
            index.listing_of(row);
        }
    }
    for at in 0..index.file_count() as u32 {
        index.file_path(FileId(at));
        if let Some(file) = index.file(FileId(at)) {
            index.state_of(&file);
            index.links_of(&file.row);
        }
    }
    let plugins = index.all()?.len();
    if index.is_damaged() { Err(damaged("names or heap")) } else { Ok((plugins, spec)) }
}
