//! Removing entries of caches whose types nobody here knows: how many would go, and which are the oldest.

use std::{collections::BTreeSet, time::Duration};

use serde::Serialize;

use super::{CacheOnDisk, State};
use crate::{
    clock::Timestamp,
    error::Result,
    fingerprint::Digest,
    policy::in_nanoseconds,
    tier::{Storage, Visit},
};

/// What went, or would go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Swept {
    /// Entries.
    pub entries: u64,
    /// Bytes of their rows.
    pub bytes: u64,
}

/// What is to go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruning {
    /// Beside what nobody will be served: what was made longer ago than this. Default: nothing else.
    pub older_than: Option<Duration>,
    /// Beside that: the oldest entries of all caches together, until their rows have at most so many bytes.
    /// Default: no bound.
    pub max_bytes: Option<u64>,
    /// Counts, and removes nothing.
    pub dry_run: bool,
}

/// An entry that stays unless there are too many.
struct Aged {
    made: Timestamp,
    cache: usize,
    id: Digest,
    bytes: u64,
}

/// Bytes that a row counts for.
fn weight(row: &[u8]) -> u64 {
    row.len() as u64 + size_of::<Digest>() as u64
}

impl Swept {
    fn add(&mut self, bytes: u64) {
        self.entries += 1;
        self.bytes += bytes;
    }
}

/// Prunes several caches together: what nobody will be served (expired, cleared, invalidated, damaged), what
/// is too old, and the oldest of what is then too much. Returns what went of each, in their order.
pub fn prune_together(caches: &[CacheOnDisk], pruning: &Pruning) -> Result<Vec<Swept>> {
    let mut swept = vec![Swept::default(); caches.len()];
    let mut staying = Vec::new();
    for (position, (cache, swept)) in caches.iter().zip(&mut swept).enumerate() {
        cache.sweep_out(pruning, swept, &mut |id, made, bytes| {
            if pruning.max_bytes.is_some() {
                staying.push(Aged { made, cache: position, id, bytes });
            }
        })?;
    }
    if let Some(most) = pruning.max_bytes {
        let surplus = surplus(staying, most);
        for (position, (cache, swept)) in caches.iter().zip(&mut swept).enumerate() {
            let ids = surplus.iter().filter(|aged| aged.cache == position);
            let ids = ids.inspect(|aged| swept.add(aged.bytes)).map(|aged| aged.id.0).collect();
            if !pruning.dry_run {
                cache.remove_all(&ids)?;
            }
        }
    }
    Ok(swept)
}

/// The oldest, so many that what is left fits.
fn surplus(mut staying: Vec<Aged>, most: u64) -> Vec<Aged> {
    let mut total: u64 = staying.iter().map(|aged| aged.bytes).sum();
    staying.sort_unstable_by_key(|aged| (aged.made, aged.id.0));
    let fits = staying.iter().position(|aged| {
        let fits = total <= most;
        total -= aged.bytes;
        fits
    });
    staying.truncate(fits.unwrap_or(staying.len()));
    staying
}

impl CacheOnDisk {
    /// Removes what is not to be served or is too old; tells of what stays.
    fn sweep_out(
        &self,
        pruning: &Pruning,
        swept: &mut Swept,
        stays: &mut dyn FnMut(Digest, Timestamp, u64),
    ) -> Result<()> {
        let Some(storage) = &self.storage else { return Ok(()) };
        let oldest = pruning.older_than.map(in_nanoseconds);
        let now = self.clock.wall();
        storage.sweep(&mut |id, row| {
            let listed = self.listed(&id.to_string(), row);
            let age = u64::try_from(now.since(listed.made)).ok();
            let is_old = oldest.is_some_and(|oldest| age.is_none_or(|age| age >= oldest));
            if !is_old && matches!(listed.state, State::Live | State::Negative { .. }) {
                stays(*id, listed.made, weight(row));
                return Visit::Keep;
            }
            swept.add(weight(row));
            if pruning.dry_run { Visit::Keep } else { Visit::Remove }
        })?;
        Ok(())
    }

    /// Removes these rows, a step's at a time: one by one each would be a commit.
    fn remove_all(&self, ids: &BTreeSet<[u8; 16]>) -> Result<()> {
        let Some(storage) = self.storage.as_ref().filter(|_| !ids.is_empty()) else { return Ok(()) };
        storage.sweep(&mut |id, _| if ids.contains(&id.0) { Visit::Remove } else { Visit::Keep })?;
        Ok(())
    }

    /// How much on disk has this tag.
    pub fn tagged(&self, tag: &str) -> Result<Swept> {
        let mut tagged = Swept::default();
        let Some(storage) = &self.storage else { return Ok(tagged) };
        storage.sweep(&mut |id, row| {
            let listed = self.listed(&id.to_string(), row);
            if listed.tags.iter().any(|other| other == tag) && listed.state != State::Invalidated {
                tagged.add(weight(row));
            }
            Visit::Keep
        })?;
        Ok(tagged)
    }
}
