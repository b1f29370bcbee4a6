//! `plugcache entry-points`: what `importlib.metadata.entry_points()` would answer.

use std::{path::PathBuf, sync::Arc};

use plugcache::{
    discovery::{
        entry_points::{EntryPointFinder, EntryPointRef, Interpreter, PythonVersion},
        index::Session,
    },
    project::Project,
};
use serde_json::json;

use super::Outcome;
use crate::{
    args::EntryPoints,
    output::{Failure, Output},
    settings,
};

pub(super) fn run(args: &EntryPoints, output: &Output) -> Result<Outcome, Failure> {
    let (path, version) = search_path(args)?;
    let finder = EntryPointFinder { version, ..EntryPointFinder::default() };
    let session: Session = settings::session(Arc::new(finder), path, &args.proof, &Project::default())?;
    let (snapshot, found) = session.ask(|snapshot| {
        let mut rows = Vec::new();
        snapshot.for_each(|record| {
            if let Some(entry) = EntryPointRef::of(record)
                && args.group.as_ref().is_none_or(|group| group == entry.group)
            {
                rows.push(json!({
                    "group": entry.group,
                    "name": entry.name,
                    "value": entry.value,
                    "distribution": entry.distribution,
                    "version": entry.version,
                }));
            }
        });
        rows
    });
    let report = snapshot.full_report();
    if output.is_json() {
        output.warnings(&report);
        output.json(&found)?;
    } else {
        let text = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let columns = ["group", "name", "value", "distribution", "version"];
        output.table(found.iter().map(|row| columns.iter().map(|name| text(row, name)).collect()))?;
    }
    for problem in &report.problems {
        output.warn(format!("{}: {}", problem.file, problem.message));
    }
    if !output.is_json() {
        output.footer(&report);
    }
    Ok(Outcome::Done)
}

/// The search path, and whose semantics count.
fn search_path(args: &EntryPoints) -> Result<(Vec<PathBuf>, PythonVersion), Failure> {
    if args.paths.is_empty() {
        let interpreter: Interpreter = settings::interpreter(&args.python, &args.proof)?;
        let version = PythonVersion::new(interpreter.version.0, interpreter.version.1);
        return Ok((interpreter.path, version));
    }
    let absolute = args.paths.iter().map(std::path::absolute).collect::<Result<_, _>>()?;
    Ok((absolute, PythonVersion::default()))
}
