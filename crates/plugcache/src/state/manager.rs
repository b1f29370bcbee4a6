//! All plugins of a host: asked side by side, changed one after the other.

mod apply;
mod builder;
mod call;
mod error;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

pub use builder::Builder;
pub use error::{QueryError, StateError};
use plugcache_cache::{Cache, cache::LoadError, clock::Clock};
use serde_json::Value;

use super::{
    checkpoint::{CheckpointInfo, Checkpoints},
    desired,
    plugin::{Capabilities, StateDiff},
    report::QueryOutcome,
};
use crate::canonical::digest;
use call::{Registered, contained};

/// Name, version and scope of a plugin: all that selects a state beside the system itself.
type Identity = (String, String, String);
/// The same, and the digests of both states.
type Pair = (String, String, String, String, String);
/// Is told of operations: plugin, operation, data.
type Observer = dyn Fn(&str, &str, &Value) + Send + Sync;

/// The state plugins of a host.
///
/// States are kept in the cache `queries`, for 5 s by default, and diffs in `diffs`, the 100 that are used most, for
/// 60 s; on disk too, if the hub has a directory. Errors are not kept.
pub struct StateManager {
    plugins: BTreeMap<String, Arc<Registered>>,
    queries: Cache<Identity, Value>,
    diffs: Cache<Pair, StateDiff>,
    checkpoints: Checkpoints,
    is_changing: AtomicBool,
    timeout: Duration,
    parallel: usize,
    clock: Arc<dyn Clock>,
    observer: Option<Box<Observer>>,
}

/// A plugin's name, and its diff or why there is none.
type Diffs = BTreeMap<String, Result<Arc<StateDiff>, StateError>>;

impl StateManager {
    /// Begins to describe a manager.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Names, versions and capabilities of its plugins.
    pub fn plugins(&self) -> impl Iterator<Item = (&str, String, Capabilities)> {
        self.plugins.values().map(|one| {
            let name = one.name.as_str();
            (name, one.plugin.version().to_owned(), one.plugin.capabilities())
        })
    }

    /// How a plugin's part of the system is, as of some seconds ago at most. It is asked on a thread of its own,
    /// which can be left when it takes longer than the [time-out](Builder::timeout): that is an error, and the
    /// plugin is not asked again before it has ended.
    pub fn query(&self, plugin: &str) -> Result<Arc<Value>, Arc<QueryError>> {
        match self.plugins.get(plugin) {
            Some(plugin) => self.state_of(plugin),
            None => Err(Arc::new(self.unknown(plugin))),
        }
    }

    /// The states of all plugins, asked side by side on threads that have ended when this returns, but
    /// for those of plugins that took too long. One that
    /// fails does not fail the others.
    pub fn query_all(&self) -> BTreeMap<String, QueryOutcome> {
        let all: Vec<_> = self.plugins.values().collect();
        self.query_many(&all).map(|(name, state)| (name.to_owned(), QueryOutcome::of(state))).collect()
    }

    /// What each plugin would have to do so that the system is as `desired`: a document by plugin, flat or
    /// below `plugins`. States and diffs may come from the caches. An error of the whole says that the
    /// document makes no sense or names an unknown plugin.
    pub fn diff(&self, desired: &Value) -> Result<Diffs, StateError> {
        let wanted = self.wanted(desired)?;
        let plugins: Vec<_> = wanted.iter().map(|(plugin, _)| *plugin).collect();
        let states: BTreeMap<_, _> = self.query_many(&plugins).collect();
        let diffs = wanted.into_iter().map(|(plugin, desired)| {
            let name = plugin.name.clone();
            let diff = match states.get(name.as_str()) {
                Some(Ok(current)) => self.diff_of(plugin, current, desired),
                Some(Err(error)) => Err(StateError::Query(Arc::clone(error))),
                None => Err(StateError::Query(Arc::new(self.unknown(&name)))),
            };
            (name, diff)
        });
        Ok(diffs.collect())
    }

    /// The checkpoints there are, the newest first; a damaged one is an error in its place.
    pub fn checkpoints(&self) -> Result<Vec<Result<CheckpointInfo, StateError>>, StateError> {
        let all = self.checkpoints.list()?;
        Ok(all.into_iter().map(|one| one.map_err(Into::into)).collect())
    }

    fn state_of(&self, plugin: &Arc<Registered>) -> Result<Arc<Value>, Arc<QueryError>> {
        let identity = plugin.identity().map_err(Arc::new)?;
        let loaded = self.queries.get_or_load(&identity, |_| plugin.query(self.timeout));
        loaded.map_err(|error| match error {
            LoadError::Loader(error) => error,
            other => {
                Arc::new(QueryError::Waiting { plugin: plugin.name.clone(), problem: other.to_string() })
            }
        })
    }

    /// Asks several plugins, on as many threads as are allowed, this one included.
    fn query_many<'a>(
        &self,
        plugins: &[&'a Arc<Registered>],
    ) -> impl Iterator<Item = (&'a str, Result<Arc<Value>, Arc<QueryError>>)> + use<'a> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut states = Vec::new();
            while let Some(plugin) = plugins.get(next.fetch_add(1, Ordering::Relaxed)) {
                states.push((plugin.name.as_str(), self.state_of(plugin)));
            }
            states
        };
        let mut states = Vec::new();
        thread::scope(|scope| {
            let more = self.parallel.min(plugins.len()).saturating_sub(1);
            // A thread that cannot be had is one less; what it would have done others do.
            let others: Vec<_> =
                (0..more).filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok()).collect();
            states = work();
            for other in others {
                states.extend(other.join().unwrap_or_default());
            }
        });
        states.into_iter()
    }

    /// The diff of a plugin, from the cache if these two states have been compared before.
    fn diff_of(
        &self,
        plugin: &Registered,
        current: &Value,
        desired: &Value,
    ) -> Result<Arc<StateDiff>, StateError> {
        let (name, version, scope) = plugin.identity().map_err(|error| StateError::Query(Arc::new(error)))?;
        let hex = |value| digest(value).to_hex().to_string();
        let pair = (name, version, scope, hex(current), hex(desired));
        let loaded = self.diffs.get_or_load(&pair, |_| {
            let mut diff =
                contained("calculate the diff", || plugin.plugin.calculate_diff(current, desired))?;
            diff.metadata.timestamp = self.clock.wall().0.div_euclid(1_000_000_000);
            Ok::<_, super::PluginError>(diff)
        });
        loaded.map_err(|error| StateError::Diff { plugin: plugin.name.clone(), problem: error.to_string() })
    }

    /// The plugins that a document is about, with their parts of it. An unknown name is an error.
    fn wanted<'a>(&self, document: &'a Value) -> Result<Vec<(&Arc<Registered>, &'a Value)>, StateError> {
        let states = desired::states(document)?;
        let found = states.into_iter().map(|(name, state)| match self.plugins.get(name) {
            Some(plugin) => Ok((plugin, state)),
            None => Err(StateError::Query(Arc::new(self.unknown(name)))),
        });
        found.collect()
    }

    fn unknown(&self, name: &str) -> QueryError {
        QueryError::Unknown {
            plugin: name.to_owned(),
            known: self.plugins.keys().cloned().collect::<Vec<_>>().join(", "),
        }
    }

    /// Declares wrong what is kept of states. All of it: scopes of plugins may overlap, as those of a directory
    /// and the one above do, and it is for seconds only. What is being asked now is not kept, and who asks for
    /// this plugin from now on does not wait for it.
    fn forget(&self, plugin: &Registered) {
        if let Err(error) = self.queries.clear() {
            tracing::warn!("states that were kept on disk cannot be removed: {error}");
        }
        if let Ok(identity) = plugin.identity() {
            self.queries.remove(&identity);
        }
    }

    fn tell(&self, plugin: &str, operation: &str, data: &Value) {
        if let Some(observer) = &self.observer {
            observer(plugin, operation, data);
        }
    }
}
