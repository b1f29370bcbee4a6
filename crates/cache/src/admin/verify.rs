//! Checking every entry of a cache on disk.

use serde::Serialize;

use super::CacheOnDisk;
use crate::{
    error::Result,
    row,
    tier::{Storage, Visit},
};

/// What a check of all entries found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Verified {
    /// Entries that were read.
    pub entries: u64,
    /// Of these, how many are damaged: their checksum, length or form is wrong, or they lie under another
    /// key's place. None of them is ever served.
    pub damaged: u64,
    /// Of these, how many were removed.
    pub repaired: u64,
}

impl CacheOnDisk {
    /// Reads every entry and checks its envelope; `repair` removes those that are damaged.
    pub fn verify(&self, repair: bool) -> Result<Verified> {
        let mut verified = Verified::default();
        let Some(storage) = &self.storage else { return Ok(verified) };
        let removed = storage.sweep(&mut |id, bytes| {
            verified.entries += 1;
            if row::open_any(bytes).is_ok_and(|(key, ..)| row::id_of(&key) == *id) {
                return Visit::Keep;
            }
            verified.damaged += 1;
            if repair { Visit::Remove } else { Visit::Keep }
        })?;
        verified.repaired = removed;
        Ok(verified)
    }
}
