//! After the loader: what is kept, and what everybody is told.

use std::sync::Arc;

use super::{Load, LoadError, Said, Started, answer};
use crate::{
    cache::{
        Answer, Shared,
        disk::Kept,
        entries::{KeyMark, Left},
        read::{Lead, outcome_of},
    },
    counters::Event,
    evidence::Proof,
    flight::Outcome,
    freshness::Strength,
    key::Key,
    policy::{Marks, Origin},
};

impl<K: Key + ?Sized, V: Send + Sync + 'static> Shared<K, V> {
    /// Ends a flight with what the loader made.
    pub(super) fn finish<E: Send + Sync + 'static>(
        &self,
        key: &K,
        lead: Lead<'_, K, V>,
        context: Load<'_>,
        started: &Started,
        made: Result<Option<V>, E>,
    ) -> Result<Answer<V>, LoadError<E>> {
        let cost = started.elapsed();
        match made {
            Ok(made) => {
                let (answer, landing) = self.conclude(key, lead, context, started, made, cost);
                if let Some(landing) = landing {
                    if let Some(bytes) = &landing.lead.bytes {
                        // Where it fails, what is on disk is as stale as it was.
                        let _ = self.write_disk(bytes, &landing.kept, &|| self.is_right(&landing));
                    }
                    self.land(key, landing);
                }
                Ok(answer)
            }
            Err(error) => {
                let error = Arc::new(error);
                self.fail(lead, cost, || Outcome::Failed(Arc::clone(&error) as _));
                Err(LoadError::Loader(error))
            }
        }
    }

    /// Ends a flight whose loader failed after `cost` nanoseconds.
    pub(super) fn fail(&self, lead: Lead<'_, K, V>, cost: u64, outcome: impl FnOnce() -> Outcome<V>) {
        self.counters.add(Event::LoadNanos, cost);
        self.count(Event::LoadError);
        lead.ticket.fail(outcome);
    }

    /// Finds out what is to be done with what a loader made in `cost` nanoseconds. Ends the flight if it is not to
    /// be kept.
    pub(super) fn conclude<'a>(
        &self,
        key: &K,
        lead: Lead<'a, K, V>,
        context: Load<'_>,
        started: &Started,
        made: Option<V>,
        cost: u64,
    ) -> (Answer<V>, Option<Landing<'a, K, V>>) {
        self.counters.add(Event::LoadNanos, cost);
        let mut said = context.into_said();
        let answer = answer(made, said.reason.take());
        match self.kept_of(key, answer.clone(), said, started, cost) {
            Keeping::Kept(kept) => return (answer, Some(Landing { lead, kept })),
            Keeping::Unwanted => lead.ticket.fail(|| outcome_of(&answer)),
            // Right for this call, which began before. Those who wait may have come after: they look anew.
            Keeping::Outdated => lead.ticket.fail(|| Outcome::Abandoned),
        }
        self.count(Event::NotKept);
        (answer, None)
    }

    /// What is kept of an answer, if where it comes from does not forbid it.
    pub(in crate::cache) fn kept_of(
        &self,
        key: &K,
        answer: Answer<V>,
        said: Said,
        started: &Started,
        cost: u64,
    ) -> Keeping<V> {
        let is_missing = matches!(answer, Answer::Missing(_));
        let ttl = self.policy.ttl_for(is_missing, said.ttl);
        // That there is nothing is kept only where somebody said for how long.
        let is_for_nobody = is_missing && ttl.is_none();
        if said.is_not_kept || is_for_nobody || ttl == Some(0) {
            return Keeping::Unwanted;
        }
        let refresh_at = self.policy.refresh_at(started.now, ttl);
        if self.disk.is_none()
            && self.rules.tags.is_none()
            && self.rules.signature.is_none()
            && said.tags.is_empty()
            && said.evidence.is_empty()
        {
            return Keeping::Kept(Kept {
                answer,
                cost,
                generation: started.generation,
                refresh_at,
                origin: None,
            });
        }
        let mut marks = Marks { cache: started.generation, tags: Vec::new() };
        let mut tags = self.tags_of(key);
        tags.extend(said.tags);
        if !tags.is_empty() {
            marks.tags = self.control.tags(tags);
            if self.control.invalidations() != started.invalidations {
                return Keeping::Outdated;
            }
        }
        let evidence = match said.evidence.check(Strength::Full, &*self.clock) {
            Proof::Holds => said.evidence,
            Proof::Renewed(evidence) => evidence,
            Proof::Broken(_) => return Keeping::Outdated,
        };
        if self.signature_of(key) != started.signature {
            return Keeping::Outdated;
        }
        let origin = Origin {
            made: started.made,
            ttl,
            version: self.policy.version.clone(),
            signature: started.signature,
            cost,
            missing: match &answer {
                Answer::Value(_) => None,
                Answer::Missing(reason) => Some(reason.to_string()),
            },
            marks,
            evidence,
        };
        Keeping::Kept(Kept::new(answer, refresh_at, origin))
    }

    /// Whether a value may still be written, asked when nobody else can write: who removes or replaces the row says
    /// so first and then writes.
    pub(super) fn is_right(&self, landing: &Landing<'_, K, V>) -> bool {
        landing.lead.ticket.is_valid() && self.is_still(landing.lead.key_mark, landing.kept.generation)
    }

    /// Whether neither a key nor the whole cache was declared wrong. What was cleared would serve nobody, and may
    /// replace what was loaded since.
    fn is_still(&self, key_mark: Option<KeyMark>, generation: u64) -> bool {
        self.is_current(key_mark) && self.control.generation() == generation
    }

    /// Keeps a value in memory, unless it was declared wrong while it was being made, and tells those who wait.
    pub(super) fn land(&self, key: &K, landing: Landing<'_, K, V>) {
        let Landing { lead, kept } = landing;
        let (mark, generation, answer) = (lead.key_mark, kept.generation, kept.answer.clone());
        let weight = self.weigh(key, &answer);
        let mut left = Left::nobody();
        let is_kept = lead.ticket.land(
            || outcome_of(&answer),
            || self.is_still(mark, generation),
            |owned| {
                let entry = Self::entry_of(owned, kept, mark);
                self.entries.insert(lead.hash, key, entry, weight, &mut left);
            },
        );
        self.bid_farewell(left);
        if !is_kept {
            self.count(Event::NotKept);
        }
    }
}

/// A value that may be kept, and the duty to end its flight.
pub(super) struct Landing<'a, K: Key + ?Sized, V> {
    pub(super) lead: Lead<'a, K, V>,
    pub(super) kept: Kept<V>,
}

/// What is found about a new value.
pub(in crate::cache) enum Keeping<V> {
    /// It may be kept, like this.
    Kept(Kept<V>),
    /// Nobody wants it kept.
    Unwanted,
    /// What it was made from has changed while it was made.
    Outdated,
}
