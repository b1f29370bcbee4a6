//! What has happened to instances.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// How many instances there are, and what has happened to them so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Instances that callers are given now.
    pub live: u64,
    /// Instances that were replaced and still have users.
    pub old_side: u64,
    /// Factories that are running.
    pub starting: u64,
    /// Keys whose start failed and has not succeeded since. [`failures`](super::Instances::failures) says why.
    pub failed: u64,
    /// Most instances that there should be.
    pub capacity: u64,
    /// How many there are beyond that, because all are in use.
    pub over_capacity: u64,
    /// Instances that were started.
    pub started: u64,
    /// Starts that failed.
    pub start_failures: u64,
    /// Reconfigurations that were accepted.
    pub reconfigured: u64,
    /// Configurations that were refused, after which the old one was taken again.
    pub rolled_back: u64,
    /// Configurations that were refused, after which the old one was refused too.
    pub not_rolled_back: u64,
    /// Configurations that had to wait, since the instance was busy.
    pub pending: u64,
    /// Instances that were stopped.
    pub stopped: u64,
    /// Stop hooks that panicked.
    pub stop_panics: u64,
    /// Instances that were evicted since nobody had used them for too long.
    pub evicted_idle: u64,
    /// Instances that were evicted to make room.
    pub evicted_for_room: u64,
    /// Instances that were replaced since their files had changed.
    pub replaced: u64,
    /// Instances that were stopped at once, since another one of the same key was there by then.
    pub superseded: u64,
}

macro_rules! counters {
    ($($name:ident)*) => {
        /// Counted while it happens.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            pub(super) starting: AtomicU64,
            $(pub(super) $name: AtomicU64,)*
        }

        impl Counters {
            /// All of them, beside what the table says.
            pub(super) fn read(&self, live: usize, old: usize, failed: usize, capacity: usize) -> Stats {
                Stats {
                    live: live as u64,
                    old_side: old as u64,
                    failed: failed as u64,
                    capacity: capacity as u64,
                    over_capacity: (live + old).saturating_sub(capacity) as u64,
                    starting: self.starting.load(Ordering::Relaxed),
                    $($name: self.$name.load(Ordering::Relaxed),)*
                }
            }
        }
    };
}

counters! {
    started start_failures reconfigured rolled_back not_rolled_back pending stopped stop_panics evicted_idle
    evicted_for_room replaced superseded
}

/// Counts one more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
