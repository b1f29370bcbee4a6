//! Entries in memory that time and generation alone do not prove fresh.

use std::{borrow::Borrow, sync::Arc};

use super::{
    Answer, Shared,
    disk::Kept,
    entries::{Cause, Cost, Entry, KeyMark, Left, Rest},
    read::Found,
};
use crate::{counters::Event, evidence::Proof, freshness::StaleReason, key::Key, policy::Origin};

/// What was copied out of an entry, to be examined when no lock is held.
pub(super) struct Suspect<V> {
    answer: Answer<V>,
    generation: u32,
    refresh_at: u64,
    cost: u64,
    key_mark: Option<KeyMark>,
    origin: Option<Arc<Origin>>,
}

/// What may be served to all but the one who is to make it anew.
pub(super) struct Fading<V> {
    answer: Answer<V>,
    cost: u64,
    /// It has expired.
    is_stale: bool,
}

impl<V> Suspect<V> {
    pub(super) fn of<K: Key + ?Sized>(entry: &Entry<K, V>) -> Self {
        let rest = entry.rest.as_deref();
        Self {
            answer: entry.answer(),
            generation: entry.generation,
            refresh_at: entry.refresh_at,
            cost: entry.cost.nanoseconds(),
            key_mark: rest.and_then(|rest| rest.key_mark),
            origin: rest.and_then(|rest| rest.origin.clone()),
        }
    }
}

impl<K: Key + ?Sized, V: Send + Sync + 'static> Shared<K, V> {
    /// Finds out whether an entry may be served, and counts the hit if it surely will be.
    pub(super) fn examine(&self, hash: u64, key: &K, suspect: Suspect<V>) -> Found<V> {
        if let Err(reason) = self.try_suspect(hash, key, &suspect) {
            return Found::Miss(reason);
        }
        let now = self.now();
        if now >= suspect.refresh_at {
            let is_stale = self.policy.soft_end(suspect.refresh_at).is_some_and(|end| now >= end);
            return Found::Fading(Fading { answer: suspect.answer, cost: suspect.cost, is_stale });
        }
        self.count_hit(hash, &suspect.answer, suspect.cost);
        Found::Fresh(suspect.answer)
    }

    /// Serves what fades.
    pub(super) fn serve(&self, hash: u64, fading: Fading<V>) -> Answer<V> {
        self.count_hit(hash, &fading.answer, fading.cost);
        if fading.is_stale {
            self.count(Event::StaleHit);
        }
        fading.answer
    }

    /// Why an entry may not be served, if so. Keeps evidence that was found to hold in a new form.
    pub(super) fn try_suspect(&self, hash: u64, key: &K, suspect: &Suspect<V>) -> Result<(), StaleReason> {
        if suspect.generation != self.control.generation() as u32 {
            return Err(StaleReason::Cleared);
        }
        if !self.is_current(suspect.key_mark) {
            return Err(StaleReason::Replaced);
        }
        let now = self.now();
        if let Some(end) = self.policy.end(suspect.refresh_at).filter(|end| now >= *end) {
            let wall = self.clock.wall();
            let ago = i64::try_from(now - end).unwrap_or(i64::MAX);
            return Err(StaleReason::Expired { at: wall.minus(ago), now: wall });
        }
        let Some(origin) = &suspect.origin else { return Ok(()) };
        self.control.check_tags(&origin.marks)?;
        let signature = self.signature_of(key);
        if signature != origin.signature {
            return Err(StaleReason::Signature { old: origin.signature, new: signature });
        }
        match origin.evidence.check(self.policy.strength, &*self.clock) {
            Proof::Holds => Ok(()),
            Proof::Broken(reason) => Err(reason),
            Proof::Renewed(evidence) => {
                let renewed = Arc::new(Origin { evidence, ..Origin::clone(origin) });
                self.entries.update(hash, key, |entry| {
                    if let Some(rest) = &mut entry.rest
                        && rest.origin.as_ref().is_some_and(|now| Arc::ptr_eq(now, origin))
                    {
                        rest.origin = Some(renewed);
                    }
                });
                Ok(())
            }
        }
    }

    /// Checks what a value from disk was made from.
    pub(super) fn check_evidence(&self, origin: &mut Origin) -> Result<(), StaleReason> {
        match origin.evidence.check(self.policy.strength, &*self.clock) {
            Proof::Holds => Ok(()),
            Proof::Broken(reason) => Err(reason),
            Proof::Renewed(evidence) => {
                origin.evidence = evidence;
                Ok(())
            }
        }
    }

    /// The entry in memory of a value that is fresh now.
    pub(super) fn entry_of(key: K::Owned, kept: Kept<V>, key_mark: Option<KeyMark>) -> Entry<K, V> {
        let Kept { answer, cost, generation, refresh_at, origin } = kept;
        let (generation, cost) = (generation as u32, Cost::of_nanoseconds(cost));
        let origin = origin.filter(|origin| origin.is_checked_at_hits());
        let (value, missing) = match answer {
            Answer::Value(value) => (Some(value), None),
            Answer::Missing(reason) => (None, Some(reason)),
        };
        let has_rest = missing.is_some() || key_mark.is_some() || origin.is_some();
        let rest = has_rest.then(|| Box::new(Rest { missing, key_mark, origin }));
        Entry { key, value, refresh_at, rest, generation, cost }
    }

    /// Coarse time, from far enough after zero to subtract from.
    #[inline]
    pub(super) fn now(&self) -> u64 {
        self.clock.coarse().saturating_add(1 << 60)
    }

    /// Puts an entry into memory.
    pub(super) fn enter(&self, hash: u64, key: &K, entry: Entry<K, V>, weight: u64) {
        let mut left = Left::nobody();
        self.entries.insert(hash, key, entry, weight, &mut left);
        self.bid_farewell(left);
    }

    /// Counts what has left, tells the listener, and drops it.
    pub(super) fn bid_farewell(&self, left: Left<K, V>) {
        if let Some((entry, cause)) = left.first {
            self.dismiss(entry, cause);
        }
        for (entry, cause) in left.more {
            self.dismiss(entry, cause);
        }
    }

    /// The same for one.
    pub(super) fn dismiss(&self, entry: Entry<K, V>, cause: Cause) {
        match cause {
            Cause::Capacity => self.count(Event::EvictedForRoom),
            Cause::TooHeavy => self.count(Event::EvictedHeavy),
            Cause::Expired => self.count(Event::EvictedExpired),
            Cause::Replaced | Cause::Removed => {}
        }
        if let Some(listener) = &self.rules.listener {
            listener(entry.key.borrow(), entry.value.as_ref(), cause);
        }
        drop(entry);
    }

    pub(super) fn count_miss(&self, reason: &StaleReason) {
        self.count(match reason {
            StaleReason::Expired { .. } => Event::MissExpired,
            StaleReason::Age { .. } => Event::MissTooOld,
            StaleReason::Future { .. } => Event::MissFuture,
            StaleReason::Application { .. } | StaleReason::Version { .. } | StaleReason::OtherType => {
                Event::MissVersion
            }
            StaleReason::Signature { .. } => Event::MissSignature,
            StaleReason::Input { .. } => Event::MissInput,
            StaleReason::Cleared => Event::MissCleared,
            StaleReason::Tag { .. } => Event::MissTag,
            StaleReason::Replaced => Event::MissReplaced,
            StaleReason::Damaged { .. } | StaleReason::OtherKey | StaleReason::Unreadable { .. } => {
                Event::MissDamaged
            }
            StaleReason::Asked => Event::MissAsked,
            _ => Event::MissAbsent,
        });
    }
}
