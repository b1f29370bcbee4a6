//! The threads that a model computes on.
//!
//! They are the model's own, not those that all of a process share: a child that was forked off has none of the
//! parent's threads, and work that is handed to them would never be done.

use std::{convert::Infallible, num::NonZero, thread};

use plugcache_cache::fork::PerFork;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// A pool that is made when it is first used, in each process that uses it.
pub(super) struct Threads {
    count: usize,
    /// `None`: the system gives no threads; the caller's own does the work.
    pool: PerFork<Option<ThreadPool>>,
}

impl Threads {
    /// So many; `None`: one for each core.
    pub(super) fn new(count: Option<usize>) -> Self {
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        Self { count: count.unwrap_or_else(cores).max(1), pool: PerFork::new() }
    }

    /// Runs something whose parallel parts run on these threads.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match self.pool.get_or_make(|| Ok::<_, Infallible>(self.make())) {
            Ok(Some(pool)) => pool.install(work),
            Ok(None) => work(),
            Err(never) => match never {},
        }
    }

    fn make(&self) -> Option<ThreadPool> {
        let builder = ThreadPoolBuilder::new().num_threads(self.count);
        let made = builder.thread_name(|number| format!("embedding-{number}")).build();
        made.inspect_err(|error| tracing::warn!("a model computes on its caller's thread: {error}")).ok()
    }
}
