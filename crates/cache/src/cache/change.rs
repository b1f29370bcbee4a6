//! Putting in and taking out.

use std::{sync::Arc, time::Duration};

use super::{
    Answer, Cache, Shared,
    entries::{Cause, Entry, KeyMark},
    load::{Keeping, Load},
    read::stable_hash,
};
use crate::{
    control::Control,
    counters::Event,
    error::Result,
    key::{Key, KeyBytes},
    tier::Usage,
};

impl<K: Key + ?Sized, V: Send + Sync + 'static> Cache<K, V> {
    /// Keeps a value that was made elsewhere, in the place of what was kept. Whoever is loading the key now
    /// gets what the loader makes, and it is not kept.
    pub fn insert(&self, key: &K, value: V) -> Arc<V> {
        self.insert_with(key, value, |_| {})
    }

    /// Like [`insert`](Self::insert); `say` gives the value tags, inputs, or a time to live of its own.
    pub fn insert_with(&self, key: &K, value: V, say: impl FnOnce(&Load<'_>)) -> Arc<V> {
        let shared = &*self.shared;
        let value = Arc::new(value);
        let hash = shared.entries.hash(key);
        let evidence = shared.observe_inputs(key);
        let bytes = shared.disk.is_some().then(|| shared.disk_key(key, evidence.as_ref()));
        let load = shared.load(None, evidence);
        let started = shared.start(key);
        say(&load);
        let change = bytes.as_ref().map(|bytes| shared.begin_change(bytes));
        shared.flights.invalidate(hash, key);
        let answer = Answer::Value(Arc::clone(&value));
        match shared.kept_of(key, answer, load.into_said(), &started, 0) {
            Keeping::Kept(kept) => {
                if let Some(bytes) = &bytes
                    && !shared.write_disk(bytes, &kept, &|| true)
                {
                    // What is there is older.
                    shared.remove_disk(bytes);
                }
                let key_mark = change.map(|change| shared.end_change(change));
                let weight = shared.weigh(key, &kept.answer);
                shared.enter(hash, key, Shared::<K, V>::entry_of(key.to_owned(), kept, key_mark), weight);
                shared.count(Event::Insert);
            }
            Keeping::Unwanted | Keeping::Outdated => {
                shared.take_out(hash, key);
                if let (Some(bytes), Some(change)) = (&bytes, change) {
                    shared.remove_disk(bytes);
                    shared.end_change(change);
                }
                shared.count(Event::NotKept);
            }
        }
        value
    }

    /// Removes what is kept for a key, in memory, on disk, and in other processes' memory. Whoever is loading
    /// it now gets what the loader makes, and it is not kept. Returns whether anything was kept here.
    pub fn remove(&self, key: &K) -> bool {
        let shared = &*self.shared;
        let hash = shared.entries.hash(key);
        shared.flights.invalidate(hash, key);
        let mut is_removed = shared.take_out(hash, key);
        if shared.disk.is_some() {
            let inputs = shared.observe_inputs(key);
            let bytes = shared.disk_key(key, inputs.as_ref());
            let change = shared.begin_change(&bytes);
            is_removed |= shared.remove_disk(&bytes);
            shared.end_change(change);
        }
        if is_removed {
            shared.count(Event::Removed);
        }
        is_removed
    }

    /// Lets a key's entry leave memory if `may` says so, for those who know best when nobody needs it. Nothing is
    /// declared wrong, unlike by [`remove`](Self::remove): what is being loaded will be kept, and what is on disk
    /// stays. `may` is asked only if there is an entry, and with its lock held, so that nobody gets the entry or
    /// puts another one there between the question and its leaving: it must be quick, and must not ask this cache.
    /// Returns whether it left.
    pub fn release_if(&self, key: &K, may: impl FnOnce() -> bool) -> bool {
        let shared = &*self.shared;
        let Some(entry) = shared.entries.remove_if(shared.entries.hash(key), key, may) else { return false };
        shared.dismiss(entry, Cause::Removed);
        shared.count(Event::Removed);
        true
    }

    /// Declares everything wrong that has this tag, in all processes. What was under way is not kept.
    pub fn invalidate_tag(&self, tag: &str) {
        self.shared.control.invalidate_tag(tag);
    }

    /// Removes everything, in memory and on disk; other processes serve nothing of it from their next lookup
    /// on. What was under way is not kept. Returns how many entries were removed here and on disk.
    pub fn clear(&self) -> Result<u64> {
        self.shared.clear()
    }

    /// Removes what is kept and cannot be served any more: expired, cleared, or made from inputs that have
    /// changed. Returns how many entries were removed here and on disk.
    pub fn prune(&self) -> Result<u64> {
        self.shared.prune(None)
    }

    /// What the disk tier holds; `None` if there is none.
    pub fn disk_usage(&self) -> Result<Option<Usage>> {
        self.shared.storage().map(|storage| storage.usage()).transpose()
    }
}

impl<K: Key + ?Sized, V: Send + Sync + 'static> Shared<K, V> {
    /// Says that a key's row is about to be replaced or removed: what is being loaded will not be written.
    fn begin_change(&self, bytes: &KeyBytes) -> KeyMark {
        let hash = stable_hash(bytes);
        KeyMark { hash, count: Control::touched(self.control.touch_key(hash)) }
    }

    /// Says so again, because somebody may have read the old row in between and taken it for the new one.
    /// Returns the mark for the new value's entry: one that has passed already if another change came between,
    /// which may be the newer.
    fn end_change(&self, begun: KeyMark) -> KeyMark {
        let before = self.control.touch_key(begun.hash);
        if before == begun.count { KeyMark { count: Control::touched(before), ..begun } } else { begun }
    }

    fn take_out(&self, hash: u64, key: &K) -> bool {
        let Some(entry) = self.entries.remove(hash, key) else { return false };
        self.dismiss(entry, Cause::Removed);
        true
    }

    pub(super) fn clear(&self) -> Result<u64> {
        self.control.clear();
        self.count(Event::Cleared);
        let removed = self.entries.retain(|_| false);
        let count = removed.len() as u64;
        for entry in removed {
            self.dismiss(entry, Cause::Removed);
        }
        // What another process may be writing now carries the old generation: nobody will serve it.
        let on_disk = self.storage().map_or(Ok(0), |storage| storage.clear())?;
        Ok(count.max(on_disk))
    }

    /// How many entries in memory time and generation alone forbid to serve.
    pub(super) fn count_expired(&self) -> usize {
        let is_live = self.is_live();
        self.entries.count(|entry| !is_live(entry))
    }

    /// Whether time and generation alone let an entry be served now.
    fn is_live(&self) -> impl Fn(&Entry<K, V>) -> bool {
        let (generation, now) = (self.control.generation() as u32, self.now());
        move |entry| {
            entry.generation == generation && self.policy.end(entry.refresh_at).is_none_or(|end| now < end)
        }
    }

    /// Removes what is stale, and on disk what is older than `older_than`.
    pub(super) fn prune(&self, older_than: Option<Duration>) -> Result<u64> {
        let removed = self.entries.retain(self.is_live());
        let count = removed.len() as u64;
        for entry in removed {
            self.dismiss(entry, Cause::Expired);
        }
        let Some(storage) = self.storage() else { return Ok(count) };
        let pruned = crate::tier::prune(&**storage, &self.control, older_than, &*self.clock)?;
        Ok(count + pruned)
    }
}
