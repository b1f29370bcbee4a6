//! `plugcache cache clear`: caches, indexes, counts, models. Below a cache directory lies nothing that is not made
//! or fetched anew; what programs keep for good lies elsewhere and is not touched. A model goes only if it is asked
//! for: it cannot be out of date, and to fetch it takes a connection and minutes.

use plugcache::{
    cache::admin::{CacheOnDisk, Swept},
    discovery::index::maintenance::{self, Removed},
};
use serde_json::json;

use super::{Desk, Outcome};
use crate::{
    args::{Clear, Kind},
    commands::embedding,
    output::{Failure, Output},
    units::{entries, size},
};

pub(super) fn run(args: &Clear, output: &Output) -> Result<Outcome, Failure> {
    let desk = Desk::open(&args.place)?;
    let known = args.known.names();
    let is_selective = !args.caches.is_empty() || !known.is_empty() || args.tag.is_some();
    let mut chosen = args.caches.clone();
    if !known.is_empty() {
        let there = desk.names()?;
        chosen.extend(known.iter().map(|name| (*name).to_owned()).filter(|name| there.contains(name)));
    }
    let is_any_there = known.is_empty() || !chosen.is_empty();
    let is_usual = |kind| matches!(kind, Kind::Caches | Kind::Index);
    let wants = |kind| args.kinds.contains(&kind) || (args.kinds.is_empty() && is_usual(kind));
    let mut cleared = Vec::new();
    if wants(Kind::Caches) && is_any_there {
        for cache in desk.open_caches(&chosen)? {
            cleared.push((cache.name().to_owned(), clear(cache, args)?));
        }
    }
    let removed =
        if wants(Kind::Index) && !is_selective { clear_indexes(&desk, args.dry_run)? } else { Vec::new() };
    let models = if wants(Kind::Models) { Some(clear_models(&desk, args.dry_run)?) } else { None };
    let forgets = args.stats || args.kinds.contains(&Kind::Stats);
    if let Some(caches) = desk.caches.as_ref().filter(|_| forgets && !args.dry_run) {
        caches.forget_counts()?;
    }
    let file_bytes: u64 = removed.iter().map(|file| file.size).sum();
    if output.is_json() {
        let caches = cleared
            .iter()
            .map(|(name, swept)| json!({ "name": name, "entries": swept.entries, "bytes": swept.bytes }));
        output.json(&json!({
            "schema": 1,
            "dry_run": args.dry_run,
            "removed": removed,
            "bytes": file_bytes,
            "caches": caches.collect::<Vec<_>>(),
            "models": models.map(|(models, bytes)| json!({ "models": models, "bytes": bytes })),
            "counts_forgotten": forgets,
        }))?;
        return Ok(Outcome::Done);
    }
    let verb = match (args.dry_run, args.tag.is_some()) {
        (true, false) => "would remove",
        (false, false) => "removed",
        (true, true) => "would invalidate",
        (false, true) => "invalidated",
    };
    for (name, swept) in &cleared {
        output.line(format!("{verb} {} of {name}, {}", entries(swept.entries), size(swept.bytes)))?;
    }
    if !is_any_there {
        output.warn(format!("no cache is named {} here: nothing to remove", known.join(", ")));
    }
    if wants(Kind::Index) && !is_selective {
        output.line(format!("{verb} {} files, {}", removed.len(), size(file_bytes)))?;
    }
    if let Some((models, bytes)) = models {
        let noun = if models == 1 { "model" } else { "models" };
        output.line(format!("{verb} {models} {noun}, {}", size(bytes)))?;
    } else if args.kinds.is_empty() && !is_selective && desk.models()?.files > 0 {
        let bytes = size(desk.models()?.bytes);
        output.talk(format!(
            "fetched models stay, {bytes}; `plugcache cache clear --kind models` removes them"
        ));
    }
    if forgets {
        let verb = if args.dry_run { "would forget" } else { "forgot" };
        output.line(format!("{verb} what past processes have counted"))?;
    }
    Ok(Outcome::Done)
}

/// Clears a cache, or invalidates a tag of it: in running processes too, even if nothing is on disk.
fn clear(cache: CacheOnDisk, args: &Clear) -> Result<Swept, Failure> {
    if let Some(tag) = &args.tag {
        let tagged = cache.tagged(tag)?;
        if !args.dry_run {
            cache.invalidate_tag(tag);
        }
        return Ok(tagged);
    }
    let usage = cache.usage()?.unwrap_or_default();
    if !args.dry_run {
        cache.clear()?;
        cache.compact();
    }
    Ok(Swept { entries: usage.entries, bytes: usage.bytes })
}

/// How many models, and the bytes of all that is with them.
fn clear_models(desk: &Desk, dry_run: bool) -> Result<(usize, u64), Failure> {
    let bytes = desk.models()?.bytes;
    let Some(models) = &desk.models else { return Ok((0, 0)) };
    Ok((embedding::clear(models, dry_run)?, bytes))
}

fn clear_indexes(desk: &Desk, dry_run: bool) -> Result<Vec<Removed>, Failure> {
    let mut removed = Vec::new();
    for directory in desk.index_directories()? {
        removed.extend(maintenance::clear(&directory, dry_run)?);
    }
    Ok(removed)
}
