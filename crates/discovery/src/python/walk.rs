//! Which files below the roots are looked into: the modules of the packages that were named.

use super::{
    finder::PackageSpec,
    link::{Portion, join, package_portions, plain_module},
};
use crate::{
    plugin::Problem,
    tree::{EntryKind, Tree},
};

/// Directories nested deeper are left out with a problem: only a loop of links gets there.
const DEEPEST: u32 = 64;

/// Declares the source files of the packages; of everything below the roots if there are none.
pub(super) fn walk(packages: &[PackageSpec], tree: &mut Tree<'_>) {
    if packages.is_empty() {
        let roots: Vec<_> = tree.roots().into_iter().map(|(root, _)| root).collect();
        for root in roots {
            directory(tree, &Portion { root, directory: String::new() }, true, 0);
        }
    }
    for package in packages {
        if let Some(portions) = package_portions(tree, &package.name) {
            for portion in portions {
                directory(tree, &portion, package.recursive, 0);
            }
        } else if let Some((root, path)) = plain_module(tree, &package.name) {
            tree.declare(root, &path);
        } else {
            let roots: Vec<String> =
                tree.roots().into_iter().map(|(_, path)| path.display().to_string()).collect();
            let message = format!(
                "package {} was not found: looked for {} in {}",
                package.name,
                package.name.replace('.', "/"),
                if roots.is_empty() { "no root".to_owned() } else { roots.join(", ") }
            );
            tree.problem(Problem { file: String::new(), line: 0, column: 0, message });
        }
    }
}

fn directory(tree: &mut Tree<'_>, portion: &Portion, recursive: bool, depth: u32) {
    let root = portion.root;
    if depth > DEEPEST {
        let message = format!("nested deeper than {DEEPEST} directories: left out");
        return tree.problem(Problem { file: portion.directory.clone(), line: 0, column: 0, message });
    }
    let Some(listing) = tree.list(root, &portion.directory) else { return };
    for (name, kind) in &listing.entries {
        match kind {
            EntryKind::File if name.strip_suffix(".py").is_some_and(is_module) => {
                tree.declare(root, &join(&portion.directory, name));
            }
            EntryKind::Directory if recursive && is_relevant_directory(name) => {
                let below = Portion { root, directory: join(&portion.directory, name) };
                directory(tree, &below, recursive, depth + 1);
            }
            _ => {}
        }
    }
}

/// Whether a directory entry can be a module, a package, or a part of one.
pub(super) fn is_relevant(name: &str) -> bool {
    let module = |suffix: &str| name.strip_suffix(suffix).is_some_and(|stem| !stem.is_empty());
    module(".py")
        || module(".pyi")
        || module(".so")
        || module(".pyd")
        || module(".pyc")
        || is_relevant_directory(name)
}

/// A directory without a dot can be imported by name, identifier or not.
fn is_relevant_directory(name: &str) -> bool {
    name != "__pycache__" && is_module(name)
}

fn is_module(name: &str) -> bool {
    !name.is_empty() && !name.contains('.')
}

#[cfg(test)]
mod tests {
    use super::is_relevant;

    #[test]
    fn only_what_can_be_imported_is_relevant() {
        for name in
            ["a.py", "a.pyi", "a", "foo-bar", "a.cpython-313-x86_64-linux-gnu.so", "a.pyc", "__init__.py"]
        {
            assert!(is_relevant(name), "{name}");
        }
        for name in ["__pycache__", ".git", "a.json", ".py", "x.dist-info"] {
            assert!(!is_relevant(name), "{name}");
        }
    }
}
