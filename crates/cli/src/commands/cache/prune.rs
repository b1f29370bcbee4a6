//! `plugcache cache prune`: what nobody will be served, what is old, what is too much.

use std::time::Duration;

use plugcache::cache::{
    admin::{Pruning, Swept, prune_together},
    fs::Extent,
};
use serde_json::json;

use super::{Desk, Outcome};
use crate::{
    args::Place,
    commands::embedding,
    output::{Failure, Output},
    units::{count, entries, size},
};

pub(super) fn run(
    place: &Place,
    older_than: Option<Duration>,
    max_size: Option<u64>,
    dry_run: bool,
    output: &Output,
) -> Result<Outcome, Failure> {
    let desk = Desk::open(place)?;
    let caches = desk.open_caches(&[])?;
    // Indexes are small, proven on each use, and cost most to make: they stay, and count.
    let indexes = desk.indexes()?.bytes;
    let max_bytes = max_size.map(|most| most.saturating_sub(indexes));
    let swept = prune_together(&caches, &Pruning { older_than, max_bytes, dry_run })?;
    let names: Vec<String> = caches.iter().map(|cache| cache.name().to_owned()).collect();
    let models = match &desk.models {
        Some(models) => embedding::prune(models, dry_run)?,
        None => Extent::default(),
    };
    let mut freed = 0;
    if dry_run {
        drop(caches);
    } else {
        freed = caches.into_iter().map(plugcache::cache::admin::CacheOnDisk::compact).sum();
        // Reading the counts of processes that have ended adds them to those of the past.
        desk.counted()?;
    }
    let mut total = Swept::default();
    for swept in &swept {
        total.entries += swept.entries;
        total.bytes += swept.bytes;
    }
    if output.is_json() {
        let caches = names
            .iter()
            .zip(&swept)
            .map(|(name, swept)| json!({ "name": name, "entries": swept.entries, "bytes": swept.bytes }));
        output.json(&json!({
            "schema": 1,
            "dry_run": dry_run,
            "caches": caches.collect::<Vec<_>>(),
            "entries": total.entries,
            "bytes": total.bytes,
            "freed": freed,
            "models": models,
        }))?;
        return Ok(Outcome::Done);
    }
    let rows = names.iter().zip(&swept).filter(|(_, swept)| swept.entries > 0);
    output.table(rows.map(|(name, swept)| vec![name.clone(), entries(swept.entries), size(swept.bytes)]))?;
    let verb = if dry_run { "would remove" } else { "removed" };
    let given_back = if dry_run { String::new() } else { format!("; {} given back", size(freed)) };
    output.line(format!("{verb} {}, {}{given_back}", entries(total.entries), size(total.bytes)))?;
    if models.files > 0 {
        let bytes = size(models.bytes);
        let noun = if models.files == 1 { "file" } else { "files" };
        output.line(format!("{verb} {} unfinished {noun} of models, {bytes}", count(models.files)))?;
    }
    Ok(Outcome::Done)
}
