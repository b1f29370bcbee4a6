//! Is the index still true? One `stat` a file, read only on doubt.

use std::{ffi::CStr, sync::Arc};

use plugcache_cache::{
    Clock, Digest, StaleReason, Stamp, Strength, Timestamp,
    freshness::Granularity,
    fs::{Directory, Kind, Observed, c_path},
};

use super::{
    Index, Stale,
    format::{self, DirectoryRow, FileRow},
    table::{Damaged, Table},
};
use crate::{
    finder::Finder,
    tree::{FileId, Listing},
};

/// What a validation found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// When it began; what it saw as unchanged is true of this time.
    pub(super) began: Timestamp,
    /// What was not as the index had it, for the report.
    pub(super) stale: Vec<Stale>,
    /// Something appeared, vanished or cannot be looked at: the walk must be done again.
    pub(super) restructured: bool,
    /// Files with new content, as read.
    pub(super) changed: Vec<(FileId, Observed, Digest, bool)>,
    /// Files with the same content under a stamp that is new or no longer racy.
    pub(super) restamped: Vec<(FileId, Stamp, bool)>,
    /// Directories with the same listing under a stamp that is new or no longer racy.
    pub(super) restamped_directories: Vec<(u32, Stamp, bool)>,
    /// The open roots, for a second look.
    pub(super) roots: Roots,
}

/// The roots that can be opened.
pub(super) type Roots = Vec<Option<Arc<Directory>>>;

impl Findings {
    /// The index answers as a new one would.
    pub(super) fn is_true(&self) -> bool {
        !self.restructured && self.changed.is_empty()
    }

    /// Whether keeping the new stamps would spare the next validation a read.
    pub(super) fn is_worth_keeping(&self) -> bool {
        !self.restamped.is_empty() || !self.restamped_directories.is_empty()
    }
}

/// A validation on its way.
struct Validation<'a> {
    index: &'a Index,
    finder: &'a dyn Finder,
    directories: Table<'a, DirectoryRow>,
    files: Table<'a, FileRow>,
    roots: Roots,
    hash_all: bool,
    findings: Findings,
}

/// Checks the whole index at `strength`. `Lazy` checks the directories here; the files behind an answer
/// are checked by [`files`] once it is known.
pub(super) fn whole(
    index: &Index,
    finder: &dyn Finder,
    strength: Strength,
    clock: &dyn Clock,
) -> Result<Findings, StaleReason> {
    let roots = if strength == Strength::Trust { Roots::new() } else { open_roots(index) };
    let mut validation = Validation::begin(index, finder, roots, clock)?;
    if strength != Strength::Trust && !validation.directories.verify() {
        return Err(damaged());
    }
    validation.hash_all = strength == Strength::Hash;
    match strength {
        Strength::Trust => {}
        Strength::Dirs | Strength::Lazy => validation.directories().map_err(|_| damaged())?,
        Strength::Full | Strength::Hash | Strength::Watched => {
            validation.everything().map_err(|_| damaged())?;
        }
    }
    validation.findings.roots = validation.roots;
    Ok(validation.findings)
}

fn open_roots(index: &Index) -> Roots {
    index.roots().iter().map(|path| Directory::open(path).ok().map(Arc::new)).collect()
}

/// Checks some files only, below roots that are open already.
pub(super) fn files(
    index: &Index,
    finder: &dyn Finder,
    files: &[FileId],
    roots: &Roots,
    clock: &dyn Clock,
) -> Result<Findings, StaleReason> {
    let mut validation = Validation::begin(index, finder, roots.clone(), clock)?;
    for (at, file) in files.iter().enumerate() {
        if files.iter().take(at).any(|before| before == file) {
            continue;
        }
        validation.one_file(*file).map_err(|_| damaged())?;
    }
    Ok(validation.findings)
}

fn below(above: &CStr, name: &CStr) -> Vec<u8> {
    if above.is_empty() {
        return name.to_bytes().to_vec();
    }
    [above.to_bytes(), b"/", name.to_bytes()].concat()
}

fn damaged() -> StaleReason {
    StaleReason::Damaged { part: "directories or files".to_owned() }
}

impl<'a> Validation<'a> {
    fn begin(
        index: &'a Index,
        finder: &'a dyn Finder,
        roots: Roots,
        clock: &dyn Clock,
    ) -> Result<Self, StaleReason> {
        // Taken before anything is looked at: the racy rule compares with it.
        let findings = Findings { began: clock.wall(), ..Findings::default() };
        let directories = index.directory_rows().map_err(|_| damaged())?;
        let files = index.file_rows().map_err(|_| damaged())?;
        Ok(Self { index, finder, directories, files, roots, hash_all: false, findings })
    }

    fn directories(&mut self) -> Result<(), Damaged> {
        for at in 0..self.directories.len() {
            let row = self.directories.get_unchecked_sum(at).ok_or(Damaged)?;
            let path = self.index.name(&row.path).ok_or(Damaged)?;
            let look = self.root(&row).map(|root| root.look(if path.is_empty() { c"." } else { path }));
            let stamp = match look {
                Some(Ok(Some(look))) if look.kind == Kind::Directory => look.stamp,
                Some(Err(error)) => {
                    self.unreadable(path, &error);
                    continue;
                }
                _ => Stamp::ABSENT,
            };
            self.judge_directory(at as u32, &row, path, &stamp)?;
        }
        Ok(())
    }

    /// Directories and files, each directory opened once while its files are looked at.
    fn everything(&mut self) -> Result<(), Damaged> {
        let mut judged = vec![false; self.directories.len()];
        let mut open: Option<(u32, Option<Arc<Directory>>)> = None;
        let files = self.files;
        for (at, row) in files.iter().enumerate() {
            let row = row?;
            let id = row.directory.get();
            if open.as_ref().is_none_or(|(current, _)| *current != id) {
                let directory = self.open_directory(id, &mut judged)?;
                open = Some((id, directory));
            }
            let directory = open.as_ref().and_then(|(_, directory)| directory.as_deref());
            self.judge_file(FileId(at as u32), row, directory)?;
        }
        for (at, judged) in judged.into_iter().enumerate() {
            if !judged {
                self.open_directory(at as u32, &mut [])?;
            }
        }
        Ok(())
    }

    fn open_directory(&mut self, id: u32, judged: &mut [bool]) -> Result<Option<Arc<Directory>>, Damaged> {
        let row = self.directories.get_unchecked_sum(id as usize).ok_or(Damaged)?;
        let path = self.index.name(&row.path).ok_or(Damaged)?;
        let directory = self.below(&row, path);
        let first = judged.get_mut(id as usize).is_none_or(|judged| !std::mem::replace(judged, true));
        if first {
            let stamp = match directory.as_ref().map(|directory| directory.stamp()) {
                Some(Ok(stamp)) => stamp,
                // Absent, or not to be opened: its path alone can be looked at.
                _ => self.stamp_by_path(&row, path),
            };
            self.judge_directory(id, &row, path, &stamp)?;
        }
        Ok(directory)
    }

    fn stamp_by_path(&self, row: &DirectoryRow, path: &CStr) -> Stamp {
        let look = self.root(row).and_then(|root| root.look(if path.is_empty() { c"." } else { path }).ok());
        look.flatten().filter(|look| look.kind == Kind::Directory).map_or(Stamp::ABSENT, |look| look.stamp)
    }

    /// One look by the path below the root; more only if it proves nothing.
    fn one_file(&mut self, id: FileId) -> Result<(), Damaged> {
        let row = self.files.get(id.0 as usize).ok_or(Damaged)?;
        let directory = self.directories.get(row.directory.get() as usize).ok_or(Damaged)?;
        let above = self.index.name(&directory.path).ok_or(Damaged)?;
        let name = self.index.name(&row.path).ok_or(Damaged)?;
        if row.flags.get() == 0
            && let Ok(path) = c_path(&below(above, name))
            && let Some(Ok(Some(look))) = self.root(&directory).map(|root| root.look(&path))
            && look.stamp == Stamp::from(row.stamp)
            && !self.hash_all
        {
            return Ok(());
        }
        let open = self.below(&directory, above);
        self.judge_file(id, &row, open.as_deref())
    }

    fn judge_directory(
        &mut self,
        id: u32,
        row: &DirectoryRow,
        path: &CStr,
        stamp: &Stamp,
    ) -> Result<(), Damaged> {
        let kept = Stamp::from(row.stamp);
        let racy = row.flags.get() & format::RACY != 0;
        if *stamp == kept && !racy && !self.hash_all {
            return Ok(());
        }
        let file = || self.absolute_directory(row, path);
        let absent_before = row.flags.get() & format::ABSENT != 0;
        if stamp.is_absent() || absent_before {
            if *stamp != kept || (racy && absent_before) {
                let reason = if kept.is_absent() { StaleReason::Added } else { StaleReason::Removed };
                self.findings.stale.push(Stale { file: file(), reason });
                self.findings.restructured = true;
            }
            return Ok(());
        }
        let listed = self.root(row).map(|root| root.open_below(path).and_then(|directory| directory.list()));
        let Some(Ok((entries, stamp))) = listed else {
            self.findings.stale.push(Stale { file: file(), reason: StaleReason::Removed });
            self.findings.restructured = true;
            return Ok(());
        };
        let (listing, _) = Listing::from_entries(entries, |name| self.finder.is_relevant(name));
        if listing == self.index.listing_of(row).ok_or(Damaged)? {
            let racy_now = self.is_racy(row.root.get(), &stamp);
            if stamp != kept || racy != racy_now {
                self.findings.restamped_directories.push((id, stamp, racy_now));
            }
        } else {
            self.findings.stale.push(Stale { file: file(), reason: StaleReason::Listing });
            self.findings.restructured = true;
        }
        Ok(())
    }

    fn judge_file(
        &mut self,
        id: FileId,
        row: &FileRow,
        directory: Option<&Directory>,
    ) -> Result<(), Damaged> {
        let path = self.index.name(&row.path).ok_or(Damaged)?;
        let flags = row.flags.get();
        let look = match directory.map(|directory| directory.look(path)) {
            Some(Ok(look)) => look,
            Some(Err(error)) => {
                self.unreadable(path, &error);
                return Ok(());
            }
            None => None,
        };
        let kept = Stamp::from(row.stamp);
        let Some(look) = look else {
            if flags & format::ABSENT == 0 {
                self.restructured_at(id, StaleReason::Removed);
            }
            return Ok(());
        };
        if flags & format::RACY == 0 && look.stamp == kept && !self.hash_all {
            return Ok(());
        }
        if flags & format::ABSENT != 0 {
            self.restructured_at(id, StaleReason::Added);
            return Ok(());
        }
        self.judge_content(id, row, directory, path);
        Ok(())
    }

    /// The stamp proves nothing: the content decides.
    fn judge_content(&mut self, id: FileId, row: &FileRow, directory: Option<&Directory>, path: &CStr) {
        let kept = Stamp::from(row.stamp);
        let racy = row.flags.get() & format::RACY != 0;
        let observed = directory.map(|directory| directory.read(path, u64::MAX));
        let Some(Ok(observed)) = observed else {
            // It is no longer a readable file, or still is none: a new walk says which.
            self.restructured_at(id, StaleReason::Removed);
            return;
        };
        let digest = Digest::of(&observed.bytes);
        let root =
            self.directories.get_unchecked_sum(row.directory.get() as usize).map_or(0, |row| row.root.get());
        let racy_now = self.is_racy(root, &observed.stamp);
        let reason = if digest.0 != row.digest {
            StaleReason::Content { old: Digest(row.digest), new: digest }
        } else if observed.stamp != kept {
            StaleReason::Metadata { old: kept, new: observed.stamp }
        } else {
            StaleReason::Racy { stamp: kept }
        };
        if digest.0 != row.digest || observed.stamp != kept || racy {
            self.findings.stale.push(Stale { file: self.absolute(id), reason });
        }
        if digest.0 != row.digest {
            self.findings.changed.push((id, observed, digest, racy_now));
        } else if observed.stamp != kept || racy != racy_now {
            self.findings.restamped.push((id, observed.stamp, racy_now));
        }
    }

    fn restructured_at(&mut self, id: FileId, reason: StaleReason) {
        self.findings.stale.push(Stale { file: self.absolute(id), reason });
        self.findings.restructured = true;
    }

    fn unreadable(&mut self, path: &CStr, error: &plugcache_cache::Error) {
        let file = String::from_utf8_lossy(path.to_bytes()).into_owned();
        self.findings
            .stale
            .push(Stale { file, reason: StaleReason::Unreadable { error: error.to_string() } });
        self.findings.restructured = true;
    }

    fn absolute_directory(&self, row: &DirectoryRow, path: &CStr) -> String {
        let root = self.index.roots().get(usize::from(row.root.get())).cloned().unwrap_or_default();
        root.join(String::from_utf8_lossy(path.to_bytes()).as_ref()).display().to_string()
    }

    fn absolute(&self, id: FileId) -> String {
        self.index.absolute(id).unwrap_or_default()
    }

    /// The directory itself; the root is open already.
    fn below(&self, row: &DirectoryRow, path: &CStr) -> Option<Arc<Directory>> {
        let root = self.roots.get(usize::from(row.root.get()))?.as_ref()?;
        if path.is_empty() { Some(Arc::clone(root)) } else { root.open_below(path).ok().map(Arc::new) }
    }

    fn root(&self, row: &DirectoryRow) -> Option<&Directory> {
        self.roots.get(usize::from(row.root.get()))?.as_deref()
    }

    fn is_racy(&self, root: u16, stamp: &Stamp) -> bool {
        let root = self.roots.get(usize::from(root)).and_then(Option::as_ref);
        let granularity = root.map_or(Granularity::COARSE, |root| root.granularity());
        granularity.is_racy(stamp, self.findings.began)
    }
}
