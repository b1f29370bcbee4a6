//! Which finder the flags and the project file ask for.

use std::{path::Path, sync::Arc};

use plugcache::{
    discovery::{
        finder::Finder,
        manifest::{self, ManifestFinder},
        python::{PackageSpec, PythonFinder, Syntax},
    },
    project::Project,
};

use crate::{args::Select, output::Failure};

pub(super) fn from(select: &Select, project: &Project) -> Result<Arc<dyn Finder>, Failure> {
    let flags_choose_classes = !select.rules.is_empty() || !select.packages.is_empty();
    let manifests = given(&select.manifests, &project.manifests);
    if !manifests.is_empty() && !flags_choose_classes {
        return from_manifests(manifests, select, project);
    }
    let recursive = !select.no_recursive && project.recursive.unwrap_or(true);
    let packages = given(&select.packages, &project.packages).into_iter();
    let rules = given(&select.rules, &project.rules);
    let finder = PythonFinder {
        packages: packages.map(|name| PackageSpec { name, recursive }).collect(),
        rules: rules.iter().map(|rule| rule.parse()).collect::<Result<_, _>>()?,
        name: key(select, project).map(|key| key.parse()).transpose()?.unwrap_or_default(),
        include_private: !select.no_private && project.private.unwrap_or(true),
        include_abstract: !select.no_abstract && project.r#abstract.unwrap_or(true),
        module_literals: given(&select.module_literals, &project.module_literals),
        syntax: if select.full_syntax { Syntax::Full } else { Syntax::Skim },
    };
    finder.check()?;
    Ok(Arc::new(finder))
}

fn from_manifests(
    patterns: Vec<String>,
    select: &Select,
    project: &Project,
) -> Result<Arc<dyn Finder>, Failure> {
    let schema = select.schema.as_ref().or(project.schema.as_ref());
    let options = manifest::Options {
        patterns,
        key: key(select, project),
        schema: schema.map(|path| read_schema(path)).transpose()?,
        ..manifest::Options::default()
    };
    Ok(Arc::new(ManifestFinder::new(options)?))
}

fn read_schema(path: &Path) -> Result<serde_json::Value, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        format!("{}: {error}: --schema expects a JSON Schema", path.display())
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    serde_json::from_str(&text).map_err(|error| failed(&error).into())
}

fn key(select: &Select, project: &Project) -> Option<String> {
    select.key.clone().or_else(|| project.key.clone())
}

fn given(flags: &[String], file: &[String]) -> Vec<String> {
    if flags.is_empty() { file.to_vec() } else { flags.to_vec() }
}
