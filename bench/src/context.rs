//! Where everything that is measured lives, and how long to measure.

use std::path::{Path, PathBuf};

use crate::Result;

/// What the command line says.
#[derive(Debug, Default)]
pub(crate) struct Context {
    /// Unpacked packages, a directory each.
    pub(crate) corpora: PathBuf,
    /// Truth lists.
    pub(crate) truth: PathBuf,
    /// Recorded accesses.
    pub(crate) traces: PathBuf,
    /// The peers' scripts.
    pub(crate) peers: PathBuf,
    /// The environment with 431 distributions.
    pub(crate) entry_points: PathBuf,
    /// Where generated trees, indexes and results go.
    pub(crate) work: PathBuf,
    /// The Python that peers run in.
    pub(crate) python: PathBuf,
    /// The Python of the environment with the peers that are packages.
    pub(crate) peers_python: PathBuf,
    /// The Python of an environment that has the package itself beside those peers.
    pub(crate) plugcache_python: PathBuf,
    /// The Python of the environment with the reference implementation of sentence models; only for B8.
    pub(crate) reference_python: PathBuf,
    /// The directory of the sentence model; only for B8.
    pub(crate) model: PathBuf,
    /// Pythons of other versions, by version.
    pub(crate) other_pythons: Vec<(String, PathBuf)>,
    /// Few rounds and small trees: shows that everything runs, not how fast.
    pub(crate) quick: bool,
    only: Vec<String>,
}

impl Context {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut context = Self::default();
        let mut arguments = arguments.iter();
        while let Some(flag) = arguments.next() {
            if flag == "--quick" {
                context.quick = true;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{flag} needs a value"))?;
            match flag.as_str() {
                "--corpora" => context.corpora = value.into(),
                "--truth" => context.truth = value.into(),
                "--traces" => context.traces = value.into(),
                "--peers" => context.peers = value.into(),
                "--entry-points" => context.entry_points = value.into(),
                "--work" => context.work = value.into(),
                "--python" => context.python = value.into(),
                "--peers-python" => context.peers_python = value.into(),
                "--plugcache-python" => context.plugcache_python = value.into(),
                "--reference-python" => context.reference_python = value.into(),
                "--model" => context.model = value.into(),
                "--other-python" => {
                    let (version, python) = value.split_once('=').ok_or("--other-python VERSION=PATH")?;
                    context.other_pythons.push((version.to_owned(), python.into()));
                }
                "--only" => context.only = value.split(',').map(|goal| goal.trim().to_uppercase()).collect(),
                _ => return Err(format!("unknown flag {flag}; see `cargo xtask help`").into()),
            }
        }
        if context.work.as_os_str().is_empty() {
            return Err("start this with `cargo xtask bench`, which prepares what it measures".into());
        }
        std::fs::create_dir_all(&context.work)?;
        Ok(context)
    }

    /// Whether a goal is to be measured.
    pub(crate) fn wants(&self, goal: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == &goal.to_uppercase())
    }

    /// Rounds for what takes milliseconds.
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 5 } else { 41 }
    }

    /// Rounds for what takes seconds.
    pub(crate) fn slow_rounds(&self) -> usize {
        if self.quick { 2 } else { 7 }
    }

    /// The directory of yt-dlp's extractors: 972 files in 7 directories.
    pub(crate) fn extractors(&self) -> PathBuf {
        self.corpora.join("yt_dlp/yt_dlp/extractor")
    }

    /// The directory of the environment's distributions.
    pub(crate) fn site_packages(&self) -> Result<PathBuf> {
        let lib = self.entry_points.join("lib");
        let mut found = std::fs::read_dir(&lib)
            .map_err(|error| format!("{}: {error}", lib.display()))?
            .filter_map(|entry| Some(entry.ok()?.path().join("site-packages")))
            .filter(|path| path.is_dir());
        found.next().ok_or_else(|| format!("{}: no site-packages below", lib.display()).into())
    }

    /// An empty directory below the work directory.
    pub(crate) fn empty(&self, name: &str) -> Result<PathBuf> {
        let directory = self.work.join(name);
        remove(&directory)?;
        std::fs::create_dir_all(&directory)?;
        Ok(directory)
    }
}

/// Removes a directory, if it is there.
pub(crate) fn remove(directory: &Path) -> Result {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", directory.display()).into())
        }
        _ => Ok(()),
    }
}
