//! Dependencies between the workspace's crates point down only. See `docs/architecture.md`.

use super::report;
use crate::{
    Result,
    repo::{self, DependencyKind},
};

/// The library crates and the edges, lowest first: each may depend on those before it.
const LAYERS: [&str; 5] =
    ["plugcache-cache", "plugcache-discovery", "plugcache", "plugcache-cli", "plugcache-python"];

/// Helpers for tests: dependencies of tests only.
const TESTS_ONLY: &str = "plugcache-testkit";

/// Programs beside the product: nothing depends on them, and they may depend on anything.
const TOOLS: [&str; 2] = ["plugcache-bench", "xtask"];

pub(super) fn check() -> Result {
    let packages = repo::packages()?;
    let ours: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut found = Vec::new();
    for package in &packages {
        let name = package.name.as_str();
        let layer = LAYERS.iter().position(|known| *known == name);
        if layer.is_none() && name != TESTS_ONLY && !TOOLS.contains(&name) {
            found.push(format!("{name} has no layer: give it one in xtask/src/lint/layers.rs"));
        }
        for (dependency, kind) in &package.dependencies {
            let dependency = dependency.as_str();
            if !ours.contains(&dependency) || TOOLS.contains(&name) {
                continue;
            }
            let below = LAYERS.iter().position(|known| *known == dependency);
            let allowed = match (layer, below) {
                // Helpers for tests stand beside the layers: they may use any of them.
                (None, _) => !TOOLS.contains(&dependency),
                (Some(layer), Some(below)) => below < layer,
                (Some(_), None) => dependency == TESTS_ONLY && *kind == DependencyKind::Dev,
            };
            if !allowed {
                found.push(format!("{name} may not depend on {dependency}"));
            }
        }
    }
    report("dependencies point down only:", &found)
}
