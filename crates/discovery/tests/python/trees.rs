//! Small trees of Python modules over two roots, for tests.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{collections::BTreeSet, fs, path::Path, process::Command, sync::Arc};

use plugcache_discovery::{
    finder::{Extracted, Facts, Finder, Linked, Links, Record, Scope},
    index::{Report, Session},
    plugin::Plugin,
    python::PythonFinder,
    tree::{FileId, Tree as Files},
};
use tempfile::TempDir;

const BASE: &str = "class Base: pass\nclass Other: pass\n";

/// Prints `module:qualname` of each subclass of `base.Base` that can be reached by its name.
const ASK: &str = r"
import sys, importlib, gc, operator
sys.path[:0] = sys.argv[2].split(':')
for name in sys.argv[3].split(','):
    try:
        importlib.import_module(name)
    except Exception as error:
        print('!', name, error, file=sys.stderr)
gc.collect()
import base
def below(cls, seen):
    for sub in cls.__subclasses__():
        if sub not in seen:
            seen.add(sub)
            below(sub, seen)
    return seen
for cls in below(base.Base, set()):
    module = sys.modules[cls.__module__]
    values = list(vars(module).values())
    try:
        reached = operator.attrgetter(cls.__qualname__)(module) is cls
    except AttributeError:
        reached = any(value is cls for value in values)
    if reached:
        print(f'{cls.__module__}:{cls.__qualname__}')
";

pub(crate) struct Tree {
    pub(crate) directory: TempDir,
}

impl Tree {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self { directory: tempfile::tempdir().unwrap() };
        tree.write("r/base.py", BASE);
        fs::create_dir_all(tree.directory.path().join("s")).unwrap();
        for (path, text) in files {
            tree.write(path, text);
        }
        tree
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{text}\n")).unwrap();
    }

    pub(crate) fn plugins(&self, finder: PythonFinder) -> Vec<Plugin> {
        self.all(finder).0
    }

    /// Every plugin, and the report.
    pub(crate) fn all(&self, finder: PythonFinder) -> (Vec<Plugin>, Report) {
        let roots = vec![self.directory.path().join("r"), self.directory.path().join("s")];
        let session = Session::new(Arc::new(LinkedAlike(finder, 1)), roots);
        let (snapshot, plugins) = session.list(|snapshot| {
            let mut describe = snapshot.describer();
            let all = snapshot.all();
            let many: Vec<Plugin> = all.iter().map(&mut describe).collect();
            for (one, plugin) in all.iter().zip(&many).take(20) {
                assert_eq!(snapshot.describe(one), *plugin, "one by one and together");
            }
            many
        });
        (plugins, snapshot.full_report())
    }

    /// What the interpreter says; `None` without one.
    pub(crate) fn run(&self, modules: &str) -> Option<BTreeSet<String>> {
        let root = |name| self.directory.path().join(name).display().to_string();
        let roots = format!("{}:{}", root("r"), root("s"));
        let mut command = Command::new("python3");
        command.args(["-B", "-c", ASK, "-", &roots, modules]);
        let output = command.output().ok()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }
}

pub(crate) fn finder(rules: &[&str]) -> PythonFinder {
    PythonFinder {
        rules: rules.iter().map(|rule| rule.parse().unwrap()).collect(),
        ..PythonFinder::default()
    }
}

pub(crate) fn qualified(plugin: &Plugin) -> String {
    format!(
        "{}:{}",
        plugin.module.as_deref().unwrap_or_default(),
        plugin.qualname.as_deref().unwrap_or_default()
    )
}

pub(crate) fn module(path: &str) -> String {
    let path = Path::new(path).with_extension("");
    let path = path.to_str().unwrap().split_once('/').unwrap().1.replace('/', ".");
    path.strip_suffix(".__init__").map(str::to_owned).unwrap_or(path)
}

/// A finder that compares, while it links, what linking some files gives with what linking all gives: every
/// file, or each so many.
pub(crate) struct LinkedAlike(pub(crate) PythonFinder, pub(crate) usize);

impl Finder for LinkedAlike {
    fn version(&self) -> u32 {
        self.0.version()
    }

    fn spec(&self) -> String {
        self.0.spec()
    }

    fn is_relevant(&self, name: &str) -> bool {
        self.0.is_relevant(name)
    }

    fn walk(&self, tree: &mut Files<'_>) {
        self.0.walk(tree);
    }

    fn extract(&self, path: &Path, bytes: &[u8]) -> Extracted {
        self.0.extract(path, bytes)
    }

    fn link(&self, tree: &mut Files<'_>, scope: Scope<'_>) -> Links {
        let all = self.0.link(tree, scope);
        let row = |links: &Links, file: FileId| -> Linked {
            let found = links.files.iter().find(|(other, _)| *other == file);
            found.map(|(_, linked)| linked.clone()).unwrap_or_default()
        };
        for file in tree.files().into_iter().step_by(self.1) {
            let one = self.0.link(tree, Scope::Only(&[file]));
            assert_eq!(row(&one, file), row(&all, file), "{}", tree.path(file).1);
            assert_eq!(one.all_depend_on, all.all_depend_on);
            assert!(one.files.iter().all(|(other, _)| *other == file));
        }
        all
    }

    fn describe(&self, facts: &dyn Facts, record: &Record) -> Plugin {
        self.0.describe(facts, record)
    }

    fn describer<'a>(&'a self, facts: &'a dyn Facts) -> Box<dyn FnMut(&Record) -> Plugin + 'a> {
        self.0.describer(facts)
    }
}
