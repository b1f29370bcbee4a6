//! Rows of bytes under digests: what a disk or remote tier keeps its values in.
//!
//! A storage may lose rows, evict them, or give back damaged ones: each row carries its own envelope, and
//! whoever reads it checks that. So a fault to be tested is a small wrapper around a real storage.

use crate::{error::Result, fingerprint::Digest};

/// A place for rows, shared by threads and, if it says so, by processes.
pub trait Storage: Send + Sync + std::fmt::Debug {
    /// Shows `read` the row kept under `id`, if there is one, without copying it. Returns whether there was.
    /// Writes nothing that anyone has to wait for.
    fn read(&self, id: &Digest, read: &mut dyn FnMut(&[u8])) -> Result<bool>;

    /// Keeps rows, replacing those of the same id; evicts others before the limit on bytes is passed.
    /// All of them or none. Returns how many rows were evicted for them.
    fn write(&self, rows: &[(Digest, &[u8])]) -> Result<u64>;

    /// Like [`write`](Self::write), if `still` says so when nobody else can write any more. `None`: it did not,
    /// and nothing was written. What `still` asks takes no lock that is held while a storage is written to.
    fn write_if(&self, rows: &[(Digest, &[u8])], still: &dyn Fn() -> bool) -> Result<Option<u64>> {
        if still() { self.write(rows).map(Some) } else { Ok(None) }
    }

    /// Removes a row, also one that somebody else is just writing. Returns whether there was one.
    fn remove(&self, id: &Digest) -> Result<bool>;

    /// Shows every row to `visit`, which says what to do with it. Returns how many rows were removed.
    /// Readers are not disturbed; a large storage is gone through in steps, so that writers get their turn.
    fn sweep(&self, visit: &mut dyn FnMut(&Digest, &[u8]) -> Visit) -> Result<u64>;

    /// Removes every row. Returns how many there were.
    fn clear(&self) -> Result<u64>;

    /// How much it holds.
    fn usage(&self) -> Result<Usage>;
}

/// What to do with a row that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// Leave it.
    Keep,
    /// Remove it.
    Remove,
    /// Leave it and show no more.
    Stop,
}

/// How much a storage holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Rows.
    pub entries: u64,
    /// Bytes of its rows, with their ids.
    pub bytes: u64,
    /// Most bytes of rows that it keeps.
    pub limit: u64,
    /// Bytes it takes from the file system.
    pub allocated: u64,
}
