//! Rows on disk, shared by processes: an LMDB database in a directory of its own.
//!
//! Of the stores that can be embedded this is the one that several processes read while one writes, and
//! the fastest to read. What it lacks stands around it here:
//!
//! - It has no checksums. Each row brings its own envelope; `bounds` keep a damaged length from
//!   leading out of the file, `header` keeps a cut file from being mapped, `structure` one with damaged pages.
//! - It must be open once a process and not cross a fork: `registry`.
//! - Its file does not shrink and a full map is an error: `write` evicts as it writes.
//! - It knows nothing of use: `recency` does, in a table beside it.
//! - Synchronising each commit costs a thousand times the commit. `marker` says instead whether a crash of
//!   the machine may have torn the file, and then it starts empty.
//!
//! Any error leaves the caller without a row or without having kept one, which a cache can bear.

mod bounds;
mod compact;
mod environment;
mod header;
mod marker;
mod recency;
mod registry;
mod structure;
mod sweep;
mod totals;
mod write;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use registry::Share;
use write::Limit;

use super::{Storage, Usage, Visit};
use crate::{clock::Clock, error::Result, fingerprint::Digest, fork::PerFork};

/// A storage in an LMDB database that processes share.
///
/// Handles on the same directory share one open database in a process. In a forked child the first call
/// opens it anew. The last handle to go synchronises what this process wrote, if nobody else has it open.
///
/// While [`read`](Storage::read) shows a row, the pages of all rows as they were then stay: what it calls has
/// to be short, or writers run out of room.
pub struct Lmdb {
    path: PathBuf,
    limit: Limit,
    clock: Arc<dyn Clock>,
    open: PerFork<Share>,
}

impl Lmdb {
    /// Opens the database in the directory `path`, which is made with mode 0700 if it does not exist, for
    /// at most `limit_bytes` of rows with their ids. The file usually stays below twice that, and always below
    /// six times that and 32 MiB. A row may have an eighth of the limit, and the rows of one write half of it.
    ///
    /// Whoever opens it first decides how large the file may grow; a larger limit holds from the next time on
    /// that nobody has it open.
    ///
    /// A database that is damaged, or was torn by a crash of the machine, is removed with a warning, and
    /// starts empty. Refused are directories that others could write to and those on network file systems.
    pub fn open(path: &Path, limit_bytes: u64, clock: Arc<dyn Clock>) -> Result<Self> {
        let limit = Limit { bytes: limit_bytes };
        let this = Self { path: path.to_owned(), limit, clock, open: PerFork::new() };
        this.environment()?;
        Ok(this)
    }

    /// Rewrites the database of a directory into a file as short as its rows need, if that is shorter.
    /// Returns by how many bytes. Nobody may have it open, in this process or another: the error says who.
    pub fn compact(path: &Path, clock: &dyn Clock) -> Result<u64> {
        registry::while_closed(path, |directory| compact::compact(&directory, clock))
    }

    /// Walks every page of the database in a directory that nobody has open, without changing anything.
    /// Returns what is wrong with its structure; rows that are damaged in themselves are not noticed.
    pub fn check(path: &Path, clock: &dyn Clock) -> Result<Option<String>> {
        registry::while_closed(path, |directory| environment::check(&directory, clock))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn environment(&self) -> Result<&Share> {
        self.open.get_or_make(|| registry::open(&self.path, self.limit.map(), &*self.clock))
    }
}

impl Storage for Lmdb {
    fn read(&self, id: &Digest, read: &mut dyn FnMut(&[u8])) -> Result<bool> {
        let open = self.environment()?;
        let view = open.reading()?;
        let row = open.rows.get(&view, &id.0).map_err(open.failed("read"))?;
        let Some(row) = row.filter(|row| open.bounds.allow(row)) else { return Ok(false) };
        read(row);
        drop(view);
        open.recency.touch(id, self.clock.wall());
        Ok(true)
    }

    fn write(&self, rows: &[(Digest, &[u8])]) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        write::write(self.environment()?, rows, self.limit, &*self.clock)
    }

    fn remove(&self, id: &Digest) -> Result<bool> {
        let open = self.environment()?;
        let view = open.reading()?;
        let known = open.rows.get(&view, &id.0).map_err(open.failed("read"))?.is_some();
        drop(view);
        Ok(known && write::remove(open, &[id.0], &*self.clock)? > 0)
    }

    fn sweep(&self, visit: &mut dyn FnMut(&Digest, &[u8]) -> Visit) -> Result<u64> {
        sweep::sweep(self.environment()?, visit, &*self.clock)
    }

    fn clear(&self) -> Result<u64> {
        write::clear(self.environment()?, &*self.clock)
    }

    fn usage(&self) -> Result<Usage> {
        let open = self.environment()?;
        let view = open.reading()?;
        let failed = open.failed("read");
        Ok(Usage {
            entries: totals::entries(&open.rows, &view).map_err(&failed)?,
            bytes: totals::bytes(&open.rows, &view).map_err(&failed)?.unwrap_or(0),
            limit: self.limit.within(open.map_size).bytes,
            allocated: open.bounds.allocated(),
        })
    }
}

impl fmt::Debug for Lmdb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lmdb")
            .field("path", &self.path)
            .field("limit", &self.limit.bytes)
            .finish_non_exhaustive()
    }
}
