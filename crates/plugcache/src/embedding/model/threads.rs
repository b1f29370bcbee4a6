//! The threads that a model computes on.
//!
//! They are the model's own, not those that all of a process share: a child that was forked off has none of the
//! parent's threads, and work that is handed to them would never be done.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// A pool that is made when it is first used, and again in each process that uses it.
pub(super) struct Threads {
    count: usize,
    pool: Mutex<Option<Pool>>,
}

#[derive(Clone)]
struct Pool {
    process: u32,
    /// `None`: the system gives no threads; the caller's own does the work.
    threads: Option<Arc<ThreadPool>>,
}

impl Threads {
    /// So many; `None`: one for each core.
    pub(super) fn new(count: Option<usize>) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { count: count.unwrap_or_else(cores).max(1), pool: Mutex::new(None) }
    }

    /// Runs something whose parallel parts run on these threads.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match self.pool() {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    fn pool(&self) -> Option<Arc<ThreadPool>> {
        let process = std::process::id();
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        match pool.take() {
            Some(ours) if ours.process == process => *pool = Some(ours),
            old => {
                // The parent's: ending it would wait for threads that are not here.
                std::mem::forget(old);
                let builder = ThreadPoolBuilder::new().num_threads(self.count);
                let made = builder.thread_name(|number| format!("embedding-{number}")).build();
                let threads = made
                    .inspect_err(|error| tracing::warn!("a model computes on its caller's thread: {error}"))
                    .ok();
                *pool = Some(Pool { process, threads: threads.map(Arc::new) });
            }
        }
        pool.as_ref().and_then(|pool| pool.threads.clone())
    }
}
