//! The disk tier of a cache: rows in a storage, with everything that may be wrong about them.

use std::{
    convert::Infallible,
    ffi::CString,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Answer, Shared, Stopped, warn::Trouble};
use crate::{
    codec::Codec,
    counters::Event,
    error::{Error, Result},
    fingerprint::Digest,
    fork::PerFork,
    freshness::{StaleReason, Verdict},
    fs::Directory,
    key::{Key, KeyBytes},
    lock::{self, RemovableLock},
    policy::Origin,
    row,
    tier::Storage,
};

/// Opens the storage, on first use.
pub(super) type Open = Box<dyn Fn() -> Result<Arc<dyn Storage>> + Send + Sync>;

pub(super) struct Disk<V> {
    pub(super) codec: Codec<V>,
    open: Open,
    /// Not behind a lock: a thread that opens it while another forks would never be done in the child.
    storage: PerFork<Option<Arc<dyn Storage>>>,
    /// Where processes lock keys, if only one of them is to load a key at a time.
    pub(super) locks: Option<Directory>,
    pub(super) lock_timeout: Duration,
    /// Whether a value of this codec was seen to come back as it went.
    round_trips: PerFork<bool>,
    /// Everything was declared wrong because a row could be neither removed nor read, and since then nothing was
    /// read or written.
    is_dead: AtomicBool,
}

/// A value that is kept, and where it comes from.
pub(super) struct Kept<V> {
    pub(super) answer: Answer<V>,
    /// How long its loader took, in nanoseconds.
    pub(super) cost: u64,
    /// Generation of the cache before it was made.
    pub(super) generation: u64,
    /// From when on it should be made anew, in the time of [`Shared::now`]; `u64::MAX`: never.
    pub(super) refresh_at: u64,
    /// `None` if that is all: nothing of it goes to disk, and nothing else is looked at before it is served.
    pub(super) origin: Option<Arc<Origin>>,
}

impl<V> Disk<V> {
    pub(super) fn new(codec: Codec<V>, open: Open, locks: Option<Directory>, lock_timeout: Duration) -> Self {
        let (storage, round_trips) = (PerFork::new(), PerFork::new());
        Self { codec, open, storage, locks, lock_timeout, round_trips, is_dead: AtomicBool::new(false) }
    }
}

impl<V> Kept<V> {
    pub(super) fn new(answer: Answer<V>, refresh_at: u64, origin: Origin) -> Self {
        let (cost, generation) = (origin.cost, origin.marks.cache);
        Self { answer, cost, generation, refresh_at, origin: Some(Arc::new(origin)) }
    }
}

impl<K: Key + ?Sized, V: Send + Sync + 'static> Shared<K, V> {
    /// The storage; `None` if there is none, or it cannot be opened.
    pub(super) fn storage(&self) -> Option<&Arc<dyn Storage>> {
        let disk = self.disk.as_ref()?;
        let opened = disk.storage.get_or_make(|| match (disk.open)() {
            Ok(storage) => Ok::<_, Infallible>(Some(storage)),
            Err(error) => {
                self.warned.once(Trouble::Read, &self.name, &error);
                Ok(None)
            }
        });
        let Ok(opened) = opened;
        opened.as_ref()
    }

    /// Reads the row of a key, and says why it cannot be served if it cannot.
    pub(super) fn read_disk(&self, key: &K, bytes: &KeyBytes) -> Result<Kept<V>, StaleReason> {
        let (Some(disk), Some(storage)) = (&self.disk, self.storage()) else {
            return Err(StaleReason::Missing);
        };
        let began = Instant::now();
        let mut opened = Err(StaleReason::Missing);
        let kind = disk.codec.fingerprint();
        let read = storage.read(&row::id_of(bytes), &mut |row| {
            opened = row::open(row, kind, bytes).and_then(|(origin, value)| {
                let answer = match &origin.missing {
                    Some(reason) => Answer::Missing(reason.as_str().into()),
                    None => Answer::Value(
                        disk.codec.decode(value).map_err(|error| StaleReason::Damaged { part: error })?,
                    ),
                };
                Ok((answer, origin))
            });
        });
        if let Err(error) = read {
            self.warned.once(Trouble::Read, &self.name, &error);
            return Err(StaleReason::Unreadable { error: error.to_string() });
        }
        if opened.is_ok() && disk.is_dead.load(Ordering::Relaxed) {
            disk.is_dead.store(false, Ordering::Relaxed);
        }
        let judged = opened.and_then(|(answer, origin)| self.judge(key, answer, origin));
        self.counters.add(Event::LookupNanos, began.elapsed().as_nanos() as u64);
        judged
    }

    fn judge(&self, key: &K, answer: Answer<V>, mut origin: Origin) -> Result<Kept<V>, StaleReason> {
        self.control.check(&origin.marks)?;
        let now = self.clock.wall();
        if let Verdict::Stale(reason) = self.policy.judge(&origin, self.signature_of(key), now) {
            return Err(reason);
        }
        self.check_evidence(&mut origin)?;
        let age = u64::try_from(now.since(origin.made)).unwrap_or(0);
        let refresh_at = self.policy.refresh_at(self.now().saturating_sub(age), origin.ttl);
        let (cost, generation) = (origin.cost, origin.marks.cache);
        // Whatever else is in it has been judged once and for all.
        let origin = origin.is_checked_at_hits().then(|| Arc::new(origin));
        Ok(Kept { answer, cost, generation, refresh_at, origin })
    }

    /// Writes a value, if `still` says so when nobody else can write. Returns whether it did: failing fails
    /// nothing but the next lookup's speed.
    pub(super) fn write_disk(&self, bytes: &KeyBytes, kept: &Kept<V>, still: &dyn Fn() -> bool) -> bool {
        let began = Instant::now();
        let is_written = self.seal(bytes, kept).is_some_and(|row| {
            self.write_rows(&[(row::id_of(bytes), &row)], still).unwrap_or_else(|error| {
                self.count(Event::StoreError);
                self.warned.once(Trouble::Write, &self.name, &error);
                false
            })
        });
        self.counters.add(Event::LookupNanos, began.elapsed().as_nanos() as u64);
        is_written
    }

    /// Writes values at once, if `still` says so. Returns whether it did; if not, the caller can write one by one.
    pub(super) fn write_disk_together(
        &self,
        values: &[(&KeyBytes, &Kept<V>)],
        still: &dyn Fn() -> bool,
    ) -> bool {
        let began = Instant::now();
        let sealed: Option<Vec<_>> =
            values.iter().map(|(bytes, kept)| Some((row::id_of(bytes), self.seal(bytes, kept)?))).collect();
        let is_written = sealed.is_some_and(|sealed| {
            let rows: Vec<_> = sealed.iter().map(|(id, row)| (*id, row.as_slice())).collect();
            self.write_rows(&rows, still).unwrap_or(false)
        });
        self.counters.add(Event::LookupNanos, began.elapsed().as_nanos() as u64);
        is_written
    }

    /// The row of a value; `None` if there is no disk tier or the value cannot be a row.
    fn seal(&self, bytes: &KeyBytes, kept: &Kept<V>) -> Option<Vec<u8>> {
        let (disk, origin) = (self.disk.as_ref()?, kept.origin.as_ref()?);
        let encoded = match &kept.answer {
            Answer::Missing(_) => Ok(Vec::new()),
            Answer::Value(value) => disk.encode(value),
        };
        encoded
            .and_then(|value| row::seal(disk.codec.fingerprint(), bytes, origin, &value))
            .inspect_err(|error| {
                self.count(Event::StoreError);
                self.warned.once(Trouble::Codec, &self.name, error);
            })
            .ok()
    }

    /// Writes all of these rows or none. Returns whether it did.
    fn write_rows(&self, rows: &[(Digest, &[u8])], still: &dyn Fn() -> bool) -> Result<bool> {
        let (Some(disk), Some(storage)) = (&self.disk, self.storage()) else { return Ok(false) };
        let evicted = storage.write_if(rows, still)?;
        self.counters.add(Event::EvictedDisk, evicted.unwrap_or(0));
        disk.is_dead.store(false, Ordering::Relaxed);
        Ok(evicted.is_some())
    }

    /// Removes the row of a key. Returns whether there was one. What cannot be removed (the disk is full, a
    /// writer was stopped) must not be served either: then everything in the cache is declared wrong.
    pub(super) fn remove_disk(&self, bytes: &KeyBytes) -> bool {
        let (Some(disk), Some(storage)) = (&self.disk, self.storage()) else { return false };
        let id = row::id_of(bytes);
        storage.remove(&id).unwrap_or_else(|error| {
            self.warned.once(Trouble::Write, &self.name, &error);
            let mut is_live = false;
            let read = storage.read(&id, &mut |row| {
                // One that looks damaged, or another's, may be read right the next time.
                is_live = row::open_any(row).map_or(true, |(key, origin, _)| {
                    row::id_of(&key) != id || self.control.check(&origin.marks).is_ok()
                });
            });
            // Nobody can tell: once is enough, as long as nothing is read or written.
            is_live |= read.is_err() && !disk.is_dead.swap(true, Ordering::Relaxed);
            if is_live {
                self.control.clear();
            }
            is_live
        })
    }

    /// Lets one process at a time load a key. `None`: nobody else is kept out. `Err`: the caller is not to wait for who
    /// has the lock any longer.
    pub(super) fn lock_key(&self, bytes: &KeyBytes) -> Result<Option<RemovableLock<'_>>, Stopped> {
        let Some(disk) = self.disk.as_ref() else { return Ok(None) };
        let name = CString::new(row::id_of(bytes).to_string()).ok();
        let Some((locks, name)) = disk.locks.as_ref().zip(name) else { return Ok(None) };
        let mut left = disk.lock_timeout;
        loop {
            let slice = self.slice_of(left);
            left = left.saturating_sub(slice);
            match lock::acquire_removable(locks, &name, slice, &*self.clock) {
                Ok(lock) => return Ok(Some(lock)),
                Err(Error::LockTimeout { .. }) if !left.is_zero() => self.ask_to_go_on()?,
                Err(error) => {
                    self.warned.once(Trouble::Lock, &self.name, &error);
                    return Ok(None);
                }
            }
        }
    }
}

impl<V> Disk<V> {
    /// Encodes a value; the first one is decoded again, because a format that cannot describe a type
    /// notices only then.
    fn encode(&self, value: &V) -> Result<Vec<u8>, String> {
        let bytes = self.codec.encode(value)?;
        let Ok(round_trips) =
            self.round_trips.get_or_make(|| Ok::<_, Infallible>(self.codec.decode(&bytes).is_ok()));
        if *round_trips { Ok(bytes) } else { Err("what was encoded cannot be decoded".to_owned()) }
    }
}
