//! How many bytes all rows have: kept in a row of its own, in the transaction that changes it, so that
//! every process agrees.

use heed::{RoTxn, RwTxn};

use super::environment::Rows;

/// Key of the totals: no digest has one byte.
pub(super) const KEY: &[u8] = &[0];
/// Tells a database of ours, and the version of its layout.
const MAGIC: [u8; 8] = *b"pcrows\0\x01";

/// Whether `key` is a row's.
pub(super) fn is_row(key: &[u8]) -> bool {
    key.len() == 16
}

/// What a row counts for: its bytes and those of its digest.
pub(super) fn size(row: &[u8]) -> u64 {
    row.len() as u64 + 16
}

/// Number of rows.
pub(super) fn entries(rows: &Rows, view: &RoTxn<'_>) -> heed::Result<u64> {
    Ok(rows.len(view)?.saturating_sub(1))
}

/// Bytes of all rows; `None` if the totals are missing or not ours.
pub(super) fn bytes(rows: &Rows, view: &RoTxn<'_>) -> heed::Result<Option<u64>> {
    let Some(kept) = rows.get(view, KEY)? else { return Ok(None) };
    let Some((magic, bytes)) = kept.split_first_chunk::<8>() else { return Ok(None) };
    let bytes = <[u8; 8]>::try_from(bytes).ok().map(u64::from_le_bytes);
    Ok(bytes.filter(|_| *magic == MAGIC))
}

/// Whether a database is empty or ours.
pub(super) fn are_sound(rows: &Rows, view: &RoTxn<'_>) -> heed::Result<bool> {
    Ok(rows.len(view)? == 0 || bytes(rows, view)?.is_some())
}

/// Writes the totals.
pub(super) fn put(rows: &Rows, change: &mut RwTxn<'_>, bytes: u64) -> heed::Result<()> {
    let mut kept = [0; 16];
    let (magic, number) = kept.split_at_mut(8);
    magic.copy_from_slice(&MAGIC);
    number.copy_from_slice(&bytes.to_le_bytes());
    rows.put(change, KEY, &kept)
}
