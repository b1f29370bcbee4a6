//! Where a row may lie.
//!
//! LMDB hands out slices into its map by lengths that it finds in the file. After damage such a slice may
//! reach past the end of the file, where a read kills the process. So no byte of a row is touched before
//! its slice is known to lie inside the file.

use std::{
    fs::File,
    sync::atomic::{AtomicU64, Ordering},
};

use heed::{Env, WithoutTls};

use super::environment::file_of;
use crate::fs;

/// Address and length of what may be read.
#[derive(Debug)]
pub(super) struct Bounds {
    /// The file, to see it grow.
    file: Option<File>,
    /// Where the map begins, and before it where a parent's did. Empty where the system does not tell, and
    /// then nothing is checked.
    bases: Vec<usize>,
    /// How long the file was when it was last looked at. It never gets shorter while it is open.
    length: AtomicU64,
}

impl Bounds {
    /// The bounds of an open environment.
    pub(super) fn of(env: &Env<WithoutTls>) -> Self {
        let file = file_of(env);
        let bases = file.as_ref().map(|file| fs::addresses_of_map(file, env.info().map_size));
        Self { file, bases: bases.unwrap_or_default(), length: AtomicU64::new(0) }
    }

    /// Whether every byte of `row` may be read.
    pub(super) fn allow(&self, row: &[u8]) -> bool {
        let begin = row.as_ptr() as usize;
        let inside = |&base: &usize| {
            let end = begin.checked_sub(base).and_then(|begin| begin.checked_add(row.len()));
            end.is_some_and(|end| {
                end as u64 <= self.length.load(Ordering::Relaxed) || end as u64 <= self.look()
            })
        };
        self.bases.is_empty() || self.bases.iter().any(inside)
    }

    /// Gives the file the length that its header claims, if the last commit left it shorter: LMDB does not
    /// write pages at the end that a transaction took and gave back. To the next who opens it, it would
    /// look cut. Only a writer may call this.
    pub(super) fn lengthen(&self, env: &Env<WithoutTls>) {
        let Some(file) = &self.file else { return };
        let info = env.info();
        let Ok(page) = u64::try_from(page_size(env)) else { return };
        let claimed = (info.last_page_number as u64).saturating_add(1).saturating_mul(page);
        if claimed > self.length.load(Ordering::Relaxed) && claimed > self.look() {
            // Where the disk is full, the next to open it starts empty.
            let _ = file.set_len(claimed);
        }
    }

    fn look(&self) -> u64 {
        let length = self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |look| look.len());
        self.length.store(length, Ordering::Relaxed);
        length
    }

    /// Bytes that the file takes from the file system.
    pub(super) fn allocated(&self) -> u64 {
        use std::os::unix::fs::MetadataExt;
        let look = self.file.as_ref().and_then(|file| file.metadata().ok());
        look.map_or(0, |look| look.blocks().saturating_mul(512))
    }
}

fn page_size(env: &Env<WithoutTls>) -> usize {
    env.unnamed_database_stat().page_size as usize
}
