//! What the demonstration plays on: a copy of the codecs of the machine's Python, or the example host.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use plugcache::discovery::{
    entry_points::interpreter::Interpreter,
    finder::Finder,
    python::{NameRule, PackageSpec, PythonFinder},
};

use super::tour;
use crate::{args::Proof, output::Failure, settings};

/// A tree that may be changed, and what to look for in it.
pub(super) struct Stage {
    pub(super) root: PathBuf,
    pub(super) what: &'static str,
    pub(super) command: String,
    pub(super) name: String,
    package: &'static str,
    rule: &'static str,
    key: NameRule,
    changed: PathBuf,
    broken: PathBuf,
}

/// The example host, built in.
const HOST: [(&str, &str); 6] = [
    ("host/__init__.py", include_str!("../../../../../examples/host/__init__.py")),
    ("host/base.py", include_str!("../../../../../examples/host/base.py")),
    ("host/plugins/__init__.py", include_str!("../../../../../examples/host/plugins/__init__.py")),
    ("host/plugins/english.py", include_str!("../../../../../examples/host/plugins/english.py")),
    ("host/plugins/german.py", include_str!("../../../../../examples/host/plugins/german.py")),
    ("host/plugins/klingon.py", include_str!("../../../../../examples/host/plugins/klingon.py")),
];

/// Asks `python3`, if there is one.
pub(super) fn python() -> Option<Interpreter> {
    settings::interpreter(Path::new("python3"), &Proof { no_cache: true, ..Proof::default() }).ok()
}

/// Where an interpreter's own library is, with its codecs.
pub(super) fn library(python: &Interpreter) -> Option<&Path> {
    python.path.iter().map(PathBuf::as_path).find(|path| path.join("encodings/__init__.py").exists())
}

/// A new directory below the system's temporary one.
pub(super) fn temporary_directory() -> io::Result<PathBuf> {
    let place = std::env::temp_dir().join(format!("plugcache-demo-{}", std::process::id()));
    fs::create_dir(&place)?;
    Ok(place)
}

/// Waits until the stamps of files just written are old enough to prove something.
pub(super) fn settle() {
    std::thread::sleep(Duration::from_millis(50));
}

impl Stage {
    pub(super) fn set(place: &Path, python: Option<&Interpreter>) -> Result<Self, Failure> {
        let root = place.join("tree");
        let stage = match python.and_then(library) {
            Some(library) => Self::codecs(root, library)?,
            None => Self::host(root)?,
        };
        settle();
        Ok(stage)
    }

    fn codecs(root: PathBuf, library: &Path) -> io::Result<Self> {
        tour::copy_codecs(library, &root)?;
        let (package, rule) = ("encodings", "base=codecs:IncrementalDecoder");
        Ok(Self {
            what: "the codecs of Python's standard library, a copy of them",
            command: format!("{} --key stem", command(library, package, rule)),
            name: "rot_13".to_owned(),
            changed: root.join("encodings/rot_13.py"),
            broken: root.join("encodings/koi8_r.py"),
            root,
            package,
            rule,
            key: NameRule::Stem,
        })
    }

    fn host(root: PathBuf) -> io::Result<Self> {
        for (path, text) in HOST {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&root))?;
            fs::write(path, text)?;
        }
        let (package, rule) = ("host.plugins", "base=host.base:Greeter");
        Ok(Self {
            what: "the example host's greeters",
            command: command(Path::new("examples"), package, rule),
            name: "German".to_owned(),
            changed: root.join("host/plugins/german.py"),
            broken: root.join("host/plugins/english.py"),
            root,
            package,
            rule,
            key: NameRule::Class,
        })
    }

    pub(super) fn finder(&self) -> Result<Arc<dyn Finder>, Failure> {
        let package = PackageSpec { name: self.package.to_owned(), recursive: true };
        let (packages, rules, name) = (vec![package], vec![self.rule.parse()?], self.key.clone());
        Ok(Arc::new(PythonFinder { packages, rules, name, ..PythonFinder::default() }))
    }

    /// Adds a constant to one file.
    pub(super) fn change(&self) -> io::Result<()> {
        let text = fs::read_to_string(&self.changed)?;
        fs::write(&self.changed, format!("{text}\nADDED = \"by the demonstration\"\n"))
    }

    /// Adds a syntax error to another.
    pub(super) fn break_one(&self) -> io::Result<()> {
        let text = fs::read_to_string(&self.broken)?;
        fs::write(&self.broken, format!("{text}\ndef broken(:\n"))
    }
}

fn command(root: &Path, package: &str, rule: &str) -> String {
    format!("plugcache plugins ls --root {} --package {package} --rule {rule}", root.display())
}
