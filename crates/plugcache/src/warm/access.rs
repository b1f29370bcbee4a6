//! Which keys were used, over runs and processes: what to load at the next start.

use std::{
    hash::{BuildHasher, RandomState},
    path::Path,
    sync::{Arc, Mutex},
};

use plugcache_cache::{
    Clock, Result, SystemClock, Timestamp,
    tier::memory::{Limits, Shard},
};

use super::{
    brief,
    history::{Place, Use},
};

/// Most keys of a run, and of all runs in the file.
const MOST_KEYS: usize = 10_000;

/// Remembers which keys a host uses.
///
/// Noting is cheap and in memory; at most 10,000 keys are noted, of more the least used are given up.
/// [`flush`](Self::flush), which the host calls at its end or now and then, merges them into a file, one process
/// at a time, so that several that run side by side lose nothing of each other.
///
/// A key's score is the sum over runs of 1 + log₂ of its uses; each run counts 0.8 of the one after it. Of equals,
/// the one that was used last comes first.
pub struct AccessLog {
    place: Place,
    clock: Arc<dyn Clock>,
    hasher: RandomState,
    noted: Mutex<Noted>,
    /// The number of this run, once it has told anything. Held while the file is merged.
    run: Mutex<Option<u64>>,
}

struct Noted {
    keys: Shard<Used>,
    /// Uses since the last flush.
    pending: u64,
}

struct Used {
    key: String,
    count: u32,
    /// Those of them that are in the file.
    told: u32,
    last: Timestamp,
}

impl AccessLog {
    /// Opens the log of that name in a directory, which is made with mode 0700 if there is none; one that others
    /// could write to is refused. What it holds may be deleted at any time.
    pub fn open(directory: &Path, name: &str) -> Result<Self> {
        Self::with_clock(directory, name, Arc::new(SystemClock))
    }

    /// The same, with times of this clock.
    pub fn with_clock(directory: &Path, name: &str, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self {
            place: Place::open(directory, name)?,
            clock,
            hasher: RandomState::new(),
            noted: Mutex::new(Noted { keys: Shard::new(Limits::entries(MOST_KEYS)), pending: 0 }),
            run: Mutex::new(None),
        })
    }

    /// Notes a use.
    pub fn note(&self, key: &str) {
        let hash = self.hasher.hash_one(key);
        let last = self.clock.wall();
        let Some(mut noted) = brief::lock(&self.noted) else { return };
        noted.pending += 1;
        let same = |used: &Used| used.key == key;
        // The look that counts as a use, for what is given up.
        if noted.keys.get(hash, same).is_some()
            && let Some(used) = noted.keys.peek_mut(hash, same)
        {
            used.count = used.count.saturating_add(1);
            used.last = used.last.max(last);
            return;
        }
        let used = Used { key: key.to_owned(), count: 1, told: 0, last };
        let mut given_up = Vec::new();
        noted.keys.insert(hash, used, 1, same, &mut given_up);
        drop(noted);
        drop(given_up);
    }

    /// Uses since the last [`flush`](Self::flush): for a host that flushes every so many.
    pub fn pending(&self) -> u64 {
        brief::lock(&self.noted).map_or(0, |noted| noted.pending)
    }

    /// Merges what was noted into the file. If that fails, it is told with the next flush. While another thread
    /// is at it, does nothing.
    pub fn flush(&self) -> Result<()> {
        let Ok(mut run) = self.run.try_lock() else { return Ok(()) };
        let Some((uses, pending)) = self.uses() else { return Ok(()) };
        if uses.is_empty() {
            return Ok(());
        }
        let told: Vec<(String, u32)> = uses.iter().map(|used| (used.key.clone(), used.now)).collect();
        let number = self.place.change(&*self.clock, |history| {
            let number = run.unwrap_or_else(|| {
                history.runs += 1;
                history.runs
            });
            history.merge(number, uses, MOST_KEYS);
            number
        })?;
        *run = Some(number);
        self.told(&told, pending);
        Ok(())
    }

    /// The keys to load at a start, best first: those of earlier runs, and of this one as far as it was flushed.
    pub fn warm_list(&self, most: usize) -> Result<Vec<String>> {
        Ok(self.place.read()?.best(most))
    }

    /// What is not in the file yet; `None` if nobody can tell.
    fn uses(&self) -> Option<(Vec<Use>, u64)> {
        let noted = brief::lock(&self.noted)?;
        let untold = noted.keys.iter().filter(|used| used.count > used.told);
        let uses = untold.map(|used| Use {
            key: used.key.clone(),
            before: used.told,
            now: used.count,
            last: used.last,
        });
        Some((uses.collect(), noted.pending))
    }

    fn told(&self, told: &[(String, u32)], pending: u64) {
        let Some(mut noted) = brief::lock(&self.noted) else { return };
        noted.pending = noted.pending.saturating_sub(pending);
        for (key, count) in told {
            let hash = self.hasher.hash_one(key.as_str());
            if let Some(used) = noted.keys.peek_mut(hash, |used| used.key == *key) {
                used.told = *count;
            }
        }
    }
}
