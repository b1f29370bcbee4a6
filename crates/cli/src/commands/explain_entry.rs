//! `plugcache explain --cache NAME KEY`: what is on disk under a key, and why it would be served or not.

use std::time::Duration;

use plugcache::cache::admin::{Explained, State};
use serde_json::json;

use super::{
    Outcome,
    cache::{Desk, ls},
};
use crate::{
    args::{Place, Proof},
    output::{Failure, Output, STRONG},
    units::{size, time},
};

pub(super) fn run(name: &str, key: &str, proof: &Proof, output: &Output) -> Result<Outcome, Failure> {
    let place = Place { cache_dir: proof.cache_dir.clone(), no_cache: proof.no_cache };
    let found = Desk::open(&place)?.open_cache(name)?.explain(key)?;
    let is_served = found.iter().any(|one| one.stale.is_none());
    let outcome = if is_served { Outcome::Done } else { Outcome::Findings };
    if output.is_json() {
        let document =
            json!({ "schema": 1, "cache": name, "key": key, "is_served": is_served, "entries": found });
        output.json(&document)?;
        return Ok(outcome);
    }
    if found.is_empty() {
        let key = ls::printable(key);
        output.line(format!(
            "{STRONG}{key}{STRONG:#}: a miss: cache {name} has nothing on disk under this key"
        ))?;
        output.line("  a hit      once it was loaded; a running process may have it in memory")?;
    }
    for one in &found {
        tell(name, key, one, output)?;
    }
    Ok(outcome)
}

fn tell(cache: &str, asked: &str, explained: &Explained, output: &Output) -> Result<(), Failure> {
    let Explained { entry, stale, inputs, .. } = explained;
    let now = ls::now();
    let verdict = match stale {
        None => "a hit, if its program agrees".to_owned(),
        Some(reason) => format!("a miss: {reason}"),
    };
    let is_damaged = matches!(entry.state, State::Damaged { .. });
    // What is damaged does not tell its key.
    let key = if is_damaged { ls::printable(asked) } else { entry.key.clone() };
    output.line(format!("{STRONG}{key}{STRONG:#}: {verdict}"))?;
    let mut rows = vec![("cache", format!("{cache}, on disk"))];
    if !is_damaged {
        let age = ls::age(entry, now)
            .map_or_else(|| "in the future".to_owned(), |age| format!("{} ago", time(age)));
        let cost = Duration::from_nanos(entry.cost_ns);
        rows.push(("made", format!("{age}, in {}, {}", time(cost), size(entry.bytes))));
        let life = entry.ttl_ns.map_or_else(
            || "for ever".to_owned(),
            |ttl| {
                let rest = ls::expires(entry, now).map(|rest| format!(", {rest}"));
                format!("{}{}", time(Duration::from_nanos(ttl)), rest.unwrap_or_default())
            },
        );
        rows.push(("lives", life));
        if !entry.version.is_empty() {
            rows.push(("version", ls::printable(&entry.version)));
        }
        if !entry.tags.is_empty() {
            rows.push(("tags", ls::printable(&entry.tags.join(", "))));
        }
        rows.push(("state", ls::state(&entry.state)));
    }
    for input in inputs {
        let changed = input.changed.as_ref().map_or_else(|| "unchanged".to_owned(), ToString::to_string);
        rows.push(("rests on", format!("{}: {changed}", input.path.display())));
    }
    rows.push(("a hit", needed(explained)));
    for (title, text) in rows {
        output.line(format!("  {title:<11}{text}"))?;
    }
    Ok(())
}

/// What would make it one.
fn needed(explained: &Explained) -> String {
    let Explained { entry, stale, is_signed, inputs } = explained;
    if stale.is_some() {
        return "once it is loaded anew: its next lookup does that".to_owned();
    }
    let mut conditions = Vec::new();
    if !inputs.is_empty() {
        conditions.push("these files keep their content".to_owned());
    }
    if !entry.version.is_empty() {
        conditions.push(format!("the program is still version `{}`", ls::printable(&entry.version)));
    }
    if *is_signed {
        conditions.push("its signature is what it was".to_owned());
    }
    if entry.ttl_ns.is_some() {
        conditions.push("its time is not over".to_owned());
    }
    conditions.push("nobody clears it".to_owned());
    format!("as long as {}", conditions.join(", and "))
}
