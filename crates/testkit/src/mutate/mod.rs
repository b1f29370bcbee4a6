//! Random changes to a tree of Python plugins, as editors, package managers and accidents make them.
//!
//! A test applies a mutation, asks the cached index, and compares with the oracle: an index built afresh
//! without any cache. Every mutation is described well enough to be repeated by hand, and a seed gives
//! the same sequence each time, as far as the file system's clock and inode numbers do not matter.

mod actions;
pub mod content;
mod scan;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use crate::random::Random;
use scan::Scan;

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Same size, other content, by a temporary file and a rename: new inode, stamps within a tick.
    ReplaceSameSize,
    /// The same with the old file's modification time put on the new one.
    ReplaceSameSizeKeepMtime,
    /// Truncated and written again.
    RewriteInPlace,
    /// Overwritten without truncating, same size.
    RewriteSameSize,
    /// Overwritten with the same size, then the modification time put back.
    RewriteSameSizeRestoreMtime,
    /// Two files change places.
    SwapFiles,
    /// Other content, modification time in the past: seconds, years, 0, 1.
    RollBackMtime,
    /// Other content, modification time in the future.
    FutureMtime,
    /// Unlinked and created again, same size: the inode is often the same.
    DeleteAndRecreate,
    /// Two packages change places.
    SwapDirectories,
    /// A new module.
    AddFile,
    /// A new package with modules.
    AddPackage,
    /// A module goes.
    RemoveFile,
    /// A package goes, with all that is in it.
    RemovePackage,
    /// A module gets another name.
    RenameFile,
    /// A module becomes a package of the same name.
    FileToPackage,
    /// Metadata only: permissions or times, same content.
    Touch,
    /// A second name for a module.
    HardLink,
    /// A symbolic link to a module is made, or points elsewhere from now on.
    RetargetSymlink,
    /// A syntax error is added.
    BreakSyntax,
    /// It is taken out again.
    FixSyntax,
    /// An `__init__.py` is rewritten.
    EditInit,
    /// The module with the host's base class changes.
    EditBase,
    /// A file appears that no finder cares for.
    Unrelated,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::ReplaceSameSize,
        Self::ReplaceSameSizeKeepMtime,
        Self::RewriteInPlace,
        Self::RewriteSameSize,
        Self::RewriteSameSizeRestoreMtime,
        Self::SwapFiles,
        Self::RollBackMtime,
        Self::FutureMtime,
        Self::DeleteAndRecreate,
        Self::SwapDirectories,
        Self::AddFile,
        Self::AddPackage,
        Self::RemoveFile,
        Self::RemovePackage,
        Self::RenameFile,
        Self::FileToPackage,
        Self::Touch,
        Self::HardLink,
        Self::RetargetSymlink,
        Self::BreakSyntax,
        Self::FixSyntax,
        Self::EditInit,
        Self::EditBase,
        Self::Unrelated,
    ];

    /// How often it is chosen beside the others.
    fn weight(self) -> usize {
        match self {
            Self::ReplaceSameSize | Self::RewriteSameSizeRestoreMtime | Self::DeleteAndRecreate => 6,
            Self::ReplaceSameSizeKeepMtime
            | Self::RewriteInPlace
            | Self::RewriteSameSize
            | Self::SwapFiles => 4,
            Self::EditBase | Self::RemovePackage | Self::Unrelated => 1,
            _ => 2,
        }
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// Counted from 1.
    pub step: u64,
    /// Its kind.
    pub action: Action,
    /// What was touched, relative to the root.
    pub paths: Vec<PathBuf>,
    /// Anything more: the time that was set, a link's target.
    pub detail: String,
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: {:?}", self.step, self.action)?;
        for path in &self.paths {
            write!(f, " {}", path.display())?;
        }
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

/// Makes a tree and changes it, step by step.
///
/// The tree has a host with a base class ([`content::BASE_CLASS`]) and packages of plugins below
/// [`content::PACKAGE`]. It stays between a few files and [`Mutator::MOST_FILES`].
#[derive(Debug)]
pub struct Mutator {
    root: PathBuf,
    random: Random,
    step: u64,
    names: u64,
}

impl Mutator {
    /// Modules beyond which none are added.
    pub const MOST_FILES: usize = 60;
    /// Modules below which none are removed.
    const FEWEST_FILES: usize = 8;
    /// Packages beyond which none are added.
    const MOST_PACKAGES: usize = 8;

    /// Fills an empty directory with a tree of `files` modules, and starts at a seed.
    pub fn new(root: &Path, files: usize, seed: u64) -> io::Result<Self> {
        let mut mutator = Self { root: root.to_owned(), random: Random::new(seed), step: 0, names: 0 };
        fs::create_dir_all(root.join(content::PACKAGE_PATH))?;
        fs::write(root.join("host/__init__.py"), "")?;
        fs::write(root.join(content::BASE_FILE), content::base())?;
        fs::write(root.join(content::PACKAGE_PATH).join("__init__.py"), "")?;
        for _ in 0..files {
            let package = if mutator.random.once_in(10) { Action::AddPackage } else { Action::AddFile };
            mutator.apply(package)?;
        }
        mutator.step = 0;
        Ok(mutator)
    }

    /// The tree's root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes one change at random.
    pub fn step(&mut self) -> io::Result<Mutation> {
        let all: usize = Action::ALL.into_iter().map(Action::weight).sum();
        loop {
            let mut at = self.random.below(all);
            let chosen = Action::ALL.into_iter().find(|action| {
                let found = at < action.weight();
                at = at.saturating_sub(action.weight());
                found
            });
            if let Some(mutation) = self.apply(chosen.unwrap_or(Action::AddFile))? {
                return Ok(mutation);
            }
        }
    }

    /// Makes a change of this kind. `None`, and nothing is changed, if the tree has nothing it could be
    /// done to.
    pub fn apply(&mut self, action: Action) -> io::Result<Option<Mutation>> {
        let scan = Scan::of(&self.root)?;
        let Some(touched) = self.perform(action, &scan)? else { return Ok(None) };
        self.step += 1;
        let relative = |path: PathBuf| path.strip_prefix(&self.root).map(Path::to_owned).unwrap_or(path);
        let paths = touched.paths.into_iter().map(relative).collect();
        Ok(Some(Mutation { step: self.step, action, paths, detail: touched.detail }))
    }

    /// A module name that was never used before in this tree.
    fn fresh_name(&mut self) -> String {
        self.names += 1;
        // Some are private: they count like any other.
        let private = if self.random.once_in(8) { "_" } else { "" };
        format!("{private}m{:03}", self.names)
    }
}

#[cfg(test)]
mod tests;
