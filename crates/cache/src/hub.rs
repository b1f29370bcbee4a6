//! All caches of a process, by name: where they are kept, how they are set, what they count.

mod memoize;
mod place;
mod settings;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};

pub use memoize::Given;
pub(crate) use place::{CACHES, Place, STATISTICS, open_cache};
pub use settings::{Overrides, Refresh, Settings};

use crate::{
    clock::{Clock, SystemClock, Timestamp},
    counters::ProcessFile,
    directory,
    error::{Error, Result},
    fs::Directory,
    stats::Stats,
};

/// The caches of a process. Clones are handles to the same hub.
///
/// A hub with a directory shares it with every other process that names the same one: values on disk, figures,
/// and what is cleared or invalidated. Several hubs in a process are several sets of caches.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    /// `None`: in memory only.
    root: Option<Arc<Directory>>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    began: Timestamp,
    process: OnceLock<ProcessFile>,
    caches: Mutex<BTreeMap<String, Weak<dyn Managed>>>,
    memoized: memoize::Memoized,
}

/// What a hub does to a cache whatever its keys and values are.
pub(crate) trait Managed: Send + Sync {
    fn name(&self) -> &str;
    fn clear(&self) -> Result<u64>;
    fn prune(&self, older_than: Option<Duration>) -> Result<u64>;
    fn invalidate_tag(&self, tag: &str);
    fn stats(&self) -> Stats;
}

/// Describes a hub. Made by [`Hub::builder`].
#[must_use]
#[derive(Default)]
pub struct Builder {
    directory: Option<PathBuf>,
    clock: Option<Arc<dyn Clock>>,
    settings: Settings,
}

impl Builder {
    /// Where caches are kept that outlive the process. It is made with mode 0700 if there is none; one that
    /// others could write to is refused. Default: none, everything is in memory.
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// Settings from a file or the environment, which come before what the program says. Default: none.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Where the time comes from. Default: [`SystemClock`].
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Makes the hub. A directory that cannot be used is an error, with its remedy; a host that would rather
    /// go on without uses [`build_anyway`](Self::build_anyway).
    pub fn build(self) -> Result<Hub> {
        let root = self.directory.as_deref().map(directory::open_or_create).transpose()?;
        Ok(Self::with_root(self.clock, self.settings, root))
    }

    /// Makes the hub, in memory only if its directory cannot be used; one warning says so.
    pub fn build_anyway(self) -> Hub {
        let root = self.directory.as_deref().map(directory::open_or_create).transpose();
        let root = root.unwrap_or_else(|error| {
            tracing::warn!("caches are in memory only: {error}");
            None
        });
        Self::with_root(self.clock, self.settings, root)
    }

    fn with_root(clock: Option<Arc<dyn Clock>>, settings: Settings, root: Option<Directory>) -> Hub {
        let clock = clock.unwrap_or_else(|| Arc::new(SystemClock));
        Hub::over(clock, settings, root.map(Arc::new))
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("directory", &self.directory()).finish_non_exhaustive()
    }
}

impl Hub {
    fn over(clock: Arc<dyn Clock>, settings: Settings, root: Option<Arc<Directory>>) -> Self {
        let began = clock.wall();
        Self {
            shared: Arc::new(Shared {
                root,
                clock,
                settings,
                began,
                process: OnceLock::new(),
                caches: Mutex::default(),
                memoized: memoize::Memoized::default(),
            }),
        }
    }

    /// Begins to describe a hub.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A hub whose caches end with the process.
    pub fn in_memory() -> Self {
        Builder::with_root(None, Settings::default(), None)
    }

    /// A hub with the same directory, settings and clock that has no cache yet: for a second cache of a name that is
    /// taken in this one, in another [scope](crate::cache::Builder::scope) say. On disk they are one cache, in memory and
    /// in this hub's figures they are not.
    #[must_use]
    pub fn apart(&self) -> Self {
        let shared = &*self.shared;
        Self::over(Arc::clone(&shared.clock), shared.settings.clone(), shared.root.clone())
    }

    /// Its directory, if it has one.
    pub fn directory(&self) -> Option<&Path> {
        self.shared.root.as_deref().map(Directory::path)
    }

    /// Names of the caches that this process has built and not dropped.
    pub fn names(&self) -> Vec<String> {
        self.live().iter().map(|cache| cache.name().to_owned()).collect()
    }

    /// What each cache has done in this process.
    pub fn stats(&self) -> BTreeMap<String, Stats> {
        self.live().iter().map(|cache| (cache.name().to_owned(), cache.stats())).collect()
    }

    /// Clears all caches of this process, in memory and on disk. Returns how many entries went.
    pub fn clear(&self) -> Result<u64> {
        self.live().iter().map(|cache| cache.clear()).sum()
    }

    /// Clears the cache of a name, in memory and on disk. Returns how many entries went; `None` if this process has
    /// built no such cache.
    pub fn clear_one(&self, name: &str) -> Result<Option<u64>> {
        self.live().iter().find(|cache| cache.name() == name).map(|cache| cache.clear()).transpose()
    }

    /// Removes from all caches of this process what cannot be served any more. Returns how many entries went.
    pub fn prune(&self) -> Result<u64> {
        self.live().iter().map(|cache| cache.prune(None)).sum()
    }

    /// Declares wrong what has this tag, in all caches of this process and those that share their place.
    pub fn invalidate_tag(&self, tag: &str) {
        self.live().iter().for_each(|cache| cache.invalidate_tag(tag));
    }

    fn live(&self) -> Vec<Arc<dyn Managed>> {
        let caches = self.shared.caches.lock().unwrap_or_else(PoisonError::into_inner);
        caches.values().filter_map(Weak::upgrade).collect()
    }

    /// Takes a cache in. Two of one name would count, clear and evict across each other.
    pub(crate) fn register(&self, cache: &Arc<dyn Managed>) -> Result<()> {
        let mut caches = self.shared.caches.lock().unwrap_or_else(PoisonError::into_inner);
        if caches.get(cache.name()).is_some_and(|other| other.strong_count() > 0) {
            let what =
                "this hub has one of that name already: clone its handle, or give this one another name";
            return Err(Error::Cache { name: cache.name().to_owned(), what });
        }
        caches.insert(cache.name().to_owned(), Arc::downgrade(cache));
        Ok(())
    }

    /// Where its time comes from.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.shared.clock)
    }

    pub(crate) fn overrides(&self, name: &str) -> Overrides {
        self.shared.settings.caches.get(name).cloned().unwrap_or_default()
    }

    pub(crate) fn max_size(&self) -> Option<u64> {
        self.shared.settings.max_size
    }

    pub(crate) fn lock_timeout(&self) -> Duration {
        self.shared.settings.lock_timeout
    }

    /// From when on values of a cache are new enough, if somebody asked for new ones.
    pub(crate) fn not_before(&self, name: &str) -> Option<Timestamp> {
        let is_asked = match &self.shared.settings.refresh {
            Refresh::None => false,
            Refresh::All => true,
            Refresh::Named(names) => names.contains(name),
        };
        is_asked.then_some(self.shared.began)
    }

    /// Where a cache of this name is kept and counted.
    pub(crate) fn place(&self, name: &str) -> Result<Place> {
        let shared = &*self.shared;
        let process =
            shared.process.get_or_init(|| place::process_file(shared.root.as_deref(), &*shared.clock));
        Place::new(shared.root.as_deref(), name, process, Arc::clone(&shared.clock))
    }
}
