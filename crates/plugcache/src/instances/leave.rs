//! How instances leave: unused, out of room, replaced, shut down. Each is stopped once, outside of all locks.

use std::sync::{Arc, atomic::AtomicU64};

use super::{
    Instance, Instances, Shared,
    foreign::contained,
    slot::{Slot, Unoccupied},
    stats::count,
};

/// How many instances a [`prune`](Instances::prune) has stopped or taken out of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Nobody had used them for too long.
    pub idle: u64,
    /// There were too many.
    pub for_room: u64,
    /// Their files had changed.
    pub replaced: u64,
}

impl<P: Instance> Instances<P> {
    /// Stops what nobody has used for too long, what is beyond the capacity, and unused instances whose files
    /// have changed; forgets failed starts that nobody has come back for. Instances are evicted when one is
    /// started, too: a host calls this when it wants them gone without that, every minute, say.
    pub fn prune(&self) -> Pruned {
        let shared = &self.shared;
        let unused = shared.table().unused();
        let mut replaced = 0;
        for slot in unused {
            replaced += u64::from(shared.retire_if_outdated(&slot));
            // Somebody else may have stopped it meanwhile and left it to us.
            let_go(slot);
        }
        shared.forget_failures();
        Pruned { replaced, ..shared.make_room() }
    }

    /// Stops all instances, the youngest first, those in use too, and starts none any more. One that is busy
    /// is waited for, as long as [`busy_wait`](super::Builder::busy_wait) says. Handles stay valid, their
    /// instances are stopped. Returns how many were stopped. The same happens when the last handle to the
    /// table, and to any of its instances, is dropped.
    pub fn shutdown(&self) -> usize {
        self.shared.shut_down()
    }
}

impl<P: Instance> Shared<P> {
    /// Evicts what is idle for too long and what is too much.
    pub(super) fn make_room(&self) -> Pruned {
        let mut pruned = Pruned::default();
        if let Some(after) = self.limits.idle_after {
            let after = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
            // Before that much time has passed at all, nothing can be too old.
            if let Some(limit) = self.clock.coarse().checked_sub(after) {
                pruned.idle = self.evict(&self.counters.evicted_idle, || self.table().evict_idle(limit));
            }
        }
        let capacity = self.limits.capacity;
        pruned.for_room =
            self.evict(&self.counters.evicted_for_room, || self.table().evict_for_room(capacity));
        pruned
    }

    fn evict(&self, counter: &AtomicU64, next: impl Fn() -> Option<Arc<Slot<P>>>) -> u64 {
        let mut evicted = 0;
        while let Some(slot) = next() {
            count(counter);
            self.stop(slot);
            evicted += 1;
        }
        evicted
    }

    /// Takes an instance out of use. Those who hold it keep it.
    pub(super) fn retire(&self, slot: &Slot<P>, counter: &AtomicU64) {
        let (was_live, left) = self.table().retire(slot);
        if was_live {
            count(counter);
        }
        if let Some(slot) = left {
            self.stop(slot);
        }
    }

    /// One user less; the last one of a replaced instance stops it.
    pub(super) fn release(&self, slot: &Slot<P>) {
        let now = self.clock.coarse();
        let left = self.table().release(slot.number, now);
        if let Some(slot) = left {
            self.stop(slot);
        }
    }

    pub(super) fn shut_down(&self) -> usize {
        let all = self.table().shut_down();
        let stopped = all.len();
        for slot in all {
            // Whoever does not let go of it in time loses it.
            let occupancy = slot.occupy(self.limits.busy_wait);
            if matches!(occupancy, Err(Unoccupied::Busy)) {
                tracing::warn!("instance {} is stopped while it is busy", slot.key);
            }
            slot.note_stop();
            drop(occupancy);
            self.stop(slot);
        }
        stopped
    }

    /// Stops an instance that the caller took out of the table, and lets go of it.
    pub(super) fn stop(&self, slot: Arc<Slot<P>>) {
        slot.note_stop();
        let stopped = contained(|| {
            slot.plugin.stop();
            Ok(())
        });
        count(&self.counters.stopped);
        if let Err(fault) = stopped {
            count(&self.counters.stop_panics);
            tracing::warn!("instance {} did not stop properly: {fault}", slot.key);
        }
        let_go(slot);
    }

    /// A failure whose next try is long due belongs to a key that nobody asks for any more.
    fn forget_failures(&self) {
        let long = u64::try_from(self.limits.longest_retry.as_nanos()).unwrap_or(u64::MAX);
        let now = self.clock.coarse();
        let mut table = self.table();
        let forgotten: Vec<_> =
            table.failures.extract_if(|_, failed| failed.next_try.saturating_add(long) <= now).collect();
        drop(table);
        drop(forgotten);
    }
}

/// Drops what may be the last that holds a plugin.
fn let_go<P: Instance>(slot: Arc<Slot<P>>) {
    let key = slot.key.clone();
    let dropped = contained(|| {
        drop(slot);
        Ok(())
    });
    if let Err(fault) = dropped {
        tracing::warn!("instance {key} could not be dropped properly: {fault}");
    }
}

impl<P: Instance> Drop for Shared<P> {
    fn drop(&mut self) {
        self.shut_down();
    }
}
