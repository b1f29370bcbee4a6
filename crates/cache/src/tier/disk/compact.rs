//! Giving space back: LMDB's file never gets shorter, so the rows move to a new one.

use std::ffi::CString;

use heed::{CommitOrAbort, EnvFlags, PutFlags, types::Bytes};

use super::{
    bounds::Bounds,
    environment::{self, DATA},
    header::MAP_STEP,
    totals,
};
use crate::{clock::Clock, error::Result, fs::Directory};

/// Rows moved in one transaction.
const STEP: usize = 4096;
/// The new file, until it takes the old one's place.
const NEW: &str = "alias-new";

/// Rewrites the database of a directory that nobody has open. Returns how many bytes shorter it is.
pub(super) fn compact(directory: &Directory, clock: &dyn Clock) -> Result<u64> {
    let locks = environment::alone(directory, clock)?;
    let header = environment::heal(directory)?;
    if header.claimed == 0 {
        return Ok(0);
    }
    let [new, lock] =
        [NEW.to_owned(), format!("{NEW}-lock")].map(|name| CString::new(name).unwrap_or_default());
    let before = length(directory, DATA)?;
    let moved = rewrite(directory, header.map_size.max(header.claimed).next_multiple_of(MAP_STEP));
    let after = length(directory, &new)?;
    directory.remove(&lock)?;
    match moved {
        Ok(()) if after < before => {
            directory.rename(&new, DATA)?;
            environment::remove_lock(directory)?;
            drop(locks);
            Ok(before - after)
        }
        other => {
            directory.remove(&new)?;
            other.map(|()| 0).map_err(environment::failed("compact", directory))
        }
    }
}

fn length(directory: &Directory, name: &std::ffi::CStr) -> Result<u64> {
    let found = directory.open_for_inspection(name)?;
    Ok(found.and_then(|(_, length)| length).unwrap_or(0))
}

/// Copies every row that can be read into a new file beside the old one.
fn rewrite(directory: &Directory, map_size: u64) -> heed::Result<()> {
    let old = environment::open_env(directory, map_size)?;
    let new = environment::open_at(
        &directory.path().join(NEW),
        map_size,
        EnvFlags::NO_SYNC | EnvFlags::NO_SUB_DIR,
    )?;
    let bounds = Bounds::of(&old);
    let view = old.read_txn()?;
    let opened = old.open_databases_and_commit(view, |opener, view| {
        opener.open_database::<Bytes, Bytes>(view, None).map(CommitOrAbort::<_, ()>::Commit)
    })?;
    let CommitOrAbort::Commit(Some(rows)) = opened else { return Ok(()) };
    let change = new.write_txn()?;
    let made = new.create_databases_and_commit(change, |opener, change| {
        opener.create_database::<Bytes, Bytes>(change, None).map(CommitOrAbort::<_, ()>::Commit)
    })?;
    let CommitOrAbort::Commit(kept) = made else { return Ok(()) };
    let view = old.read_txn()?;
    let mut bytes = 0_u64;
    let mut all = rows.iter(&view)?;
    loop {
        let mut change = new.write_txn()?;
        let mut moved = 0;
        for row in all.by_ref().take(STEP) {
            let (key, row) = row?;
            moved += 1;
            if totals::is_row(key) && bounds.allow(row) {
                kept.put_with_flags(&mut change, PutFlags::APPEND, key, row)?;
                bytes = bytes.saturating_add(totals::size(row));
            }
        }
        totals::put(&kept, &mut change, bytes)?;
        change.commit()?;
        if moved < STEP {
            break;
        }
    }
    Bounds::of(&new).lengthen(&new);
    new.force_sync()
}
