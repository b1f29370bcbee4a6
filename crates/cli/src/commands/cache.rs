//! `plugcache cache dir | verify | clear`

use std::path::Path;

use plugcache::{cache::directory, discovery::index::maintenance, project::Project};
use serde_json::json;

use super::Outcome;
use crate::{
    args::{Cache, Proof},
    output::{Failure, Output},
    settings,
};

pub(super) fn run(command: Cache, output: &Output) -> Result<Outcome, Failure> {
    match command {
        Cache::Dir(proof) => dir(&proof, output),
        Cache::Verify(proof) => verify(&proof, output),
        Cache::Clear { dry_run, proof } => clear(&proof, dry_run, output),
    }
}

/// The directories in order of preference.
fn directories(proof: &Proof) -> Result<Vec<std::path::PathBuf>, Failure> {
    let project = Project::find(&std::env::current_dir()?)?;
    let project = project.map(|(_, project)| project).unwrap_or_default();
    Ok(settings::location(proof, &project).directories)
}

/// The directory that is used: the first, or nothing with `--no-cache`.
fn dir(proof: &Proof, output: &Output) -> Result<Outcome, Failure> {
    let directories = directories(proof)?;
    let first = directories.first();
    if output.is_json() {
        output.json(&json!({ "schema": 1, "directory": first, "fallbacks": directories.get(1..).unwrap_or_default() }))?;
    } else if let Some(first) = first {
        output.line(first.display())?;
    } else {
        output.warn("nothing is kept: --no-cache, or no home directory");
    }
    Ok(Outcome::Done)
}

fn verify(proof: &Proof, output: &Output) -> Result<Outcome, Failure> {
    let mut checked = Vec::new();
    for path in directories(proof)? {
        if let Some(directory) = directory::open_existing(&path)? {
            checked.extend(maintenance::verify(&directory)?);
        }
    }
    let damaged = checked.iter().filter(|file| file.damage.is_some()).count();
    if output.is_json() {
        output.json(&json!({ "schema": 1, "files": checked, "damaged": damaged }))?;
    } else {
        let rows = checked.iter().map(|file| {
            let state = file.damage.as_ref().map_or_else(|| "whole".to_owned(), ToString::to_string);
            vec![
                file.path.clone(),
                format!("{} plugins", file.plugins),
                size(file.size),
                state,
                file.spec.clone(),
            ]
        });
        output.table(rows)?;
        output.line(format!("{} files, {damaged} damaged", checked.len()))?;
    }
    Ok(if damaged == 0 { Outcome::Done } else { Outcome::Findings })
}

fn clear(proof: &Proof, dry_run: bool, output: &Output) -> Result<Outcome, Failure> {
    let mut removed = Vec::new();
    for path in directories(proof)? {
        if let Some(directory) = directory::open_existing(Path::new(&path))? {
            removed.extend(maintenance::clear(&directory, dry_run)?);
        }
    }
    let bytes: u64 = removed.iter().map(|file| file.size).sum();
    if output.is_json() {
        output.json(&json!({ "schema": 1, "dry_run": dry_run, "removed": removed, "bytes": bytes }))?;
    } else {
        let verb = if dry_run { "would remove" } else { "removed" };
        output.line(format!("{verb} {} files, {}", removed.len(), size(bytes)))?;
    }
    Ok(Outcome::Done)
}

/// In binary units, for people.
#[expect(clippy::cast_precision_loss, reason = "two digits are printed")]
fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB"] {
        if value < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} GiB")
}
