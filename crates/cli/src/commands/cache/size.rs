//! `plugcache cache size`: entries, bytes, and what the file system gives for them.

use plugcache::cache::tier::Usage;
use serde_json::json;

use super::{Desk, Outcome};
use crate::{
    args::Place,
    output::{Failure, Output},
    units::{count, entries, size},
};

pub(super) fn run(place: &Place, output: &Output) -> Result<Outcome, Failure> {
    let desk = Desk::open(place)?;
    let (indexes, models) = (desk.indexes()?, desk.models()?);
    let beside = indexes.bytes + models.bytes;
    let mut usages = Vec::new();
    for cache in desk.open_caches(&[])? {
        usages.push((cache.name().to_owned(), cache.usage()?.unwrap_or_default()));
    }
    let mut total = Usage::default();
    for (_, usage) in &usages {
        total.entries += usage.entries;
        total.bytes += usage.bytes;
        total.allocated += usage.allocated;
    }
    if output.is_json() {
        let caches = usages.iter().map(|(name, usage)| {
            let Usage { entries, bytes, allocated, .. } = usage;
            json!({ "name": name, "entries": entries, "bytes": bytes, "allocated": allocated })
        });
        output.json(&json!({
            "schema": 1,
            "directory": desk.first(),
            "caches": caches.collect::<Vec<_>>(),
            "index": indexes,
            "models": models,
            "entries": total.entries,
            "bytes": total.bytes + beside,
            "allocated": total.allocated + beside,
        }))?;
        return Ok(Outcome::Done);
    }
    let mut rows: Vec<Vec<String>> = usages.iter().map(|(name, usage)| row(name, usage)).collect();
    if indexes.files > 0 {
        let files = format!("{} files", count(indexes.files));
        rows.push(vec!["plugin index".to_owned(), files, size(indexes.bytes), on_disk(indexes.bytes)]);
    }
    if models.files > 0 {
        let files = format!("{} files", count(models.files));
        rows.push(vec!["fetched models".to_owned(), files, size(models.bytes), on_disk(models.bytes)]);
    }
    let Usage { bytes, allocated, .. } = total;
    rows.push(vec![
        "total".to_owned(),
        entries(total.entries),
        size(bytes + beside),
        on_disk(allocated + beside),
    ]);
    output.table(rows)?;
    Ok(Outcome::Done)
}

fn row(name: &str, usage: &Usage) -> Vec<String> {
    vec![name.to_owned(), entries(usage.entries), size(usage.bytes), on_disk(usage.allocated)]
}

fn on_disk(bytes: u64) -> String {
    format!("{} on disk", size(bytes))
}
