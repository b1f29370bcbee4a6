//! An index for a tree of which only some files changed: one file read, its dependants linked again, the
//! rest copied as it is.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use plugcache_cache::StaleReason;

use super::{
    Index,
    format::{self, FileRow, PluginRow, Pointer},
    image::{self, Heap, Image},
    table::{Damaged, Rows, slice},
    validate::Findings,
};
use crate::{
    finder::{Finder, Links, Scope},
    plugin::Problem,
    tree::{FileId, FileState, Patch, Tree, facts},
};

/// The outcome of trying to patch.
pub(super) enum Patched<'a> {
    /// A new image, and how many files were parsed.
    Image(Box<Image<'a>>, usize),
    /// More changed than a patch can tell: build.
    Build,
}

/// Makes a new image out of `index` and what a validation found, unless the tree must be built.
pub(super) fn patch<'a>(
    index: &'a Index,
    finder: &dyn Finder,
    findings: &Findings,
) -> Result<Patched<'a>, StaleReason> {
    let damaged = |_: Damaged| StaleReason::Damaged { part: "tables".to_owned() };
    let header = index.header();
    if findings.restructured || header.garbage.get() > header.heap.length.get() / 2 {
        return Ok(Patched::Build);
    }
    let changed = extract(index, finder, findings);
    let differs = |file: &FileId| changed.get(file).is_some_and(|state| differs_from(index, *file, state));
    let different: Vec<FileId> = findings.changed.iter().map(|(file, ..)| *file).filter(differs).collect();
    let Some(dirty) = dependants(index, &different)? else { return Ok(Patched::Build) };

    let mut tree = Tree::patch(Patch::new(index, changed));
    let links = if dirty.is_empty() { Links::default() } else { finder.link(&mut tree, Scope::Only(&dirty)) };
    let Some(patch) = tree.into_patch() else { return Ok(Patched::Build) };
    let is_whole = !patch.incomplete && patch.problems.is_empty();
    let roots_moved = links
        .all_depend_on
        .iter()
        .any(|file| index.meta().is_ok_and(|meta| meta.all_depend_on.binary_search(&file.0).is_err()));
    if !is_whole || roots_moved {
        return Ok(Patched::Build);
    }
    let parsed = findings.changed.len();
    let mut writer = Writer::begin(index, findings).map_err(damaged)?;
    for (file, state) in patch.into_changed() {
        writer.replace_facts(file, &state);
    }
    if !dirty.is_empty() {
        writer.replace_links(&dirty, &links).map_err(damaged)?;
    }
    Ok(Patched::Image(Box::new(writer.finish()), parsed))
}

fn extract(index: &Index, finder: &dyn Finder, findings: &Findings) -> HashMap<FileId, FileState> {
    let read = |(file, observed, ..): &(FileId, plugcache_cache::fs::Observed, _, _)| {
        let path = index.file_path(*file).map(|(_, path)| path).unwrap_or_default();
        let extracted = finder.extract(path.as_ref(), &observed.bytes);
        let state = match extracted.problem {
            Some(problem) => FileState::Problem(Problem { file: path, ..problem }),
            None => FileState::Facts(facts::join(&extracted.structure, &extracted.details)),
        };
        (*file, state)
    };
    findings.changed.iter().map(read).collect()
}

fn differs_from(index: &Index, file: FileId, state: &FileState) -> bool {
    let FileState::Facts(new) = state else { return true };
    let old = index.file(file).and_then(|file| index.state_of(&file));
    !matches!(old, Some(FileState::Facts(old)) if old == *new)
}

/// The files to link again when the facts of `different` changed; `None` for all of them.
fn dependants(index: &Index, different: &[FileId]) -> Result<Option<Vec<FileId>>, StaleReason> {
    if different.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let damaged = || StaleReason::Damaged { part: "links".to_owned() };
    let meta = index.meta()?;
    if different.iter().any(|file| meta.all_depend_on.binary_search(&file.0).is_ok()) {
        return Ok(None);
    }
    let mut dirty = Vec::new();
    for (at, row) in index.file_rows().map_err(|_| damaged())?.iter().enumerate() {
        let row = row.map_err(|_| damaged())?;
        let file = FileId(at as u32);
        if different.contains(&file) || index.depends_on_any(row, different).ok_or_else(damaged)? {
            dirty.push(file);
        }
    }
    // With many dependants, building (which keeps all other facts) is as fast, and simpler.
    Ok((dirty.len() <= 1 + index.file_count() / 8).then_some(dirty))
}

struct Writer<'a> {
    image: Image<'a>,
}

impl<'a> Writer<'a> {
    /// The tables keep their random number: its checksums, and so its unchanged blocks, stay valid.
    fn begin(index: &'a Index, findings: &Findings) -> Result<Self, Damaged> {
        let mut header = *index.header();
        header.made = findings.began.0.into();
        let mut directories = Rows::Changed(index.directory_rows()?, BTreeMap::new());
        let mut files = Rows::Changed(index.file_rows()?, BTreeMap::new());
        let plugins = Rows::Changed(index.plugin_rows()?, BTreeMap::new());
        for (at, stamp, racy) in &findings.restamped_directories {
            let row = directories.get_mut(*at as usize).ok_or(Damaged)?;
            row.stamp = (*stamp).into();
            row.flags = flag(row.flags.get(), format::RACY, *racy).into();
        }
        let restamped = findings.restamped.iter().map(|(file, stamp, racy)| (file, stamp, racy, None));
        let changed = findings.changed.iter();
        let changed =
            changed.map(|(file, observed, digest, racy)| (file, &observed.stamp, racy, Some(digest)));
        for (file, stamp, racy, digest) in restamped.chain(changed) {
            let row: &mut FileRow = files.get_mut(file.0 as usize).ok_or(Damaged)?;
            row.stamp = (*stamp).into();
            row.flags = flag(row.flags.get(), format::RACY, *racy).into();
            row.digest = digest.map_or(row.digest, |digest| digest.0);
        }
        let kept_heap = slice(index.bytes(), &header.heap).ok_or(Damaged)?;
        let names = Cow::Borrowed(slice(index.bytes(), &header.names).ok_or(Damaged)?);
        let heap = Heap::behind(kept_heap.len());
        Ok(Self { image: Image { header, directories, files, plugins, names, kept_heap, heap } })
    }

    fn replace_facts(&mut self, file: FileId, state: &FileState) {
        let (facts, is_problem) = match state {
            FileState::Facts(blob) => (self.image.heap.push(blob), false),
            FileState::Problem(problem) => (self.image.heap.push_value(problem), true),
            FileState::Absent | FileState::Pending => return,
        };
        if let Some(row) = self.image.files.get_mut(file.0 as usize) {
            let old = std::mem::replace(&mut row.facts, facts);
            row.flags = flag(row.flags.get(), format::PROBLEM, is_problem).into();
            self.waste(&old);
        }
    }

    fn replace_links(&mut self, dirty: &[FileId], links: &Links) -> Result<(), Damaged> {
        let mut wasted = Vec::new();
        for file in dirty {
            if let Some(row) = self.image.files.get_mut(file.0 as usize) {
                wasted.push(std::mem::take(&mut row.links));
            }
        }
        let mut new = Vec::new();
        for (file, linked) in &links.files {
            let pointer = image::push_links(&mut self.image.heap, linked);
            if let Some(row) = self.image.files.get_mut(file.0 as usize) {
                row.links = pointer;
            }
            let rows = linked.records.iter().enumerate();
            new.extend(
                rows.map(|(ordinal, record)| image::plugin_row(&mut self.image.heap, record, ordinal)),
            );
        }
        wasted.extend(self.replace_plugins(dirty, new)?);
        for pointer in &wasted {
            self.waste(pointer);
        }
        Ok(())
    }

    /// Puts `new` in the place of the plugins of `dirty` files; returns what nothing points at any more.
    fn replace_plugins(
        &mut self,
        dirty: &[FileId],
        mut new: Vec<PluginRow>,
    ) -> Result<Vec<Pointer>, Damaged> {
        let Rows::Changed(table, _) = &self.image.plugins else { return Ok(Vec::new()) };
        let mut old = Vec::new();
        for (at, row) in table.iter().enumerate() {
            let row = row?;
            if dirty.binary_search(&FileId(row.file.get())).is_ok() {
                old.push((at, *row));
            }
        }
        image::sort_plugins(&mut new);
        let place = |row: &PluginRow| (row.hash, row.file, row.ordinal);
        if new.iter().map(place).eq(old.iter().map(|(_, row)| place(row))) {
            // The same names in the same places: only what they point at is new.
            for ((at, _), row) in old.iter().zip(new) {
                *self.image.plugins.get_mut(*at).ok_or(Damaged)? = row;
            }
        } else {
            let mut rows = self.image.plugins.to_vec();
            rows.retain(|row| dirty.binary_search(&FileId(row.file.get())).is_err());
            rows.extend(new);
            image::sort_plugins(&mut rows);
            self.image.plugins = Rows::New(rows);
        }
        Ok(old.into_iter().map(|(_, row)| row.record).collect())
    }

    fn waste(&mut self, pointer: &Pointer) {
        let garbage = self.image.header.garbage.get() + u64::from(pointer.length.get());
        self.image.header.garbage = garbage.into();
    }

    fn finish(self) -> Image<'a> {
        self.image
    }
}

fn flag(flags: u16, flag: u16, on: bool) -> u16 {
    if on { flags | flag } else { flags & !flag }
}
