//! Why a lookup would be answered, or not.

use std::fmt;

use serde::Serialize;

use super::{Answer, Cache, disk::Kept, suspect::Suspect};
use crate::{freshness::StaleReason, key::Key};

/// What each tier says of a key. Looking changes nothing and is not counted.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The cache.
    pub cache: String,
    /// The key.
    pub key: String,
    /// Memory first, then disk if there is one.
    pub tiers: Vec<TierReport>,
}

/// What one tier says of a key.
#[derive(Debug, Clone, Serialize)]
pub struct TierReport {
    /// `memory` or `disk`.
    pub tier: &'static str,
    /// Why it would not answer; `None` if it would.
    pub stale: Option<StaleReason>,
    /// What it would answer where that is the knowledge that there is nothing: the reason.
    pub missing: Option<String>,
}

impl Explanation {
    /// Whether a lookup would be answered without a loader.
    pub fn is_hit(&self) -> bool {
        self.tiers.iter().any(|tier| tier.stale.is_none())
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_hit() { "hit" } else { "miss" };
        write!(f, "{verdict}: `{}` in cache `{}`", self.key, self.cache)?;
        for tier in &self.tiers {
            match (&tier.stale, &tier.missing) {
                (Some(reason), _) => write!(f, "\n  {}: {reason}", tier.tier)?,
                (None, Some(reason)) => {
                    write!(f, "\n  {}: remembered that there is nothing: {reason}", tier.tier)?;
                }
                (None, None) => write!(f, "\n  {}: fresh", tier.tier)?,
            }
        }
        Ok(())
    }
}

impl<K: Key + ?Sized, V: Send + Sync + 'static> Cache<K, V> {
    /// Says of each tier whether it would answer a lookup of this key, and if not why.
    pub fn explain(&self, key: &K) -> Explanation {
        let shared = &*self.shared;
        let hash = shared.entries.hash(key);
        let memory = match shared.entries.peek(hash, key, |entry| (Suspect::of(entry), entry.answer())) {
            Some((suspect, answer)) => {
                report("memory", shared.try_suspect(hash, key, &suspect).map(|()| answer))
            }
            None => report::<V>("memory", Err(StaleReason::Missing)),
        };
        let mut tiers = vec![memory];
        if shared.disk.is_some() {
            let inputs = shared.observe_inputs(key);
            let bytes = shared.disk_key(key, inputs.as_ref());
            tiers.push(report("disk", shared.read_disk(key, &bytes).map(|Kept { answer, .. }| answer)));
        }
        Explanation { cache: shared.name.clone(), key: key.to_bytes().to_string(), tiers }
    }
}

fn report<V>(tier: &'static str, found: Result<Answer<V>, StaleReason>) -> TierReport {
    let (stale, missing) = match found {
        Ok(Answer::Value(_)) => (None, None),
        Ok(Answer::Missing(reason)) => (None, Some(reason.to_string())),
        Err(reason) => (Some(reason), None),
    };
    TierReport { tier, stale, missing }
}
