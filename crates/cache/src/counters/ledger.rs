//! Reading all counters in a statistics' directory: those of running processes and those of the past.

use std::{ffi::CString, time::Duration};

use super::{
    block::{Block, Event, Gauge},
    process::{self, LOCK_ENDING, Process, WORDS_ENDING},
};
use crate::{
    clock::Clock,
    error::Result,
    fs::{Directory, SharedWords},
    lock,
    stats::Stats,
};

/// What one process, or all past ones, counted of one cache.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The cache.
    pub cache: String,
    /// The running process; `None` for all past ones together.
    pub process: Option<Process>,
    /// Its figures.
    pub stats: Stats,
}

/// Reads all counters, and adds those of processes that have ended to those of the past.
pub(crate) fn read(directory: &Directory, clock: &dyn Clock) -> Result<Vec<Counted>> {
    let mut counted = Vec::new();
    for (name, _) in directory.list()?.0 {
        let Some(stem) = std::str::from_utf8(&name).ok().and_then(|name| name.strip_suffix(WORDS_ENDING))
        else {
            continue;
        };
        if stem == "past" {
            continue;
        }
        if let Some(words) = living_or_fold(directory, stem, clock)?
            && let Some(process) = process::process_of(&words)
        {
            let blocks = process::blocks(words.words()).filter(|block| !block.name().is_empty());
            counted.extend(blocks.map(|block| counted_of(block, Some(process.clone()))));
        }
    }
    if let Some(past) = SharedWords::open_existing(directory, c"past.counters")?
        && process::process_of(&past).is_some()
    {
        let blocks = process::blocks(past.words()).filter(|block| !block.name().is_empty());
        counted.extend(blocks.map(|block| counted_of(block, None)));
    }
    counted.sort_by(|a, b| {
        (&a.cache, a.process.as_ref().map(|p| p.id)).cmp(&(&b.cache, b.process.as_ref().map(|p| p.id)))
    });
    Ok(counted)
}

/// Forgets what past processes have counted.
pub(crate) fn forget_past(directory: &Directory, clock: &dyn Clock) -> Result<()> {
    read(directory, clock)?;
    directory.remove(c"past.counters").map(drop)
}

fn counted_of(block: Block<'_>, process: Option<Process>) -> Counted {
    let mut stats = Stats::of(block);
    if process.is_none() {
        // What past processes held in memory is gone with them.
        stats.entries = 0;
        stats.bytes = 0;
    }
    Counted { cache: block.name(), process, stats }
}

/// The words of a process that still runs; those of another are added to the past and removed.
fn living_or_fold(directory: &Directory, stem: &str, clock: &dyn Clock) -> Result<Option<SharedWords>> {
    let named = |ending: &str| CString::new(format!("{stem}{ending}")).unwrap_or_default();
    let words = SharedWords::open_existing(directory, &named(WORDS_ENDING))?;
    let Ok(_ended) = lock::acquire(directory, &named(LOCK_ENDING), Duration::ZERO, clock) else {
        return Ok(words);
    };
    // One reader at a time folds; who comes second finds the file gone.
    let _folding = lock::acquire(directory, c"past.lock", Duration::from_secs(1), clock)?;
    if let Some(words) = SharedWords::open_existing(directory, &named(WORDS_ENDING))?
        && process::process_of(&words).is_some()
    {
        let past = process::open_past(directory)?;
        for block in process::blocks(words.words()).filter(|block| !block.name().is_empty()) {
            let into = past.counters(&block.name());
            into.block().absorb(block);
            for gauge in [Gauge::Capacity, Gauge::MaxBytes, Gauge::TtlMillis, Gauge::HasDisk] {
                into.block().set(gauge, block.gauge(gauge));
            }
        }
    }
    directory.remove(&named(WORDS_ENDING))?;
    directory.remove(&named(LOCK_ENDING))?;
    Ok(None)
}

impl Stats {
    /// The figures of a block.
    pub(crate) fn of(block: Block<'_>) -> Self {
        use Event as E;
        let count = |event| block.count(event);
        let time = |event| Duration::from_nanos(block.count(event));
        let reasons = Event::ALL.iter().filter(|event| is_miss(**event));
        let causes = [E::EvictedForRoom, E::EvictedExpired, E::EvictedHeavy, E::EvictedDisk];
        Self {
            memory_hits: count(E::MemoryHit),
            disk_hits: count(E::DiskHit),
            negative_hits: count(E::NegativeHit),
            stale_hits: count(E::StaleHit),
            misses: reasons
                .map(|event| (event.as_str().to_owned(), count(*event)))
                .filter(|(_, count)| *count > 0)
                .collect(),
            evictions: causes
                .iter()
                .map(|event| (event.as_str().to_owned(), count(*event)))
                .filter(|(_, count)| *count > 0)
                .collect(),
            loads: count(E::Load),
            load_errors: count(E::LoadError),
            load_time: time(E::LoadNanos),
            time_saved: time(E::SavedNanos),
            lookup_time: time(E::LookupNanos),
            waits: count(E::Wait),
            wait_timeouts: count(E::WaitTimeout),
            inserts: count(E::Insert),
            not_kept: count(E::NotKept),
            store_errors: count(E::StoreError),
            removed: count(E::Removed),
            clears: count(E::Cleared),
            entries: block.gauge(Gauge::Entries),
            capacity: block.gauge(Gauge::Capacity).checked_sub(1),
            bytes: block.gauge(Gauge::Bytes),
            max_bytes: Some(block.gauge(Gauge::MaxBytes)).filter(|bytes| *bytes > 0),
            ttl: Some(block.gauge(Gauge::TtlMillis)).filter(|ttl| *ttl > 0).map(Duration::from_millis),
            has_disk: block.gauge(Gauge::HasDisk) > 0,
        }
    }
}

fn is_miss(event: Event) -> bool {
    (Event::MissAbsent as usize..=Event::MissAsked as usize).contains(&(event as usize))
}
