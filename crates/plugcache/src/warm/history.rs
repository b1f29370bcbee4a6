//! How much keys were used over many runs, in a file that processes share.

use std::{collections::HashMap, ffi::CString, path::Path, time::Duration};

use plugcache_cache::{
    Clock, Digest, Error, Result, Timestamp, directory, envelope,
    fs::{Directory, c_path, publish},
    lock,
};
use serde::{Deserialize, Serialize};

/// What an earlier run counts for, beside the one after it.
const FADE: f64 = 0.8;
/// What has faded so far is forgotten.
const LEAST: f64 = 0.01;
const KIND: u32 = u32::from_le_bytes(*b"uses");
const VERSION: u32 = 1;
/// Larger files are none of ours.
const LARGEST: u64 = 64 << 20;
/// How long another process's merge is waited for, which takes milliseconds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a history is kept.
#[derive(Debug)]
pub(super) struct Place {
    directory: Directory,
    file: CString,
    lock: CString,
    /// What the file is sealed for.
    key: Vec<u8>,
}

/// What is known of all runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct History {
    /// Runs that said anything.
    pub(super) runs: u64,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    key: String,
    /// How much it was used, as of `run`.
    score: f64,
    run: u64,
    last: Timestamp,
}

/// What a run has to say of a key: it was used `now` times, of which it has told `before`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Use {
    pub(super) key: String,
    pub(super) before: u32,
    pub(super) now: u32,
    pub(super) last: Timestamp,
}

impl Place {
    pub(super) fn open(path: &Path, name: &str) -> Result<Self> {
        let directory = directory::open_or_create(path)?;
        let file = format!("{}.uses", Digest::of_key([name.as_bytes()]));
        Ok(Self {
            directory,
            lock: c_path(format!("{file}.lock").as_bytes())?,
            file: c_path(file.as_bytes())?,
            key: name.as_bytes().to_vec(),
        })
    }

    /// What is kept. Damage, and what another version wrote, is as good as nothing.
    pub(super) fn read(&self) -> Result<History> {
        match self.directory.read(&self.file, LARGEST) {
            Ok(observed) => {
                let payload = envelope::open(&observed.bytes, KIND, VERSION, &self.key);
                Ok(payload.ok().and_then(|bytes| postcard::from_bytes(bytes).ok()).unwrap_or_default())
            }
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(History::default())
            }
            Err(Error::TooLarge { .. }) => Ok(History::default()),
            Err(error) => Err(error),
        }
    }

    /// Changes what is kept, one process at a time. Readers see the old file or the new.
    pub(super) fn change<T>(&self, clock: &dyn Clock, change: impl FnOnce(&mut History) -> T) -> Result<T> {
        let _lock = lock::acquire(&self.directory, &self.lock, LOCK_TIMEOUT, clock)?;
        let mut history = self.read()?;
        let changed = change(&mut history);
        let payload = postcard::to_allocvec(&history).unwrap_or_default();
        publish(&self.directory, &self.file, &[&envelope::seal(KIND, VERSION, &self.key, &payload)])?;
        Ok(changed)
    }
}

impl History {
    /// Takes in what run number `run` says, and keeps the `most` best keys.
    pub(super) fn merge(&mut self, run: u64, uses: Vec<Use>, most: usize) {
        let mut by_key: HashMap<String, Row> =
            self.rows.drain(..).map(|row| (row.key.clone(), row)).collect();
        for Use { key, before, now, last } in uses {
            let row = by_key.entry(key).or_insert_with_key(|key| Row {
                key: key.clone(),
                score: 0.0,
                run,
                last: Timestamp(i64::MIN),
            });
            // Runs may tell in another order than they began in.
            row.score = row.score_at(run) + worth(now) - worth(before);
            row.run = row.run.max(run);
            row.last = row.last.max(last);
        }
        self.rows = by_key.into_values().collect();
        self.sort();
        let runs = self.runs;
        self.rows.retain(|row| row.score_at(runs) >= LEAST);
        self.rows.truncate(most);
    }

    /// The keys to warm up, best first.
    pub(super) fn best(&self, most: usize) -> Vec<String> {
        self.rows.iter().take(most).map(|row| row.key.clone()).collect()
    }

    fn sort(&mut self) {
        let runs = self.runs;
        self.rows.sort_by(|one, other| {
            let score = other.score_at(runs).total_cmp(&one.score_at(runs));
            score.then(other.last.cmp(&one.last)).then_with(|| one.key.cmp(&other.key))
        });
    }
}

impl Row {
    /// Its score in the eyes of a later run; what an earlier one says is added as it is.
    fn score_at(&self, run: u64) -> f64 {
        let runs = i32::try_from(run.saturating_sub(self.run)).unwrap_or(i32::MAX);
        self.score * FADE.powi(runs)
    }
}

/// What a run's uses of a key are worth: that it was needed at all counts most, so that a loop which asks a
/// million times does not outweigh what every run needs.
fn worth(count: u32) -> f64 {
    if count == 0 { 0.0 } else { 1.0 + f64::from(count).log2() }
}
