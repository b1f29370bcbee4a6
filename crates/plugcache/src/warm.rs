//! What a host loads before it is asked for: singletons on first use, last run's favourites at the start, and
//! what usually comes next.
//!
//! - [`Lazy`] is one value, made when it is first wanted, released when it is idle.
//! - [`AccessLog`] remembers over runs and processes which keys were used, and says which to [`warm`].
//! - [`Prefetcher`] predicts the next keys from the last, and stops by itself where that does not pay.
//!
//! Nothing here starts a thread or loads anything by itself: the host does, with what it is told.

mod access;
mod brief;
mod history;
mod judge;
mod lazy;
mod prefetch;
mod successors;

pub use access::AccessLog;
pub use lazy::Lazy;
pub use prefetch::{Job, PrefetchSettings, PrefetchStats, Prefetcher};

/// What came of warming up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warmed<K, E> {
    /// How many keys were loaded.
    pub loaded: usize,
    /// Those that could not be, and why.
    pub failed: Vec<(K, E)>,
}

/// Loads keys one after the other. One that fails keeps no other from being loaded.
pub fn warm<K, E>(
    keys: impl IntoIterator<Item = K>,
    mut load: impl FnMut(&K) -> Result<(), E>,
) -> Warmed<K, E> {
    let mut warmed = Warmed { loaded: 0, failed: Vec::new() };
    for key in keys {
        match load(&key) {
            Ok(()) => warmed.loaded += 1,
            Err(error) => warmed.failed.push((key, error)),
        }
    }
    warmed
}
