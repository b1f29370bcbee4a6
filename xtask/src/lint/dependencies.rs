//! Every dependency of the workspace has its line in `docs/dependencies.md`: why it is there, and why it
//! and not another.

use super::report;
use crate::{Result, repo};

const EXPLAINED: &str = "docs/dependencies.md";

pub(super) fn check() -> Result {
    let manifest = repo::text("Cargo.toml")?.unwrap_or_default();
    let explained = repo::text(EXPLAINED)?.unwrap_or_default();
    let missing: Vec<String> = workspace_dependencies(&manifest)
        .filter(|name| !explained.contains(&format!("`{name}`")))
        .map(str::to_owned)
        .collect();
    report(&format!("say in {EXPLAINED} what these are for, and why they were chosen:"), &missing)
}

/// The names in the table `[workspace.dependencies]` that come from a registry.
fn workspace_dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[workspace.dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#') && !line.contains("path ="))
        .filter_map(|line| Some(line.split_once('=')?.0.trim()))
}

#[cfg(test)]
mod tests {
    use super::workspace_dependencies;

    #[test]
    fn reads_the_names_of_one_table() {
        let manifest = "[package]\nx = 1\n[workspace.dependencies]\nours = { path = \"a\" }\n# why\nserde = \"1\"\n\n\
                        rustix = { version = \"1\" }\n[workspace.lints.rust]\ny = 2\n";
        assert_eq!(workspace_dependencies(manifest).collect::<Vec<_>>(), ["serde", "rustix"]);
    }
}
