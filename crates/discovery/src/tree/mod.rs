//! What a finder sees of the file system: directories and files below the roots, each look recorded as
//! evidence.
//!
//! A tree is either *built* (from the file system, reusing the facts of files that an older index proves
//! unchanged) or a *patch* over an index whose directories all list what they listed before, so that only
//! some files are read again.

mod build;
mod listing;
mod patch;

use std::{borrow::Cow, path::Path, rc::Rc};

pub(crate) use build::{Build, FileState, Request};
pub use listing::{EntryKind, Listing};
pub(crate) use patch::Patch;

use crate::plugin::Problem;

/// A file of the tree; the index keeps the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// Position of a root in the search path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootId(pub u16);

/// The roots, and whatever was looked at below them.
pub struct Tree<'a> {
    inner: Inner<'a>,
}

enum Inner<'a> {
    Build(Box<Build<'a>>),
    Patch(Box<Patch<'a>>),
}

impl<'a> Tree<'a> {
    pub(crate) fn build(build: Build<'a>) -> Self {
        Self { inner: Inner::Build(Box::new(build)) }
    }

    pub(crate) fn patch(patch: Patch<'a>) -> Self {
        Self { inner: Inner::Patch(Box::new(patch)) }
    }

    pub(crate) fn into_build(self) -> Option<Build<'a>> {
        match self.inner {
            Inner::Build(build) => Some(*build),
            Inner::Patch(_) => None,
        }
    }

    pub(crate) fn into_patch(self) -> Option<Patch<'a>> {
        match self.inner {
            Inner::Patch(patch) => Some(*patch),
            Inner::Build(_) => None,
        }
    }

    pub(crate) fn as_build(&mut self) -> Option<&mut Build<'a>> {
        match &mut self.inner {
            Inner::Build(build) => Some(build),
            Inner::Patch(_) => None,
        }
    }

    /// The roots in search order.
    pub fn roots(&self) -> Vec<(RootId, &Path)> {
        let paths = match &self.inner {
            Inner::Build(build) => build.root_paths(),
            Inner::Patch(patched) => patched.root_paths(),
        };
        paths.iter().enumerate().map(|(at, path)| (RootId(at as u16), path.as_path())).collect()
    }

    /// Lists the directory `path` (relative, `/`-separated, empty for the root itself). `None` if it does
    /// not exist or cannot be read; the latter is reported as a problem. Either way the look is evidence.
    pub fn list(&mut self, root: RootId, path: &str) -> Option<Rc<Listing>> {
        match &mut self.inner {
            Inner::Build(build) => build.list(root, path),
            Inner::Patch(patched) => patched.list(root, path),
        }
    }

    /// Declares a file that matters, present or not: what it says, and that it is absent, is evidence. Its
    /// facts can be asked for once `walk` is over.
    pub fn declare(&mut self, root: RootId, path: &str) -> FileId {
        match &mut self.inner {
            Inner::Build(build) => build.declare(root, path),
            Inner::Patch(patched) => patched.declare(root, path),
        }
    }

    /// The file of that path, if it was declared or exists: it is then declared and read at once. Looks
    /// through the listing of the directory around it, which makes an absent file evidence as well.
    pub fn find(&mut self, root: RootId, path: &str) -> Option<FileId> {
        match &mut self.inner {
            Inner::Build(build) => build.find(root, path),
            Inner::Patch(patched) => patched.find(root, path),
        }
    }

    /// Whether `path` is a directory, judged by the listings of the directories on the way.
    pub fn is_directory(&mut self, root: RootId, path: &str) -> bool {
        let (parent, name) = split(path);
        path.is_empty()
            || self
                .list_if_directory(root, parent)
                .is_some_and(|listing| listing.get(name) == Some(EntryKind::Directory))
    }

    /// Every declared file that exists, in declaration order.
    pub fn files(&self) -> Vec<FileId> {
        match &self.inner {
            Inner::Build(build) => build.files(),
            Inner::Patch(patched) => patched.files(),
        }
    }

    /// Where a file is: its root, and its path below it.
    pub fn path(&self, file: FileId) -> (RootId, Cow<'_, str>) {
        match &self.inner {
            Inner::Build(build) => build.path(file),
            Inner::Patch(patched) => patched.path(file),
        }
    }

    /// What the finder extracted from a file; `None` if it is absent or could not be understood.
    pub fn structure(&self, file: FileId) -> Option<&[u8]> {
        match &self.inner {
            Inner::Build(build) => build.structure(file),
            Inner::Patch(patched) => patched.structure(file),
        }
    }

    /// See [`structure`](Self::structure).
    pub fn details(&self, file: FileId) -> Option<&[u8]> {
        match &self.inner {
            Inner::Build(build) => build.details(file),
            Inner::Patch(patched) => patched.details(file),
        }
    }

    /// Reports something that stood in the way.
    pub fn problem(&mut self, problem: Problem) {
        match &mut self.inner {
            Inner::Build(build) => build.problems.push(problem),
            Inner::Patch(patched) => patched.problems.push(problem),
        }
    }

    /// Lists `path` only if the listings above it say that it is a directory, so that looking for a module
    /// in a place that does not exist leaves no rows behind.
    fn list_if_directory(&mut self, root: RootId, path: &str) -> Option<Rc<Listing>> {
        if self.is_directory(root, path) { self.list(root, path) } else { None }
    }
}

/// Directory and last component of a relative path.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Facts of one file as the index keeps them: length of the structure, structure, details.
pub(crate) mod facts {
    pub(crate) fn join(structure: &[u8], details: &[u8]) -> Vec<u8> {
        let mut blob = Vec::with_capacity(4 + structure.len() + details.len());
        blob.extend_from_slice(&(structure.len() as u32).to_le_bytes());
        blob.extend_from_slice(structure);
        blob.extend_from_slice(details);
        blob
    }

    pub(crate) fn split(blob: &[u8]) -> Option<(&[u8], &[u8])> {
        let (length, rest) = blob.split_first_chunk::<4>()?;
        rest.split_at_checked(u32::from_le_bytes(*length) as usize)
    }
}
