//! A finder knows one kind of plugin: where to look, what a file says, and what that makes.
//!
//! The three steps are apart so that the index can skip what is still true. `walk` declares the files
//! that matter, `extract` reads one of them into facts (a pure function of its bytes), `link` turns the
//! facts of all into records. A change to one file repeats `extract` for that file, and `link` for it
//! and its dependants; only when a directory's listing changes is the walk done again.

use std::path::Path;

use crate::{
    plugin::{Plugin, Problem},
    tree::{FileId, Tree},
};

/// The outcome of reading one file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extracted {
    /// What linking needs, encoded by the finder.
    pub structure: Vec<u8>,
    /// What only a reader of single plugins needs, encoded by the finder.
    pub details: Vec<u8>,
    /// Set when the file could not be understood: it then has no facts, and hides nothing else.
    pub problem: Option<Problem>,
}

/// One plugin, as the index keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The plugin's name: what it is looked up by.
    pub name: String,
    /// The file that defines it.
    pub file: FileId,
    /// One-based line of the definition; 0 where lines mean nothing.
    pub line: u32,
    /// The rest, encoded by the finder.
    pub payload: Vec<u8>,
}

/// A [`Record`] within an index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecordRef<'a> {
    /// See [`Record::name`].
    pub name: &'a str,
    /// See [`Record::file`].
    pub file: FileId,
    /// See [`Record::line`].
    pub line: u32,
    /// See [`Record::payload`].
    pub payload: &'a [u8],
}

impl RecordRef<'_> {
    /// A copy of its own.
    pub fn to_owned(self) -> Record {
        Record {
            name: self.name.to_owned(),
            file: self.file,
            line: self.line,
            payload: self.payload.to_vec(),
        }
    }
}

/// What linking made of one file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Linked {
    /// Its plugins, in source order.
    pub records: Vec<Record>,
    /// Other files whose facts this outcome used: when one of them changes, this file is linked again.
    pub depends_on: Vec<FileId>,
    /// Places in this file that cannot be known without running it, for the report.
    pub dynamic: Vec<Problem>,
    /// What is wrong with this file beyond reading it.
    pub problems: Vec<Problem>,
}

/// The outcome of linking: a row for each file that was asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Links {
    /// In any order; a file without a row has no plugins and depends on nothing.
    pub files: Vec<(FileId, Linked)>,
    /// Files on which the outcome as a whole depends (the modules that lead to a rule's base class):
    /// when the facts of one change, everything is linked again.
    pub all_depend_on: Vec<FileId>,
}

/// Which files to link.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// Every declared file.
    All,
    /// These only: nothing else changed.
    Only(&'a [FileId]),
}

/// A kind of plugin that can be found without running anything.
pub trait Finder: Send + Sync {
    /// Goes up whenever the same bytes could give another answer than before; older indexes are then
    /// not read.
    fn version(&self) -> u32;

    /// Everything that selects the result apart from the roots, in a stable text form.
    fn spec(&self) -> String;

    /// Whether a directory entry of that name can matter. What it leaves out is no evidence: a compiler
    /// that writes `__pycache__` then changes nothing.
    fn is_relevant(&self, name: &str) -> bool {
        let _ = name;
        true
    }

    /// Lists directories and declares the files that matter.
    fn walk(&self, tree: &mut Tree<'_>);

    /// Reads one file into facts. `path` is relative to its root and only names the file.
    fn extract(&self, path: &Path, bytes: &[u8]) -> Extracted;

    /// Turns facts into records. May ask the tree for more files.
    fn link(&self, tree: &mut Tree<'_>, scope: Scope<'_>) -> Links;

    /// Everything known of one plugin.
    fn describe(&self, facts: &dyn Facts, record: &Record) -> Plugin;

    /// Describes many plugins of one index, one call each: what they share is decoded once.
    /// Default: [`describe`](Self::describe) each time.
    fn describer<'a>(&'a self, facts: &'a dyn Facts) -> Box<dyn FnMut(&Record) -> Plugin + 'a> {
        Box::new(move |record| self.describe(facts, record))
    }
}

/// Read access to facts while describing plugins.
pub trait Facts {
    /// The root directory, and the path of the file below it.
    fn path(&self, file: FileId) -> Option<(&Path, String)>;
    /// See [`Extracted::structure`]; `None` if the file has no facts or they are damaged.
    fn structure(&self, file: FileId) -> Option<&[u8]>;
    /// See [`Extracted::details`].
    fn details(&self, file: FileId) -> Option<&[u8]>;
}
