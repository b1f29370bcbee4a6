//! Time, injected so that tests can move it.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Wall time in nanoseconds since 1970, negative before. All arithmetic saturates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The time `nanoseconds` before this one.
    #[must_use]
    pub fn minus(self, nanoseconds: i64) -> Self {
        Self(self.0.saturating_sub(nanoseconds))
    }

    /// The time `duration` after this one.
    #[must_use]
    pub fn plus(self, duration: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// Nanoseconds from `earlier` to this; negative if `earlier` lies ahead.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// Wall time: compared with stamps of files and with times other processes wrote. It may jump.
    fn wall(&self) -> Timestamp;
    /// A time that never goes back, for deadlines in this process.
    fn monotonic(&self) -> Instant;
    /// Like [`monotonic`](Self::monotonic) but a few milliseconds coarse and several times cheaper:
    /// nanoseconds since a moment of the clock's choice, for deadlines that are looked at on every hit.
    fn coarse(&self) -> u64;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        let nanoseconds = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
        };
        Timestamp(nanoseconds)
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }

    #[inline]
    fn coarse(&self) -> u64 {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
        time.tv_sec.unsigned_abs().saturating_mul(1_000_000_000).saturating_add(time.tv_nsec.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp(i64::MIN).minus(1), Timestamp(i64::MIN));
        assert_eq!(Timestamp(i64::MAX).since(Timestamp(i64::MIN)), i64::MAX);
    }
}
