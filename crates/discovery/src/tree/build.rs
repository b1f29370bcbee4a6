//! A tree read from the file system.

use std::{
    borrow::Cow,
    collections::HashMap,
    ffi::CString,
    path::{Path, PathBuf},
    rc::Rc,
};

use plugcache_cache::{
    Digest, Error, StaleReason, Stamp, Timestamp,
    freshness::Granularity,
    fs::{Directory, Kind, c_path},
};

use super::{EntryKind, FileId, Listing, RootId, facts, split};
use crate::{
    finder::Finder,
    index::{Index, Stale},
    plugin::Problem,
};

/// Larger files are reported and skipped: no source file is that large, and reading one could exhaust
/// memory.
const LARGEST_FILE: u64 = 64 << 20;

/// Deeper directories are reported and skipped: only a loop of links gets there.
const DEEPEST: usize = 64;

/// What to build, and what may be reused.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) finder: &'a dyn Finder,
    pub(crate) roots: &'a [PathBuf],
    /// Taken before the first directory is read.
    pub(crate) began: Timestamp,
    /// An older index of the same key, whose facts may be reused.
    pub(crate) old: Option<&'a Index>,
    /// Believe no stamp: read every file.
    pub(crate) distrust_stamps: bool,
}

pub(crate) struct Build<'a> {
    request: Request<'a>,
    roots: Vec<Option<Root>>,
    pub(crate) directories: Vec<DirectoryNode>,
    directory_ids: Vec<HashMap<Box<str>, u32>>,
    pub(crate) files: Vec<FileNode>,
    file_ids: Vec<HashMap<Box<str>, FileId>>,
    old_files: Option<HashMap<(RootId, String), FileId>>,
    pub(crate) problems: Vec<Problem>,
    /// Something failed that may well succeed soon: the outcome must not be kept.
    pub(crate) transient: bool,
    pub(crate) parsed: usize,
    pub(crate) reused: usize,
    pub(crate) stale: Vec<Stale>,
    linking: bool,
}

struct Root {
    directory: Directory,
    granularity: Granularity,
}

pub(crate) struct DirectoryNode {
    pub(crate) root: RootId,
    pub(crate) path: Box<str>,
    pub(crate) stamp: Stamp,
    pub(crate) racy: bool,
    /// `None` if it is absent or unreadable.
    pub(crate) listing: Option<Rc<Listing>>,
}

pub(crate) struct FileNode {
    pub(crate) root: RootId,
    pub(crate) path: Box<str>,
    /// The deepest directory above it that is evidence itself.
    pub(crate) directory: u32,
    pub(crate) stamp: Stamp,
    pub(crate) digest: Digest,
    pub(crate) racy: bool,
    pub(crate) state: FileState,
}

/// What became of a declared file.
pub(crate) enum FileState {
    /// Not looked at yet.
    Pending,
    /// There is none.
    Absent,
    /// Facts, as [`facts::join`] lays them out.
    Facts(Vec<u8>),
    /// It could not be read or understood.
    Problem(Problem),
}

impl<'a> Build<'a> {
    pub(crate) fn new(request: Request<'a>) -> Self {
        let count = request.roots.len();
        Self {
            request,
            roots: request.roots.iter().map(|path| Root::open(path)).collect(),
            directories: Vec::new(),
            directory_ids: vec![HashMap::new(); count],
            files: Vec::new(),
            file_ids: vec![HashMap::new(); count],
            old_files: None,
            problems: Vec::new(),
            transient: false,
            parsed: 0,
            reused: 0,
            stale: Vec::new(),
            linking: false,
        }
    }

    pub(super) fn root_paths(&self) -> &[PathBuf] {
        self.request.roots
    }

    pub(crate) fn roots_for_people(&self) -> Vec<String> {
        self.request.roots.iter().map(|root| root.display().to_string()).collect()
    }

    pub(super) fn list(&mut self, root: RootId, path: &str) -> Option<Rc<Listing>> {
        if let Some(known) = self.directory_ids.get(usize::from(root.0))?.get(path) {
            return self.directories.get(*known as usize)?.listing.clone();
        }
        let (stamp, listing) = self.look_into(root, path);
        let granularity = self.root(root).map_or(Granularity::COARSE, |root| root.granularity);
        let racy = granularity.is_racy(&stamp, self.request.began);
        let node = DirectoryNode { root, path: path.into(), stamp, racy, listing: listing.clone() };
        let id = self.directories.len() as u32;
        self.directories.push(node);
        self.directory_ids.get_mut(usize::from(root.0))?.insert(path.into(), id);
        let dangling: Vec<String> =
            listing.iter().flat_map(|listing| &listing.entries).filter_map(others).collect();
        for name in dangling {
            // A link whose target appears later changes no directory: the file itself is the evidence.
            self.declare(root, &join(path, &name));
        }
        listing
    }

    fn look_into(&mut self, root: RootId, path: &str) -> (Stamp, Option<Rc<Listing>>) {
        if path.split('/').count() > DEEPEST {
            self.report(root, path, format!("nested deeper than {DEEPEST} directories: skipped"));
            return (Stamp::ABSENT, None);
        }
        let Ok(name) = c_path(path.as_bytes()) else { return (Stamp::ABSENT, None) };
        let Some(top) = self.root(root) else { return (Stamp::ABSENT, None) };
        let listed = top.directory.open_below(&name).and_then(|directory| directory.list());
        match listed {
            Ok((_, stamp)) if self.is_loop(root, path, &stamp) => {
                self.report(root, path, "a loop of symbolic links: skipped".to_owned());
                (stamp, None)
            }
            Ok((entries, stamp)) => {
                let finder = self.request.finder;
                let (listing, unnameable) = Listing::from_entries(entries, |name| finder.is_relevant(name));
                for name in unnameable {
                    self.report(root, &join(path, &name), "the name is not UTF-8: skipped".to_owned());
                }
                (stamp, Some(Rc::new(listing)))
            }
            Err(error) => {
                self.note_failure(root, path, &error);
                let stamp = self.stamp_of(root, &name);
                (stamp, None)
            }
        }
    }

    /// Whether a directory above has the same identity.
    fn is_loop(&self, root: RootId, path: &str, stamp: &Stamp) -> bool {
        let mut above = path;
        while !above.is_empty() {
            above = split(above).0;
            let node = self
                .directory_ids
                .get(usize::from(root.0))
                .and_then(|ids| ids.get(above))
                .and_then(|id| self.directories.get(*id as usize));
            let same =
                |node: &DirectoryNode| (node.stamp.device, node.stamp.inode) == (stamp.device, stamp.inode);
            if node.is_some_and(same) {
                return true;
            }
        }
        false
    }

    fn stamp_of(&self, root: RootId, name: &CString) -> Stamp {
        let name = if name.is_empty() { c"." } else { name };
        let look = self.root(root).and_then(|root| root.directory.look(name).ok().flatten());
        look.map_or(Stamp::ABSENT, |look| look.stamp)
    }

    pub(super) fn declare(&mut self, root: RootId, path: &str) -> FileId {
        if let Some(known) = self.file_ids.get(usize::from(root.0)).and_then(|ids| ids.get(path)) {
            return *known;
        }
        let directory = self.directory_above(root, path);
        let id = FileId(self.files.len() as u32);
        self.files.push(FileNode {
            root,
            path: path.into(),
            directory,
            stamp: Stamp::ABSENT,
            digest: Digest::default(),
            racy: false,
            state: FileState::Pending,
        });
        if let Some(ids) = self.file_ids.get_mut(usize::from(root.0)) {
            ids.insert(path.into(), id);
        }
        if self.linking {
            self.read(id);
        }
        id
    }

    /// The deepest directory above `path` that has been listed; the root is listed if none has.
    fn directory_above(&mut self, root: RootId, path: &str) -> u32 {
        let mut above = path;
        while !above.is_empty() {
            above = split(above).0;
            if let Some(id) = self.directory_ids.get(usize::from(root.0)).and_then(|ids| ids.get(above)) {
                return *id;
            }
        }
        self.list(root, "");
        self.directory_ids.get(usize::from(root.0)).and_then(|ids| ids.get("")).copied().unwrap_or(0)
    }

    pub(super) fn find(&mut self, root: RootId, path: &str) -> Option<FileId> {
        if let Some(known) = self.file_ids.get(usize::from(root.0))?.get(path).copied() {
            let exists = !matches!(self.files.get(known.0 as usize)?.state, FileState::Absent);
            return exists.then_some(known);
        }
        let (parent, name) = split(path);
        let listed =
            self.is_listed_directory(root, parent) && self.list(root, parent)?.get(name)? == EntryKind::File;
        listed.then(|| self.declare(root, path))
    }

    fn is_listed_directory(&mut self, root: RootId, path: &str) -> bool {
        if path.is_empty() {
            return true;
        }
        let (parent, name) = split(path);
        self.is_listed_directory(root, parent)
            && self.list(root, parent).is_some_and(|listing| listing.get(name) == Some(EntryKind::Directory))
    }

    pub(super) fn files(&self) -> Vec<FileId> {
        let exists = |(_, file): &(usize, &FileNode)| !matches!(file.state, FileState::Absent);
        self.files.iter().enumerate().filter(exists).map(|(at, _)| FileId(at as u32)).collect()
    }

    pub(super) fn path(&self, file: FileId) -> (RootId, Cow<'_, str>) {
        let file = self.files.get(file.0 as usize);
        file.map_or((RootId(0), Cow::Borrowed("")), |file| (file.root, Cow::Borrowed(&file.path)))
    }

    pub(super) fn structure(&self, file: FileId) -> Option<&[u8]> {
        self.facts(file).map(|(structure, _)| structure)
    }

    pub(super) fn details(&self, file: FileId) -> Option<&[u8]> {
        self.facts(file).map(|(_, details)| details)
    }

    fn facts(&self, file: FileId) -> Option<(&[u8], &[u8])> {
        match &self.files.get(file.0 as usize)?.state {
            FileState::Facts(blob) => facts::split(blob),
            _ => None,
        }
    }

    /// Reads every file that the walk declared; from now on a file is read when it is declared.
    pub(crate) fn read_declared(&mut self) {
        self.linking = true;
        for at in 0..self.files.len() {
            self.read(FileId(at as u32));
        }
    }

    fn read(&mut self, id: FileId) {
        let Some(file) = self.files.get(id.0 as usize) else { return };
        let (root, path) = (file.root, file.path.clone());
        let Ok(name) = c_path(path.as_bytes()) else { return };
        let Some(top) = self.root(root) else { return self.settle(id, FileState::Absent) };
        let granularity = top.granularity;
        let old = self.old_file(root, &path);
        if let Some(state) = self.reuse_by_stamp(id, &name, old) {
            return self.settle(id, state);
        }
        let Some(top) = self.root(root) else { return };
        let observed = match top.directory.read(&name, LARGEST_FILE) {
            Ok(observed) => observed,
            Err(error) => return self.settle_failure(id, &name, &error),
        };
        let digest = Digest::of(&observed.bytes);
        let racy = granularity.is_racy(&observed.stamp, self.request.began);
        let state = self.reuse_by_digest(id, old, &observed.stamp, digest).unwrap_or_else(|| {
            self.parsed += 1;
            let extracted = self.request.finder.extract(Path::new(&*path), &observed.bytes);
            match extracted.problem {
                Some(problem) => FileState::Problem(Problem { file: path.to_string(), ..problem }),
                None => FileState::Facts(facts::join(&extracted.structure, &extracted.details)),
            }
        });
        if let Some(file) = self.files.get_mut(id.0 as usize) {
            (file.stamp, file.digest, file.racy) = (observed.stamp, digest, racy);
        }
        self.settle(id, state);
    }

    /// The facts of the older index, if the stamp proves that they still hold.
    fn reuse_by_stamp(&mut self, id: FileId, name: &CString, old: Option<FileId>) -> Option<FileState> {
        let index = self.request.old?;
        let root = self.files.get(id.0 as usize)?.root;
        let look = self.root(root)?.directory.look(name).ok()?;
        let Some(look) = look else { return Some(FileState::Absent) };
        if self.request.distrust_stamps || look.kind != Kind::File {
            return None;
        }
        let row = index.file(old?)?;
        if row.racy || row.stamp != look.stamp {
            return None;
        }
        let state = index.state_of(&row)?;
        let file = self.files.get_mut(id.0 as usize)?;
        (file.stamp, file.digest) = (row.stamp, row.digest);
        self.reused += 1;
        Some(state)
    }

    /// The facts of the older index, if the content is the same.
    fn reuse_by_digest(
        &mut self,
        id: FileId,
        old: Option<FileId>,
        stamp: &Stamp,
        digest: Digest,
    ) -> Option<FileState> {
        let index = self.request.old?;
        let path = self.files.get(id.0 as usize).map(|file| self.absolute(file.root, &file.path))?;
        let Some(row) = old.and_then(|old| index.file(old)) else {
            self.stale.push(Stale { file: path, reason: StaleReason::Added });
            return None;
        };
        let reason = if row.digest != digest {
            StaleReason::Content { old: row.digest, new: digest }
        } else if row.stamp != *stamp {
            StaleReason::Metadata { old: row.stamp, new: *stamp }
        } else if row.racy {
            StaleReason::Racy { stamp: *stamp }
        } else {
            StaleReason::Asked
        };
        let same = row.digest == digest;
        self.stale.push(Stale { file: path, reason });
        let state = same.then(|| index.state_of(&row)).flatten()?;
        self.reused += 1;
        Some(state)
    }

    fn old_file(&mut self, root: RootId, path: &str) -> Option<FileId> {
        let index = self.request.old?;
        let files = self.old_files.get_or_insert_with(|| index.files_by_path());
        // A pair of owned parts is what the map is keyed by; this runs once a file of a refresh.
        files.get(&(root, path.to_owned())).copied()
    }

    fn settle_failure(&mut self, id: FileId, name: &CString, error: &Error) {
        let Some(file) = self.files.get(id.0 as usize) else { return };
        let (root, path) = (file.root, file.path.to_string());
        let stamp = self.stamp_of(root, name);
        if stamp.is_absent() && !error.is_transient() {
            return self.settle(id, FileState::Absent);
        }
        self.transient |= error.is_transient();
        let granularity = self.root(root).map_or(Granularity::COARSE, |root| root.granularity);
        let racy = granularity.is_racy(&stamp, self.request.began);
        if let Some(file) = self.files.get_mut(id.0 as usize) {
            (file.stamp, file.racy) = (stamp, racy);
        }
        let message = format!("skipped: {error}");
        self.settle(id, FileState::Problem(Problem { file: path, line: 0, column: 0, message }));
    }

    fn settle(&mut self, id: FileId, state: FileState) {
        if let Some(file) = self.files.get_mut(id.0 as usize) {
            file.state = state;
        }
    }

    fn note_failure(&mut self, root: RootId, path: &str, error: &Error) {
        let missing = matches!(error, Error::Io { source, .. }
            if matches!(source.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory));
        self.transient |= error.is_transient();
        if !missing {
            self.report(root, path, format!("skipped: {error}"));
        }
    }

    fn report(&mut self, root: RootId, path: &str, message: String) {
        let file = self.absolute(root, path);
        self.problems.push(Problem { file, line: 0, column: 0, message });
    }

    fn absolute(&self, root: RootId, path: &str) -> String {
        let top = self.request.roots.get(usize::from(root.0));
        top.map_or_else(|| path.to_owned(), |top| top.join(path).display().to_string())
    }

    fn root(&self, root: RootId) -> Option<&Root> {
        self.roots.get(usize::from(root.0))?.as_ref()
    }
}

impl Root {
    fn open(path: &Path) -> Option<Self> {
        let directory = Directory::open(path).ok()?;
        let granularity = directory.granularity();
        Some(Self { directory, granularity })
    }
}

fn others((name, kind): &(String, EntryKind)) -> Option<String> {
    (*kind == EntryKind::Other).then(|| name.clone())
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}
