//! Our side: the sessions that cases open.

use std::{path::Path, str::FromStr, sync::Arc};

use plugcache_cache::Strength;
use plugcache_discovery::{
    entry_points::{self, EntryPointFinder, PythonVersion},
    finder::{Extracted, Facts, Finder, Linked, Links, Record, Scope},
    index::{Location, Session, Snapshot},
    plugin::Plugin,
    tree::{EntryKind, RootId, Tree},
};

/// Which plugins are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// Every subclass of yt-dlp's `InfoExtractor`: 2,048.
    Extractors,
    /// The classes that yt-dlp registers: 1,754.
    Registered,
    /// The plugins of a generated tree: see [`crate::trees`].
    Generated,
    /// Every entry point of an environment.
    EntryPoints,
}

impl What {
    /// The word for it on a child's command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Extractors => "extractors",
            Self::Registered => "registered",
            Self::Generated => "generated",
            Self::EntryPoints => "entry-points",
        }
    }
}

impl FromStr for What {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Extractors, Self::Registered, Self::Generated, Self::EntryPoints]
            .into_iter()
            .find(|what| what.word() == word)
            .ok_or_else(|| format!("nothing is called {word}"))
    }
}

/// A session that keeps its index in `cache`.
pub(crate) fn session(what: What, root: &Path, cache: &Path, strength: Strength) -> Session {
    let finder: Arc<dyn Finder> = match what {
        What::Extractors | What::Registered => Arc::new(Lines { below: "yt_dlp/extractor" }),
        What::Generated => Arc::new(Lines { below: "host/plugins" }),
        What::EntryPoints => Arc::new(EntryPointFinder::default()),
    };
    let location = Location { directories: vec![cache.to_owned()] };
    Session { location, strength, ..Session::new(finder, vec![root.to_owned()]) }
}

/// Goes through everything that a snapshot has, as a host would; returns how much that is.
pub(crate) fn walk_through(what: What, snapshot: &Snapshot) -> u64 {
    if what == What::EntryPoints {
        let listed = entry_points::list(snapshot.index(), PythonVersion::default());
        return listed.map_or(0, |listed| listed.len() as u64);
    }
    let mut seen = 0;
    snapshot.for_each(|_| seen += 1);
    seen
}

/// Stands in until the Python finder is here: a line that begins with `class` is a plugin.
struct Lines {
    below: &'static str,
}

impl Finder for Lines {
    fn version(&self) -> u32 {
        1
    }

    fn spec(&self) -> String {
        format!("lines below {}", self.below)
    }

    fn is_relevant(&self, name: &str) -> bool {
        name != "__pycache__"
    }

    fn walk(&self, tree: &mut Tree<'_>) {
        let roots: Vec<RootId> = tree.roots().iter().map(|(root, _)| *root).collect();
        for root in roots {
            walk(tree, root, self.below);
        }
    }

    fn extract(&self, _path: &Path, bytes: &[u8]) -> Extracted {
        let mut structure = Vec::new();
        for line in bytes.split(|byte| *byte == b'\n') {
            if let Some(head) = line.strip_prefix(b"class ") {
                let end = head.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
                structure.extend_from_slice(&head[..end.unwrap_or(head.len())]);
                structure.push(b'\n');
            }
        }
        Extracted { structure, ..Extracted::default() }
    }

    fn link(&self, tree: &mut Tree<'_>, scope: Scope<'_>) -> Links {
        let files = match scope {
            Scope::All => tree.files(),
            Scope::Only(files) => files.to_vec(),
        };
        let link = |file| {
            let text = String::from_utf8_lossy(tree.structure(file).unwrap_or_default()).into_owned();
            let record = |name: &str| Record { name: name.to_owned(), file, line: 1, payload: Vec::new() };
            (file, Linked { records: text.lines().map(record).collect(), ..Linked::default() })
        };
        Links { files: files.into_iter().map(link).collect(), all_depend_on: Vec::new() }
    }

    fn describe(&self, _facts: &dyn Facts, record: &Record) -> Plugin {
        Plugin { name: record.name.clone(), ..Plugin::default() }
    }
}

fn walk(tree: &mut Tree<'_>, root: RootId, path: &str) {
    let Some(listing) = tree.list(root, path) else { return };
    for (name, kind) in &listing.entries {
        let path = format!("{path}/{name}");
        match kind {
            EntryKind::Directory => walk(tree, root, &path),
            EntryKind::File if Path::new(name).extension().is_some_and(|kind| kind == "py") => {
                tree.declare(root, &path);
            }
            _ => {}
        }
    }
}
