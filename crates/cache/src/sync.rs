//! Locks that outlive a fork.
//!
//! None of them is ever held while foreign code runs for long (a loader, a listener), so whoever waits for
//! one waits nanoseconds. After a fork, though, the thread that held one may not exist any more: then the
//! wait is bounded, and the lock counts as lost from there on. Whoever loses a lock goes without what is
//! behind it (a miss), never without an answer.

use std::{
    sync::{
        PoisonError, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

#[cfg(not(feature = "shuttle"))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard},
    thread_local,
};

#[cfg(feature = "shuttle")]
pub(crate) use shuttle::{
    sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard},
    thread_local,
};

use crate::fork;

/// How long a lock may stay held after a fork until its holder is taken for gone.
const PATIENCE: Duration = Duration::from_millis(100);

/// Something behind a lock that a fork cannot block for ever.
#[derive(Debug)]
pub(crate) struct Guarded<L> {
    lock: L,
    born: u32,
    lost: AtomicBool,
}

impl<L> Guarded<L> {
    fn over(lock: L) -> Self {
        fork::watch();
        Self { lock, born: fork::generation(), lost: AtomicBool::new(false) }
    }

    /// Whether somebody waited for it in vain. Then nobody gets it any more: if a reader's lock stayed behind,
    /// others could still read what could not be changed or removed.
    #[inline]
    fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// What to do when the lock is not free at once.
    #[cold]
    fn wait<'a, G>(
        &'a self,
        block: impl FnOnce(&'a L) -> G,
        attempt: impl Fn(&'a L) -> Option<G>,
    ) -> Option<G> {
        if self.born == fork::generation() {
            return Some(block(&self.lock));
        }
        let pause = Duration::from_micros(50);
        let mut waited = Duration::ZERO;
        while !self.is_lost() {
            if let Some(guard) = attempt(&self.lock) {
                return Some(guard);
            }
            if waited >= PATIENCE {
                self.lost.store(true, Ordering::Relaxed);
            }
            std::thread::sleep(pause);
            waited += pause;
        }
        None
    }
}

impl<T> Guarded<Mutex<T>> {
    /// A mutex around `value`.
    pub(crate) fn mutex(value: T) -> Self {
        Self::over(Mutex::new(value))
    }

    /// Locks it; `None` if its holder did not survive a fork.
    pub(crate) fn lock(&self) -> Option<MutexGuard<'_, T>> {
        if self.is_lost() {
            return None;
        }
        match self.lock.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => self.wait(
                |lock| lock.lock().unwrap_or_else(PoisonError::into_inner),
                |lock| lock.try_lock().ok(),
            ),
        }
    }
}

impl<T> Guarded<RwLock<T>> {
    /// A lock around `value` that many may read at a time.
    pub(crate) fn shared(value: T) -> Self {
        Self::over(RwLock::new(value))
    }

    /// Locks it for reading; `None` if its holder did not survive a fork.
    #[inline]
    pub(crate) fn read(&self) -> Option<RwLockReadGuard<'_, T>> {
        if self.is_lost() {
            return None;
        }
        match self.lock.try_read() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => self.wait(
                |lock| lock.read().unwrap_or_else(PoisonError::into_inner),
                |lock| lock.try_read().ok(),
            ),
        }
    }

    /// Locks it for writing; `None` if its holder did not survive a fork.
    pub(crate) fn write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        if self.is_lost() {
            return None;
        }
        match self.lock.try_write() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => self.wait(
                |lock| lock.write().unwrap_or_else(PoisonError::into_inner),
                |lock| lock.try_write().ok(),
            ),
        }
    }
}
