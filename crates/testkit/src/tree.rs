//! Builds a directory tree from a declaration, odd entries included.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{PermissionsExt as _, symlink},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

/// What a declared path becomes.
#[derive(Debug, Clone)]
enum Entry {
    File(Vec<u8>),
    Directory,
    Symlink(PathBuf),
    HardLink(PathBuf),
    Fifo,
    Mode(u32),
}

/// Declares a tree; nothing is written before [`build`](Self::build).
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let tree = plugcache_testkit::TreeBuilder::new()
///     .file("host/__init__.py", "")
///     .file("host/one.py", "class One: ...\n")
///     .symlink("host/two.py", "one.py")
///     .fifo("host/pipe.py")
///     .build()?;
/// assert!(tree.path().join("host/two.py").is_file());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct TreeBuilder {
    entries: Vec<(PathBuf, Entry)>,
}

impl TreeBuilder {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, path: impl AsRef<Path>, entry: Entry) -> Self {
        self.entries.push((path.as_ref().to_owned(), entry));
        self
    }

    /// A regular file, and the directories that lead to it. A later declaration of the path wins.
    pub fn file(self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref().to_owned();
        self.with(path, Entry::File(content))
    }

    /// Several files below one directory.
    pub fn files<'a>(
        self,
        directory: impl AsRef<Path>,
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let directory = directory.as_ref();
        files.into_iter().fold(self, |tree, (path, text)| tree.file(directory.join(path), text))
    }

    /// An empty directory.
    pub fn directory(self, path: impl AsRef<Path>) -> Self {
        self.with(path, Entry::Directory)
    }

    /// A symbolic link; its target is taken as it stands and need not exist.
    pub fn symlink(self, path: impl AsRef<Path>, target: impl AsRef<Path>) -> Self {
        let target = target.as_ref().to_owned();
        self.with(path, Entry::Symlink(target))
    }

    /// A second name for a file declared before, by its path in the tree.
    pub fn hard_link(self, path: impl AsRef<Path>, to: impl AsRef<Path>) -> Self {
        let to = to.as_ref().to_owned();
        self.with(path, Entry::HardLink(to))
    }

    /// A FIFO: whoever opens it to read waits for ever.
    pub fn fifo(self, path: impl AsRef<Path>) -> Self {
        self.with(path, Entry::Fifo)
    }

    /// Sets the permissions of a path declared before. Root is not stopped by them.
    pub fn mode(self, path: impl AsRef<Path>, mode: u32) -> Self {
        self.with(path, Entry::Mode(mode))
    }

    /// One file for each of [`odd_names`], all with the same content.
    pub fn odd_files(self, directory: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Self {
        let (directory, content) = (directory.as_ref(), content.as_ref());
        odd_names().iter().fold(self, |tree, name| tree.file(directory.join(name), content))
    }

    /// Writes the tree to a fresh temporary directory.
    pub fn build(self) -> io::Result<PluginTree> {
        let tree = PluginTree { directory: tempfile::tempdir()? };
        self.build_in(tree.path())?;
        Ok(tree)
    }

    /// Writes the tree below an existing directory.
    pub fn build_in(self, root: &Path) -> io::Result<()> {
        for (path, entry) in self.entries {
            let path = root.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            match entry {
                Entry::File(content) => fs::write(&path, content)?,
                Entry::Directory => fs::create_dir_all(&path)?,
                Entry::Symlink(target) => symlink(target, &path)?,
                Entry::HardLink(to) => fs::hard_link(root.join(to), &path)?,
                Entry::Fifo => mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)?,
                Entry::Mode(mode) => fs::set_permissions(&path, fs::Permissions::from_mode(mode))?,
            }
        }
        Ok(())
    }
}

/// A tree on disk; removed when dropped.
#[derive(Debug)]
pub struct PluginTree {
    directory: TempDir,
}

impl PluginTree {
    /// Its root.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file in place, and the directories that lead to it.
    pub fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> io::Result<()> {
        TreeBuilder::new().file(path, content).build_in(self.path())
    }

    /// Replaces a file as careful programs do: writes beside it and renames.
    pub fn replace(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> io::Result<()> {
        let path = self.path().join(path);
        let beside = path.with_extension("replacement");
        fs::write(&beside, content)?;
        fs::rename(beside, path)
    }

    /// Removes a file or a whole directory.
    pub fn remove(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = self.path().join(path);
        if fs::symlink_metadata(&path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
    }
}

/// File names that break programs: each is legal on Linux, and all differ.
pub fn odd_names() -> Vec<OsString> {
    let long = format!("{}.py", "n".repeat(252));
    let mut names: Vec<OsString> = [
        "..py",
        "...",
        "-rf.py",
        " leading.py",
        "trailing .py",
        "new\nline.py",
        "back\\slash.py",
        "star*.py",
        "quote'\".py",
        "CON.py",
        "Case.py",
        "case.py",
        "\u{1f980}.py",
        // The same letter in its two forms.
        "\u{e9}.py",
        "e\u{301}.py",
        "with-dash.py",
        "1digit.py",
        "class.py",
        long.as_str(),
    ]
    .into_iter()
    .map(OsString::from)
    .collect();
    names.push(OsStr::from_bytes(b"latin-\xe9.py").to_owned());
    names.push(OsStr::from_bytes(b"\xff\xfe.py").to_owned());
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_declared_is_there() -> io::Result<()> {
        let tree = TreeBuilder::new()
            .files("pkg", [("__init__.py", ""), ("a.py", "a = 1\n")])
            .odd_files("pkg/odd", "x = 1\n")
            .symlink("pkg/loop", ".")
            .symlink("pkg/dangling.py", "nowhere.py")
            .hard_link("pkg/same.py", "pkg/a.py")
            .fifo("pkg/pipe.py")
            .directory("pkg/empty")
            .mode("pkg/a.py", 0o600)
            .build()?;
        assert_eq!(fs::read_dir(tree.path().join("pkg/odd"))?.count(), odd_names().len());
        assert_eq!(fs::read_to_string(tree.path().join("pkg/loop/loop/same.py"))?, "a = 1\n");
        tree.replace("pkg/a.py", "a = 2\n")?;
        assert_eq!(fs::read_to_string(tree.path().join("pkg/same.py"))?, "a = 1\n");
        tree.remove("pkg/odd")?;
        assert!(!tree.path().join("pkg/odd").exists());
        Ok(())
    }
}
