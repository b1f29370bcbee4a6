//! What plugins did: an append-only log of blocks, each with the hash of the one before.
//!
//! ```
//! use plugcache::ledger::{Ledger, Operation};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let place = tempfile::tempdir()?;
//! let log = Ledger::open(place.path().join("log"))?;
//! log.append(Operation::new("net", "apply").data(b"the new state"))?;
//! let block = log.append(Operation::new("net", "verify").meta("ok", true))?;
//! assert_eq!(block.previous, log.get(0)?.expect("the first block").hash());
//! assert!(log.verify(..)?.is_whole());
//! # Ok(())
//! # }
//! ```
//!
//! Numbers go on after a restart. Processes append one at a time and read side by side. A process that is killed
//! while it appends leaves whole blocks and at most a torn one at the end, which the next to open the log puts
//! aside and reports.
//!
//! **What `verify` finds**: any change of any byte, blocks that were exchanged, taken out or put in, and blocks cut
//! off at the end, since the head says how many there were. **What it cannot find**: that the owner of the files
//! has written all of them anew, head included. Who fears that remembers [`Ledger::head`] elsewhere, and hands it
//! to [`verify_against`](Ledger::verify_against).
//!
//! The data of an operation is not kept, only its hash.

mod block;
mod error;
mod head;
mod reader;
mod retention;
mod segment;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;
mod verify;

use std::{
    ops::{Bound, RangeBounds},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    time::Duration,
};

use plugcache_cache::{
    Cache, Clock, Hub, SystemClock,
    cache::{Eviction, LoadError},
    directory::{open_existing, open_or_create_plain},
    fs::{Directory, remove_abandoned},
    lock,
};

pub use block::{Block, Hash, Operation};
pub use error::LedgerError;
pub use head::Head;
pub use reader::Blocks;
pub use retention::{Kept, Retention};
pub use snapshot::{Pruned, Snapshot};
use state::{Appended, State};
pub use verify::{Damage, Report, verify_directory};

/// Side file that is locked while somebody appends.
const LOCK: &std::ffi::CStr = c"log.lock";
/// Blocks that are kept in memory, unless the settings of the cache `blocks` say otherwise.
const CACHED: usize = 1_000;
/// How long a forked child waits for what its parent's threads may have held at the fork.
const FORKED_WAIT: Duration = Duration::from_millis(100);
/// Most bytes that are appended at once.
const MOST_AT_ONCE: usize = 64 << 20;

/// When blocks are brought to the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sync {
    /// Before each append returns: what was appended outlives a crash of the machine.
    #[default]
    Always,
    /// With the first append this long after the last time, and when the log is closed: a crash of the machine may
    /// take what was appended meanwhile. A killed process takes nothing.
    Every(Duration),
    /// With [`Ledger::flush`], and when the log is closed.
    OnFlush,
}

/// How a log is kept.
pub struct Options {
    /// When blocks are brought to the medium. Default: [`Sync::Always`].
    pub sync: Sync,
    /// Blocks of a segment, after which the next begins; so do 16 MiB. Default: 65,536.
    pub segment_blocks: u32,
    /// The hub for the cache `blocks`. Default: one in memory, of its own.
    pub hub: Option<Hub>,
    /// How long to wait for another process that appends. Default: 10 s.
    pub lock_timeout: Duration,
    /// Where the time comes from. Default: the machine's.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sync: Sync::default(),
            segment_blocks: 65_536,
            hub: None,
            lock_timeout: Duration::from_secs(10),
            clock: Arc::new(SystemClock),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("sync", &self.sync)
            .field("segment_blocks", &self.segment_blocks)
            .finish_non_exhaustive()
    }
}

/// What a killed process or a crashed machine left at the end of a log, and where it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The file that ended in it.
    pub file: std::path::PathBuf,
    /// Where in it.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The number that the torn block would have had.
    pub block: u64,
    /// The file that they were put aside to.
    pub kept: std::path::PathBuf,
}

/// A log. Clones are handles to the same one.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
}

struct Shared {
    directory: Directory,
    /// The process that opened it.
    process: u32,
    /// Taken before the lock file's, by each thread that appends: they queue here instead of asking again and again.
    turn: Mutex<()>,
    /// Taken after the lock file's, so that readers do not wait for another process.
    state: Mutex<State>,
    blocks: Cache<u64, Block>,
    sync: Sync,
    segment_blocks: u32,
    lock_timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl Ledger {
    /// Opens a log, and makes it (directory of mode 0700) if there is none. A torn end is put aside; see
    /// [`recovered`](Self::recovered). Takes the same time for a thousand blocks and a million.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, LedgerError> {
        Self::open_with(directory, Options::default())
    }

    /// Opens a log with other options.
    pub fn open_with(directory: impl AsRef<Path>, options: Options) -> Result<Self, LedgerError> {
        let path = directory.as_ref();
        if open_existing(path)?.is_none() {
            open_or_create_plain(path)?;
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                Directory::open(parent)?.synchronise()?;
            }
        }
        let directory = open_or_create_plain(path)?;
        let Options { sync, segment_blocks, hub, lock_timeout, clock } = options;
        let blocks = Cache::builder("blocks")
            .capacity(CACHED)
            .eviction(Eviction::Lru)
            .build(&hub.unwrap_or_else(Hub::in_memory))?;
        let held = lock::acquire(&directory, LOCK, lock_timeout, &*clock)?;
        // Whoever wrote them is dead, since the lock is ours.
        remove_abandoned(&directory, Duration::ZERO)?;
        let mut state = State::open(&directory, clock.monotonic())?;
        state.refresh(&directory, true)?;
        drop(held);
        let shared = Shared {
            directory,
            process: std::process::id(),
            turn: Mutex::new(()),
            state: Mutex::new(state),
            blocks,
            sync,
            segment_blocks: segment_blocks.max(1),
            lock_timeout,
            clock,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Appends a block, and returns it.
    pub fn append(&self, operation: Operation) -> Result<Arc<Block>, LedgerError> {
        let operations = [operation];
        let Appended { range, time, previous, hash } = self.shared.append(&operations)?;
        let [operation] = operations;
        Ok(Arc::new(Block::of(operation, range.start, time, previous, hash)))
    }

    /// Appends blocks with one lock, one write and one synchronisation, and returns their numbers. All of them are
    /// appended or none, but for a kill, which may leave the first of them. At most 64 MiB at once.
    pub fn append_all(&self, operations: &[Operation]) -> Result<std::ops::Range<u64>, LedgerError> {
        Ok(self.shared.append(operations)?.range)
    }

    /// A block by its number; `None` if there is none so far. Blocks stay in the cache `blocks`, 1,000 of them
    /// unless the settings say otherwise.
    pub fn get(&self, number: u64) -> Result<Option<Arc<Block>>, LedgerError> {
        if let Some(block) = self.shared.blocks.get(&number) {
            return Ok(Some(block));
        }
        if number >= self.shared.state()?.count() && number >= self.len()? {
            return Ok(None);
        }
        match self.shared.blocks.get_or_load(&number, |number| self.shared.read(*number)) {
            Ok(block) => Ok(Some(block)),
            Err(LoadError::Loader(error)) => match Arc::try_unwrap(error) {
                Ok(error) => Err(error),
                // Others got the same one; this call makes its own.
                Err(_) => self.shared.read(number).map(|block| Some(Arc::new(block))),
            },
            Err(other) => Err(LedgerError::Busy { number, why: other.to_string() }),
        }
    }

    /// The last `n` blocks, oldest first.
    pub fn tail(&self, n: u64) -> Result<Vec<Arc<Block>>, LedgerError> {
        let count = self.len()?;
        self.blocks(count.saturating_sub(n)..count)?.collect()
    }

    /// Blocks of a range in order, read anew and in large pieces: for walks that the cache need not remember. Ends
    /// with the last block that there is now.
    pub fn blocks(&self, range: impl RangeBounds<u64>) -> Result<Blocks, LedgerError> {
        let count = self.len()?;
        let (start, end) = bounds(&range);
        Ok(Blocks::new(Arc::clone(&self.shared), start..end.min(count)))
    }

    /// How many blocks there are, those of other processes included.
    pub fn len(&self) -> Result<u64, LedgerError> {
        Ok(self.head()?.count)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> Result<bool, LedgerError> {
        Ok(self.len()? == 0)
    }

    /// How many blocks there are, and the hash of the last: what to remember elsewhere.
    pub fn head(&self) -> Result<Head, LedgerError> {
        let mut state = self.shared.state()?;
        state.refresh(&self.shared.directory, false)?;
        Ok(state.head())
    }

    /// Brings all that was appended to the medium.
    pub fn flush(&self) -> Result<(), LedgerError> {
        self.shared.flush()
    }

    /// What was torn when this log was opened or others were found to have died since.
    pub fn recovered(&self) -> Vec<Recovered> {
        self.shared.state().map_or_else(|_| Vec::new(), |state| state.recovered.clone())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.shared.directory.path()
    }

    /// Reads the blocks of a range, and the segments around them, and says whether and where anything is not as it
    /// was written. With all blocks (`..`) that is every byte of every file.
    pub fn verify(&self, range: impl RangeBounds<u64>) -> Result<Report, LedgerError> {
        verify_directory(self.path(), range, None)
    }

    /// Verifies all, and that it goes on from a head that somebody has remembered.
    pub fn verify_against(&self, remembered: Head) -> Result<Report, LedgerError> {
        verify_directory(self.path(), .., Some(remembered))
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("path", &self.path()).finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> Result<MutexGuard<'_, State>, LedgerError> {
        self.held(&self.state)
    }

    /// Locks something. In a forked child that may be what a thread of the parent held at the fork, and then nobody
    /// will ever free it.
    fn held<'a, T>(&self, what: &'a Mutex<T>) -> Result<MutexGuard<'a, T>, LedgerError> {
        if std::process::id() == self.process {
            return Ok(what.lock().unwrap_or_else(PoisonError::into_inner));
        }
        let began = std::time::Instant::now();
        loop {
            match what.try_lock() {
                Ok(held) => return Ok(held),
                Err(TryLockError::Poisoned(held)) => return Ok(held.into_inner()),
                Err(TryLockError::WouldBlock) if began.elapsed() < FORKED_WAIT => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(LedgerError::Forked { path: self.directory.path().to_owned() });
                }
            }
        }
    }

    /// Does something while no other thread or process appends, with all that they have appended known.
    fn alone<T>(&self, what: impl FnOnce(&mut State) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        let _turn = self.held(&self.turn)?;
        // Opened anew by each call: a parent and its forked child would have one that they share together.
        let _held = lock::acquire(&self.directory, LOCK, self.lock_timeout, &*self.clock)?;
        let mut state = self.state()?;
        state.refresh(&self.directory, true)?;
        what(&mut state)
    }

    fn append(&self, operations: &[Operation]) -> Result<Appended, LedgerError> {
        self.alone(|state| {
            let now = self.clock.monotonic();
            let is_due = match self.sync {
                Sync::Always => true,
                Sync::Every(span) => now.saturating_duration_since(state.synced) >= span,
                Sync::OnFlush => false,
            };
            let (most, time, sync) = (self.segment_blocks, self.clock.wall(), is_due.then_some(now));
            state.append(&self.directory, operations, most, time, sync)
        })
    }

    fn flush(&self) -> Result<(), LedgerError> {
        self.alone(|state| state.synchronise(self.clock.monotonic()))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let is_needed = self.state().is_ok_and(|state| state.is_unsynced());
        if is_needed && let Err(error) = self.flush() {
            tracing::warn!(
                "the log in {} was not brought to the medium: {error}",
                self.directory.path().display()
            );
        }
    }
}

/// Begin and end of a range of numbers.
fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => end.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    (start, end)
}
