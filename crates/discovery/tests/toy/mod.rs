//! A finder small enough to see through: every `*.toy` file is a plugin. `name: X` names it, `uses: path`
//! makes its value depend on another file's `value:`, `any` makes the whole depend on it.

use std::{collections::BTreeMap, path::Path};

use plugcache_discovery::{
    finder::{Extracted, Facts, Finder, Linked, Links, Record, Scope},
    plugin::{Plugin, Problem},
    tree::{EntryKind, FileId, RootId, Tree},
};

#[derive(Default)]
pub(crate) struct Toy;

impl Finder for Toy {
    fn version(&self) -> u32 {
        1
    }

    fn spec(&self) -> String {
        "toy".to_owned()
    }

    fn is_relevant(&self, name: &str) -> bool {
        name != "ignored"
    }

    fn walk(&self, tree: &mut Tree<'_>) {
        let roots: Vec<RootId> = tree.roots().iter().map(|(root, _)| *root).collect();
        for root in roots {
            walk(tree, root, "");
        }
    }

    fn extract(&self, _path: &Path, bytes: &[u8]) -> Extracted {
        let text = String::from_utf8_lossy(bytes);
        if text.contains("broken") {
            let problem = Problem { file: String::new(), line: 1, column: 1, message: "broken".to_owned() };
            return Extracted { problem: Some(problem), ..Extracted::default() };
        }
        Extracted { structure: bytes.to_vec(), details: Vec::new(), problem: None }
    }

    fn link(&self, tree: &mut Tree<'_>, scope: Scope<'_>) -> Links {
        let files = match scope {
            Scope::All => tree.files(),
            Scope::Only(files) => files.to_vec(),
        };
        let linked = files.into_iter().map(|file| (file, link(tree, file)));
        Links { files: linked.collect(), all_depend_on: Vec::new() }
    }

    fn describe(&self, _facts: &dyn Facts, record: &Record) -> Plugin {
        let doc = String::from_utf8(record.payload.clone()).ok();
        Plugin { name: record.name.clone(), kind: "toy", doc, ..Plugin::default() }
    }
}

fn walk(tree: &mut Tree<'_>, root: RootId, path: &str) {
    let Some(listing) = tree.list(root, path) else { return };
    for (name, kind) in &listing.entries {
        let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        match kind {
            EntryKind::Directory => walk(tree, root, &path),
            EntryKind::File if Path::new(name).extension().is_some_and(|kind| kind == "toy") => {
                tree.declare(root, &path);
            }
            _ => {}
        }
    }
}

fn link(tree: &mut Tree<'_>, file: FileId) -> Linked {
    let Some(text) = tree.structure(file).map(|text| String::from_utf8_lossy(text).into_owned()) else {
        return Linked::default();
    };
    let fields: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(": ")).collect();
    let mut linked = Linked::default();
    let mut value = fields.get("value").copied().unwrap_or_default().to_owned();
    if let Some(other) = fields.get("uses").and_then(|path| tree.find(RootId(0), path)) {
        linked.depends_on.push(other);
        let other = tree.structure(other).map(|text| String::from_utf8_lossy(text).into_owned());
        let used = other.unwrap_or_default();
        used.lines().find_map(|line| line.strip_prefix("value: ")).unwrap_or("none").clone_into(&mut value);
    }
    if let Some(name) = fields.get("name") {
        linked.records.push(Record { name: (*name).to_owned(), file, line: 1, payload: value.into_bytes() });
    }
    linked
}
