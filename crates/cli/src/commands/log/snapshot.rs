//! `plugcache log snapshot`, `plugcache log prune-snapshots`.

use plugcache::ledger::{Kept, Retention};
use serde_json::json;

use super::{Outcome, open, when};
use crate::{
    args::{DataPlace, PruneSnapshots},
    output::{Failure, Output},
};

pub(super) fn make(prefix: &str, place: &DataPlace, output: &Output) -> Result<Outcome, Failure> {
    let Some(log) = open(place, output)? else { return Ok(Outcome::Findings) };
    let (snapshot, head) = log.snapshot(prefix)?;
    if output.is_json() {
        let head = json!({ "count": head.count, "hash": head.hash });
        output.json(&json!({ "schema": 1, "name": snapshot.name, "path": snapshot.path, "head": head }))?;
    } else {
        output.line(snapshot.path.display())?;
    }
    Ok(Outcome::Done)
}

pub(super) fn prune(args: &PruneSnapshots, output: &Output) -> Result<Outcome, Failure> {
    let &PruneSnapshots { hourly, daily, weekly, quarterly, dry_run, .. } = args;
    let retention = Retention { hourly, daily, weekly, quarterly };
    let pruned = match open(&args.place, output)? {
        Some(log) => log.prune_snapshots(&args.prefix, retention, dry_run)?,
        None => Vec::new(),
    };
    if pruned.iter().any(|one| one.kept == Kept::Future) {
        output.warn("snapshots whose time is ahead of the clock are kept; is the clock right?");
    }
    if output.is_json() {
        let snapshots: Vec<_> = pruned
            .iter()
            .map(|one| json!({ "name": one.snapshot.name, "time_ns": one.snapshot.time, "kept": one.kept.as_str() }))
            .collect();
        output.json(&json!({ "schema": 1, "dry_run": dry_run, "snapshots": snapshots }))?;
    } else {
        let verdict = |kept: Kept| match kept {
            Kept::No if dry_run => "would be removed".to_owned(),
            Kept::No => "removed".to_owned(),
            kept => format!("kept, {}", kept.as_str()),
        };
        let row = |one: &plugcache::ledger::Pruned| {
            vec![one.snapshot.name.clone(), when(one.snapshot.time), verdict(one.kept)]
        };
        output.table(pruned.iter().map(row))?;
    }
    Ok(Outcome::Done)
}
