//! A lock that nobody waits for long.
//!
//! What is behind it is advice, held for a look. After a fork the thread that held it may not exist any more;
//! whoever does not get it then goes without, which costs a guess.

use std::sync::{Mutex, MutexGuard, TryLockError};

/// Times that another thread is let go first.
const PATIENCE: usize = 10_000;

/// The lock; `None` if its holder does not seem to exist any more.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    for _ in 0..PATIENCE {
        match mutex.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
    }
    None
}
