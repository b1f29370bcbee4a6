//! `plugcache cache ls [NAME]`: the caches, or the entries of one.

use std::time::Duration;

use plugcache::cache::{
    Timestamp,
    admin::{Counted, Listed, State},
};
use serde_json::json;

use super::{Desk, Outcome, stats};
use crate::{
    args::Place,
    output::{Failure, Output},
    units::{self, count, size, time},
};

pub(super) fn caches(place: &Place, output: &Output) -> Result<Outcome, Failure> {
    let desk = Desk::open(place)?;
    let counted = desk.counted()?;
    let (mut rows, mut documents) = (Vec::new(), Vec::new());
    for cache in desk.open_caches(&[])? {
        let usage = cache.usage()?;
        let tiers: &[&str] = if usage.is_some() { &["memory", "disk"] } else { &["memory"] };
        let of_this = |counted: &&Counted| counted.cache == cache.name();
        let processes: Vec<_> =
            counted.iter().filter(of_this).filter_map(|counted| counted.process.as_ref()).collect();
        let usage = usage.unwrap_or_default();
        rows.push(vec![
            cache.name().to_owned(),
            units::entries(usage.entries),
            size(usage.bytes),
            tiers.join(" + "),
            processes.iter().map(|process| stats::process(process)).collect::<Vec<_>>().join(", "),
        ]);
        documents.push(json!({
            "name": cache.name(),
            "entries": usage.entries,
            "bytes": usage.bytes,
            "tiers": tiers,
            "processes": processes.iter().map(|process| stats::process_json(process)).collect::<Vec<_>>(),
        }));
    }
    if output.is_json() {
        output.json(&json!({ "schema": 1, "directory": desk.first(), "caches": documents }))?;
    } else {
        output.table(rows)?;
    }
    Ok(Outcome::Done)
}

pub(super) fn entries(name: &str, limit: usize, place: &Place, output: &Output) -> Result<Outcome, Failure> {
    let desk = Desk::open(place)?;
    let cache = desk.open_cache(name)?;
    let most = if limit == 0 { usize::MAX } else { limit };
    let mut listed = Vec::new();
    let mut is_cut = false;
    cache.each_entry(|entry| {
        is_cut = listed.len() == most;
        if !is_cut {
            listed.push(entry);
        }
        !is_cut
    })?;
    listed.sort_by(|a, b| a.key.cmp(&b.key));
    if output.is_json() {
        let document = json!({ "schema": 1, "cache": name, "entries": listed, "is_cut": is_cut });
        output.json(&document)?;
        return Ok(Outcome::Done);
    }
    let now = now();
    output.table(listed.iter().map(|entry| row(entry, now)))?;
    if is_cut {
        output
            .warn(format!("{} entries are shown, there are more: --limit 0 shows all", count(limit as u64)));
    }
    Ok(Outcome::Done)
}

/// Key, size, age, rest of its life, version, tags, state.
fn row(entry: &Listed, now: Timestamp) -> Vec<String> {
    let none = || "-".to_owned();
    let is_damaged = matches!(entry.state, State::Damaged { .. });
    let tags: Vec<String> = entry.tags.iter().map(|tag| printable(tag)).collect();
    vec![
        cut(&entry.key),
        size(entry.bytes),
        if is_damaged {
            none()
        } else {
            age(entry, now).map_or_else(none, |age| format!("{} old", time(age)))
        },
        expires(entry, now).unwrap_or_else(none),
        if entry.version.is_empty() { none() } else { printable(&entry.version) },
        if tags.is_empty() { none() } else { tags.join(",") },
        state(&entry.state),
    ]
}

/// How old it is; `None`: it claims to be from the future.
pub(crate) fn age(entry: &Listed, now: Timestamp) -> Option<Duration> {
    u64::try_from(now.since(entry.made)).ok().map(Duration::from_nanos)
}

/// `expires in 4m`.
pub(crate) fn expires(entry: &Listed, now: Timestamp) -> Option<String> {
    let ttl = Duration::from_nanos(entry.ttl_ns?);
    let age = age(entry, now)?;
    Some(match ttl.checked_sub(age) {
        Some(rest) if !rest.is_zero() => format!("expires in {}", time(rest)),
        _ => format!("expired {} ago", time(age.saturating_sub(ttl))),
    })
}

pub(crate) fn state(state: &State) -> String {
    match state {
        State::Live => "live".to_owned(),
        State::Negative { reason } => format!("nothing there: {}", printable(reason)),
        State::Expired => "expired".to_owned(),
        State::Invalidated => "invalidated".to_owned(),
        State::Damaged { part } => format!("damaged: {part}"),
        _ => "?".to_owned(),
    }
}

pub(crate) fn now() -> Timestamp {
    plugcache::cache::Clock::wall(&plugcache::cache::SystemClock)
}

/// What other programs have written must not move the cursor.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

/// Keys can be as long as their programs like.
fn cut(key: &str) -> String {
    const WIDEST: usize = 100;
    match key.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", key.get(..end).unwrap_or(key)),
        None => key.to_owned(),
    }
}
