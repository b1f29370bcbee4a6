//! Looking at inputs again.

use super::{
    Evidence, Seen,
    observe::{see_directory, see_file, stamp_of},
};
use crate::{
    clock::{Clock, Timestamp},
    error::Error,
    freshness::{StaleReason, Strength},
};

/// What evidence says today.
#[derive(Debug)]
pub enum Proof {
    /// Nothing has changed.
    Holds,
    /// Stamps have changed or were too young, content has not: here is evidence that will prove it faster.
    Renewed(Evidence),
    /// It does not hold any more.
    Broken(StaleReason),
}

impl Evidence {
    /// Compares it with the inputs as they are now, as `strength` asks.
    pub fn check(&self, strength: Strength, clock: &dyn Clock) -> Proof {
        if strength == Strength::Trust || self.seen.is_empty() {
            return Proof::Holds;
        }
        let mut renewed: Option<Evidence> = None;
        for (position, seen) in self.seen.iter().enumerate() {
            if strength == Strength::Dirs && !seen.is_directory {
                continue;
            }
            match seen.check(strength, || clock.wall()) {
                Ok(None) => {}
                Ok(Some(new)) => {
                    let evidence = renewed.get_or_insert_with(|| self.clone());
                    if let Some(place) = evidence.seen.get_mut(position) {
                        *place = new;
                    }
                }
                Err(reason) => {
                    return Proof::Broken(StaleReason::Input {
                        path: seen.path.clone(),
                        reason: Box::new(reason),
                    });
                }
            }
        }
        renewed.map_or(Proof::Holds, Proof::Renewed)
    }
}

impl Seen {
    /// `None` if it is as it was; the new state if only its stamp differs.
    fn check(&self, strength: Strength, now: impl Fn() -> Timestamp) -> Result<Option<Self>, StaleReason> {
        let unreadable = |error: Error| StaleReason::Unreadable { error: error.to_string() };
        let stamp = stamp_of(&self.path).map_err(unreadable)?;
        let proves = stamp == self.stamp && !self.is_racy && strength != Strength::Hash;
        if proves || (stamp.is_absent() && self.stamp.is_absent()) {
            return Ok(None);
        }
        if self.stamp.is_absent() {
            return Err(StaleReason::Added);
        }
        if stamp.is_absent() {
            return Err(StaleReason::Removed);
        }
        let began = now();
        let new = if self.is_directory {
            see_directory(&self.path, began).map_err(unreadable)?.0
        } else {
            see_file(&self.path, began).map_err(unreadable)?
        };
        match (self.digest, new.digest) {
            (Some(old), Some(now)) if old == now => Ok(Some(new)),
            (Some(_), Some(_)) if self.is_directory => Err(StaleReason::Listing),
            (Some(old), Some(now)) => Err(StaleReason::Content { old, new: now }),
            // Too large to read: the stamp is all there is, and a racy one proves nothing.
            _ if new.stamp == self.stamp && !self.is_racy => Ok(None),
            _ => Err(StaleReason::Metadata { old: self.stamp, new: new.stamp }),
        }
    }
}

impl Evidence {
    /// Each input with what has changed of it since, if something has.
    pub(crate) fn states(
        &self,
        clock: &dyn Clock,
    ) -> impl Iterator<Item = (std::path::PathBuf, Option<StaleReason>)> {
        self.seen.iter().map(|seen| (seen.path.clone(), seen.check(Strength::Full, || clock.wall()).err()))
    }
}
