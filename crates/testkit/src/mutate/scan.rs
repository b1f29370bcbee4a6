//! What the tree consists of now, in an order that does not depend on the file system.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::content::{BASE_FILE, PACKAGE_PATH};

/// The parts of a tree that mutations choose from, each sorted.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Modules below the plugin package that are regular files and not `__init__.py`.
    pub(super) modules: Vec<PathBuf>,
    /// Symbolic links.
    pub(super) links: Vec<PathBuf>,
    /// `__init__.py` files.
    pub(super) inits: Vec<PathBuf>,
    /// The plugin package's directory and all below it; the first is the package itself.
    pub(super) packages: Vec<PathBuf>,
    /// Names of the modules directly in the plugin package.
    pub(super) siblings: Vec<String>,
    /// The module with the base class.
    pub(super) base: PathBuf,
}

impl Scan {
    pub(super) fn of(root: &Path) -> io::Result<Self> {
        let mut scan = Self { base: root.join(BASE_FILE), ..Self::default() };
        let package = root.join(PACKAGE_PATH);
        scan.directory(&package)?;
        for list in [&mut scan.modules, &mut scan.links, &mut scan.inits, &mut scan.packages] {
            list.sort();
        }
        scan.siblings = scan
            .modules
            .iter()
            .filter(|path| path.parent() == Some(&package))
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect();
        Ok(scan)
    }

    fn directory(&mut self, directory: &Path) -> io::Result<()> {
        self.packages.push(directory.to_owned());
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                self.directory(&path)?;
            } else if kind.is_symlink() {
                self.links.push(path);
            } else if entry.file_name() == "__init__.py" {
                self.inits.push(path);
            } else if path.extension().is_some_and(|extension| extension == "py") {
                self.modules.push(path);
            }
        }
        Ok(())
    }
}
