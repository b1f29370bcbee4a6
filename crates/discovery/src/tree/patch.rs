//! A tree that stands as an index has it, but for the content of some files.
//!
//! Whatever cannot be answered from the index (a module that nobody looked for before) makes the patch
//! *incomplete*: its outcome is thrown away and the tree is built from the file system.

use std::{borrow::Cow, collections::HashMap, path::PathBuf, rc::Rc};

use super::{EntryKind, FileId, FileState, Listing, RootId, facts, split};
use crate::{index::Index, plugin::Problem};

pub(crate) struct Patch<'a> {
    index: &'a Index,
    changed: HashMap<FileId, FileState>,
    listings: HashMap<(RootId, String), Option<Rc<Listing>>>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) incomplete: bool,
}

impl<'a> Patch<'a> {
    pub(crate) fn new(index: &'a Index, changed: HashMap<FileId, FileState>) -> Self {
        Self { index, changed, listings: HashMap::new(), problems: Vec::new(), incomplete: false }
    }

    pub(crate) fn into_changed(self) -> HashMap<FileId, FileState> {
        self.changed
    }

    pub(super) fn root_paths(&self) -> &[PathBuf] {
        self.index.roots()
    }

    pub(super) fn list(&mut self, root: RootId, path: &str) -> Option<Rc<Listing>> {
        let key = (root, path.to_owned());
        if let Some(known) = self.listings.get(&key) {
            return known.clone();
        }
        let listing = if let Some(listing) = self.index.find_listing(root, path) {
            listing.map(Rc::new)
        } else {
            let (parent, name) = split(path);
            let exists = path.is_empty()
                || self.list(root, parent).is_some_and(|above| above.get(name) == Some(EntryKind::Directory));
            self.incomplete |= exists;
            None
        };
        self.listings.insert(key, listing.clone());
        listing
    }

    pub(super) fn declare(&mut self, root: RootId, path: &str) -> FileId {
        self.index.find_file(root, path).unwrap_or_else(|| {
            self.incomplete = true;
            FileId(u32::MAX)
        })
    }

    pub(super) fn find(&mut self, root: RootId, path: &str) -> Option<FileId> {
        if let Some(file) = self.index.find_file(root, path) {
            return self.index.file(file).filter(|file| !file.absent).map(|_| file);
        }
        let (parent, name) = split(path);
        let exists =
            self.list(root, parent).is_some_and(|listing| listing.get(name) == Some(EntryKind::File));
        self.incomplete |= exists;
        None
    }

    pub(super) fn files(&self) -> Vec<FileId> {
        let all = (0..self.index.file_count() as u32).map(FileId);
        all.filter(|file| self.index.file(*file).is_some_and(|file| !file.absent)).collect()
    }

    pub(super) fn path(&self, file: FileId) -> (RootId, Cow<'_, str>) {
        self.index
            .file_path(file)
            .map_or((RootId(0), Cow::Borrowed("")), |(root, path)| (root, Cow::Owned(path)))
    }

    pub(super) fn structure(&self, file: FileId) -> Option<&[u8]> {
        self.facts(file).map(|(structure, _)| structure)
    }

    pub(super) fn details(&self, file: FileId) -> Option<&[u8]> {
        self.facts(file).map(|(_, details)| details)
    }

    fn facts(&self, file: FileId) -> Option<(&[u8], &[u8])> {
        match self.changed.get(&file) {
            Some(FileState::Facts(blob)) => facts::split(blob),
            Some(_) => None,
            None => self.index.facts_of(file),
        }
    }
}
