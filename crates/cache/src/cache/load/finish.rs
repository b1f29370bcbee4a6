//! After the loader: what is kept, and what everybody is told.

use std::sync::Arc;

use super::{Load, LoadError, Said, Started, answer};
use crate::{
    cache::{
        Answer, Shared,
        disk::Kept,
        read::{Lead, outcome_of},
    },
    counters::Event,
    evidence::Proof,
    flight::Outcome,
    freshness::Strength,
    key::Key,
    policy::Origin,
};

impl<K: Key + ?Sized, V: Send + Sync + 'static> Shared<K, V> {
    /// Ends a flight with what the loader made.
    pub(super) fn finish<E: Send + Sync + 'static>(
        &self,
        key: &K,
        lead: Lead<'_, K, V>,
        load: Load<'_>,
        started: Started,
        made: Result<Option<V>, E>,
    ) -> Result<Answer<V>, LoadError<E>> {
        let cost = started.clock.elapsed().as_nanos() as u64;
        self.counters.add(Event::LoadNanos, cost);
        let mut said = load.into_said();
        let answer = match made {
            Ok(made) => answer(made, said.reason.take()),
            Err(error) => {
                self.count(Event::LoadError);
                let error = Arc::new(error);
                lead.ticket.fail(Outcome::Failed(Arc::clone(&error) as _));
                return Err(LoadError::Loader(error));
            }
        };
        let is_kept = match self.origin_of(key, &answer, said, started, cost) {
            Some(origin) => self.keep(key, lead, Kept { answer: answer.clone(), origin }),
            None => {
                lead.ticket.fail(outcome_of(&answer));
                false
            }
        };
        if !is_kept {
            self.count(Event::NotKept);
        }
        Ok(answer)
    }

    /// Where the value comes from; `None` if that forbids to keep it.
    pub(in crate::cache) fn origin_of(
        &self,
        key: &K,
        answer: &Answer<V>,
        said: Said,
        started: Started,
        cost: u64,
    ) -> Option<Origin> {
        let missing = match answer {
            Answer::Value(_) => None,
            Answer::Missing(reason) => Some(reason.to_string()),
        };
        let ttl = self.policy.ttl_for(missing.is_some(), said.ttl);
        // That there is nothing is kept only where somebody said for how long.
        let is_for_nobody = missing.is_some() && ttl.is_none();
        if said.is_not_kept || is_for_nobody || ttl == Some(0) {
            return None;
        }
        let mut marks = started.marks;
        let mut tags = self.tags_of(key);
        tags.extend(said.tags);
        if !tags.is_empty() {
            marks.tags = self.control.marks(&tags).tags;
            if self.control.invalidations() != started.invalidations {
                return None;
            }
        }
        let evidence = match said.evidence.check(Strength::Full, &*self.clock) {
            Proof::Holds => said.evidence,
            Proof::Renewed(evidence) => evidence,
            Proof::Broken(_) => return None,
        };
        Some(Origin {
            made: started.made,
            ttl,
            version: self.policy.version.clone(),
            signature: self.signature_of(key),
            cost,
            missing,
            marks,
            evidence,
        })
    }

    /// Keeps a value on disk and in memory, unless it was declared wrong while it was being made.
    fn keep(&self, key: &K, lead: Lead<'_, K, V>, kept: Kept<V>) -> bool {
        if let Some(bytes) = &lead.bytes
            && lead.ticket.is_valid()
        {
            self.write_disk(bytes, &kept.answer, &kept.origin);
        }
        let weight = self.weigh(key, &kept.answer);
        let outcome = outcome_of(&kept.answer);
        let mut left = Vec::new();
        let is_kept = lead.ticket.land(outcome, |owned| {
            let entry = self.entry_of(owned, kept, lead.key_mark);
            self.entries.insert(lead.hash, key, entry, weight, &mut left);
        });
        self.bid_farewell(left);
        // Removed or replaced meanwhile, here or by another process: what was just written is the older.
        if let Some(bytes) = &lead.bytes
            && (!is_kept || lead.key_mark.is_some_and(|mark| self.control.key(mark.hash) != mark.count))
        {
            self.remove_disk(&crate::row::id_of(bytes));
        }
        is_kept
    }
}
