//! One value that is made when it is first wanted.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use plugcache_cache::{Cache, Clock, Hub, SystemClock, cache::LoadError};

/// What is made once may take minutes. Who gave up on it would make another one.
const WAIT: Duration = Duration::from_mins(10);

/// Makes the value.
type Loader<T, E> = dyn Fn() -> Result<T, E> + Send + Sync;

/// A singleton: an engine's cache with one key, so that it is made once however many threads ask, an error is not
/// kept, a loader that asks for its own value gets [`LoadError::Reentrant`], a fork leaves it usable, and
/// the hub counts it beside all others. No lock is held while the loader runs.
///
/// ```
/// use plugcache::{Hub, warm::Lazy};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Lazy::new(&Hub::in_memory(), "model", || Ok::<_, std::io::Error>(vec![1.0, 2.0]))?;
/// assert_eq!(*model.get()?, [1.0, 2.0]);
/// # Ok(())
/// # }
/// ```
pub struct Lazy<T, E> {
    cache: Cache<str, T>,
    loader: Box<Loader<T, E>>,
    clock: Arc<dyn Clock>,
    /// When it was asked for last, in the clock's coarse time.
    used: AtomicU64,
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Lazy<T, E> {
    /// A value that is not made yet. A hub has one cache of each name.
    pub fn new(
        hub: &Hub,
        name: &str,
        loader: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> plugcache_cache::Result<Self> {
        Self::with_clock(hub, name, Arc::new(SystemClock), loader)
    }

    /// The same, idle by this clock.
    pub fn with_clock(
        hub: &Hub,
        name: &str,
        clock: Arc<dyn Clock>,
        loader: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> plugcache_cache::Result<Self> {
        let cache = Cache::builder(name).capacity(1).wait_timeout(WAIT).build(hub)?;
        Ok(Self { cache, loader: Box::new(loader), clock, used: AtomicU64::new(0) })
    }

    /// The value; made by the loader if there is none. After an error the next call tries again. Who waits for
    /// another thread's loader gets [`LoadError::Timeout`] after 10 minutes.
    pub fn get(&self) -> Result<Arc<T>, LoadError<E>> {
        self.use_now();
        self.cache.get_or_load(self.cache.name(), |_| {
            let value = (self.loader)();
            // It may have taken longer than what counts as idle.
            self.use_now();
            value
        })
    }

    fn use_now(&self) {
        self.used.store(self.clock.coarse(), Ordering::Relaxed);
    }

    /// The value, if it is made.
    pub fn get_if_made(&self) -> Option<Arc<T>> {
        self.cache.get(self.cache.name())
    }

    /// Forgets the value: the next call makes another one, while whoever has the old one keeps it. What is being
    /// made now is not kept. Returns whether there was one.
    pub fn reset(&self) -> bool {
        self.cache.remove(self.cache.name())
    }

    /// Forgets the value if nobody has asked for it for `idle`. Returns whether it did. What is being made is
    /// not idle: unlike by [`reset`](Self::reset), it is kept. For a host to call now and then.
    pub fn release_idle(&self, idle: Duration) -> bool {
        // Whoever was given the value, or has put it there, has noted its use before.
        self.cache.release_if(self.cache.name(), || {
            let since = self.clock.coarse().saturating_sub(self.used.load(Ordering::Relaxed));
            u128::from(since) >= idle.as_nanos()
        })
    }
}

impl<T, E> fmt::Debug for Lazy<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy").field("cache", &self.cache).finish_non_exhaustive()
    }
}
