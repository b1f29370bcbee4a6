//! `plugcache entry-points`: what `importlib.metadata.entry_points()` would answer.

use std::{path::PathBuf, sync::Arc};

use plugcache::discovery::{
    entry_points::{self, EntryPointFinder, EntryPointRef, PythonVersion},
    index::Session,
};
use serde::Serialize;

use super::Outcome;
use crate::{
    args::EntryPoints,
    output::{Failure, Output},
    settings,
};

pub(super) fn run(args: &EntryPoints, output: &Output) -> Result<Outcome, Failure> {
    let (path, version) = search_path(args)?;
    let finder = Arc::new(EntryPointFinder::new(version));
    let session: Session = settings::session(finder, path, &args.proof)?;
    let (snapshot, found) = session.ask(|snapshot| {
        // A damaged index answers nothing here, and is asked again when it has been built anew.
        let all = entry_points::list(snapshot.index(), version).unwrap_or_default();
        let wanted = all.iter().filter(|entry| args.group.as_ref().is_none_or(|group| group == entry.group));
        wanted.map(row).collect::<Vec<_>>()
    });
    let report = snapshot.full_report();
    if output.is_json() {
        output.warnings(&report);
        output.json(&found)?;
    } else {
        output.table(found.into_iter().map(Row::into_columns))?;
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
        let interpreter = settings::interpreter(&args.python, &args.proof)?;
        let version = interpreter.semantics();
        return Ok((interpreter.path, version));
    }
    let absolute = args.paths.iter().map(std::path::absolute).collect::<Result<_, _>>()?;
    Ok((absolute, PythonVersion::default()))
}

/// An entry point, owned.
#[derive(Serialize)]
struct Row {
    group: String,
    name: String,
    value: String,
    distribution: Option<String>,
    version: Option<String>,
}

impl Row {
    fn into_columns(self) -> Vec<String> {
        let Self { group, name, value, distribution, version } = self;
        vec![group, name, value, distribution.unwrap_or_default(), version.unwrap_or_default()]
    }
}

fn row(entry: &EntryPointRef<'_>) -> Row {
    Row {
        group: entry.group.to_owned(),
        name: entry.name.to_owned(),
        value: entry.value.to_owned(),
        distribution: entry.distribution.map(str::to_owned),
        version: entry.version.map(str::to_owned),
    }
}
