//! A clock that stands still until a test moves it.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use plugcache_cache::{Clock, Timestamp};

/// Wall time and monotonic time, moved apart from each other: a wall clock may jump, a monotonic one may
/// not.
#[derive(Debug)]
pub struct ManualClock {
    wall: AtomicI64,
    origin: Instant,
    elapsed: AtomicU64,
}

impl ManualClock {
    /// A clock that shows this wall time.
    pub fn at(wall: Timestamp) -> Self {
        Self { wall: AtomicI64::new(wall.0), origin: Instant::now(), elapsed: AtomicU64::new(0) }
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.elapsed.fetch_add(nanoseconds, Ordering::SeqCst);
        let step = i64::try_from(nanoseconds).unwrap_or(i64::MAX);
        _ = self
            .wall
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |wall| Some(wall.saturating_add(step)));
    }

    /// Sets the wall clock, forwards or backwards; the monotonic one is not touched.
    pub fn jump(&self, wall: Timestamp) {
        self.wall.store(wall.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Timestamp {
        Timestamp(self.wall.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Instant {
        self.origin + Duration::from_nanos(self.elapsed.load(Ordering::SeqCst))
    }

    fn coarse(&self) -> u64 {
        self.elapsed.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_moves_the_wall_clock_only() {
        let clock = ManualClock::at(Timestamp(1_000));
        let before = clock.monotonic();
        clock.jump(Timestamp(-5));
        assert_eq!((clock.wall(), clock.monotonic()), (Timestamp(-5), before));
        clock.advance(Duration::from_nanos(7));
        assert_eq!((clock.wall(), clock.monotonic() - before), (Timestamp(2), Duration::from_nanos(7)));
    }
}
