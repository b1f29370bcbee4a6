//! Who runs, who uses it, who was used last: one table behind one lock, which is held for a look.
//!
//! Nothing here calls a plugin or drops one: what leaves is handed to the caller, who does so when he has let
//! go of the lock.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use plugcache_cache::evidence::Evidence;

use super::{Fault, Instance, InstanceKey, StartFailed, slot::Slot};

/// All instances of a host.
pub(super) struct Table<P: Instance> {
    /// By the order in which they were started.
    running: BTreeMap<u64, Record<P>>,
    /// Those that callers are given. Others run only for those who hold them.
    live: HashMap<InstanceKey, u64>,
    /// Those that nobody uses, the longest unused first.
    idle: BTreeMap<u64, u64>,
    pub(super) failures: HashMap<InstanceKey, Failed<P::Config>>,
    next: u64,
    is_shut_down: bool,
}

struct Record<P: Instance> {
    slot: Arc<Slot<P>>,
    users: usize,
    /// It was replaced.
    is_old: bool,
    /// Place among those that nobody uses, and since when.
    idle: Option<(u64, u64)>,
}

/// A start that failed.
pub(super) struct Failed<C> {
    pub(super) key: InstanceKey,
    pub(super) fault: Fault,
    pub(super) attempts: u32,
    /// In the clock's coarse nanoseconds.
    pub(super) next_try: u64,
    /// What it was tried with.
    pub(super) config: Arc<C>,
    pub(super) evidence: Arc<Evidence>,
    pub(super) checked_at: u64,
}

impl<C> Failed<C> {
    /// For people.
    pub(super) fn told(&self, now: u64) -> StartFailed {
        StartFailed {
            key: self.key.clone(),
            fault: self.fault.clone(),
            attempts: self.attempts,
            retry_in: Duration::from_nanos(self.next_try.saturating_sub(now)),
        }
    }
}

/// Why an instance did not come in.
pub(super) enum NotEntered {
    /// There is one already.
    Taken,
    /// Nothing is started any more.
    ShutDown,
}

impl<P: Instance> Default for Table<P> {
    fn default() -> Self {
        Self {
            running: BTreeMap::new(),
            live: HashMap::new(),
            idle: BTreeMap::new(),
            failures: HashMap::new(),
            next: 0,
            is_shut_down: false,
        }
    }
}

impl<P: Instance> Table<P> {
    /// How many are given to callers, and how many were replaced and are still held.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.live.len(), self.running.len() - self.live.len())
    }

    pub(super) fn is_live(&self, key: &InstanceKey) -> bool {
        self.live.contains_key(key)
    }

    pub(super) fn is_shut_down(&self) -> bool {
        self.is_shut_down
    }

    /// Whether an instance runs for those who hold it only.
    pub(super) fn is_old(&self, number: u64) -> bool {
        self.running.get(&number).is_none_or(|record| record.is_old)
    }

    /// A number that no other instance has.
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Gives the instance of a key one user more.
    pub(super) fn take(&mut self, key: &InstanceKey) -> Option<Arc<Slot<P>>> {
        let record = self.running.get_mut(self.live.get(key)?)?;
        record.users += 1;
        if let Some((place, _)) = record.idle.take() {
            self.idle.remove(&place);
        }
        Some(Arc::clone(&record.slot))
    }

    /// Lets a new instance in, with one user.
    pub(super) fn enter(&mut self, slot: &Arc<Slot<P>>) -> Result<(), NotEntered> {
        if self.is_shut_down {
            return Err(NotEntered::ShutDown);
        }
        if self.live.contains_key(&slot.key) {
            return Err(NotEntered::Taken);
        }
        self.live.insert(slot.key.clone(), slot.number);
        let record = Record { slot: Arc::clone(slot), users: 1, is_old: false, idle: None };
        self.running.insert(slot.number, record);
        Ok(())
    }

    /// Takes a user away. Returns the instance if it is to be stopped.
    #[must_use]
    pub(super) fn release(&mut self, number: u64, now: u64) -> Option<Arc<Slot<P>>> {
        // Gone: everything was shut down.
        let record = self.running.get_mut(&number)?;
        record.users -= 1;
        if record.users > 0 {
            return None;
        }
        if record.is_old {
            return self.remove(number);
        }
        self.next += 1;
        record.idle = Some((self.next, now));
        self.idle.insert(self.next, number);
        None
    }

    /// Lets those who hold an instance keep it, and nobody else get it. Returns whether it was live until now,
    /// and the instance if nobody holds it, so that it is to be stopped.
    #[must_use]
    pub(super) fn retire(&mut self, slot: &Slot<P>) -> (bool, Option<Arc<Slot<P>>>) {
        let Some(record) = self.running.get_mut(&slot.number).filter(|record| !record.is_old) else {
            return (false, None);
        };
        if record.users == 0 {
            return (true, self.remove(slot.number));
        }
        record.is_old = true;
        self.live.remove(&slot.key);
        (true, None)
    }

    /// Takes out the instance that was unused for longest, if that was before `limit`.
    #[must_use]
    pub(super) fn evict_idle(&mut self, limit: u64) -> Option<Arc<Slot<P>>> {
        let number = *self.idle.first_key_value()?.1;
        let (_, since) = self.running.get(&number)?.idle?;
        if since > limit { None } else { self.remove(number) }
    }

    /// Takes out the instance that was unused for longest, if there are more than `capacity`.
    #[must_use]
    pub(super) fn evict_for_room(&mut self, capacity: usize) -> Option<Arc<Slot<P>>> {
        if self.running.len() <= capacity {
            return None;
        }
        let number = *self.idle.first_key_value()?.1;
        self.remove(number)
    }

    /// All that nobody uses.
    pub(super) fn unused(&self) -> Vec<Arc<Slot<P>>> {
        let records = self.idle.values().filter_map(|number| self.running.get(number));
        records.map(|record| Arc::clone(&record.slot)).collect()
    }

    /// Forgets the failure that is due first, but not this key's.
    #[must_use]
    pub(super) fn forget_failure_but(&mut self, key: &InstanceKey) -> Option<Failed<P::Config>> {
        let others = self.failures.values().filter(|failed| failed.key != *key);
        let first = others.min_by_key(|failed| failed.next_try)?.key.clone();
        self.failures.remove(&first)
    }

    /// Takes everything out, the youngest first, and lets nothing in any more.
    pub(super) fn shut_down(&mut self) -> Vec<Arc<Slot<P>>> {
        self.is_shut_down = true;
        self.live.clear();
        self.idle.clear();
        let running = std::mem::take(&mut self.running);
        running.into_values().rev().map(|record| record.slot).collect()
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Slot<P>>> {
        let record = self.running.remove(&number)?;
        if let Some((place, _)) = record.idle {
            self.idle.remove(&place);
        }
        if !record.is_old {
            self.live.remove(&record.slot.key);
        }
        Some(record.slot)
    }
}
