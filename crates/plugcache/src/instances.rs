//! Running plugins, each under a key of full width, reconfigured rather than started again.
//!
//! A value in a [`Cache`] is data: it may be evicted at any moment, and who holds it does not mind. An
//! instance is alive. It must not be stopped while somebody uses it, nobody may start a second one only
//! because the first had to make room, and its end is an event that its plugin must hear of exactly once. So
//! instances are no cache's values: they stand in a table that counts their users. What the engine has is
//! the engine's here too:
//!
//! * **starts** are loads of a [`Cache`] that keeps nothing: one factory at a time for a key, different keys
//!   side by side, everybody who waits is answered, and a factory that asks for its own key is told so;
//! * **files** that a plugin is made from are [`Inputs`], observed before its factory runs. When they change,
//!   the next who asks gets a new instance; whoever holds the old one keeps it until he lets go, and then it
//!   is stopped: old and new stand side by side until then;
//! * **time** is the hub's clock.
//!
//! A failed start is remembered with its reason and tried again after a while that doubles with each failure.
//! It is no negative entry of the cache, since the number of tries has to outlive the wait, and since all
//! failures can be listed.
//!
//! Two rules hold throughout. No lock is held while foreign code runs: a factory, [`reconfigure`], [`stop`],
//! a comparison or the dropping of a plugin. And whoever takes an instance out of the table, and nobody else,
//! stops it: that is how each is stopped once. Nothing here starts a thread: a host calls
//! [`prune`](Instances::prune) now and then.
//!
//! ```
//! use plugcache::{Hub, instances::{Failure, Instance, InstanceKey, Instances, Outcome}};
//!
//! struct Camera;
//!
//! impl Instance for Camera {
//!     type Config = u32;
//!     fn reconfigure(&self, rate: &u32) -> Result<(), Failure> {
//!         if *rate > 60 { Err("no more than 60 frames a second".into()) } else { Ok(()) }
//!     }
//!     fn stop(&self) {}
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cameras: Instances<Camera> = Instances::builder("cameras").build(&Hub::in_memory())?;
//! let key = InstanceKey::of("street", "camera", "1");
//! let camera = cameras.get_or_create(&key, &25, |_| Ok(Camera))?;
//! assert_eq!(camera.outcome, Outcome::Started);
//! assert_eq!(cameras.get_or_create(&key, &30, |_| Ok(Camera))?.outcome, Outcome::Applied);
//! assert!(cameras.get_or_create(&key, &90, |_| Ok(Camera)).is_err());
//! assert_eq!(*camera.handle.config(), 30);
//! # Ok(())
//! # }
//! ```
//!
//! [`reconfigure`]: Instance::reconfigure
//! [`stop`]: Instance::stop

mod builder;
mod command;
mod error;
mod foreign;
mod handle;
mod key;
mod leave;
mod slot;
mod start;
mod stats;
mod table;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use plugcache_cache::{Cache, Clock, Inputs};
use serde_json::Value;

pub use builder::Builder;
pub use command::Upstream;
pub use error::{InstanceError, Refused, StartFailed};
pub use foreign::{Failure, Fault};
pub use handle::{Handle, Occupied};
pub use key::InstanceKey;
pub use leave::Pruned;
pub use stats::Stats;

use slot::Slot;
use stats::Counters;
use table::Table;

/// A running plugin. Several threads may call it at the same time.
pub trait Instance: Send + Sync + 'static {
    /// What it is configured with. A [`Value`] for plugins that are configured with JSON.
    type Config: Clone + PartialEq + Send + Sync + 'static;

    /// Goes over to another configuration. On an error it is told the old one again, in the same way.
    fn reconfigure(&self, config: &Self::Config) -> Result<(), Failure>;

    /// Does something at once that is not a matter of configuration. Default: there are no commands, and each
    /// is an error.
    fn command(&self, command: &Value) -> Result<(), Failure> {
        Err(format!("it takes no commands, and so not {command}").into())
    }

    /// Its end: called once, when nobody uses it any more or when all are shut down.
    fn stop(&self);
}

/// Plugins of several types in one table.
impl<I: Instance + ?Sized> Instance for Box<I> {
    type Config = I::Config;

    fn reconfigure(&self, config: &I::Config) -> Result<(), Failure> {
        (**self).reconfigure(config)
    }

    fn command(&self, command: &Value) -> Result<(), Failure> {
        (**self).command(command)
    }

    fn stop(&self) {
        (**self).stop();
    }
}

/// What has become of the configuration that a caller came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// A new instance was started with it.
    Started,
    /// The instance has it already. Nothing of it was called.
    Unchanged,
    /// The instance has gone over to it.
    Applied,
    /// The instance was busy for longer than one waits. It has the old configuration still; the next who
    /// comes with this one, or [refreshes](Handle::refresh), applies it.
    Pending,
}

/// An instance, and what has become of the configuration.
pub struct Obtained<P: Instance> {
    /// The instance, in use until this and all its clones are dropped.
    pub handle: Handle<P>,
    /// What has become of the configuration.
    pub outcome: Outcome,
}

impl<P: Instance> fmt::Debug for Obtained<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Obtained").field("handle", &self.handle).field("outcome", &self.outcome).finish()
    }
}

/// Running instances of plugins. Clones are handles to the same ones.
pub struct Instances<P: Instance> {
    shared: Arc<Shared<P>>,
}

impl<P: Instance> Clone for Instances<P> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<P: Instance> fmt::Debug for Instances<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instances").field("name", &self.shared.starts.name()).finish_non_exhaustive()
    }
}

/// What tables and handles share.
struct Shared<P: Instance> {
    table: Mutex<Table<P>>,
    /// Keeps nothing: for its single-flight.
    starts: Cache<InstanceKey, ()>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    counters: Counters,
}

/// How long, and how many.
#[derive(Debug, Clone)]
struct Limits {
    capacity: usize,
    idle_after: Option<Duration>,
    check_interval: Duration,
    busy_wait: Duration,
    start_wait: Duration,
    first_retry: Duration,
    longest_retry: Duration,
}

impl<P: Instance> Instances<P> {
    /// Begins to describe a table of instances. It goes by this name in the hub: lower-case letters, digits,
    /// `-` and `_`, at most 63.
    pub fn builder(name: impl Into<String>) -> Builder<P> {
        Builder::new(name.into())
    }

    /// The instance of a key, with this configuration: the one that runs, reconfigured if need be, or a new
    /// one that `factory` makes. However many ask at the same time, one factory runs.
    /// Whoever starts one runs the stop hooks of those that are evicted for it.
    ///
    /// Errors: see [`InstanceError`]. After a configuration was refused, the instance has the old one and can
    /// be used.
    pub fn get_or_create(
        &self,
        key: &InstanceKey,
        config: &P::Config,
        factory: impl FnOnce(&P::Config) -> Result<P, Failure>,
    ) -> Result<Obtained<P>, InstanceError<P>> {
        self.get_or_create_from(key, &Inputs::none(), config, factory)
    }

    /// Like [`get_or_create`](Self::get_or_create), for a plugin that is made from these files. If they have
    /// changed since the instance was started, there is a new one for this caller and those after him, and
    /// the old one is stopped when its last user lets go. They are looked at at most once in a
    /// [check interval](Builder::check_interval); those that count are the ones given at the start.
    pub fn get_or_create_from(
        &self,
        key: &InstanceKey,
        inputs: &Inputs,
        config: &P::Config,
        factory: impl FnOnce(&P::Config) -> Result<P, Failure>,
    ) -> Result<Obtained<P>, InstanceError<P>> {
        let mut factory = Some(factory);
        loop {
            if let Some(handle) = self.get(key) {
                let outcome = handle.wish(config)?;
                return Ok(Obtained { handle, outcome });
            }
            if let Some(handle) = self.shared.start(key, inputs, config, &mut factory)? {
                return Ok(Obtained { handle, outcome: Outcome::Started });
            }
        }
    }

    /// The instance of a key, if one runs whose files have not changed.
    pub fn get(&self, key: &InstanceKey) -> Option<Handle<P>> {
        let slot = self.shared.table().take(key)?;
        let handle = Handle::new(Arc::clone(&self.shared), slot);
        (!self.shared.retire_if_outdated(handle.slot())).then_some(handle)
    }

    /// Forgets that a key's start failed, so that the next who asks for it tries again at once. Returns
    /// whether there was such a failure.
    pub fn retry_now(&self, key: &InstanceKey) -> bool {
        // Its configuration is foreign: dropped when the lock is not held any more.
        let forgotten = self.shared.table().failures.remove(key);
        forgotten.is_some()
    }

    /// The keys whose start failed and that are not tried again yet, or have not been asked for since.
    pub fn failures(&self) -> Vec<StartFailed> {
        let now = self.shared.clock.coarse();
        let table = self.shared.table();
        let mut failures: Vec<_> = table.failures.values().map(|failed| failed.told(now)).collect();
        drop(table);
        failures.sort_by(|one, other| one.key.cmp(&other.key));
        failures
    }

    /// How many instances there are, and what has happened to them.
    pub fn stats(&self) -> Stats {
        let table = self.shared.table();
        let (live, old) = table.count();
        let failed = table.failures.len();
        drop(table);
        self.shared.counters.read(live, old, failed, self.shared.limits.capacity)
    }
}

impl<P: Instance> Shared<P> {
    /// The table, for a look.
    fn table(&self) -> MutexGuard<'_, Table<P>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at an instance's files if it is time to, and takes it out of use if they have changed.
    fn retire_if_outdated(&self, slot: &Arc<Slot<P>>) -> bool {
        let Some(reason) = slot.outdated(self.limits.check_interval, &*self.clock) else { return false };
        tracing::info!("instance {} is replaced: {reason}", slot.key);
        self.retire(slot, &self.counters.replaced);
        true
    }
}
