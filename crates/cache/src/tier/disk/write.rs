//! Keeping rows within a bound: what changes the database.
//!
//! Two bounds are kept as rows are written. The bytes of the rows stay below the limit; and the pages that
//! hold them stay below one and a half times as much, because small rows, half-filled pages and rows just
//! over a page's share waste up to half. The map has as much again for what is copied on writing and for
//! old pages that readers still look at.

use std::{ops::Bound, sync::atomic::Ordering};

use heed::{MdbError, RoTxn, RwTxn};

use super::{
    environment::{Environment, Rows},
    totals,
};
use crate::{
    clock::Clock,
    error::{Error, Result},
    fingerprint::Digest,
};

/// Rows drawn at a time, side by side from a random place on.
const DRAWN: usize = 16;
/// How many of them go: those that were used least recently.
const EVICTED: usize = 2;
/// What is evicted beyond the need, as a share of the limit, so that not every write has to.
const HEADROOM: u64 = 64;
/// How often a write is tried again after LMDB ran out of pages.
const ATTEMPTS: usize = 8;
/// Bytes of pages that even the smallest storage may have, and what the map has beyond twice the pages.
const LEAST_PAGES: u64 = 1 << 20;
const SPARE: u64 = 8 << 20;
/// One row may take this share of the limit, one write this share.
const ROW_SHARE: u64 = 8;
const WRITE_SHARE: u64 = 2;

/// How much a database may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// Bytes of rows and their digests.
    pub(super) bytes: u64,
}

impl Limit {
    /// Bytes of pages with rows.
    fn pages(self) -> u64 {
        self.bytes.saturating_add(self.bytes / 2).saturating_add(LEAST_PAGES)
    }

    /// Bytes of the map, and the most that the file can grow to: a power of two, so that processes with
    /// slightly different limits agree.
    pub(super) fn map(self) -> u64 {
        let needed = self.pages().saturating_mul(2).saturating_add(SPARE);
        needed.checked_next_power_of_two().unwrap_or(1 << 46).min(1 << 46)
    }

    /// As much of it as a map of this size can take: another process may have opened the database first, for
    /// less.
    pub(super) fn within(self, map: u64) -> Self {
        let most = (map.saturating_sub(SPARE) / 2).saturating_sub(LEAST_PAGES) / 3 * 2;
        Self { bytes: self.bytes.min(most) }
    }
}

/// Keeps rows: all or none. Returns how many others were evicted.
pub(super) fn write(
    open: &Environment,
    rows: &[(Digest, &[u8])],
    limit: Limit,
    clock: &dyn Clock,
) -> Result<u64> {
    let limit = limit.within(open.map_size);
    let sizes = || rows.iter().map(|(_, row)| totals::size(row));
    let refused = |size, share| {
        let limit = limit.bytes / share;
        let path = open.directory.path().to_owned();
        if size > limit { Err(Error::RowTooLarge { path, size, limit }) } else { Ok(()) }
    };
    sizes().try_for_each(|size| refused(size, ROW_SHARE))?;
    refused(sizes().sum(), WRITE_SHARE)?;
    open.writing(clock, || {
        let mut evicted = 0;
        let mut outcome = try_to_write(open, rows, limit);
        for _ in 0..ATTEMPTS {
            if !matches!(outcome, Err(heed::Error::Mdb(MdbError::MapFull))) {
                break;
            }
            // Pages that a transaction frees can be used by the one after the next.
            let _ = open.env.clear_stale_readers();
            evicted += shrink(open, limit).map_err(open.failed("write"))?;
            shrink_nothing(open).map_err(open.failed("write"))?;
            outcome = try_to_write(open, rows, limit);
        }
        let now = clock.wall();
        let written = outcome.map_err(open.failed("write"))?;
        for (id, _) in rows {
            open.recency.touch(id, now);
        }
        Ok(evicted + written)
    })
}

fn try_to_write(open: &Environment, rows: &[(Digest, &[u8])], limit: Limit) -> heed::Result<u64> {
    let mut change = open.env.write_txn()?;
    let mut bytes = counted(&open.rows, &change)?;
    let evicted = make_room(open, &mut change, &mut bytes, rows, limit)?;
    for (id, row) in rows {
        let replaced = open.rows.get(&change, &id.0)?.map_or(0, totals::size);
        open.rows.put(&mut change, &id.0, row)?;
        bytes = bytes.saturating_sub(replaced).saturating_add(totals::size(row));
    }
    totals::put(&open.rows, &mut change, bytes)?;
    change.commit()?;
    Ok(evicted)
}

/// The totals as they are kept, or counted anew where damage made them impossible.
fn counted(rows: &Rows, view: &RoTxn<'_>) -> heed::Result<u64> {
    let kept = totals::bytes(rows, view)?.unwrap_or(0);
    if kept / 2 <= pages(rows, view)? { Ok(kept) } else { Ok(0) }
}

/// Bytes of the pages that are in use.
fn pages(rows: &Rows, view: &RoTxn<'_>) -> heed::Result<u64> {
    let stat = rows.stat(view)?;
    let pages = stat.branch_pages + stat.leaf_pages + stat.overflow_pages;
    Ok(pages as u64 * u64::from(stat.page_size))
}

/// What a row may take in pages.
fn in_pages(row: &[u8]) -> u64 {
    const PAGE: u64 = 4096;
    let length = row.len() as u64 + 48;
    if length < PAGE / 2 { length * 3 / 2 } else { length.div_ceil(PAGE) * PAGE }
}

fn make_room(
    open: &Environment,
    change: &mut RwTxn<'_>,
    bytes: &mut u64,
    rows: &[(Digest, &[u8])],
    limit: Limit,
) -> heed::Result<u64> {
    let more: u64 = rows.iter().map(|(_, row)| totals::size(row)).sum();
    let more_pages: u64 = rows.iter().map(|(_, row)| in_pages(row)).sum();
    let full = *bytes + more > limit.bytes || pages(&open.rows, change)? + more_pages > limit.pages();
    if !full {
        return Ok(0);
    }
    let goal = limit.bytes.saturating_sub(limit.bytes / HEADROOM).saturating_sub(more);
    let goal_pages = limit.pages().saturating_sub(limit.pages() / HEADROOM).saturating_sub(more_pages);
    evict(open, change, bytes, goal, goal_pages)
}

/// Evicts an eighth of the rows in a transaction of its own.
fn shrink(open: &Environment, limit: Limit) -> heed::Result<u64> {
    let mut change = open.env.write_txn()?;
    let mut bytes = counted(&open.rows, &change)?;
    let (goal, goal_pages) = (bytes - bytes / 8, pages(&open.rows, &change)?.min(limit.pages()));
    let evicted = evict(open, &mut change, &mut bytes, goal, goal_pages - goal_pages / 8)?;
    totals::put(&open.rows, &mut change, bytes)?;
    change.commit()?;
    Ok(evicted)
}

/// A transaction that changes next to nothing, so that what the last one freed can be used by the next.
fn shrink_nothing(open: &Environment) -> heed::Result<()> {
    let mut change = open.env.write_txn()?;
    let bytes = counted(&open.rows, &change)?;
    totals::put(&open.rows, &mut change, bytes)?;
    change.commit()
}

/// Removes rows until both bounds are kept. Of rows drawn at random those go that were used least
/// recently: nearly as good as a list of all in order of use, and nothing to keep.
fn evict(
    open: &Environment,
    change: &mut RwTxn<'_>,
    bytes: &mut u64,
    goal: u64,
    goal_pages: u64,
) -> heed::Result<u64> {
    let mut evicted = 0;
    let mut fruitless = 0;
    while *bytes > goal || pages(&open.rows, change)? > goal_pages {
        let mut drawn = draw(open, change)?;
        if drawn.is_empty() {
            // Nothing is left, so nothing is counted.
            *bytes = 0;
            break;
        }
        drawn.sort_unstable_by_key(|row| row.used);
        let before = evicted;
        for row in drawn.iter().take(EVICTED) {
            if open.rows.delete(change, &row.id)? {
                *bytes = bytes.saturating_sub(row.size);
                evicted += 1;
            }
        }
        fruitless = if evicted == before { fruitless + 1 } else { 0 };
        if fruitless > ATTEMPTS {
            break;
        }
    }
    Ok(evicted)
}

struct Drawn {
    id: [u8; 16],
    size: u64,
    used: u64,
}

/// Draws rows that lie side by side from a random place on, and from the first one if there are no more.
fn draw(open: &Environment, view: &RoTxn<'_>) -> heed::Result<Vec<Drawn>> {
    let mut from = [0; 16];
    let (high, low) = from.split_at_mut(8);
    high.copy_from_slice(&random(open).to_le_bytes());
    low.copy_from_slice(&random(open).to_le_bytes());
    let mut drawn: Vec<Drawn> = Vec::with_capacity(DRAWN);
    for from in [&from[..], totals::KEY] {
        let missing = DRAWN - drawn.len();
        let rows = open.rows.range(view, &(Bound::Included(from), Bound::Unbounded))?;
        for row in rows.take(missing + 1) {
            let (key, row) = row?;
            if let Ok(id) = <[u8; 16]>::try_from(key)
                && drawn.len() < DRAWN
                && drawn.iter().all(|other| other.id != id)
            {
                drawn.push(Drawn { id, size: totals::size(row), used: open.recency.of(&id) });
            }
        }
        if drawn.len() >= DRAWN {
            break;
        }
    }
    Ok(drawn)
}

/// `SplitMix64`: positions need no better.
fn random(open: &Environment) -> u64 {
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut mixed = open.draws.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Removes the rows of these ids. Returns how many there were.
pub(super) fn remove(open: &Environment, ids: &[[u8; 16]], clock: &dyn Clock) -> Result<u64> {
    let remove = || {
        let mut change = open.env.write_txn()?;
        let mut bytes = counted(&open.rows, &change)?;
        let mut removed = 0;
        for id in ids {
            let size = open.rows.get(&change, id)?.map_or(0, totals::size);
            if open.rows.delete(&mut change, id)? {
                bytes = bytes.saturating_sub(size);
                removed += 1;
            }
        }
        totals::put(&open.rows, &mut change, bytes)?;
        change.commit()?;
        Ok(removed)
    };
    open.writing(clock, || remove().map_err(open.failed("write")))
}

/// Removes all rows. Returns how many there were.
pub(super) fn clear(open: &Environment, clock: &dyn Clock) -> Result<u64> {
    let clear = || {
        let mut change = open.env.write_txn()?;
        let entries = totals::entries(&open.rows, &change)?;
        open.rows.clear(&mut change)?;
        totals::put(&open.rows, &mut change, 0)?;
        change.commit()?;
        Ok(entries)
    };
    open.writing(clock, || clear().map_err(open.failed("clear")))
}
