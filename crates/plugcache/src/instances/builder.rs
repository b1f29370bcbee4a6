//! Describing a table of instances.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use plugcache_cache::{Cache, Error, Hub};

use super::{Instance, Instances, Limits, Shared, stats::Counters, table::Table};

type GoOn = Box<dyn Fn() -> bool + Send + Sync>;

/// Describes a table of instances; [`build`](Self::build) makes it. Made by [`Instances::builder`].
#[must_use]
pub struct Builder<P: Instance> {
    name: String,
    limits: Limits,
    patience: Option<(Duration, GoOn)>,
    marker: PhantomData<fn() -> P>,
}

impl<P: Instance> Builder<P> {
    pub(super) fn new(name: String) -> Self {
        let limits = Limits {
            capacity: 10_000,
            idle_after: Some(Duration::from_mins(10)),
            check_interval: Duration::from_secs(1),
            busy_wait: Duration::from_secs(10),
            start_wait: Duration::from_secs(30),
            first_retry: Duration::from_secs(1),
            longest_retry: Duration::from_mins(5),
        };
        Self { name, limits, patience: None, marker: PhantomData }
    }

    /// Most instances. What is in use is never evicted: if everything is, there are more, which
    /// [`Stats::over_capacity`](super::Stats::over_capacity) says. As many failed starts are remembered, and at
    /// least 1,000.
    /// Default: 10,000.
    pub fn capacity(mut self, instances: usize) -> Self {
        self.limits.capacity = instances;
        self
    }

    /// How long an instance that nobody uses is kept; `None`: until there is no room. Default: 10 min.
    pub fn idle_after(mut self, idle: Option<Duration>) -> Self {
        self.limits.idle_after = idle;
        self
    }

    /// How often the files of an instance are looked at, at most. 0: whenever it is asked for. Default: 1 s.
    pub fn check_interval(mut self, interval: Duration) -> Self {
        self.limits.check_interval = interval;
        self
    }

    /// How long to wait for an instance that is busy. Default: 10 s.
    pub fn busy_wait(mut self, wait: Duration) -> Self {
        self.limits.busy_wait = wait;
        self
    }

    /// How long to wait for another thread's factory. Default: 30 s.
    pub fn start_wait(mut self, wait: Duration) -> Self {
        self.limits.start_wait = wait;
        self
    }

    /// When a start that failed is tried again: after `first`, then after twice as long each time, up to
    /// `longest`. Default: 1 s, 5 min.
    pub fn retry(mut self, first: Duration, longest: Duration) -> Self {
        (self.limits.first_retry, self.limits.longest_retry) = (first, longest.max(first));
        self
    }

    /// Asks this often, while a thread waits for another one's factory, whether to go on; a no ends that wait with an
    /// error, and the factory goes on. Default: nobody is asked.
    pub fn ask_while_waiting(
        mut self,
        every: Duration,
        go_on: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        self.patience = Some((every, Box::new(go_on)));
        self
    }

    /// Makes the table, with the hub's clock. An error says that the name cannot be used.
    pub fn build(self, hub: &Hub) -> Result<Instances<P>, Error> {
        let mut starts = Cache::builder(self.name).capacity(0).wait_timeout(self.limits.start_wait);
        if let Some((every, go_on)) = self.patience {
            starts = starts.ask_while_waiting(every, go_on);
        }
        let starts = starts.build(hub)?;
        let shared = Shared {
            table: Table::default().into(),
            starts,
            clock: hub.clock(),
            limits: self.limits,
            counters: Counters::default(),
        };
        Ok(Instances { shared: Arc::new(shared) })
    }
}
