//! Entries in memory that time and generation alone do not prove fresh.

use std::{borrow::Borrow, sync::Arc};

use super::{
    Shared,
    disk::Kept,
    entries::{Cause, Entry, Held, KeyMark, Left},
    read::Found,
};
use crate::{counters::Event, evidence::Proof, freshness::StaleReason, key::Key, policy::Origin};

/// What was copied out of an entry, to be examined when no lock is held.
pub(super) struct Suspect<V> {
    held: Held<V>,
    generation: u64,
    refresh_at: u64,
    until: u64,
    since: u64,
    cost: u64,
    key_mark: Option<KeyMark>,
    origin: Option<Arc<Origin>>,
}

/// What may be served to all but the one who is to make it anew.
pub(super) struct Fading<V> {
    held: Held<V>,
    cost: u64,
    /// It has expired.
    is_stale: bool,
}

impl<V> Suspect<V> {
    pub(super) fn of<K: Key + ?Sized>(entry: &Entry<K, V>) -> Self {
        Self {
            held: entry.held.clone(),
            generation: entry.generation,
            refresh_at: entry.refresh_at,
            until: entry.until,
            since: entry.since,
            cost: entry.cost,
            key_mark: entry.key_mark,
            origin: entry.origin.clone(),
        }
    }
}

impl<K: Key + ?Sized, V: Send + Sync + 'static> Shared<K, V> {
    /// Finds out whether an entry may be served, and counts the hit if it surely will be.
    pub(super) fn examine(&self, hash: u64, key: &K, suspect: Suspect<V>) -> Found<V> {
        if let Err(reason) = self.try_suspect(hash, key, &suspect) {
            return Found::Miss(reason);
        }
        let now = self.clock.coarse();
        if suspect.refresh_at != u64::MAX && now >= suspect.refresh_at {
            let late = crate::policy::in_nanoseconds(self.policy.serve_stale);
            let is_stale = now >= suspect.until.saturating_sub(late);
            return Found::Fading(Fading { held: suspect.held, cost: suspect.cost, is_stale });
        }
        self.count_hit(hash, &suspect.held, suspect.cost);
        Found::Fresh(suspect.held)
    }

    /// Serves what fades.
    pub(super) fn serve(&self, hash: u64, fading: Fading<V>) -> Held<V> {
        self.count_hit(hash, &fading.held, fading.cost);
        if fading.is_stale {
            self.count(Event::StaleHit);
        }
        fading.held
    }

    /// Why an entry may not be served, if so. Keeps evidence that was found to hold in a new form.
    pub(super) fn try_suspect(&self, hash: u64, key: &K, suspect: &Suspect<V>) -> Result<(), StaleReason> {
        if suspect.generation != self.control.generation() {
            return Err(StaleReason::Cleared);
        }
        if !self.is_current(suspect.key_mark) {
            return Err(StaleReason::Replaced);
        }
        let now = self.clock.coarse();
        if suspect.until != u64::MAX && now >= suspect.until {
            return Err(self.expired(suspect, now));
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
                    if entry.origin.as_ref().is_some_and(|now| Arc::ptr_eq(now, origin)) {
                        entry.origin = Some(renewed);
                    }
                });
                Ok(())
            }
        }
    }

    fn expired(&self, suspect: &Suspect<V>, now: u64) -> StaleReason {
        let wall = self.clock.wall();
        let age = i64::try_from(now.saturating_sub(suspect.since)).unwrap_or(i64::MAX);
        let life = suspect.until.saturating_sub(suspect.since);
        StaleReason::Expired { made: wall.minus(age), ttl: life, now: wall }
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
    pub(super) fn entry_of(&self, key: K::Owned, kept: Kept<V>, key_mark: Option<KeyMark>) -> Entry<K, V> {
        let Kept { held, origin } = kept;
        let (since, until, refresh_at) = self.deadlines(&origin);
        let is_checked =
            !origin.evidence.is_empty() || !origin.marks.tags.is_empty() || origin.signature.is_some();
        Entry {
            key,
            held,
            generation: origin.marks.cache,
            refresh_at,
            until,
            cost: origin.cost,
            key_mark,
            origin: is_checked.then(|| Arc::new(origin)),
            since,
        }
    }

    /// When a value came, until when it is served, and from when on somebody should make it anew.
    fn deadlines(&self, origin: &Origin) -> (u64, u64, u64) {
        let since = self.clock.coarse();
        let Some(remaining) = self.policy.remaining(origin, || self.clock.wall()) else {
            return (since, u64::MAX, u64::MAX);
        };
        let soft = since.saturating_add(remaining);
        let early = crate::policy::in_nanoseconds(self.policy.early_refresh);
        let late = crate::policy::in_nanoseconds(self.policy.serve_stale);
        (since, soft.saturating_add(late), soft.saturating_sub(early).max(since))
    }

    /// Puts an entry into memory.
    pub(super) fn enter(&self, hash: u64, key: &K, entry: Entry<K, V>, weight: u64) {
        let mut left = Vec::new();
        self.entries.insert(hash, key, entry, weight, &mut left);
        self.bid_farewell(left);
    }

    /// Counts what has left, tells the listener, and drops it.
    pub(super) fn bid_farewell(&self, left: Left<K, V>) {
        for (entry, cause) in left {
            match cause {
                Cause::Capacity => self.count(Event::EvictedForRoom),
                Cause::TooHeavy => self.count(Event::EvictedHeavy),
                Cause::Expired => self.count(Event::EvictedExpired),
                Cause::Replaced | Cause::Removed => {}
            }
            if let Some(listener) = &self.rules.listener {
                let value = match &entry.held {
                    Held::Value(value) => Some(value),
                    Held::Missing(_) => None,
                };
                listener(entry.key.borrow(), value, cause);
            }
        }
    }

    pub(super) fn count_miss(&self, reason: &StaleReason) {
        self.count(match reason {
            StaleReason::Expired { .. } => Event::MissExpired,
            StaleReason::Age { .. } => Event::MissTooOld,
            StaleReason::Future { .. } => Event::MissFuture,
            StaleReason::Application { .. } | StaleReason::Version { .. } => Event::MissVersion,
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
