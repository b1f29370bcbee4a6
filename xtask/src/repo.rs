//! Where things are in the repository, and what it consists of.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Result, process};

/// The repository's top directory.
pub(crate) fn root() -> &'static Path {
    // The manifest directory is that of this crate, one level below.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where everything that is fetched, made or built goes.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}

/// The cargo that runs this command.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// What is tested and judged beyond the default build. One set for all steps: another one would build the heavy
/// dependencies again.
pub(crate) const FEATURES: [&str; 2] = ["--features", "plugcache-cli/embedding"];

/// Every file that is committed or about to be, relative to the root, sorted.
pub(crate) fn files() -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = process::output(&mut git)?;
    let mut files: Vec<String> = listed
        .split('\0')
        .filter(|path| !path.is_empty() && root().join(path).is_file())
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// The text of one of [`files`]; `None` if it is not text.
pub(crate) fn text(path: &str) -> Result<Option<String>> {
    let bytes = std::fs::read(root().join(path)).map_err(|error| format!("{path}: {error}"))?;
    Ok(String::from_utf8(bytes).ok())
}

/// A workspace member, as `cargo metadata` tells it.
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// The names of what it depends on, and whether only its tests do.
    pub(crate) dependencies: Vec<(String, DependencyKind)>,
    /// The names of its examples.
    pub(crate) examples: Vec<String>,
}

/// When a dependency is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum DependencyKind {
    /// Always.
    Normal,
    /// By tests and examples only.
    Dev,
    /// By the build script.
    Build,
}

/// The workspace's members.
pub(crate) fn packages() -> Result<Vec<Package>> {
    let mut metadata = cargo();
    metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: serde_json::Value = serde_json::from_str(&process::output(&mut metadata)?)?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let array = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let packages = array(&metadata["packages"])
        .iter()
        .map(|package| Package {
            name: text(&package["name"]),
            dependencies: array(&package["dependencies"])
                .iter()
                .map(|dependency| {
                    let kind = match dependency["kind"].as_str() {
                        Some("dev") => DependencyKind::Dev,
                        Some("build") => DependencyKind::Build,
                        _ => DependencyKind::Normal,
                    };
                    (text(&dependency["name"]), kind)
                })
                .collect(),
            examples: array(&package["targets"])
                .iter()
                .filter(|target| array(&target["kind"]).iter().any(|kind| kind == "example"))
                .map(|target| text(&target["name"]))
                .collect(),
        })
        .collect();
    Ok(packages)
}
