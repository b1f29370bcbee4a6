//! When rows were last used, roughly and without a write to the database.
//!
//! A table of times in a small file that all processes share, found by the last bytes of a row's digest.
//! Rows that share a word lend each other their youth, so now and then an old row stays a little longer.

use std::{
    ffi::CStr,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    clock::Timestamp,
    fingerprint::Digest,
    fs::{Directory, SharedWords},
};

/// The table's name.
pub(super) const NAME: &CStr = c"recency";
/// Words in the table: 256 KiB.
const WORDS: usize = 32_768;

/// The table. A word is the second of the last use since 1970, 0 for never.
#[derive(Debug)]
pub(super) struct Recency(SharedWords);

impl Recency {
    /// Opens the table; where that fails, this process remembers for itself.
    pub(super) fn open(directory: &Directory) -> Self {
        Self(SharedWords::open(directory, NAME, WORDS).unwrap_or_else(|error| {
            tracing::debug!("uses of cached rows are not shared between processes: {error}");
            SharedWords::anonymous(WORDS)
        }))
    }

    /// Notes a use. Writes only if the second is a new one.
    pub(super) fn touch(&self, id: &Digest, now: Timestamp) {
        if let Some(word) = self.word(&id.0) {
            let second = u64::try_from(now.0 / 1_000_000_000).unwrap_or(0).max(1);
            if word.load(Ordering::Relaxed) != second {
                word.store(second, Ordering::Relaxed);
            }
        }
    }

    /// The second of the last use.
    pub(super) fn of(&self, id: &[u8; 16]) -> u64 {
        self.word(id).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    fn word(&self, id: &[u8; 16]) -> Option<&AtomicU64> {
        let tail = id.last_chunk::<8>().map_or(0, |tail| u64::from_le_bytes(*tail));
        self.0.words().get(usize::try_from(tail % WORDS as u64).unwrap_or(0))
    }
}
