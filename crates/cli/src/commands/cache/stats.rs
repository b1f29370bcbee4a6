//! `plugcache cache stats`: what the caches have done, summed over processes, and whether they pay.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal},
    thread,
    time::Duration,
};

use plugcache::cache::{
    Stats as Figures, Timestamp,
    admin::{Counted, Process},
    tier::Usage,
};
use serde_json::{Value, json};

use super::{Desk, Outcome, ls};
use crate::{
    args::Stats,
    output::{DIM, Failure, Output, STRONG, WARNING},
    units::{count, entries, percent, size, time},
};

const INTERVAL: Duration = Duration::from_secs(1);
/// To the upper left corner, and nothing below.
const ANEW: &str = "\x1b[H\x1b[2J";

/// What is known of one cache.
struct Known {
    name: String,
    /// All processes together.
    sum: Figures,
    /// Most entries in the memory of all running processes; `None`: no process runs, or it has no bound.
    capacity: Option<u64>,
    disk: Option<Usage>,
    running: Vec<(Process, Figures)>,
    past: Option<Figures>,
}

pub(super) fn run(args: &Stats, output: &Output) -> Result<Outcome, Failure> {
    loop {
        let known = look(args)?;
        if args.watch && !output.is_json() && io::stdout().is_terminal() {
            output.line(ANEW)?;
        }
        print(&known, output)?;
        if !args.watch {
            return Ok(Outcome::Done);
        }
        thread::sleep(INTERVAL);
    }
}

fn look(args: &Stats) -> Result<Vec<Known>, Failure> {
    let desk = Desk::open(&args.place)?;
    let mut counted: BTreeMap<String, Vec<Counted>> = BTreeMap::new();
    for one in desk.counted()? {
        counted.entry(one.cache.clone()).or_default().push(one);
    }
    let mut names = desk.names()?;
    names.extend(counted.keys().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
    names.sort_unstable();
    if !args.caches.is_empty() {
        if let Some(unknown) = args.caches.iter().find(|name| !names.contains(name)) {
            return Err(desk.unknown(unknown, &names));
        }
        names.retain(|name| args.caches.contains(name));
    }
    names.into_iter().map(|name| known(&desk, counted.remove(&name).unwrap_or_default(), name)).collect()
}

fn known(desk: &Desk, counted: Vec<Counted>, name: String) -> Result<Known, Failure> {
    let cache = desk.caches.as_ref().map(|caches| caches.cache(&name)).transpose()?.flatten();
    let usage = cache.map(|cache| cache.usage()).transpose()?.flatten();
    let sum = counted.iter().fold(Figures::default(), |sum, one| sum.and(&one.stats));
    let (mut running, mut past) = (Vec::new(), None);
    for one in counted {
        match one.process {
            Some(process) => running.push((process, one.stats)),
            None => past = Some(one.stats),
        }
    }
    let capacity = running.iter().map(|(_, stats)| stats.capacity).sum::<Option<u64>>();
    Ok(Known { name, sum, capacity: capacity.filter(|most| *most > 0), disk: usage, running, past })
}

fn print(known: &[Known], output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        let caches: Vec<Value> = known.iter().map(Known::json).collect();
        return output.json(&json!({ "schema": 1, "caches": caches }));
    }
    for cache in known {
        cache.tell(output)?;
    }
    if known.is_empty() {
        output.warn("no cache has been used here so far");
    }
    Ok(())
}

impl Known {
    /// `manifests: 8,432 / 10,000 entries (84% full), 42% hit rate, 5m ttl`, and what is behind it.
    fn tell(&self, output: &Output) -> Result<(), Failure> {
        let Self { name, sum, .. } = self;
        let mut head = vec![self.fill()];
        let lookups = sum.hits() + sum.missed();
        if lookups > 0 {
            head.push(format!("{} hit rate", percent(sum.hits(), lookups)));
        }
        head.extend(sum.ttl.map(|ttl| format!("{} ttl", time(ttl))));
        output.line(format!("{STRONG}{name}{STRONG:#}: {}", head.join(", ")))?;
        for (title, text) in self.details() {
            output.line(format!("  {DIM}{title:<11}{DIM:#}{text}"))?;
        }
        if sum.does_not_pay() {
            output.line(format!(
                "  {WARNING}does not pay{WARNING:#}: `{name}` costs more time than it saves; keep it in memory only \
                 ({}=0), or do without it",
                plugcache::config::variable_for(name, "disk")
            ))?;
        }
        Ok(())
    }

    fn fill(&self) -> String {
        if self.running.is_empty() {
            return match self.disk {
                Some(usage) => format!("{} on disk, no process runs", entries(usage.entries)),
                None => "no process runs".to_owned(),
            };
        }
        match self.capacity {
            Some(most) => {
                let full = percent(self.sum.entries, most);
                format!("{} / {} entries ({full} full)", count(self.sum.entries), count(most))
            }
            None => format!("{} / ∞ entries", count(self.sum.entries)),
        }
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        let sum = &self.sum;
        let mut details = Vec::new();
        details.extend(holds(&self.name).map(|what| ("holds", what.to_owned())));
        let hits = [("memory", sum.memory_hits), ("disk", sum.disk_hits), ("negative", sum.negative_hits)];
        details.push(("hits", with_parts(sum.hits(), hits)));
        let parts = |map: &BTreeMap<String, u64>| {
            let parts: Vec<_> = map.iter().map(|(name, count)| (name.replace('_', " "), *count)).collect();
            with_parts(map.values().sum(), parts.iter().map(|(name, count)| (name.as_str(), *count)))
        };
        details.push(("misses", parts(&sum.misses)));
        let failed = [("failed", sum.load_errors), ("not kept", sum.not_kept)];
        details.push(("loads", format!("{} in {}", with_parts(sum.loads, failed), time(sum.load_time))));
        details.push(("evictions", parts(&sum.evictions)));
        let saved = format!("{}, lookups on disk cost {}", time(sum.time_saved), time(sum.lookup_time));
        details.push(("time saved", saved));
        if sum.bytes > 0 || sum.max_bytes.is_some() {
            let bound = sum.max_bytes.map(|most| format!(" of {}", size(most)));
            details.push(("in memory", format!("{}{}", size(sum.bytes), bound.unwrap_or_default())));
        }
        if let Some(disk) = self.disk {
            let text = format!(
                "{}, {}, {} allocated",
                entries(disk.entries),
                size(disk.bytes),
                size(disk.allocated)
            );
            details.push(("on disk", text));
        }
        if sum.store_errors > 0 {
            details.push((
                "trouble",
                format!("{} values could not be written to disk", count(sum.store_errors)),
            ));
        }
        let now = ls::now();
        let mut processes: Vec<String> = self.running.iter().map(|(one, _)| since(one, now)).collect();
        processes.extend(self.past.as_ref().map(|_| "past ones".to_owned()));
        details
            .push(("processes", if processes.is_empty() { "none".to_owned() } else { processes.join(", ") }));
        details
    }

    fn json(&self) -> Value {
        let Self { name, sum, disk, running, past, .. } = self;
        let running = running.iter().map(|(one, stats)| {
            let mut process = process_json(one);
            if let Some(fields) = process.as_object_mut() {
                fields.insert("stats".to_owned(), figures(stats));
            }
            process
        });
        json!({
            "name": name,
            "sum": figures(sum),
            "capacity": self.capacity,
            "does_not_pay": sum.does_not_pay(),
            "disk": disk.map(|usage| json!({
                "entries": usage.entries, "bytes": usage.bytes, "allocated": usage.allocated,
            })),
            "processes": running.collect::<Vec<_>>(),
            "past": past.as_ref().map(figures),
        })
    }
}

/// What is in a cache of the library itself, whose name a user has not chosen.
fn holds(name: &str) -> Option<&'static str> {
    Some(match name {
        "embeddings" => "the vectors of texts",
        "embedding-model" => "the sentence model, in memory while a program needs it",
        "model-identity" => "which model is in a directory, so that its files are not read each time",
        _ => return None,
    })
}

/// Figures with what follows from them; times in nanoseconds.
fn figures(stats: &Figures) -> Value {
    let mut value = serde_json::to_value(stats).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        for (name, time) in [
            ("load_time", Some(stats.load_time)),
            ("time_saved", Some(stats.time_saved)),
            ("lookup_time", Some(stats.lookup_time)),
            ("ttl", stats.ttl),
        ] {
            fields.remove(name);
            fields.insert(format!("{name}_ns"), json!(time.map(|time| u64::try_from(time.as_nanos()).ok())));
        }
        fields.insert("hits".to_owned(), json!(stats.hits()));
        fields.insert("missed".to_owned(), json!(stats.missed()));
        fields.insert("hit_rate".to_owned(), json!(stats.hit_rate()));
    }
    value
}

/// `12: 10 capacity, 2 too heavy`.
fn with_parts<'a>(total: u64, parts: impl IntoIterator<Item = (&'a str, u64)>) -> String {
    let parts = parts.into_iter().filter(|(_, number)| *number > 0);
    let parts: Vec<String> = parts.map(|(name, number)| format!("{} {name}", count(number))).collect();
    if parts.is_empty() { count(total) } else { format!("{}: {}", count(total), parts.join(", ")) }
}

/// `host (4711)`.
pub(super) fn process(process: &Process) -> String {
    format!("{} ({})", ls::printable(&process.program), process.id)
}

fn since(one: &Process, now: Timestamp) -> String {
    let age = Duration::from_nanos(u64::try_from(now.since(one.began)).unwrap_or(0));
    format!("{} for {}", process(one), time(age))
}

pub(super) fn process_json(process: &Process) -> Value {
    json!({ "id": process.id, "program": process.program, "began": process.began })
}
