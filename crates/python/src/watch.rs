//! Plugins watched: what was added, changed and removed, one after the other, for whoever waits.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use plugcache::{
    Resolver,
    watch::{self, Change, State},
};
use pyo3::prelude::*;

use crate::{
    error::{Class, raise},
    index::{Index, Record},
    signals,
};

/// Watched indexes. Closing it joins its threads.
#[pyclass(frozen, weakref, module = "plugcache._plugcache")]
pub(crate) struct Watch {
    /// Empty: it is closed.
    watches: Mutex<Vec<watch::Watch>>,
    resolvers: Vec<Resolver>,
    /// `None` for the moment in which somebody waits at it.
    changes: Mutex<Option<Receiver<Change>>>,
    /// What was waited for and not taken yet.
    come: Mutex<VecDeque<Change>>,
    process: u32,
}

/// What happened: a word, what the plugin was and what it is.
type Told = (&'static str, Option<Record>, Option<Record>);

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[pymethods]
impl Watch {
    /// Watches what these indexes rest on. Seconds: how long nothing must have happened before a change is told, and
    /// how often to look where nobody tells.
    #[new]
    #[pyo3(signature = (indexes, debounce=0.05, poll_interval=2.0))]
    fn new(py: Python<'_>, indexes: &Bound<'_, PyAny>, debounce: f64, poll_interval: f64) -> PyResult<Self> {
        let span = |seconds: f64, what: &str| {
            Duration::try_from_secs_f64(seconds)
                .map_err(|_| raise(py, Class::Config, format!("{what} is {seconds}: expected seconds")))
        };
        let (debounce, interval) = (span(debounce, "debounce")?, span(poll_interval, "poll_interval")?);
        let indexes: Vec<Bound<'_, Index>> = indexes.extract()?;
        let resolvers: Vec<Resolver> = indexes.iter().map(|index| index.get().resolver().clone()).collect();
        let (sender, receiver) = mpsc::channel();
        let started: std::io::Result<Vec<watch::Watch>> = py.detach(|| {
            let start = |resolver: &Resolver| {
                let builder = watch::Watch::builder(resolver.clone());
                let watch = builder.debounce(debounce).poll_interval(interval).start()?;
                watch.subscribe_to(sender.clone());
                Ok(watch)
            };
            resolvers.iter().map(start).collect()
        });
        drop(sender);
        let watches = started
            .map_err(|error| raise(py, Class::Cache, format!("plugins cannot be watched: {error}")))?;
        Ok(Self {
            watches: Mutex::new(watches),
            resolvers,
            changes: Mutex::new(Some(receiver)),
            come: Mutex::default(),
            process: std::process::id(),
        })
    }

    /// Waits until there is a change to take, at most so many seconds. No: there is none, in time or at all any more.
    fn wait(&self, py: Python<'_>, timeout: f64) -> PyResult<bool> {
        let began = Instant::now();
        let timeout = Duration::try_from_secs_f64(timeout).unwrap_or(Duration::MAX);
        loop {
            if !locked(&self.come).is_empty() {
                return Ok(true);
            }
            if self.is_closed() {
                return Ok(false);
            }
            let left = timeout.saturating_sub(began.elapsed());
            py.detach(|| self.receive(left.min(signals::INTERVAL)));
            py.check_signals()?;
            if left.is_zero() && locked(&self.come).is_empty() {
                return Ok(false);
            }
        }
    }

    /// The next change that has come, if one has.
    fn take(&self) -> Option<Told> {
        let change = locked(&self.come).pop_front()?;
        Some(match change {
            Change::Added { new } => ("added", None, Some(self.record(&new))),
            Change::Changed { old, new } => ("changed", Some(self.record(&old)), Some(self.record(&new))),
            Change::Removed { old } => ("removed", Some(self.record(&old)), None),
        })
    }

    /// Whether nothing more will come.
    #[getter]
    fn is_closed(&self) -> bool {
        // The threads are the parent's, and the queue of a child that was forked stays empty.
        std::process::id() != self.process || locked(&self.watches).is_empty()
    }

    /// Why the system does not tell of changes, for each index where it does not: there they are looked for at
    /// intervals.
    fn polling(&self, py: Python<'_>) -> Vec<String> {
        py.detach(|| {
            let watches = locked(&self.watches);
            let why = watches.iter().filter_map(|watch| match watch.state() {
                State::Watching { .. } => None,
                State::Polling { why } => Some(why.to_string()),
            });
            why.collect()
        })
    }

    /// Ends it: who waits gets no more than what has come.
    fn close(&self, py: Python<'_>) {
        let watches = std::mem::take(&mut *locked(&self.watches));
        py.detach(|| drop(watches));
    }
}

impl Watch {
    fn receive(&self, longest: Duration) {
        let Some(receiver) = locked(&self.changes).take() else {
            // Another thread waits, and what comes there is for both.
            std::thread::sleep(longest.min(Duration::from_millis(20)));
            return;
        };
        let got = receiver.recv_timeout(longest);
        *locked(&self.changes) = Some(receiver);
        match got {
            Ok(change) => locked(&self.come).push_back(change),
            // Its threads have ended, and cannot come back.
            Err(RecvTimeoutError::Disconnected) => drop(std::mem::take(&mut *locked(&self.watches))),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }

    fn record(&self, plugin: &plugcache::discovery::plugin::Plugin) -> Record {
        let file = Path::new(&plugin.file);
        let is_below =
            |resolver: &&Resolver| resolver.session().roots.iter().any(|root| file.starts_with(root));
        let found = self.resolvers.iter().find(is_below);
        Record::new(plugin.clone(), found.cloned())
    }
}
