//! Removing rows that nobody will be served.

use std::time::Duration;

use super::{Storage, Visit};
use crate::{clock::Clock, control::Control, error::Result, policy::in_nanoseconds, row};

/// Removes rows that are damaged, expired, declared wrong, or made longer than `older_than` ago. Needs to
/// know nothing of keys and values, so it works on any program's cache.
pub(crate) fn prune(
    storage: &dyn Storage,
    control: &Control,
    older_than: Option<Duration>,
    clock: &dyn Clock,
) -> Result<u64> {
    let now = clock.wall();
    let oldest = older_than.map(in_nanoseconds);
    storage.sweep(&mut |_, bytes| {
        let Ok((_, origin, _)) = row::open_any(bytes) else { return Visit::Remove };
        let age = u64::try_from(now.since(origin.made)).ok();
        let life = origin.ttl.into_iter().chain(oldest).min();
        let is_over = life.is_some_and(|life| age.is_none_or(|age| age >= life));
        if is_over || control.check(&origin.marks).is_err() { Visit::Remove } else { Visit::Keep }
    })
}
