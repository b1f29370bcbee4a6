//! A process that forks keeps working in parent and child.
//!
//! The child has only the thread that forked: a lock that another thread held stays locked for ever, and
//! an LMDB environment of the parent must not be used. So the child counts itself: whatever holds such
//! things remembers the [`generation`] it was made in, and makes them anew when that has changed. Nothing
//! is done at the fork itself but one addition.

use std::{
    ptr,
    sync::{
        Once,
        atomic::{AtomicPtr, AtomicU32, Ordering},
    },
};

static GENERATION: AtomicU32 = AtomicU32::new(0);
static WATCH: Once = Once::new();

/// How many forks lie between the first process that asked and this one.
#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Counts forks from now on. Call before the first [`generation`] that is kept.
#[expect(unsafe_code, reason = "the system calls back into this process after a fork")]
pub(crate) fn watch() {
    extern "C" fn in_child() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
    WATCH.call_once(|| {
        // SAFETY: the handler only adds to an atomic, which is allowed after a fork, and lives as long as
        // the program. It fails only without memory; then a fork goes unnoticed, as without this module.
        let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

/// A value that each process of a family of forks makes for itself on first use. What the parent made is
/// left alone in the child: not used, not dropped.
pub(crate) struct PerFork<T> {
    made: AtomicPtr<Made<T>>,
}

struct Made<T> {
    generation: u32,
    value: T,
}

impl<T> PerFork<T> {
    pub(crate) const fn new() -> Self {
        Self { made: AtomicPtr::new(ptr::null_mut()) }
    }

    /// This process's value, made by `make` if there is none yet. Of two threads that make one at once,
    /// one's is dropped.
    pub(crate) fn get_or_make<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        watch();
        let generation = generation();
        let found = self.made.load(Ordering::Acquire);
        if let Some(made) = Self::of(found, generation) {
            return Ok(&made.value);
        }
        let new = Box::into_raw(Box::new(Made { generation, value: make()? }));
        match self.made.compare_exchange(found, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(Self::reference(new)),
            Err(other) => {
                Self::free(new);
                Ok(Self::reference(other))
            }
        }
    }

    fn of<'a>(made: *mut Made<T>, generation: u32) -> Option<&'a Made<T>> {
        #[expect(unsafe_code, reason = "a pointer is what can be replaced without a lock")]
        // SAFETY: null, or from `Box::into_raw`, and freed by nobody but `drop` below, which has `self` for
        // itself; callers bind the lifetime to `&self`.
        let made = unsafe { made.as_ref() };
        made.filter(|made| made.generation == generation)
    }

    fn reference<'a>(made: *mut Made<T>) -> &'a T {
        #[expect(unsafe_code, reason = "a pointer is what can be replaced without a lock")]
        // SAFETY: from `Box::into_raw`, never null here; else as above.
        unsafe {
            &(*made).value
        }
    }

    fn free(made: *mut Made<T>) {
        #[expect(unsafe_code, reason = "a pointer is what can be replaced without a lock")]
        // SAFETY: from `Box::into_raw`, and nobody else has it: it was never published, or `self` is going.
        drop(unsafe { Box::from_raw(made) });
    }
}

impl<T> Drop for PerFork<T> {
    fn drop(&mut self) {
        let made = *self.made.get_mut();
        if Self::of(made, generation()).is_some() {
            Self::free(made);
        }
    }
}

#[expect(unsafe_code, reason = "it holds a pointer to what it owns")]
// SAFETY: it owns a `T` and hands out references to it, as a `OnceLock` does.
unsafe impl<T: Send + Sync> Sync for PerFork<T> {}
#[expect(unsafe_code, reason = "it holds a pointer to what it owns")]
// SAFETY: as above.
unsafe impl<T: Send> Send for PerFork<T> {}
