//! Which file a dotted name stands for, over several roots, as Python's own path finder decides it.
//!
//! In each directory of the search path, in order: a package with `__init__`, an extension module, a
//! source file, compiled code; a directory without `__init__` is remembered as a portion of a namespace
//! package, and the search goes on. Extension modules and compiled code exist, but nothing is known of
//! them.

use std::{collections::HashMap, rc::Rc};

use super::hash::Fast;
use crate::{
    python::facts::{ModuleRef, Structure},
    tree::{EntryKind, FileId, Listing, RootId, Tree},
};

/// A module that was looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::python) struct ModuleId(pub(super) u32);

/// What stands behind a module's name.
#[derive(Debug, Clone)]
pub(in crate::python) enum Kind {
    /// Source code. Without facts if the file could not be understood.
    Source { file: FileId, structure: Option<Rc<Structure>> },
    /// An extension module or compiled code.
    Opaque,
    /// Directories without `__init__`.
    Namespace,
}

/// A module below the roots.
pub(in crate::python) struct Module {
    pub(in crate::python) name: Rc<str>,
    pub(in crate::python) kind: Kind,
    /// Where its submodules are looked for; none if it is no package.
    pub(in crate::python) path: Rc<[Portion]>,
    pub(in crate::python) is_package: bool,
}

/// A directory in which modules are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::python) struct Portion {
    pub(in crate::python) root: RootId,
    pub(in crate::python) directory: String,
}

/// Where a name leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::python) enum Found {
    /// A module below the roots.
    Module(ModuleId),
    /// Nothing below the roots: it may be installed elsewhere.
    Elsewhere,
    /// A package below the roots has no such submodule.
    Missing,
    /// It is inside a module of which nothing is known.
    Unknown,
}

/// A file's place before it is read.
enum Located {
    Source { root: RootId, path: String, directory: Option<String> },
    Opaque { root: RootId, directory: Option<String> },
    Namespace(Vec<Portion>),
}

/// Every module that was looked up in one link.
#[derive(Default)]
pub(in crate::python) struct Modules {
    all: Vec<Module>,
    by_name: HashMap<Box<str>, Found, Fast>,
    /// For modules that take names from the stub beside them, that stub under the same name.
    stubs: HashMap<ModuleId, Option<ModuleId>, Fast>,
}

impl Modules {
    pub(in crate::python) fn get(&self, id: ModuleId) -> Option<&Module> {
        self.all.get(id.0 as usize)
    }

    /// Looks a module up by its absolute name.
    pub(in crate::python) fn find(&mut self, tree: &mut Tree<'_>, name: &str) -> Found {
        if let Some(known) = self.by_name.get(name) {
            return *known;
        }
        // A name of a thousand parts is no module: the bound keeps this from recursing for ever.
        if name.len() > 1024 || name.split('.').any(str::is_empty) {
            return Found::Missing;
        }
        let found = match name.rsplit_once('.') {
            None => {
                let roots: Vec<Portion> = tree
                    .roots()
                    .into_iter()
                    .map(|(root, _)| Portion { root, directory: String::new() })
                    .collect();
                self.locate(tree, &roots, name, name).unwrap_or(Found::Elsewhere)
            }
            Some((parent, last)) => match self.find(tree, parent) {
                Found::Module(parent) => self.find_in(tree, parent, last, name),
                other => other,
            },
        };
        self.by_name.insert(name.into(), found);
        found
    }

    /// The stub that a module takes names from, if it does; a stub takes them from no other.
    pub(in crate::python) fn stub(&mut self, tree: &mut Tree<'_>, module: ModuleId) -> Option<ModuleId> {
        if let Some(known) = self.stubs.get(&module) {
            return *known;
        }
        let stub = self.find_stub(tree, module).map(|stub| {
            let id = ModuleId(self.all.len() as u32);
            self.all.push(stub);
            self.stubs.insert(id, None);
            id
        });
        self.stubs.insert(module, stub);
        stub
    }

    fn find_stub(&self, tree: &mut Tree<'_>, module: ModuleId) -> Option<Module> {
        let module = self.get(module)?;
        let Kind::Source { file, structure: Some(structure) } = &module.kind else { return None };
        if !structure.has_stub {
            return None;
        }
        let (root, path) = tree.path(*file);
        let path = format!("{path}i");
        let file = tree.find(root, &path)?;
        let structure = tree.structure(file).and_then(|bytes| postcard::from_bytes(bytes).ok()).map(Rc::new);
        let kind = Kind::Source { file, structure };
        Some(Module { name: Rc::clone(&module.name), kind, path: Rc::clone(&module.path), ..*module })
    }

    fn find_in(&mut self, tree: &mut Tree<'_>, parent: ModuleId, last: &str, name: &str) -> Found {
        let Some(module) = self.get(parent) else { return Found::Missing };
        let path = Rc::clone(&module.path);
        let otherwise = match &module.kind {
            Kind::Source { structure: Some(structure), .. } if extends_path(structure) => Found::Unknown,
            Kind::Source { structure: Some(_), .. } => Found::Missing,
            Kind::Source { structure: None, .. } | Kind::Opaque => Found::Unknown,
            Kind::Namespace => Found::Elsewhere,
        };
        self.locate(tree, &path, last, name).unwrap_or(otherwise)
    }

    fn locate(&mut self, tree: &mut Tree<'_>, path: &[Portion], last: &str, name: &str) -> Option<Found> {
        let module = |kind, path: Vec<Portion>, is_package| Module {
            name: name.into(),
            kind,
            path: path.into(),
            is_package,
        };
        let portion = |root, directory: Option<String>| {
            directory.map(|directory| Portion { root, directory }).into_iter().collect::<Vec<_>>()
        };
        let module = match locate(tree, path, last)? {
            Located::Source { root, path, directory } => {
                let file = tree.find(root, &path)?;
                let structure = tree.structure(file).and_then(|bytes| postcard::from_bytes(bytes).ok());
                let is_package = directory.is_some();
                let kind = Kind::Source { file, structure: structure.map(Rc::new) };
                module(kind, portion(root, directory), is_package)
            }
            Located::Opaque { root, directory } => {
                let is_package = directory.is_some();
                module(Kind::Opaque, portion(root, directory), is_package)
            }
            Located::Namespace(portions) => module(Kind::Namespace, portions, true),
        };
        let id = ModuleId(self.all.len() as u32);
        self.all.push(module);
        Some(Found::Module(id))
    }

    /// The absolute name that a `from` in `module` means; `None` if its dots lead above the top.
    pub(in crate::python) fn absolute(&self, module: ModuleId, reference: &ModuleRef) -> Option<String> {
        if reference.level == 0 {
            return Some(reference.name.clone());
        }
        let module = self.get(module)?;
        let mut base: &str = &module.name;
        let up = reference.level - u32::from(module.is_package);
        for _ in 0..up {
            base = base.rsplit_once('.')?.0;
        }
        Some(if reference.name.is_empty() { base.to_owned() } else { format!("{base}.{}", reference.name) })
    }
}

/// Whether a package computes where its submodules are.
fn extends_path(structure: &Structure) -> bool {
    structure.dynamic.iter().any(|dynamic| dynamic.name == "__path__")
        || structure.bindings.iter().any(|binding| binding.name == "__path__")
}

/// The directories in which submodules of a package are, without reading any file: what a walk lists.
pub(in crate::python) fn package_portions(tree: &mut Tree<'_>, package: &str) -> Option<Vec<Portion>> {
    let roots = tree.roots();
    let mut path: Vec<Portion> =
        roots.into_iter().map(|(root, _)| Portion { root, directory: String::new() }).collect();
    for part in package.split('.') {
        path = match locate(tree, &path, part)? {
            Located::Source { root, directory: Some(directory), .. }
            | Located::Opaque { root, directory: Some(directory) } => vec![Portion { root, directory }],
            Located::Namespace(portions) => portions,
            _ => return None,
        };
    }
    Some(path)
}

/// The source file of a module that is no package, without reading it.
pub(in crate::python) fn plain_module(tree: &mut Tree<'_>, module: &str) -> Option<(RootId, String)> {
    let path = match module.rsplit_once('.') {
        Some((parent, _)) => package_portions(tree, parent)?,
        None => {
            tree.roots().into_iter().map(|(root, _)| Portion { root, directory: String::new() }).collect()
        }
    };
    let last = module.rsplit('.').next()?;
    match locate(tree, &path, last)? {
        Located::Source { root, path, directory: None } => Some((root, path)),
        _ => None,
    }
}

fn locate(tree: &mut Tree<'_>, path: &[Portion], name: &str) -> Option<Located> {
    let mut portions = Vec::new();
    for Portion { root, directory } in path {
        let Some(listing) = tree.list(*root, directory) else { continue };
        let below = join(directory, name);
        let is_directory = listing.get(name) == Some(EntryKind::Directory);
        if is_directory && let Some(inside) = tree.list(*root, &below) {
            if has_extension(&inside, "__init__") {
                return Some(Located::Opaque { root: *root, directory: Some(below) });
            }
            if inside.get("__init__.py") == Some(EntryKind::File) {
                let path = join(&below, "__init__.py");
                return Some(Located::Source { root: *root, path, directory: Some(below) });
            }
            if inside.get("__init__.pyc") == Some(EntryKind::File) {
                return Some(Located::Opaque { root: *root, directory: Some(below) });
            }
        }
        if has_extension(&listing, name) {
            return Some(Located::Opaque { root: *root, directory: None });
        }
        if listing.get(&format!("{name}.py")) == Some(EntryKind::File) {
            return Some(Located::Source { root: *root, path: format!("{below}.py"), directory: None });
        }
        if listing.get(&format!("{name}.pyc")) == Some(EntryKind::File) {
            return Some(Located::Opaque { root: *root, directory: None });
        }
        if is_directory {
            portions.push(Portion { root: *root, directory: below });
        }
    }
    (!portions.is_empty()).then_some(Located::Namespace(portions))
}

/// Whether a file such as `name.cpython-313-x86_64-linux-gnu.so` is there, for any interpreter.
fn has_extension(listing: &Listing, name: &str) -> bool {
    let start = listing.entries.partition_point(|(entry, _)| entry.as_str() < name);
    let rest = listing.entries.get(start..).unwrap_or_default();
    rest.iter().take_while(|(entry, _)| entry.starts_with(name)).any(|(entry, kind)| {
        *kind == EntryKind::File
            && entry.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')).is_some_and(is_extension)
    })
}

/// `so`, `abi3.so`, `cpython-….so`, `pyd`, `cp313-….pyd`: what follows the module's name and a dot.
fn is_extension(suffix: &str) -> bool {
    let tagged = |end: &str, tag: &str| suffix.starts_with(tag) && suffix.ends_with(end);
    matches!(suffix, "so" | "pyd" | "abi3.so")
        || tagged(".so", "cpython-")
        || tagged(".so", "pypy")
        || tagged(".pyd", "cp")
}

pub(in crate::python) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// The dotted name that a path below a root has, and whether it is a package's `__init__`.
pub(in crate::python) fn module_name(path: &str) -> Option<String> {
    let path = path.strip_suffix(".py")?;
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    (!path.contains('.')).then(|| path.replace('/', "."))
}
