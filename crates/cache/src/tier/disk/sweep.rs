//! Going through all rows in steps, so that neither readers nor writers have to wait for it.

use std::ops::Bound;

use super::{
    environment::{Environment, Rows},
    totals, write,
};
use crate::{clock::Clock, error::Result, fingerprint::Digest, tier::Visit};

/// Rows shown in one view of the database.
const STEP: usize = 256;

/// Shows every row to `visit`; what it wants removed goes after each step. No write lock is held while
/// `visit` runs, so a row that was replaced in between goes as well: a cache may lose rows.
pub(super) fn sweep(
    open: &Environment,
    visit: &mut dyn FnMut(&Digest, &[u8]) -> Visit,
    clock: &dyn Clock,
) -> Result<u64> {
    let mut removed = 0;
    let mut last = None;
    loop {
        let mut unwanted = Vec::new();
        let step = step(open, &open.rows, last, visit, &mut unwanted)?;
        if !unwanted.is_empty() {
            removed += write::remove(open, &unwanted, clock)?;
        }
        match step {
            Some(next) => last = Some(next),
            None => return Ok(removed),
        }
    }
}

/// Shows one step's rows after `last`. Returns the last one shown, or `None` at the end.
fn step(
    open: &Environment,
    rows: &Rows,
    last: Option<[u8; 16]>,
    visit: &mut dyn FnMut(&Digest, &[u8]) -> Visit,
    unwanted: &mut Vec<[u8; 16]>,
) -> Result<Option<[u8; 16]>> {
    let failed = open.failed("read");
    let view = open.reading()?;
    let from = match &last {
        Some(last) => Bound::Excluded(&last[..]),
        None => Bound::Excluded(totals::KEY),
    };
    let mut shown = None;
    for row in rows.range(&view, &(from, Bound::Unbounded)).map_err(&failed)?.take(STEP) {
        let (key, row) = row.map_err(&failed)?;
        let Ok(id) = <[u8; 16]>::try_from(key) else { continue };
        // Keys out of order are damage, and would lead in circles.
        if last.or(shown).is_some_and(|before| before >= id) {
            return Ok(None);
        }
        shown = Some(id);
        // What lies outside of the file is shown as nothing, which no envelope is.
        let row = if open.bounds.allow(row) { row } else { &[] };
        match visit(&Digest(id), row) {
            Visit::Keep => {}
            Visit::Remove => unwanted.push(id),
            Visit::Stop => return Ok(None),
        }
    }
    Ok(shown)
}
