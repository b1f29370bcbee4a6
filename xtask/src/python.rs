//! Finding a Python, and installing packages with it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Result, process, repo};

/// The oldest Python whose semantics the tests compare with.
const OLDEST: (u32, u32) = (3, 11);

/// Tried in this order; `PLUGCACHE_PYTHON` goes before them.
const CANDIDATES: [&str; 6] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"];

/// Prints the version and the interpreter's path, or fails where environments cannot be made.
const ASK: &str = "import sys, venv; print(*sys.version_info[:2], sys.executable)";

/// A Python that can make environments.
pub(crate) struct Python {
    /// The interpreter.
    pub(crate) executable: PathBuf,
    /// Major and minor version.
    pub(crate) version: (u32, u32),
    /// The interpreter that has pip: the same one, or that of an environment of our own.
    pip: PathBuf,
}

impl Python {
    /// The machine's Python. Where there is none, it is installed if that is ours to do: as root, with
    /// Debian's package manager.
    pub(crate) fn find() -> Result<Self> {
        if let Some(python) = Self::on_this_machine()? {
            return Ok(python);
        }
        let (major, minor) = OLDEST;
        if !may_install() {
            return Err(format!(
                "no Python of version {major}.{minor} or newer with the module `venv` was found.\n\
                 Install one (as root on Debian: apt-get install python3 python3-venv python3-pip),\n\
                 or name one: PLUGCACHE_PYTHON=/path/to/python3 cargo xtask …"
            )
            .into());
        }
        eprintln!("no Python {major}.{minor} or newer: installing Debian's");
        process::retried("apt-get", || {
            process::run(Command::new("apt-get").args(["update", "-qq"]))?;
            process::run(
                Command::new("apt-get")
                    .args(["install", "-y", "-qq", "python3", "python3-venv", "python3-pip"])
                    .env("DEBIAN_FRONTEND", "noninteractive"),
            )
        })?;
        Self::on_this_machine()?
            .ok_or_else(|| format!("the Python that was installed is older than {major}.{minor}").into())
    }

    fn on_this_machine() -> Result<Option<Self>> {
        let named = std::env::var("PLUGCACHE_PYTHON").ok();
        for name in named.as_deref().into_iter().chain(CANDIDATES) {
            let Some((version, executable)) = ask(name) else { continue };
            if version < OLDEST {
                continue;
            }
            let pip = if has_pip(&executable) { executable.clone() } else { pip_of_our_own(&executable)? };
            return Ok(Some(Self { executable, version, pip }));
        }
        Ok(None)
    }

    /// One interpreter of each other version that is at hand, oldest first: on the path, or among those
    /// that pyenv keeps.
    pub(crate) fn others(&self) -> Vec<((u32, u32), PathBuf)> {
        self.others_from(OLDEST)
    }

    /// The same, of this version or newer.
    pub(crate) fn others_from(&self, oldest: (u32, u32)) -> Vec<((u32, u32), PathBuf)> {
        let names = ["python3.10", "python3.11", "python3.12", "python3.13", "python3.14"];
        let on_path = names.map(PathBuf::from);
        let mut found: Vec<_> = on_path.into_iter().chain(of_pyenv()).filter_map(ask).collect();
        found.retain(|(version, _)| *version >= oldest && *version != self.version);
        found.sort();
        found.dedup_by_key(|(version, _)| *version);
        found
    }

    /// A command that runs this interpreter, free of what the caller's shell is set up for.
    pub(crate) fn command(&self) -> Command {
        clean(&self.executable)
    }

    /// `pip`, working on the environment of `interpreter`, or on none.
    pub(crate) fn pip(&self, interpreter: Option<&Path>) -> Command {
        let mut pip = clean(&self.pip);
        pip.args(["-m", "pip", "--disable-pip-version-check", "--quiet"]);
        if let Some(interpreter) = interpreter {
            pip.arg("--python").arg(interpreter);
        }
        pip
    }
}

fn of_pyenv() -> Vec<PathBuf> {
    let Ok(root) = process::output(Command::new("pyenv").arg("root")) else { return Vec::new() };
    let versions = std::fs::read_dir(Path::new(root.trim()).join("versions")).into_iter().flatten().flatten();
    versions.map(|version| version.path().join("bin/python3")).collect()
}

fn ask(name: impl AsRef<std::ffi::OsStr>) -> Option<((u32, u32), PathBuf)> {
    let answer = process::output(clean(name).args(["-c", ASK])).ok()?;
    let mut words = answer.trim().splitn(3, ' ');
    let version = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some((version, PathBuf::from(words.next()?)))
}

fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_remove("PYTHONPATH").env_remove("PYTHONHOME").env_remove("VIRTUAL_ENV");
    command
}

fn has_pip(python: &Path) -> bool {
    process::output(clean(python).args(["-m", "pip", "--version"])).is_ok()
}

fn pip_of_our_own(python: &Path) -> Result<PathBuf> {
    let directory = repo::target().join("venvs/pip");
    let interpreter = directory.join("bin/python");
    if !has_pip(&interpreter) {
        process::run(clean(python).args(["-m", "venv", "--clear"]).arg(&directory)).map_err(|error| {
            format!(
                "{error}\n{} has neither pip nor ensurepip (as root on Debian: apt-get install python3-venv)",
                python.display()
            )
        })?;
    }
    Ok(interpreter)
}

fn may_install() -> bool {
    let is_root = process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    is_root && process::output(Command::new("apt-get").arg("--version")).is_ok()
}
