//! Describing a probe.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use plugcache_cache::{Cache, Codec, Error, Hub};

use super::load::Probe;

/// Describes a probe; [`build`](Self::build) makes it. Made by [`Probe::builder`].
#[must_use]
#[derive(Debug, Clone)]
pub struct Builder {
    pub(super) limits: Limits,
    back_off: Duration,
}

/// What a child gets. All of it is part of the key.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) python: PathBuf,
    pub(super) roots: Vec<PathBuf>,
    pub(super) variables: Vec<(String, OsString)>,
    pub(super) timeout: Duration,
    pub(super) processor: Duration,
    pub(super) memory: u64,
    pub(super) output: usize,
    pub(super) network: bool,
}

impl Builder {
    pub(super) fn new(python: PathBuf) -> Self {
        let limits = Limits {
            python,
            roots: Vec::new(),
            variables: Vec::new(),
            timeout: Duration::from_secs(10),
            processor: Duration::from_secs(10),
            memory: 1 << 30,
            output: 64 << 10,
            network: false,
        };
        Self { limits, back_off: Duration::from_mins(10) }
    }

    /// A directory that goes before the interpreter's own search path; repeat for several. Default: none.
    pub fn root(mut self, directory: impl Into<PathBuf>) -> Self {
        self.limits.roots.push(directory.into());
        self
    }

    /// An environment variable that the child gets. Default: none.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.limits.variables.push((name.into(), value.into()));
        self
    }

    /// How long an import may take. Default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// How much processor time it may use, in whole seconds. Default: 10 s.
    pub fn processor_time(mut self, time: Duration) -> Self {
        self.limits.processor = time;
        self
    }

    /// How many bytes of address space it may have. Default: 1 GiB.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.limits.memory = bytes;
        self
    }

    /// How many bytes of what it prints are kept. Default: 64 KiB.
    pub fn output(mut self, bytes: usize) -> Self {
        self.limits.output = bytes;
        self
    }

    /// Leaves the child the network. Default: it is cut where the system allows it.
    pub fn allow_network(mut self) -> Self {
        self.limits.network = true;
        self
    }

    /// After which time a module is tried again that failed for a reason that may pass by itself: it took too
    /// long, or something that it imports was missing. Default: 10 min.
    pub fn back_off(mut self, time: Duration) -> Self {
        self.back_off = time;
        self
    }

    /// Makes the probe; its answers are kept in this hub, as the cache `probe`.
    pub fn build(self, hub: &Hub) -> Result<Probe, Error> {
        let answers = Cache::builder("probe")
            .version(env!("CARGO_PKG_VERSION"))
            .wait_timeout(self.limits.timeout.saturating_add(Duration::from_secs(30)))
            // Constants of any shape are in it.
            .disk_with(Codec::json())
            .build(hub)?;
        Ok(Probe { limits: self.limits, back_off: self.back_off, answers })
    }
}
