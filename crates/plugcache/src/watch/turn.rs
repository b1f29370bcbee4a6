//! One proof at a time, without a lock that is held while a finder runs.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Turns {
    now: Mutex<Option<ThreadId>>,
    next: Condvar,
}

/// The right to prove; given back when it is dropped, however the proof ended.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits for the turn, so long at most. `None`: this thread has it already, and would wait for itself; or
    /// whoever has it may be waiting for something that this thread holds.
    pub(super) fn take(&self, longest: Duration) -> Option<Turn<'_>> {
        let me = thread::current().id();
        let began = Instant::now();
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match *now {
                None => {
                    *now = Some(me);
                    return Some(Turn(self));
                }
                Some(other) if other == me => return None,
                Some(_) => {
                    let left = longest.saturating_sub(began.elapsed());
                    if left.is_zero() {
                        return None;
                    }
                    (now, _) = self.next.wait_timeout(now, left).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.now.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.next.notify_all();
    }
}
