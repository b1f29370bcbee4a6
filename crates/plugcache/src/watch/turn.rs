//! One proof at a time, without a lock that is held while a finder runs.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    thread::{self, ThreadId},
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
    /// Waits for the turn. `None`: this thread has it already, and would wait for itself.
    pub(super) fn take(&self) -> Option<Turn<'_>> {
        let me = thread::current().id();
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match *now {
                None => {
                    *now = Some(me);
                    return Some(Turn(self));
                }
                Some(other) if other == me => return None,
                Some(_) => now = self.next.wait(now).unwrap_or_else(PoisonError::into_inner),
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
