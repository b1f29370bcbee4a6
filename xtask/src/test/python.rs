//! The Python package: built once as a wheel, tested by every Python at hand, its types checked.
//!
//! The wheel is built without optimisation, beside what the other tests are built from. Each Python has an environment
//! below `target/venvs`, into which the wheel is installed as a user would.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Variables, tally::Tally};
use crate::{
    Result,
    corpora::{remove, write},
    process,
    python::Python,
    repo,
    wheel::{self, Profile},
};

/// The oldest Python that the package is for.
const OLDEST: (u32, u32) = (3, 10);

/// What tests need, by exact version.
const TEST: [&str; 1] = ["pytest==9.2.0"];

/// What else is needed once, where the wheel is built and types are checked.
const BUILD: [&str; 2] = [wheel::MATURIN, "mypy==2.4.1"];

/// Returns whether all is well.
pub(super) fn run(python: &Python, variables: &Variables, tally: &Arc<Mutex<Tally>>) -> Result<bool> {
    let real = repo::text("corpora/python-tests.txt")?.unwrap_or_default();
    let real = real.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let tools: Vec<&str> = TEST.into_iter().chain(BUILD).chain(real).collect();
    let first = environment(python, python.version, &python.executable, &tools)?;
    let wheel = wheel::build(&first, Profile::Debug)?;
    let mut all = vec![first.clone()];
    for (version, executable) in python.others_from(OLDEST) {
        all.push(environment(python, version, &executable, &TEST)?);
    }
    let mut is_fine = true;
    for environment in &all {
        let interpreter = environment.join("bin/python");
        wheel::install(python, environment, &wheel)?;
        let mut pytest = Command::new(&interpreter);
        pytest.current_dir(repo::root()).env_remove("PYTHONPATH").envs(variables.iter().cloned());
        pytest.args(["-X", "dev", "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"]);
        let tally = Arc::clone(tally);
        is_fine &= process::watched(&mut pytest, move |line| {
            tally.lock().unwrap_or_else(PoisonError::into_inner).read(line);
        })?;
    }
    Ok(types(&first)? && is_fine)
}

/// An environment of that Python with these packages, unless it is there already.
fn environment(
    python: &Python,
    version: (u32, u32),
    executable: &Path,
    packages: &[&str],
) -> Result<PathBuf> {
    let name = format!("python-{}.{}", version.0, version.1);
    let directory = repo::target().join("venvs").join(&name);
    let stamp = repo::target().join("venvs").join(format!(".{name}.stamp"));
    let wanted = format!("{}\n{}", executable.display(), packages.join("\n"));
    if std::fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) && directory.is_dir() {
        return Ok(directory);
    }
    remove(&directory)?;
    process::run(Command::new(executable).args(["-m", "venv", "--without-pip"]).arg(&directory))?;
    process::retried(&format!("installing {}", packages.join(", ")), || {
        process::run(python.pip(Some(&directory.join("bin/python"))).arg("install").args(packages))
    })?;
    write(&stamp, &wanted)?;
    Ok(directory)
}

/// Checks the package's types, those of its tests, and whether the stubs tell the truth of the native half.
fn types(environment: &Path) -> Result<bool> {
    let mut mypy = Command::new(environment.join("bin/mypy"));
    mypy.current_dir(repo::root()).args(["--strict", "--no-incremental", "python/plugcache", "python/tests"]);
    let is_typed = process::watched(&mut mypy, |_| {})?;
    let mut stubtest = Command::new(environment.join("bin/stubtest"));
    stubtest.current_dir(repo::root()).arg("plugcache._plugcache");
    Ok(process::watched(&mut stubtest, |_| {})? && is_typed)
}
