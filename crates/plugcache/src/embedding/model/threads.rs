//! The threads that a model computes on.
//!
//! They are the model's own, not those that all of a process share: a child that was forked off has none of the
//! parent's threads, and work that is handed to them would never be done.

use std::{num::NonZero, thread};

use plugcache_cache::fork::PerFork;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::ModelError;

/// A pool that is made when it is first used, in each process that uses it.
pub(super) struct Threads {
    count: usize,
    pool: PerFork<ThreadPool>,
}

impl Threads {
    /// So many; `None`: one for each core.
    pub(super) fn new(count: Option<usize>) -> Self {
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        Self { count: count.unwrap_or_else(cores).max(1), pool: PerFork::new() }
    }

    /// Runs something on these threads, and its parallel parts side by side.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, ModelError> {
        let refused = |error: &dyn std::fmt::Display| ModelError::Threads(error.to_string());
        let pool = self.pool.get_or_make(|| {
            let builder = ThreadPoolBuilder::new().num_threads(self.count);
            let named = builder.thread_name(|number| format!("embedding-{number}"));
            named.build().map_err(|error| refused(&error))
        })?;
        if rayon::current_thread_index().is_none() || pool.current_thread_index().is_some() {
            return Ok(pool.install(work));
        }
        // A thread of another pool would do that pool's other work while it waits: another text's, say, inside of this
        // one. So somebody else waits.
        let waited = thread::scope(|scope| {
            let waiting = thread::Builder::new().name("embedding-wait".to_owned());
            waiting.spawn_scoped(scope, || pool.install(work)).map(thread::ScopedJoinHandle::join)
        });
        match waited {
            Ok(Ok(made)) => Ok(made),
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => Err(refused(&error)),
        }
    }
}
