//! Describing a manager.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, sync::atomic::AtomicBool, time::Duration};

use plugcache_cache::{Cache, Codec, Hub, SystemClock, cache::Eviction, clock::Clock};
use serde_json::Value;

use super::{
    super::{checkpoint::Checkpoints, plugin::StatePlugin},
    Observer, StateError, StateManager,
    call::Registered,
};

/// Describes a manager; [`build`](Self::build) makes it. Made by [`StateManager::builder`].
#[must_use]
pub struct Builder {
    plugins: Vec<Arc<dyn StatePlugin>>,
    ttl: Duration,
    timeout: Duration,
    parallel: usize,
    checkpoints: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    observer: Option<Box<Observer>>,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            plugins: Vec::new(),
            ttl: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            parallel: 8,
            checkpoints: None,
            clock: Arc::new(SystemClock),
            observer: None,
        }
    }

    /// Adds a plugin.
    pub fn plugin(mut self, plugin: impl StatePlugin) -> Self {
        self.plugins.push(Arc::new(plugin));
        self
    }

    /// How long a state is served after it was asked for. Settings of the hub for the cache `queries` come
    /// before it. Default: 5 s.
    pub fn query_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// How long a plugin may take to answer a query. Default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Most plugins that are asked at the same time. Default: 8.
    pub fn parallel(mut self, plugins: usize) -> Self {
        self.parallel = plugins.max(1);
        self
    }

    /// Where checkpoints are kept for good: below a host's *data* directory, never in a cache. It is made with
    /// mode 0700. Default: nowhere, they end with the manager.
    pub fn checkpoints(mut self, directory: impl Into<PathBuf>) -> Self {
        self.checkpoints = Some(directory.into());
        self
    }

    /// Where the time in diffs and checkpoints comes from; ages in the caches go by the hub's clock.
    /// Default: [`SystemClock`].
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Is told of each change, after it: plugin, operation (`apply`, `checkpoint`, `rollback`), and what came of
    /// it. For a log of operations. It runs on the thread that changes, which still has
    /// the right to change: an apply or rollback from within is refused as busy. Default: nobody is.
    pub fn on_operation(mut self, observer: impl Fn(&str, &str, &Value) + Send + Sync + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Makes the manager, with its caches in a hub. An error says which name cannot be used, or that the
    /// directory of checkpoints cannot.
    pub fn build(self, hub: &Hub) -> Result<StateManager, StateError> {
        let mut plugins = BTreeMap::new();
        for plugin in self.plugins {
            let plugin = Registered::new(plugin);
            let name = plugin.name.clone();
            let wrong = |problem| Err(StateError::Name { name: name.clone(), problem });
            if name.is_empty() || name == "plugins" {
                return wrong("documents could not tell it from their own words");
            }
            if plugins.insert(name.clone(), Arc::new(plugin)).is_some() {
                return wrong("another one is named so already");
            }
        }
        let version = env!("CARGO_PKG_VERSION");
        let queries = Cache::builder("queries")
            .capacity(1000)
            .ttl(self.ttl)
            .version(version)
            // Who waits for another's query waits longer than that may take.
            .wait_timeout(self.timeout.saturating_mul(2).saturating_add(Duration::from_secs(1)))
            .disk_with(Codec::json());
        let diffs = Cache::builder("diffs")
            .capacity(100)
            .eviction(Eviction::Lru)
            .ttl(Duration::from_mins(1))
            .version(version)
            .disk_with(Codec::json());
        Ok(StateManager {
            plugins,
            queries: queries.build(hub)?,
            diffs: diffs.build(hub)?,
            checkpoints: Checkpoints::open(self.checkpoints.as_deref())?,
            is_changing: AtomicBool::new(false),
            timeout: self.timeout,
            parallel: self.parallel,
            clock: self.clock,
            observer: self.observer,
        })
    }
}
