//! Describing a cache.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use super::{Cache, Cause, Patience, Rules, Shared, disk::Disk, entries::Entries, warn::Warned};
use crate::{
    codec::Codec,
    counters::Gauge,
    error::{Error, Result},
    evidence::Inputs,
    fingerprint::Digest,
    flight::Flights,
    freshness::Strength,
    hub::{Hub, Managed, Overrides},
    key::Key,
    policy::Policy,
    tier::{Storage, memory::Eviction},
};

/// Describes a cache; [`build`](Self::build) makes it. Made by [`Cache::builder`].
#[must_use]
pub struct Builder<K: Key + ?Sized, V> {
    name: String,
    capacity: usize,
    eviction: Eviction,
    max_bytes: Option<u64>,
    policy: Policy,
    rules: Rules<K, V>,
    codec: Option<Codec<V>>,
    storage: Option<Arc<dyn Storage>>,
    disk_max_bytes: u64,
    once_per_host: bool,
    wait_timeout: Duration,
    patience: Option<Patience>,
    marker: PhantomData<fn(&K) -> V>,
}

const DEFAULT_CAPACITY: usize = 10_000;
const DEFAULT_DISK_BYTES: u64 = 256 << 20;
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

impl<K: Key + ?Sized, V: Send + Sync + 'static> Builder<K, V> {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            capacity: DEFAULT_CAPACITY,
            eviction: Eviction::default(),
            max_bytes: None,
            policy: Policy::default(),
            rules: Rules {
                weigher: None,
                inputs: None,
                signature: None,
                tags: None,
                listener: None,
                scope: None,
                is_content_addressed: false,
            },
            codec: None,
            storage: None,
            disk_max_bytes: DEFAULT_DISK_BYTES,
            once_per_host: false,
            wait_timeout: DEFAULT_WAIT,
            patience: None,
            marker: PhantomData,
        }
    }

    /// Most entries in memory. 0 keeps none there. Default: 10,000.
    pub fn capacity(mut self, entries: usize) -> Self {
        self.capacity = entries;
        self
    }

    /// Which entries a full cache gives up. Default: [`Eviction::Adaptive`].
    pub fn eviction(mut self, eviction: Eviction) -> Self {
        self.eviction = eviction;
        self
    }

    /// Most bytes in memory, as the [weigher](Self::weigher) counts them. An entry heavier than its shard's
    /// part of them (all of them below 1,024 entries of capacity) is not kept in memory, which `too_heavy`
    /// counts among the evictions. Default: no bound but the capacity.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Says how many bytes an entry takes. Called once when it comes in. Default: entries are not weighed.
    pub fn weigher(mut self, weigher: impl Fn(&K, &V) -> u64 + Send + Sync + 'static) -> Self {
        self.rules.weigher = Some(Box::new(weigher));
        self
    }

    /// How long an entry lives from when it was made. Default: for ever.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.policy.ttl = Some(ttl);
        self
    }

    /// Oldest entry that is served, whatever time to live it was given when it was made. Default: any.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.policy.max_age = Some(age);
        self
    }

    /// How long it is remembered that there is nothing. Default: not at all.
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.policy.negative_ttl = Some(ttl);
        self
    }

    /// Version of what makes the values: `env!("CARGO_PKG_VERSION")`, say. Entries on disk of other versions
    /// are not served. Default: the empty version.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.policy.version = version.into();
        self
    }

    /// Files and directories that the value of a key is made from; it is served only as long as they are
    /// what they were. Default: none.
    pub fn inputs(mut self, inputs: impl Fn(&K) -> Inputs + Send + Sync + 'static) -> Self {
        self.rules.inputs = Some(Box::new(inputs));
        self
    }

    /// What selects the results beside the key, and is the same for all keys of this cache: a model's digest, the
    /// options of whatever makes the values. It is a part of the key on disk, so that programs with different
    /// scopes share a directory and never see each other's values; in memory, where there is only this one, it costs
    /// nothing. Clearing is of all scopes, and so is a tag. Default: none, the key alone says where a value is kept.
    ///
    /// ```
    /// use plugcache_cache::{Cache, Hub};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let place = tempfile::tempdir()?;
    /// let ask = |language: &str| -> Result<String, Box<dyn std::error::Error>> {
    ///     let hub = Hub::builder().directory(place.path().join("cache")).build()?;
    ///     let greetings: Cache<str, String> = Cache::builder("greetings").disk().scope(language).build(&hub)?;
    ///     let load = |name: &str| Ok::<_, std::io::Error>(format!("{name} ({language})"));
    ///     Ok(greetings.get_or_load("Ada", load)?.to_string())
    /// };
    /// assert_eq!(ask("en")?, "Ada (en)");
    /// assert_eq!(ask("fr")?, "Ada (fr)");
    /// # Ok(())
    /// # }
    /// ```
    pub fn scope<S: Key + ?Sized>(mut self, scope: &S) -> Self {
        self.rules.scope = Some(scope.to_bytes());
        self
    }

    /// Makes the content of the [inputs](Self::inputs) a part of the key on disk: a value made from a
    /// content is found again whenever the files have that content, as after a switch of branches and back.
    /// Default: the key alone says where a value is kept.
    pub fn content_addressed(mut self) -> Self {
        self.rules.is_content_addressed = true;
        self
    }

    /// Derives a signature from a key at each lookup (the digest of a configuration, say); a value is served
    /// only as long as it is what it was when the value was made. Default: none.
    pub fn signature(mut self, signature: impl Fn(&K) -> Digest + Send + Sync + 'static) -> Self {
        self.rules.signature = Some(Box::new(signature));
        self
    }

    /// Gives the values of a key tags to be invalidated by. Default: none.
    pub fn tags(mut self, tags: impl Fn(&K) -> Vec<String> + Send + Sync + 'static) -> Self {
        self.rules.tags = Some(Box::new(tags));
        self
    }

    /// How far inputs are looked at on a hit. Default: [`Strength::Full`], every file's stamp.
    pub fn strength(mut self, strength: Strength) -> Self {
        self.policy.strength = strength;
        self
    }

    /// This long before an entry expires, the first caller to ask for it makes it anew, while all others
    /// are served what there is. Default: 0.
    pub fn refresh_early(mut self, before: Duration) -> Self {
        self.policy.early_refresh = before;
        self
    }

    /// This long after an entry in memory has expired, the first caller to ask for it makes it anew, while
    /// all others are served the old one, counted as `stale_hits`. Default: 0.
    pub fn serve_stale(mut self, after: Duration) -> Self {
        self.policy.serve_stale = after;
        self
    }

    /// Is told of every entry that leaves memory, after it left, on the thread that made it leave and with
    /// no lock held. Default: nobody is.
    pub fn on_eviction(
        mut self,
        listener: impl Fn(&K, Option<&Arc<V>>, Cause) + Send + Sync + 'static,
    ) -> Self {
        self.rules.listener = Some(Box::new(listener));
        self
    }

    /// How long a thread waits for another's loader before it gets
    /// [`LoadError::Timeout`](super::LoadError::Timeout). Default: 30 s.
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.wait_timeout = timeout;
        self
    }

    /// Keeps values on disk too, where other processes and later ones find them, in the format
    /// [`Codec::postcard`]. Default: memory only.
    pub fn disk(self) -> Self
    where
        V: Serialize + DeserializeOwned,
    {
        self.disk_with(Codec::postcard())
    }

    /// Keeps values on disk too, in another format.
    pub fn disk_with(mut self, codec: Codec<V>) -> Self {
        self.codec = Some(codec);
        self
    }

    /// Most bytes of rows on disk. A row may have an eighth of them. Default: 256 MiB.
    pub fn disk_max_bytes(mut self, bytes: u64) -> Self {
        self.disk_max_bytes = bytes;
        self
    }

    /// Keeps values in this storage, instead of in one of the hub's directory. For other engines and for
    /// faults to be tested.
    pub fn storage(mut self, storage: Arc<dyn Storage>, codec: Codec<V>) -> Self {
        self.storage = Some(storage);
        self.codec = Some(codec);
        self
    }

    /// Asks this often, while a thread waits for another one's loader or another process's, whether to go on; once the answer is no, that
    /// wait ends with [`LoadError::Interrupted`](super::LoadError::Interrupted), and the loader goes on. For hosts
    /// whose threads can be interrupted from outside. Default: nobody is asked.
    pub fn ask_while_waiting(
        mut self,
        every: Duration,
        go_on: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        self.patience = Some(Patience { every, go_on: Box::new(go_on) });
        self
    }

    /// Lets only one process at a time load a key; the others wait for what it makes. For loaders that take
    /// long: it costs a lock file a load. Tasks do not wait for other processes. Default: processes load side
    /// by side.
    pub fn once_per_host(mut self) -> Self {
        self.once_per_host = true;
        self
    }

    /// Makes the cache, in a hub. The hub's settings for a cache of this name come before what was said
    /// here. An error says that the name cannot be used or that something said here makes no sense; a
    /// directory that cannot be used is none: then values are in memory only, and a warning says so.
    pub fn build(mut self, hub: &Hub) -> Result<Cache<K, V>> {
        self.check()?;
        self.apply(&hub.overrides(&self.name), hub);
        let place = hub.place(&self.name)?;
        let disk = self.codec.and_then(|codec| {
            let open = match self.storage.take() {
                Some(storage) => Box::new(move || Ok(Arc::clone(&storage))) as _,
                None => place.storage(self.disk_max_bytes)?,
            };
            let locks = self.once_per_host.then(|| place.locks()).flatten();
            Some(Disk::new(codec, open, locks, hub.lock_timeout()))
        });
        self.policy.not_before = hub.not_before(&self.name);
        let weight = self.rules.weigher.is_some().then_some(self.max_bytes).flatten();
        let block = place.counters.block();
        block.set(Gauge::Capacity, self.capacity as u64 + 1);
        block.set(Gauge::MaxBytes, weight.unwrap_or(0));
        block.set(Gauge::TtlMillis, self.policy.ttl.map_or(0, |ttl| ttl.as_millis() as u64));
        block.set(Gauge::HasDisk, disk.is_some().into());
        let shared = Arc::new(Shared {
            name: self.name,
            entries: Entries::new(
                self.capacity,
                weight,
                self.rules.weigher.is_some(),
                self.eviction,
                place.counters.clone(),
            ),
            flights: Flights::new(),
            disk,
            control: place.control,
            counters: place.counters,
            policy: self.policy,
            clock: hub.clock(),
            rules: self.rules,
            wait_timeout: self.wait_timeout,
            patience: self.patience,
            warned: Warned::default(),
        });
        let managed: Arc<dyn Managed> = Arc::clone(&shared) as _;
        hub.register(&managed)?;
        Ok(Cache { shared })
    }

    fn apply(&mut self, overrides: &Overrides, hub: &Hub) {
        self.capacity = overrides.capacity.unwrap_or(self.capacity);
        if self.rules.weigher.is_some() {
            self.max_bytes = overrides.max_bytes.or(self.max_bytes);
        }
        self.policy.ttl = overrides.ttl.or(self.policy.ttl);
        self.disk_max_bytes = overrides.disk_max_bytes.or(hub.max_size()).unwrap_or(self.disk_max_bytes);
        if overrides.disk == Some(false) {
            self.codec = None;
            self.once_per_host = false;
        }
    }

    fn check(&self) -> Result<()> {
        let wrong = |what| Err(Error::Cache { name: self.name.clone(), what });
        if self.max_bytes.is_some() && self.rules.weigher.is_none() {
            return wrong(
                "bytes in memory are bounded, but nobody says how many an entry has: set a `weigher`",
            );
        }
        if self.rules.is_content_addressed && self.rules.inputs.is_none() {
            return wrong("it is addressed by the content of its inputs, but has none: set `inputs`");
        }
        if self.once_per_host && self.codec.is_none() {
            return wrong("processes can wait for each other's values only on disk: set `disk`");
        }
        Ok(())
    }
}

impl<K: Key + ?Sized, V: Send + Sync + 'static> Managed for Shared<K, V> {
    fn name(&self) -> &str {
        &self.name
    }

    fn clear(&self) -> Result<u64> {
        self.clear()
    }

    fn prune(&self, older_than: Option<Duration>) -> Result<u64> {
        self.prune(older_than)
    }

    fn invalidate_tag(&self, tag: &str) {
        self.control.invalidate_tag(tag);
    }

    fn stats(&self) -> crate::Stats {
        crate::Stats::of(self.counters.block())
    }
}
