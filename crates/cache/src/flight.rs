//! Single-flight: of all that miss a key at the same time, one loads and the others wait for it.
//!
//! A flight is a record in a table for as long as its leader loads. The first to come finds none, puts one
//! there and leads; whoever comes later waits, as a thread or as a task of any runtime. The leader's
//! [`Ticket`] takes the record away again, however it ends: with a value, an error, a panic, or dropped in
//! the middle (a cancelled task), in which case one of those who wait leads next. A leader that never ends
//! strands nobody: who has waited long enough gets an error, and the flight is no longer the key's, so that
//! one of the others, or the next call, loads again.
//!
//! The table's locks are held for a look, never while a loader runs.

mod cycle;
mod ticket;
mod wait;

use std::{
    borrow::Borrow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use hashbrown::HashTable;

pub(crate) use cycle::{Cycle, Inside, inside, inside_task};
pub(crate) use ticket::Ticket;
pub(crate) use wait::{Outcome, Place, Waiter};

use crate::{
    fork,
    key::Key,
    sync::{Guarded, Mutex},
};

/// Names a flight, in this process and for as long as it runs.
pub(crate) type FlightId = u64;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Tables a cache's flights are spread over.
const TABLES: usize = 16;

/// All flights of a cache.
pub(crate) struct Flights<K: Key + ?Sized, V> {
    tables: Box<[Locked<K, V>]>,
}

type Table<K, V> = HashTable<Record<K, V>>;
type Locked<K, V> = Guarded<Mutex<Table<K, V>>>;

struct Record<K: Key + ?Sized, V> {
    hash: u64,
    key: K::Owned,
    id: FlightId,
    /// The value was declared wrong while it was being made.
    is_invalidated: bool,
    /// The process that began it, in forks.
    born: u32,
    /// What had been declared wrong when it began.
    epoch: u64,
    /// Where the result goes. Made when somebody waits for it.
    waiters: Option<Arc<wait::Room<V>>>,
}

/// What to do about a key that is not in memory.
pub(crate) enum Joined<'a, K: Key + ?Sized, V> {
    /// Load it.
    Lead(Ticket<'a, K, V>),
    /// Wait for who loads it.
    Wait(Place<V>),
    /// Waiting would never end: the caller is what it would wait for.
    Cycle,
}

impl<K: Key + ?Sized, V> Flights<K, V> {
    pub(crate) fn new() -> Self {
        Self { tables: (0..TABLES).map(|_| Guarded::mutex(HashTable::new())).collect() }
    }

    fn table(&self, hash: u64) -> &Locked<K, V> {
        &self.tables[(hash >> 32) as usize % TABLES]
    }

    /// Leads the key's flight, or joins the one that there is. One that began before something was declared
    /// wrong, as `epoch` tells, or whose own key was, is left to those who wait for it already.
    pub(crate) fn join(&self, hash: u64, key: &K, epoch: u64) -> Joined<'_, K, V> {
        // Without its table, a flight cannot be told to others: everybody loads for himself.
        let Some(mut table) = self.table(hash).lock() else { return Joined::Lead(Ticket::alone(self, hash)) };
        if table.iter_hash(hash).any(|record| record.is(hash, key) && cycle::is_inside(record.id)) {
            return Joined::Cycle;
        }
        match table.find_mut(hash, |record| record.is(hash, key) && record.is_open(epoch)) {
            Some(record) if record.born == fork::generation() => {
                let room = record.waiters.get_or_insert_with(Default::default);
                Joined::Wait(Place::new(Arc::clone(room), record.id))
            }
            // Its leader is a thread of the parent process, which does not exist here.
            Some(record) => {
                record.id = NEXT.fetch_add(1, Ordering::Relaxed);
                record.born = fork::generation();
                record.epoch = epoch;
                record.is_invalidated = false;
                record.waiters = None;
                Joined::Lead(Ticket::new(self, hash, record.id))
            }
            None => {
                let id = NEXT.fetch_add(1, Ordering::Relaxed);
                let born = fork::generation();
                let key = key.to_owned();
                let record = Record { hash, key, id, is_invalidated: false, born, epoch, waiters: None };
                table.insert_unique(hash, record, |record| record.hash);
                Joined::Lead(Ticket::new(self, hash, id))
            }
        }
    }

    /// Leads the key's flight if there is none; never waits.
    pub(crate) fn lead(&self, hash: u64, key: &K, epoch: u64) -> Option<Ticket<'_, K, V>> {
        let table = self.table(hash).lock()?;
        if table
            .find(hash, |record| record.is(hash, key) && record.is_open(epoch))
            .is_some_and(|record| record.born == fork::generation())
        {
            return None;
        }
        drop(table);
        match self.join(hash, key, epoch) {
            Joined::Lead(ticket) => Some(ticket),
            Joined::Wait(_) | Joined::Cycle => None,
        }
    }

    /// Declares wrong what a leader is making for this key: it will be returned and not kept.
    pub(crate) fn invalidate(&self, hash: u64, key: &K) {
        if let Some(mut table) = self.table(hash).lock() {
            let records = table.iter_hash_mut(hash).filter(|record| record.is(hash, key));
            records.for_each(|record| record.is_invalidated = true);
        }
    }

    /// Whether a flight is still its key's, and its value was not declared wrong.
    fn is_valid(&self, hash: u64, id: FlightId) -> bool {
        let Some(table) = self.table(hash).lock() else { return false };
        table.find(hash, |record| record.id == id).is_some_and(|record| !record.is_invalidated)
    }

    /// Takes a flight away, so that the next who misses its key loads again.
    fn retire(&self, hash: u64, id: FlightId) -> Option<Arc<wait::Room<V>>> {
        let mut table = self.table(hash).lock()?;
        let entry = table.find_entry(hash, |record| record.id == id).ok()?;
        entry.remove().0.waiters
    }

    /// Gives up on a leader that does not end. One of those who are ready to wait longer leads next.
    pub(crate) fn give_up(&self, hash: u64, id: FlightId) {
        if let Some(room) = self.retire(hash, id) {
            room.announce(Outcome::Abandoned);
        }
    }
}

impl<K: Key + ?Sized, V> Record<K, V> {
    fn is(&self, hash: u64, key: &K) -> bool {
        self.hash == hash && self.key.borrow() == key
    }

    /// Whether who asks now may have what its leader makes, or take its place where there is no leader.
    fn is_open(&self, epoch: u64) -> bool {
        self.born != fork::generation() || (!self.is_invalidated && self.epoch == epoch)
    }
}
