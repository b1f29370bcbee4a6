//! The Python package as a wheel: built by maturin, installed as a user would.

use std::path::{Path, PathBuf};

use crate::{Result, corpora::remove, corpora::write, process, python::Python, repo};

/// What builds wheels, by exact version.
pub(crate) const MATURIN: &str = "maturin==1.16.0";

/// How a wheel is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Without optimisation, beside what the other tests are built from.
    Debug,
    /// As users get it: for measuring.
    Release,
}

/// Builds the wheel, which serves every Python, with the maturin of an environment.
pub(crate) fn build(environment: &Path, profile: Profile) -> Result<PathBuf> {
    let (name, options): (_, &[&str]) = match profile {
        Profile::Debug => ("debug", &[]),
        Profile::Release => ("release", &["--release"]),
    };
    let wheels = repo::target().join("wheels").join(name);
    remove(&wheels)?;
    let mut maturin = std::process::Command::new(environment.join("bin/maturin"));
    maturin.current_dir(repo::root()).args(["build", "--quiet", "--locked"]).args(options);
    let interpreter = environment.join("bin/python");
    process::run(maturin.arg("--interpreter").arg(interpreter).arg("--out").arg(&wheels))?;
    let built = std::fs::read_dir(&wheels)?.flatten().map(|entry| entry.path());
    let mut built: Vec<PathBuf> =
        built.filter(|path| path.extension().is_some_and(|kind| kind == "whl")).collect();
    built.pop().ok_or_else(|| format!("maturin left no wheel in {}", wheels.display()).into())
}

/// The wheel as users get it, built by an environment that has nothing but what builds it.
pub(crate) fn release(python: &Python) -> Result<PathBuf> {
    let directory = repo::target().join("venvs/wheel");
    let stamp = repo::target().join("venvs/.wheel.stamp");
    let wanted = format!("{}\n{MATURIN}", python.executable.display());
    let is_there = std::fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) && directory.is_dir();
    if !is_there {
        remove(&directory)?;
        process::run(python.command().args(["-m", "venv", "--without-pip"]).arg(&directory))?;
        process::retried(&format!("installing {MATURIN}"), || {
            let mut pip = python.pip(Some(&directory.join("bin/python")));
            process::run(pip.args(["install", MATURIN]))
        })?;
        write(&stamp, &wanted)?;
    }
    build(&directory, Profile::Release)
}

/// Installs a wheel into an environment, in place of the one that is there.
pub(crate) fn install(python: &Python, environment: &Path, wheel: &Path) -> Result {
    let mut pip = python.pip(Some(&environment.join("bin/python")));
    process::run(pip.args(["install", "--no-deps", "--force-reinstall"]).arg(wheel))
}
