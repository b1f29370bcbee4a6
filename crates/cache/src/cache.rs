//! `Cache<K, V>`: a key, a loader, evidence, a freshness policy, and tiers to keep values in.
//!
//! ```
//! use std::time::Duration;
//! use plugcache_cache::{Cache, Hub};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let hub = Hub::in_memory();
//! let lengths: Cache<str, usize> = Cache::builder("lengths").ttl(Duration::from_secs(300)).build(&hub)?;
//!
//! let length = lengths.get_or_load("youtube", |name| Ok::<_, std::io::Error>(name.len()))?;
//! assert_eq!(*length, 7);
//! assert_eq!(lengths.get("youtube"), Some(length));
//! assert_eq!(lengths.stats().loads, 1);
//! # Ok(())
//! # }
//! ```
//!
//! All lookups go one way: memory, then disk, then the loader, which runs once however many ask. See
//! `docs/architecture.md`.

mod answer;
mod builder;
mod change;
mod disk;
mod entries;
mod explain;
mod load;
mod read;
mod suspect;
mod warn;

use std::{sync::Arc, time::Duration};

pub use crate::tier::memory::Eviction;
pub use answer::Answer;
pub use builder::Builder;
pub use entries::Cause;
pub use explain::{Explanation, TierReport};
pub use load::{Load, LoadError};

use crate::{
    clock::Clock,
    control::Control,
    counters::{Counters, Event},
    evidence::Inputs,
    fingerprint::Digest,
    flight::Flights,
    key::{Key, KeyBytes},
    policy::Policy,
    stats::Stats,
};

/// A cache. Clones are handles to the same one.
pub struct Cache<K: Key + ?Sized, V> {
    shared: Arc<Shared<K, V>>,
}

impl<K: Key + ?Sized, V> Clone for Cache<K, V> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K: Key + ?Sized, V> std::fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Shared { name, wait_timeout, .. } = &*self.shared;
        let mut shown = f.debug_struct("Cache");
        shown.field("name", name).field("wait_timeout", wait_timeout).finish_non_exhaustive()
    }
}

/// What the handles of a cache share.
struct Shared<K: Key + ?Sized, V> {
    name: String,
    entries: entries::Entries<K, V>,
    flights: Flights<K, V>,
    disk: Option<disk::Disk<V>>,
    control: Control,
    counters: Counters,
    policy: Policy,
    clock: Arc<dyn Clock>,
    rules: Rules<K, V>,
    wait_timeout: Duration,
    patience: Option<Patience>,
    warned: warn::Warned,
}

/// Who is asked, and how often, whether a thread is to go on waiting.
struct Patience {
    every: Duration,
    go_on: Box<dyn Fn() -> bool + Send + Sync>,
}

/// A thread was told not to wait any longer.
struct Stopped;

/// Is told of what leaves a cache: key, value (`None`: the knowledge that there is none), and cause.
type Listener<K, V> = dyn Fn(&K, Option<&Arc<V>>, Cause) + Send + Sync;

/// Derives something from a key.
type Derive<K, T> = Box<dyn Fn(&K) -> T + Send + Sync>;

/// Says how many bytes an entry takes.
type Weigher<K, V> = Box<dyn Fn(&K, &V) -> u64 + Send + Sync>;

/// What the host says about its keys and values.
struct Rules<K: Key + ?Sized, V> {
    weigher: Option<Weigher<K, V>>,
    inputs: Option<Derive<K, Inputs>>,
    signature: Option<Derive<K, Digest>>,
    tags: Option<Derive<K, Vec<String>>>,
    listener: Option<Box<Listener<K, V>>>,
    /// What selects the result beside the key: part of the key on disk.
    scope: Option<KeyBytes>,
    /// The content of the inputs is part of the key on disk.
    is_content_addressed: bool,
}

impl<K: Key + ?Sized, V: Send + Sync + 'static> Cache<K, V> {
    /// Begins to describe a cache. Its name says in a hub's directory, in settings and in figures which one
    /// it is: lower-case letters, digits, `-` and `_`, at most 63.
    pub fn builder(name: impl Into<String>) -> Builder<K, V> {
        Builder::new(name.into())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// What it has done in this process.
    pub fn stats(&self) -> Stats {
        Stats::of(self.shared.counters.block())
    }

    /// How many entries it has in memory, the expired ones included that nobody has asked for since.
    pub fn len(&self) -> usize {
        self.shared.entries.len()
    }

    /// How many of these have expired or been declared wrong as a whole, and wait to be asked for, pruned or
    /// evicted. Looks at all of them; not at their inputs and tags.
    pub fn expired_len(&self) -> usize {
        self.shared.count_expired()
    }

    /// Whether it has none in memory.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Key + ?Sized, V> Shared<K, V> {
    fn signature_of(&self, key: &K) -> Option<Digest> {
        self.rules.signature.as_ref().map(|signature| signature(key))
    }

    fn inputs_of(&self, key: &K) -> Inputs {
        self.rules.inputs.as_ref().map_or_else(Inputs::none, |inputs| inputs(key))
    }

    fn tags_of(&self, key: &K) -> Vec<String> {
        self.rules.tags.as_ref().map_or_else(Vec::new, |tags| tags(key))
    }

    fn weight_of(&self, key: &K, value: Option<&V>) -> u64 {
        match (&self.rules.weigher, value) {
            (Some(weigher), Some(value)) => weigher(key, value),
            _ => 1,
        }
    }

    fn count(&self, event: Event) {
        self.counters.add(event, 1);
    }
}
