//! The Pythons of this machine, and what they answer.

#![expect(clippy::unwrap_used, reason = "a test that cannot ask an interpreter has failed")]

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use plugcache_discovery::entry_points::PythonVersion;

/// Prints the entry points as rows of JSON; exits with 3 if Python raises.
const ANSWER: &str = r"
import sys, json, warnings
warnings.simplefilter('ignore')
def get(dist, key):
    try:
        return getattr(dist, key)
    except Exception:
        return None
paths = json.loads(sys.argv[1])
if paths is None:
    if sys.path[0] == '': del sys.path[0]
else:
    kept = sys.path[:]
if sys.argv[2] == 'backport':
    from importlib_metadata import entry_points
    import zipp.compat.overlay
else:
    from importlib.metadata import entry_points
import email.message, encodings.utf_8, zipfile
try:
    if paths is not None: sys.path[:] = paths
    found = entry_points()
    if isinstance(found, dict):
        found = [entry for group in dict.values(found) for entry in group]
    found = [(e.group, e.name, e.value, get(e.dist, 'name'), get(e.dist, 'version')) for e in found]
except Exception as error:
    print(repr(error), file=sys.stderr)
    sys.exit(3)
finally:
    if paths is not None: sys.path[:] = kept
print(json.dumps(found))
";

const VERSION: &str = "import sys; print(*sys.version_info[:3])";

/// One entry point as Python tells it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct Row {
    pub(crate) group: String,
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) distribution: Option<String>,
    pub(crate) version: Option<String>,
}

#[derive(Clone)]
pub(crate) struct Python {
    executable: PathBuf,
    version: (u32, u32, u32),
    /// Answers with the package `importlib_metadata` instead of its own module.
    backport: bool,
    pub(crate) semantics: PythonVersion,
}

impl fmt::Display for Python {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, micro) = self.version;
        write!(
            f,
            "Python {major}.{minor}.{micro}{}",
            if self.backport { " with importlib_metadata" } else { "" }
        )
    }
}

impl Python {
    /// One of each version from 3.11 on. `PLUGCACHE_IMPORTLIB_METADATA` names an interpreter with version 8.7
    /// of the package `importlib_metadata`, which is what 3.14 has built in, for where that is missing.
    pub(crate) fn all() -> Vec<Self> {
        let named = std::env::var_os("PLUGCACHE_PYTHON").map(PathBuf::from);
        let on_path = ["python3", "python3.11", "python3.12", "python3.13", "python3.14"].map(PathBuf::from);
        let mut all = BTreeMap::new();
        for executable in named.into_iter().chain(on_path).chain(of_pyenv()) {
            if let Some(python) = Self::at(&executable)
                && python.version >= (3, 11, 0)
            {
                all.entry((python.version.0, python.version.1)).or_insert(python);
            }
        }
        let newest = std::env::var_os("PLUGCACHE_IMPORTLIB_METADATA").and_then(|at| Self::at(Path::new(&at)));
        if let Some(python) = newest.filter(|_| !all.contains_key(&(3, 14))) {
            let semantics = PythonVersion::V3_14;
            all.insert((3, 14), Self { backport: true, semantics, ..python });
        }
        all.into_values().collect()
    }

    pub(crate) fn at(executable: &Path) -> Option<Self> {
        let output = Command::new(executable).args(["-c", VERSION]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let mut numbers = text.split_whitespace().map(|number| number.parse().ok());
        let version = (numbers.next()??, numbers.next()??, numbers.next()??);
        let semantics = PythonVersion::of(version.0, version.1);
        Some(Self { executable: executable.to_owned(), version, backport: false, semantics })
    }

    pub(crate) fn executable(&self) -> &Path {
        &self.executable
    }

    /// What it answers with that search path; the error is what it raised.
    pub(crate) fn entry_points(&self, path: &[PathBuf]) -> Result<Vec<Row>, String> {
        self.answer(&serde_json::to_string(path).unwrap())
    }

    /// What it answers as it is.
    pub(crate) fn own_entry_points(&self) -> Vec<Row> {
        self.answer("null").unwrap()
    }

    fn answer(&self, path: &str) -> Result<Vec<Row>, String> {
        let mut command = Command::new(&self.executable);
        for name in plugcache_discovery::entry_points::interpreter::VARIABLES {
            command.env_remove(name);
        }
        let output = command
            .args(["-c", ANSWER, path, if self.backport { "backport" } else { "own" }])
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.code() == Some(3) {
            return Err(complaint);
        }
        assert!(output.status.success(), "{self}: {complaint}");
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    }

    /// A virtual environment of its own, without pip.
    pub(crate) fn make_environment(&self, directory: &Path) -> Self {
        let mut command = Command::new(&self.executable);
        let made = command.args(["-m", "venv", "--without-pip"]).arg(directory).output().unwrap();
        assert!(made.status.success(), "{self}: {}", String::from_utf8_lossy(&made.stderr));
        Self { executable: directory.join("bin/python"), backport: false, ..self.clone() }
    }

    /// Of an environment.
    pub(crate) fn site_packages(&self) -> PathBuf {
        let (major, minor, _) = self.version;
        let above = self.executable.parent().and_then(Path::parent).unwrap();
        above.join(format!("lib/python{major}.{minor}/site-packages"))
    }
}

fn of_pyenv() -> Vec<PathBuf> {
    let Some(home) = std::env::var_os("HOME") else { return Vec::new() };
    let versions =
        std::fs::read_dir(Path::new(&home).join(".pyenv/versions")).into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|version| version.path().join("bin/python3")).collect();
    found.sort();
    found
}
