//! What tests need around them: corpora, truth lists, and environments full of entry points.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use crate::{
    Result,
    corpora::{self, remove, write},
    process,
    python::Python,
    repo,
};

/// The variables that tests read, after everything they name has been prepared.
pub(crate) fn prepare(python: &Python) -> Result<Vec<(&'static str, PathBuf)>> {
    let corpora = corpora::prepare(python)?;
    Ok(vec![
        ("PLUGCACHE_RATIO1", corpora.join(corpora::RATIO1)),
        ("PLUGCACHE_MODEL", corpora.join(corpora::MODEL)),
        ("PLUGCACHE_CORPORA", corpora),
        ("PLUGCACHE_TRUTH", repo::root().join("corpora/truth")),
        ("PLUGCACHE_ENTRY_POINTS_VENV", entry_points(python, "entry-points-100", Missing::Fails)?.directory),
        ("PLUGCACHE_PYTHON", python.executable.clone()),
    ])
}

/// A virtual environment with the packages of a list.
pub(crate) struct Environment {
    /// The environment's directory.
    pub(crate) directory: PathBuf,
    /// Packages of the list that could not be installed here.
    pub(crate) missing: Vec<String>,
}

/// What to do with a package that cannot be installed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Fail: tests are about the whole list.
    Fails,
    /// Go on and report it: a benchmark says what it ran on.
    Reported,
}

/// Makes the environment of `corpora/NAME.txt`, unless it is there already. Dependencies are not
/// followed, nothing of the packages is run but what an installation runs.
pub(crate) fn entry_points(python: &Python, name: &str, missing: Missing) -> Result<Environment> {
    named(python, name, name, missing)
}

/// The same, of the list `corpora/LIST.txt` under another name.
pub(crate) fn named(python: &Python, list: &str, name: &str, missing: Missing) -> Result<Environment> {
    let list = repo::text(&format!("corpora/{list}.txt"))?.unwrap_or_default();
    let packages: Vec<&str> =
        list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let directory = repo::target().join("venvs").join(name);
    let stamp = repo::target().join("venvs").join(format!(".{name}.stamp"));
    let mut wanted = format!("{:?}\n", python.version);
    for package in &packages {
        _ = writeln!(wanted, "{package}");
    }
    if let Some(rest) = std::fs::read_to_string(&stamp).unwrap_or_default().strip_prefix(&wanted)
        && directory.is_dir()
    {
        return Ok(Environment { directory, missing: rest.lines().map(str::to_owned).collect() });
    }
    remove(&directory)?;
    process::run(python.command().args(["-m", "venv", "--without-pip"]).arg(&directory))?;
    let absent = match missing {
        Missing::Fails => {
            let what = format!("installing the {} packages of corpora/{name}.txt", packages.len());
            process::retried(&what, || install(python, &directory, &packages, &["--only-binary", ":all:"]))?;
            Vec::new()
        }
        Missing::Reported => install_what_can_be(python, &directory, &packages),
    };
    wanted.push_str(&absent.join("\n"));
    write(&stamp, &wanted)?;
    Ok(Environment { directory, missing: absent })
}

impl Environment {
    /// Puts another environment's packages on the search path, behind this one's own.
    pub(crate) fn borrow_from(&self, site_packages: &Path) -> Result {
        let own = site_packages_of(&self.directory)?.join("borrowed.pth");
        write(&own, &format!("{}\n", site_packages.display()))
    }
}

/// Where an environment's packages are.
pub(crate) fn site_packages_of(directory: &Path) -> Result<PathBuf> {
    let found =
        std::fs::read_dir(directory.join("lib"))?.flatten().map(|entry| entry.path().join("site-packages"));
    let mut found = found.filter(|path| path.is_dir());
    found.next().ok_or_else(|| format!("{}: no site-packages below", directory.display()).into())
}

fn install(python: &Python, directory: &Path, packages: &[&str], options: &[&str]) -> Result {
    // A list on the command line would be shown in full with every message.
    let list = directory.join("packages.txt");
    write(&list, &packages.join("\n"))?;
    let mut pip = python.pip(Some(&directory.join("bin/python")));
    pip.args(["install", "--no-deps", "--no-compile"]).args(options);
    process::run(pip.arg("--requirement").arg(&list))
}

/// Halves the list until what cannot be installed stands alone. Returns that.
fn install_what_can_be(python: &Python, directory: &Path, packages: &[&str]) -> Vec<String> {
    match install(python, directory, packages, &["--prefer-binary"]) {
        Ok(()) => Vec::new(),
        Err(_) if packages.len() == 1 => packages.iter().map(|&package| package.to_owned()).collect(),
        Err(_) => {
            let (left, right) = packages.split_at(packages.len() / 2);
            let mut absent = install_what_can_be(python, directory, left);
            absent.extend(install_what_can_be(python, directory, right));
            absent
        }
    }
}
