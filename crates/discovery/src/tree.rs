//! What a finder sees of the file system: directories and files below the roots, each look recorded as
//! evidence.

use std::{path::Path, rc::Rc};

use crate::plugin::Problem;

/// A file of the tree; the index keeps the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// Position of a root in the search path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootId(pub u16);

/// What an entry of a directory is, symbolic links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A FIFO, socket, device or dangling link: never opened.
    Other,
}

/// The entries of one directory.
#[derive(Debug, Default)]
pub struct Listing {
    /// Sorted by name (byte order). Names that are not UTF-8 are left out and reported as problems.
    pub entries: Vec<(String, EntryKind)>,
}

impl Listing {
    /// The kind of one entry.
    pub fn get(&self, name: &str) -> Option<EntryKind> {
        let at = self.entries.binary_search_by(|(entry, _)| entry.as_str().cmp(name)).ok()?;
        self.entries.get(at).map(|(_, kind)| *kind)
    }
}

/// The roots, and whatever was looked at below them.
pub struct Tree<'a> {
    _todo: std::marker::PhantomData<&'a ()>,
}

#[expect(unused_variables, reason = "the engine is on its way")]
impl Tree<'_> {
    /// The roots in search order.
    pub fn roots(&self) -> impl Iterator<Item = (RootId, &Path)> + '_ {
        std::iter::empty()
    }

    /// Lists the directory `path` (relative, `/`-separated, empty for the root itself). `None` if it does
    /// not exist or cannot be read; the latter is reported as a problem. Either way the look is evidence.
    pub fn list(&mut self, root: RootId, path: &str) -> Option<Rc<Listing>> {
        None
    }

    /// Declares a file that matters, present or not: what it says, and that it is absent, is evidence. Its
    /// facts can be asked for once `walk` is over.
    pub fn declare(&mut self, root: RootId, path: &str) -> FileId {
        FileId(0)
    }

    /// The file of that path, if it was declared or exists: it is then declared and read at once. Looks
    /// through the listings of the directories on the way, which makes an absent file evidence as well.
    pub fn find(&mut self, root: RootId, path: &str) -> Option<FileId> {
        None
    }

    /// Whether `path` is a directory, judged by the listings of the directories on the way.
    pub fn is_directory(&mut self, root: RootId, path: &str) -> bool {
        false
    }

    /// Every declared file that exists, in declaration order.
    pub fn files(&self) -> impl Iterator<Item = FileId> + '_ {
        std::iter::empty()
    }

    /// Where a file is.
    pub fn path(&self, file: FileId) -> (RootId, &str) {
        (RootId(0), "")
    }

    /// What the finder extracted from a file; `None` if it is absent or could not be understood.
    pub fn structure(&self, file: FileId) -> Option<&[u8]> {
        None
    }

    /// See [`structure`](Self::structure).
    pub fn details(&self, file: FileId) -> Option<&[u8]> {
        None
    }

    /// Reports something that stood in the way.
    pub fn problem(&mut self, problem: Problem) {}
}
