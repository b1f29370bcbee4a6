//! The finder of entry points.
//!
//! As few files as the answer needs are evidence, since each costs a `stat` at every later look: the
//! `entry_points.txt` of each distribution that nothing shadows (usually absent, which is evidence too),
//! and the metadata of those that have entry points, for their name and version.

use std::{collections::HashSet, path::Path};

use plugcache_cache::fs::{Directory, Kind, c_path};
use serde::{Deserialize, Serialize};

use super::{
    EntryPointRef, PythonVersion, metadata,
    search_path::{self, Found},
    sectioned,
};
use crate::{
    finder::{Extracted, Facts, Finder, Linked, Links, Record, Scope},
    plugin::{Plugin, Problem},
    tree::{EntryKind, FileId, RootId, Tree},
    value::Value,
};

const ENTRY_POINTS: &str = "entry_points.txt";

/// Finds the entry points of the distributions below its roots, which are the entries of `sys.path` in
/// order.
#[derive(Debug, Clone, Default)]
pub struct EntryPointFinder {
    /// Whose semantics. Default: 3.13.
    pub python: PythonVersion,
    /// Leave out what tells names and versions of distributions, for who reads that where it is: a third
    /// less to look at. Default: no.
    pub without_metadata: bool,
}

/// What `entry_points.txt` says.
#[derive(Serialize, Deserialize)]
struct Lines<'a> {
    #[serde(borrow)]
    entries: Vec<(&'a str, &'a str, &'a str, u32)>,
    malformed: Vec<(u32, String)>,
}

/// What `METADATA` or `PKG-INFO` says.
#[derive(Serialize, Deserialize)]
struct Identity<'a> {
    name: Option<&'a str>,
    version: Option<&'a str>,
    /// Then Python looks into the next file.
    is_empty: bool,
}

/// A distribution that counts.
struct Distribution {
    root: RootId,
    found: Found,
}

impl Distribution {
    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.found.entry)
    }
}

impl EntryPointFinder {
    /// The finder with the semantics of that Python.
    pub fn new(python: PythonVersion) -> Self {
        Self { python, ..Self::default() }
    }

    /// The same without names and versions of distributions.
    #[must_use]
    pub fn without_metadata(self) -> Self {
        Self { without_metadata: true, ..self }
    }

    /// Distributions in the order of the search path, less those that another one of the same name, told
    /// by its directory's name, goes before.
    fn distributions(
        tree: &mut Tree<'_>,
        mut shadowed: impl FnMut(&Path, &Found, &Found),
    ) -> Vec<Distribution> {
        let roots: Vec<_> = tree.roots().into_iter().map(|(id, path)| (id, path.to_owned())).collect();
        let mut seen = HashSet::new();
        let mut counting: Vec<Distribution> = Vec::new();
        for (root, path) in roots {
            let Some(listing) = tree.list(root, "") else { continue };
            let place = path.to_string_lossy();
            for found in search_path::distributions(&place, listing.as_listed()) {
                if let Some(name) = &found.name
                    && !seen.insert(name.clone())
                {
                    let first = counting.iter().rev().take_while(|other| other.root == root);
                    let first = first.map(|other| &other.found).find(|other| other.name == found.name);
                    if let Some(first) = first {
                        shadowed(&path, first, &found);
                    }
                    continue;
                }
                counting.push(Distribution { root, found });
            }
        }
        counting
    }

    /// Name and version, and the files that told them.
    fn identity<'t>(tree: &'t mut Tree<'_>, root: RootId, entry: &str) -> (Identity<'t>, Vec<FileId>) {
        let mut used = Vec::new();
        for name in ["METADATA", "PKG-INFO"] {
            let file = tree.declare(root, &format!("{entry}/{name}"));
            used.push(file);
            if read::<Identity<'_>>(tree, file).is_some_and(|identity| !identity.is_empty) {
                break;
            }
        }
        let unknown = Identity { name: None, version: None, is_empty: true };
        let told = used.last().and_then(|file| read(tree, *file));
        (told.unwrap_or(unknown), used)
    }

    /// The entry points of one file. `metadata` stands beside it.
    fn link_one(&self, tree: &mut Tree<'_>, root: RootId, entry: &str, file: FileId) -> Linked {
        let mut linked = Linked::default();
        let Some(facts) = tree.structure(file).map(<[u8]>::to_vec) else { return linked };
        let Ok(lines) = postcard::from_bytes::<Lines<'_>>(&facts) else { return linked };
        for (line, message) in lines.malformed {
            linked.problems.push(Problem { file: String::new(), line, column: 0, message });
        }
        if lines.entries.is_empty() {
            return linked;
        }
        let nothing = Identity { name: None, version: None, is_empty: true };
        let (identity, used) =
            if self.without_metadata { (nothing, Vec::new()) } else { Self::identity(tree, root, entry) };
        linked.depends_on = used;
        for (group, name, value, line) in lines.entries {
            let (distribution, version) = (identity.name, identity.version);
            let payload = EntryPointRef { group, name, value, distribution, version }.encode();
            linked.records.push(Record { name: name.to_owned(), file, line, payload });
        }
        if !self.without_metadata && (identity.name.is_none() || identity.version.is_none()) {
            let message = "the distribution's metadata has no Name or no Version: reinstall it".to_owned();
            linked.problems.push(Problem { file: String::new(), line: 0, column: 0, message });
        }
        linked
    }

    fn link_all(&self, tree: &mut Tree<'_>) -> Links {
        let mut links = Links::default();
        let mut seen = HashSet::new();
        for distribution in Self::distributions(tree, |_, _, _| {}) {
            let Distribution { root, found } = &distribution;
            let mut nameless = None;
            let name = if let Some(name) = &found.name {
                name.clone()
            } else {
                let (identity, used) = Self::identity(tree, *root, &found.entry);
                let name = identity.name.map(search_path::normalize);
                links.all_depend_on.extend(used);
                name.unwrap_or_else(|| {
                    let message = format!(
                        "{} has no Name in its metadata, for which importlib.metadata fails: reinstall or remove it",
                        found.entry
                    );
                    nameless = Some(Problem { file: String::new(), line: 0, column: 0, message });
                    String::new()
                })
            };
            let is_first = nameless.is_some() || seen.insert(name);
            if !is_first || found.kind == EntryKind::File {
                continue;
            }
            let file = tree.declare(*root, &distribution.file(ENTRY_POINTS));
            let mut linked = self.link_one(tree, *root, &found.entry, file);
            linked.problems.extend(nameless);
            links.files.push((file, linked));
        }
        links
    }
}

impl Finder for EntryPointFinder {
    fn version(&self) -> u32 {
        1
    }

    fn spec(&self) -> String {
        let what = if self.without_metadata { "entry points alone" } else { "entry points" };
        format!("{what} as Python {}", self.python.as_str())
    }

    fn is_relevant(&self, name: &str) -> bool {
        search_path::is_metadata(name)
    }

    fn walk(&self, tree: &mut Tree<'_>) {
        let mut problems = Vec::new();
        let counting = Self::distributions(tree, |place, first, second| {
            problems.push(Problem {
                file: place.join(&second.entry).display().to_string(),
                line: 0,
                column: 0,
                message: format!(
                    "hidden by {} of the same distribution, which this file system lists first: remove the stale one",
                    first.entry
                ),
            });
        });
        for distribution in counting.iter().filter(|one| one.found.kind != EntryKind::File) {
            tree.declare(distribution.root, &distribution.file(ENTRY_POINTS));
        }
        let roots: Vec<_> = tree.roots().into_iter().map(|(_, path)| path.to_owned()).collect();
        for root in roots.iter().filter(|root| is_file(root)) {
            let message = "not a directory: distributions in a zip file on the search path are not listed; \
                           unpack it"
                .to_owned();
            problems.push(Problem { file: root.display().to_string(), line: 0, column: 0, message });
        }
        for problem in problems {
            tree.problem(problem);
        }
    }

    fn extract(&self, path: &Path, bytes: &[u8]) -> Extracted {
        let structure = if path.file_name().is_some_and(|name| name == ENTRY_POINTS) {
            let text = match std::str::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => return not_utf8(bytes, error.valid_up_to()),
            };
            postcard::to_allocvec(&self.lines(text))
        } else {
            let identity = metadata::parse(bytes);
            let name = identity.name.map(|name| metadata::redent(self.python, &name));
            let version = identity.version.map(|version| metadata::redent(self.python, &version));
            let (name, version) = (name.as_deref(), version.as_deref());
            postcard::to_allocvec(&Identity { name, version, is_empty: bytes.is_empty() })
        };
        // Encoding text into memory cannot fail; empty facts would read as no entry points.
        Extracted { structure: structure.unwrap_or_default(), ..Extracted::default() }
    }

    fn link(&self, tree: &mut Tree<'_>, scope: Scope<'_>) -> Links {
        let Scope::Only(files) = scope else { return self.link_all(tree) };
        // What shadows what is told by listings, which did not change, or by metadata on which all depends.
        let mut links = Links::default();
        let mut nameless = false;
        for file in files {
            let (root, path) = tree.path(*file);
            let Some(entry) = path.strip_suffix(ENTRY_POINTS).and_then(|entry| entry.strip_suffix('/'))
            else {
                continue;
            };
            let (root, entry) = (root, entry.to_owned());
            nameless |= !search_path::is_named(&entry);
            let linked = self.link_one(tree, root, &entry, *file);
            links.files.push((*file, linked));
        }
        if nameless || self.has_nameless(tree) { self.link_all(tree) } else { links }
    }

    fn describe(&self, facts: &dyn Facts, record: &Record) -> Plugin {
        let file = facts.path(record.file).map(|(root, path)| root.join(path).display().to_string());
        let mut plugin = Plugin {
            name: record.name.clone(),
            kind: "entry-point",
            file: file.unwrap_or_default(),
            line: record.line,
            ..Plugin::default()
        };
        let Some(entry) = EntryPointRef::decode(&record.name, &record.payload) else { return plugin };
        let text = |text: Option<&str>| text.map_or(Value::None, |text| Value::Str(text.to_owned()));
        plugin.attributes = [
            ("group", Some(entry.group)),
            ("value", Some(entry.value)),
            ("distribution", entry.distribution),
            ("version", entry.version),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), text(value)))
        .collect();
        plugin
    }
}

impl EntryPointFinder {
    fn lines<'a>(&self, text: &'a str) -> Lines<'a> {
        let mut lines = Lines { entries: Vec::new(), malformed: Vec::new() };
        if text.starts_with('\u{feff}') {
            let message =
                "starts with a byte order mark, which hides the first group from Python: save it without";
            lines.malformed.push((1, message.to_owned()));
        }
        for entry in sectioned::parse(text) {
            match entry {
                Ok(entry) if sectioned::accepts(self.python, entry.value) => {
                    lines.entries.push((entry.group, entry.name, entry.value, entry.line));
                }
                Ok(entry) => {
                    let message = format!(
                        "`{}` names no object: Python {} fails on it for all distributions; expected `module:object`",
                        entry.value,
                        self.python.as_str()
                    );
                    lines.malformed.push((entry.line, message));
                }
                Err(malformed) => lines.malformed.push((malformed.line, malformed.why.to_owned())),
            }
        }
        lines
    }

    /// Whether any distribution tells its name in its metadata only.
    fn has_nameless(&self, tree: &mut Tree<'_>) -> bool {
        let roots: Vec<_> = tree.roots().into_iter().map(|(id, _)| id).collect();
        let of = |root| tree.list(root, "");
        let listings: Vec<_> = roots.into_iter().filter_map(of).collect();
        listings.iter().any(|listing| {
            let relevant = listing.entries.iter().filter(|(entry, _)| self.is_relevant(entry));
            relevant.map(|(entry, _)| entry.as_str()).any(|entry| !search_path::is_named(entry))
        })
    }
}

fn read<'t, T: Deserialize<'t>>(tree: &'t Tree<'_>, file: FileId) -> Option<T> {
    postcard::from_bytes(tree.structure(file)?).ok()
}

fn not_utf8(bytes: &[u8], at: usize) -> Extracted {
    let before = bytes.get(..at).unwrap_or(bytes);
    let line = memchr::memchr_iter(b'\n', before).count() as u32 + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() as u32 + 1;
    let message =
        "not UTF-8: importlib.metadata fails on it for all distributions; save it as UTF-8".to_owned();
    Extracted {
        problem: Some(Problem { file: String::new(), line, column, message }),
        ..Extracted::default()
    }
}

/// Whether an entry of the search path is a file. Not evidence: what it holds is not read.
fn is_file(path: &Path) -> bool {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return false };
    let Ok(name) = c_path(name.as_encoded_bytes()) else { return false };
    let look = Directory::open(parent).and_then(|parent| parent.look(&name));
    matches!(look, Ok(Some(look)) if look.kind == Kind::File)
}
