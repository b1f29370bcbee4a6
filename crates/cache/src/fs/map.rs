//! Read-only maps of files that nobody changes in place.

use std::{fs::File, ops::Deref, os::fd::OwnedFd};

use memmap2::{Mmap, MmapOptions};

/// A read-only view of a whole file.
#[derive(Debug)]
pub struct Map(Mmap);

impl Map {
    /// Maps the first `length` bytes of an open regular file of that length.
    #[expect(unsafe_code, reason = "mapping a file is unsafe by nature")]
    pub(crate) fn of(fd: OwnedFd, length: usize) -> std::io::Result<Self> {
        let file = File::from(fd);
        // SAFETY: a published file is never written again: it is replaced by rename, and our directory is
        // refused unless it is ours alone (mode 0700), so that only this user's own tampering could
        // change or cut the bytes below the map.
        unsafe { MmapOptions::new().len(length).map(&file) }.map(Self)
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
