//! The one way of a lookup: memory, disk, and then a flight to lead or to wait for.

use std::sync::Arc;

use super::{
    Answer, Cache, Shared, Stopped,
    disk::Kept,
    entries::{Entry, Glance, KeyMark, Left, Rest},
    load::LoadError,
    suspect::{Fading, Suspect},
    warn::Trouble,
};
use crate::{
    counters::Event,
    evidence::Evidence,
    flight::{self, Cycle, Joined, Outcome, Place, Ticket, Waiter},
    freshness::StaleReason,
    key::{Key, KeyBytes},
    lock::RemovableLock,
};

/// What memory says of a key.
pub(super) enum Found<V> {
    /// It may be served.
    Fresh(Answer<V>),
    /// It may be served, but one caller should make it anew.
    Fading(Fading<V>),
    /// It may not.
    Miss(StaleReason),
}

/// How a lookup goes on.
pub(super) enum Begun<'a, K: Key + ?Sized, V> {
    /// It is over.
    Answered(Answer<V>),
    /// The caller is to load.
    Lead(Lead<'a, K, V>),
    /// The caller is to wait, see [`Shared::wait`].
    Wait(Place<V>),
}

/// Why nothing that is kept may be served; `None`: there is nothing. In a box, since it is large and seldom more.
pub(super) type Why = Option<Box<StaleReason>>;

/// The duty to load a key.
pub(super) struct Lead<'a, K: Key + ?Sized, V> {
    pub(super) hash: u64,
    pub(super) ticket: Ticket<'a, K, V>,
    /// The key as bytes, where a disk tier needs them.
    pub(super) bytes: Option<KeyBytes>,
    /// The key's counter before anything was looked at.
    pub(super) key_mark: Option<KeyMark>,
    /// State of the inputs that the cache declares for the key; `None` if they cannot be observed.
    pub(super) evidence: Option<Evidence>,
    /// Why nothing that is kept may be served.
    pub(super) reason: Why,
    /// Keeps other processes from loading the key as well.
    pub(super) process_lock: Option<RemovableLock<'a>>,
}

impl<K: Key + ?Sized, V: Send + Sync + 'static> Cache<K, V> {
    /// The value of a key, if a fresh one is kept. Loads nothing and waits for nobody.
    #[inline]
    pub fn get(&self, key: &K) -> Option<Arc<V>> {
        let hash = self.shared.entries.hash(key);
        match self.shared.glance(hash, key) {
            Glance::Hit(value, _) => Some(value),
            glance => self.lookup_further(hash, key, &glance).and_then(Answer::value),
        }
    }

    /// Shows the value of a key to `see`, if memory has one that time and generations alone prove fresh; `None` says
    /// nothing but that a lookup would have to look further, and is not counted. For who must not be kept waiting, by a
    /// file either, and does not need the value to stay: `see` runs under a lock that writers wait for, so it has to be
    /// short, and must not come back to this cache.
    #[inline]
    pub fn glance<T>(&self, key: &K, see: impl FnOnce(&Arc<V>) -> T) -> Option<T> {
        let (seen, at, cost) = self.shared.see(key, see)?;
        self.shared.counters.memory_hit(at, cost);
        Some(seen)
    }

    /// Like [`glance`](Self::glance), for callers who take turns by a lock of their own, which is held during this call:
    /// an interpreter's. It spares the counter its atomic addition. If two are here at once after all, a hit may go
    /// uncounted, and nothing worse.
    #[inline]
    pub fn glance_in_turn<T>(&self, key: &K, see: impl FnOnce(&Arc<V>) -> T) -> Option<T> {
        let (seen, _, cost) = self.shared.see(key, see)?;
        self.shared.counters.memory_hit_in_turn(cost);
        Some(seen)
    }

    /// Like [`get`](Self::get), and tells a key that is known to have no value from one of which nothing is
    /// known.
    pub fn lookup(&self, key: &K) -> Option<Answer<V>> {
        let hash = self.shared.entries.hash(key);
        match self.shared.glance(hash, key) {
            Glance::Hit(value, _) => Some(Answer::Value(value)),
            glance => self.lookup_further(hash, key, &glance),
        }
    }

    fn lookup_further(&self, hash: u64, key: &K, glance: &Glance<V>) -> Option<Answer<V>> {
        let shared = &*self.shared;
        let reason = match shared.find_in_memory(hash, key, glance) {
            Found::Fresh(answer) => return Some(answer),
            Found::Fading(fading) => return Some(shared.serve(hash, fading)),
            Found::Miss(reason) => reason,
        };
        match shared.find_on_disk(key, reason) {
            Ok((kept, key_mark)) => {
                shared.count_disk_hit(&kept);
                let answer = kept.answer.clone();
                let weight = shared.weigh(key, &kept.answer);
                shared.enter(hash, key, Shared::<K, V>::entry_of(key.to_owned(), kept, key_mark), weight);
                Some(answer)
            }
            Err(reason) => {
                shared.count_miss(&reason);
                None
            }
        }
    }
}

impl<K: Key + ?Sized, V: Send + Sync + 'static> Shared<K, V> {
    /// The way of nearly all lookups: a value in memory that time and generations alone prove fresh. Nothing
    /// here allocates, locks for writing, or reads a precise clock.
    #[inline]
    fn glance(&self, hash: u64, key: &K) -> Glance<V> {
        let generation = self.control.generation();
        let shard = self.entries.shard_of(hash);
        let glance = self.entries.get(shard, hash, key, |entry| self.is_plainly_fresh(entry, generation));
        if let Glance::Hit(_, cost) = glance {
            self.counters.memory_hit(shard, cost);
        }
        glance
    }

    /// Shows a value to `see`, if that is a plain hit. With the shard that it is in, and what it saves.
    #[inline]
    fn see<T>(&self, key: &K, see: impl FnOnce(&Arc<V>) -> T) -> Option<(T, usize, u64)> {
        let hash = self.entries.hash(key);
        let generation = self.control.generation();
        let at = self.entries.shard_of(hash);
        let is_fresh = |entry: &Entry<K, V>| self.is_plainly_fresh(entry, generation);
        let (seen, cost) = self.entries.see(at, hash, key, is_fresh, see)?;
        Some((seen, at, cost))
    }

    /// Looks in memory for what is no plain hit.
    fn find_in_memory(&self, hash: u64, key: &K, glance: &Glance<V>) -> Found<V> {
        if matches!(glance, Glance::Nothing) {
            return Found::Miss(StaleReason::Missing);
        }
        match self.entries.peek(hash, key, Suspect::of) {
            Some(suspect) => self.examine(hash, key, suspect),
            None => Found::Miss(StaleReason::Missing),
        }
    }

    /// Whether time and generations alone say that an entry may be served.
    #[inline]
    fn is_plainly_fresh(&self, entry: &Entry<K, V>, generation: u64) -> bool {
        entry.generation == generation as u32
            && (entry.refresh_at == u64::MAX || self.now() < entry.refresh_at)
            && entry.rest.as_ref().is_none_or(|rest| self.is_plain(rest))
    }

    /// Whether what else there is to an entry needs no closer look.
    fn is_plain(&self, rest: &Rest) -> bool {
        rest.origin.is_none() && self.is_current(rest.key_mark)
    }

    /// Whether nobody has replaced or removed a key since.
    #[inline]
    pub(super) fn is_current(&self, mark: Option<KeyMark>) -> bool {
        mark.is_none_or(|mark| self.control.key(mark.hash) == mark.count)
    }

    #[inline]
    pub(super) fn count_hit(&self, hash: u64, answer: &Answer<V>, cost: u64) {
        match answer {
            Answer::Value(_) => self.counters.memory_hit(self.entries.shard_of(hash), cost),
            Answer::Missing(_) => self.count(Event::NegativeHit),
        }
    }

    /// Looks on disk, for a key that memory has no answer for.
    pub(super) fn find_on_disk(
        &self,
        key: &K,
        reason: StaleReason,
    ) -> Result<(Kept<V>, Option<KeyMark>), StaleReason> {
        if self.disk.is_none() {
            return Err(reason);
        }
        let inputs = self.rules.is_content_addressed.then(|| self.observe_inputs(key));
        let bytes = self.disk_key(key, inputs.as_ref().and_then(Option::as_ref));
        self.find_row(key, &bytes).map_err(|on_disk| match on_disk {
            StaleReason::Missing => reason,
            other => other,
        })
    }

    fn find_row(&self, key: &K, bytes: &KeyBytes) -> Result<(Kept<V>, Option<KeyMark>), StaleReason> {
        let key_mark = self.key_mark(bytes);
        Ok((self.read_disk(key, bytes)?, key_mark))
    }

    fn count_disk_hit(&self, kept: &Kept<V>) {
        self.count(match kept.answer {
            Answer::Value(_) => Event::DiskHit,
            Answer::Missing(_) => Event::NegativeHit,
        });
        self.counters.add(Event::SavedNanos, kept.cost);
    }

    /// The bytes that name a key on disk: with the content of its inputs and the cache's scope, if these are
    /// part of it.
    pub(super) fn disk_key(&self, key: &K, evidence: Option<&Evidence>) -> KeyBytes {
        let mut bytes = KeyBytes::default();
        if self.rules.scope.is_some() {
            bytes.scoped();
        }
        if self.rules.is_content_addressed {
            bytes.tuple(2);
            key.encode(&mut bytes);
            evidence.map_or_else(Default::default, Evidence::content).encode(&mut bytes);
        } else {
            key.encode(&mut bytes);
        }
        if let Some(scope) = &self.rules.scope {
            bytes.append(scope);
        }
        bytes
    }

    /// Counter of a key that other processes may replace.
    pub(super) fn key_mark(&self, bytes: &KeyBytes) -> Option<KeyMark> {
        let hash = stable_hash(bytes);
        self.disk.is_some().then(|| KeyMark { hash, count: self.control.key(hash) })
    }

    /// Begins a lookup that is to end with an answer.
    #[inline]
    pub(super) fn begin<E>(&self, key: &K, blocks: bool) -> Result<Begun<'_, K, V>, LoadError<E>> {
        let hash = self.entries.hash(key);
        match self.glance(hash, key) {
            Glance::Hit(value, _) => Ok(Begun::Answered(Answer::Value(value))),
            glance => self.begin_further(hash, key, &glance, blocks),
        }
    }

    fn begin_further<E>(
        &self,
        hash: u64,
        key: &K,
        glance: &Glance<V>,
        blocks: bool,
    ) -> Result<Begun<'_, K, V>, LoadError<E>> {
        let (reason, fading) = match self.find_in_memory(hash, key, glance) {
            Found::Fresh(answer) => return Ok(Begun::Answered(answer)),
            Found::Fading(fading) => (why(StaleReason::Asked), Some(fading)),
            Found::Miss(reason) => (why(reason), None),
        };
        let epoch = self.control.epoch();
        let ticket = match fading {
            Some(fading) => match self.flights.lead(hash, key, epoch) {
                Some(ticket) => ticket,
                None => return Ok(Begun::Answered(self.serve(hash, fading))),
            },
            None => match self.flights.join(hash, key, epoch) {
                Joined::Lead(ticket) => ticket,
                Joined::Wait(place) => return Ok(Begun::Wait(place)),
                Joined::Cycle => return Err(self.reentrant(key)),
            },
        };
        self.lead(hash, key, ticket, reason, blocks).map_err(|Stopped| self.interrupted(key))
    }

    /// Begins to wait for who loads a key.
    pub(super) fn wait<E>(&self, key: &K, place: Place<V>) -> Result<Waiter<V>, LoadError<E>> {
        let waiter = place.wait().map_err(|Cycle| self.reentrant(key))?;
        self.count(Event::Wait);
        Ok(waiter)
    }

    fn reentrant<E>(&self, key: &K) -> LoadError<E> {
        LoadError::Reentrant { cache: self.name.clone(), key: key.to_bytes().to_string() }
    }

    /// What only the leader of a key does: look once more, and on disk.
    fn lead<'a>(
        &'a self,
        hash: u64,
        key: &K,
        ticket: Ticket<'a, K, V>,
        reason: Why,
        blocks: bool,
    ) -> Result<Begun<'a, K, V>, Stopped> {
        // The last leader may have landed between our look and our joining.
        if let Some(answer) = self.landed_meanwhile(hash, key, &ticket) {
            ticket.fail(|| outcome_of(&answer));
            return Ok(Begun::Answered(answer));
        }
        // The host says what the inputs are: if it asks for this key to do so, it is told.
        let evidence = flight::inside(ticket.id(), || self.observe_inputs(key));
        let mut lead =
            Lead { hash, ticket, bytes: None, key_mark: None, evidence, reason, process_lock: None };
        let is_asked = lead.reason.as_deref() == Some(&StaleReason::Asked);
        if self.disk.is_some() {
            let bytes = self.disk_key(key, lead.evidence.as_ref());
            match self.find_row(key, &bytes) {
                Ok(found) if !is_asked => return Ok(self.land_from_disk(key, lead, found)),
                Ok(_) | Err(StaleReason::Missing) => {}
                Err(on_disk) => lead.reason = why(on_disk),
            }
            if blocks && let Some(lock) = self.lock_key(&bytes)? {
                // Another process may have loaded while we waited for the lock.
                lead.process_lock = Some(lock);
                if !is_asked && let Ok(found) = self.find_row(key, &bytes) {
                    return Ok(self.land_from_disk(key, lead, found));
                }
            }
            lead.key_mark = self.key_mark(&bytes);
            lead.bytes = Some(bytes);
        }
        self.count_miss(lead.reason.as_deref().unwrap_or(&StaleReason::Missing));
        Ok(Begun::Lead(lead))
    }

    /// What is in memory now and may be served, counted as a hit.
    fn landed_meanwhile(&self, hash: u64, key: &K, ticket: &Ticket<'_, K, V>) -> Option<Answer<V>> {
        let generation = self.control.generation();
        let look = |entry: &Entry<K, V>| {
            let is_plain = self.is_plainly_fresh(entry, generation);
            let suspect = || Suspect::of(entry);
            is_plain.then(|| (entry.answer(), entry.cost.nanoseconds())).ok_or_else(suspect)
        };
        match self.entries.peek(hash, key, look)? {
            Ok((answer, cost)) => {
                self.count_hit(hash, &answer, cost);
                Some(answer)
            }
            // The host says what the signature is: if it asks for this key to do so, it is told.
            Err(suspect) => match flight::inside(ticket.id(), || self.examine(hash, key, suspect)) {
                Found::Fresh(answer) => Some(answer),
                Found::Fading(_) | Found::Miss(_) => None,
            },
        }
    }

    fn land_from_disk<'a>(
        &self,
        key: &K,
        lead: Lead<'a, K, V>,
        (kept, key_mark): (Kept<V>, Option<KeyMark>),
    ) -> Begun<'a, K, V> {
        self.count_disk_hit(&kept);
        let answer = kept.answer.clone();
        let weight = self.weigh(key, &answer);
        let mut left = Left::nobody();
        let still = || self.is_current(key_mark);
        lead.ticket.land(
            || outcome_of(&answer),
            still,
            |owned| {
                self.entries.insert(lead.hash, key, Self::entry_of(owned, kept, key_mark), weight, &mut left);
            },
        );
        self.bid_farewell(left);
        Begun::Answered(answer)
    }

    /// Observes the inputs that the cache declares for a key. `None`: it cannot be done, so what is made
    /// cannot be kept.
    pub(super) fn observe_inputs(&self, key: &K) -> Option<Evidence> {
        if self.rules.inputs.is_none() {
            return Some(Evidence::default());
        }
        Evidence::observe(&self.inputs_of(key), &*self.clock)
            .inspect_err(|error| self.warned.once(Trouble::Input, &self.name, error))
            .ok()
    }

    pub(super) fn weigh(&self, key: &K, answer: &Answer<V>) -> u64 {
        match answer {
            Answer::Value(value) => self.weight_of(key, Some(value)),
            Answer::Missing(_) => 1,
        }
    }
}

fn why(reason: StaleReason) -> Why {
    match reason {
        StaleReason::Missing => None,
        reason => Some(Box::new(reason)),
    }
}

/// A hash that all processes agree on.
pub(super) fn stable_hash(bytes: &KeyBytes) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes.as_slice())
}

pub(super) fn outcome_of<V>(answer: &Answer<V>) -> Outcome<V> {
    match answer {
        Answer::Value(value) => Outcome::Value(Arc::clone(value)),
        Answer::Missing(reason) => Outcome::Missing(Arc::clone(reason)),
    }
}
