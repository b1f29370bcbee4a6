//! Freshness policies: what must hold for a kept value to be served. They combine: all of them must.
//!
//! | policy | a value is stale when |
//! |---|---|
//! | forever (none set) | never |
//! | time to live | the time that its writer gave it is over |
//! | maximum age | it is older than its reader accepts |
//! | version | the program that made it had another version |
//! | signature | what the caller derives from the key is not what it was |
//! | inputs | a file or directory it was made from has changed |
//! | content-addressed | never: the content of its inputs is part of its key |

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    evidence::Evidence,
    fingerprint::Digest,
    freshness::{StaleReason, Strength, Verdict},
};

/// What a cache asks of a value before it serves it. `Policy::default()` serves forever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// How long a value lives from when it was made. Default: for ever.
    pub ttl: Option<Duration>,
    /// Oldest value that is accepted, whatever time to live it was given. Default: any.
    pub max_age: Option<Duration>,
    /// Version of the program; values of others are stale. Default: the empty version.
    pub version: String,
    /// How long it is remembered that there is nothing. Default: not at all.
    pub negative_ttl: Option<Duration>,
    /// This long before a value expires, one caller makes it anew while the others are served. Default: 0.
    pub early_refresh: Duration,
    /// This long after a value has expired, others than the one caller that makes it anew are still
    /// served the old one. Default: 0.
    pub serve_stale: Duration,
    /// How far inputs are looked at on a hit. Default: [`Strength::Full`], every file's stamp.
    pub strength: Strength,
    /// Values made before this time are stale, because the caller asked for new ones. Default: none are.
    pub not_before: Option<Timestamp>,
}

/// What is known of a kept value beside its key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// When its loader began.
    pub made: Timestamp,
    /// Time to live that it was given, in nanoseconds.
    pub ttl: Option<u64>,
    /// Version of the program that made it.
    pub version: String,
    /// What the caller derived from the key.
    pub signature: Option<Digest>,
    /// How long its loader took, in nanoseconds.
    pub cost: u64,
    /// Why there is nothing, if this stands for nothing.
    pub missing: Option<String>,
    /// State of the cache and its tags when its loader began.
    pub marks: Marks,
    /// What it was made from.
    pub evidence: Evidence,
}

impl Origin {
    /// Whether more than time and generation must be looked at before a value in memory is served.
    pub(crate) fn is_checked_at_hits(&self) -> bool {
        !self.evidence.is_empty() || !self.marks.tags.is_empty() || self.signature.is_some()
    }
}

/// Generations of the cache and of tags. See `control`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// Generation of the whole cache.
    pub cache: u64,
    /// Generations of the tags.
    pub tags: Vec<(String, u64)>,
}

impl Policy {
    /// Judges everything about a value but its inputs and marks, which need a look outside.
    pub fn judge(&self, origin: &Origin, signature: Option<Digest>, now: Timestamp) -> Verdict {
        if origin.version != self.version {
            let (old, new) = (origin.version.clone(), self.version.clone());
            return Verdict::Stale(StaleReason::Application { old, new });
        }
        if origin.signature != signature {
            return Verdict::Stale(StaleReason::Signature { old: origin.signature, new: signature });
        }
        let made = origin.made;
        if self.not_before.is_some_and(|start| made < start) {
            return Verdict::Stale(StaleReason::Asked);
        }
        match (self.life(origin.ttl), origin.ttl) {
            (None, _) => Verdict::Fresh,
            // Ages of values from the future are unknown, so nothing that ages is served.
            _ if made > now => Verdict::Stale(StaleReason::Future { made, now }),
            (Some(life), _) if nanoseconds(now.since(made)) < life => Verdict::Fresh,
            (Some(life), Some(ttl)) if life == ttl => {
                let at = made.plus(Duration::from_nanos(ttl));
                Verdict::Stale(StaleReason::Expired { at, now })
            }
            (Some(_), _) => Verdict::Stale(StaleReason::Age { made, now }),
        }
    }

    /// Nanoseconds from its making for which a value is served; `None`: for ever.
    fn life(&self, ttl: Option<u64>) -> Option<u64> {
        let oldest = self.max_age.map(in_nanoseconds);
        ttl.into_iter().chain(oldest).min()
    }

    /// From when on a value that was made at `made` should be made anew; `u64::MAX`: never.
    pub(crate) fn refresh_at(&self, made: u64, ttl: Option<u64>) -> u64 {
        let early = in_nanoseconds(self.early_refresh);
        self.life(ttl).map_or(u64::MAX, |life| made.saturating_add(life).saturating_sub(early))
    }

    /// When a value expires that should be made anew from `refresh_at` on; `None`: never.
    pub(crate) fn soft_end(&self, refresh_at: u64) -> Option<u64> {
        (refresh_at != u64::MAX).then(|| refresh_at.saturating_add(in_nanoseconds(self.early_refresh)))
    }

    /// When such a value is not served any more; `None`: never.
    pub(crate) fn end(&self, refresh_at: u64) -> Option<u64> {
        self.soft_end(refresh_at).map(|end| end.saturating_add(in_nanoseconds(self.serve_stale)))
    }

    /// The time to live that a new value is given.
    pub(crate) fn ttl_for(&self, is_missing: bool, asked: Option<Duration>) -> Option<u64> {
        let usual = if is_missing { self.negative_ttl } else { self.ttl };
        asked.or(usual).map(in_nanoseconds)
    }
}

fn nanoseconds(age: i64) -> u64 {
    u64::try_from(age).unwrap_or(0)
}

pub(crate) fn in_nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
