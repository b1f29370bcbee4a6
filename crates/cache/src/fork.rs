//! A process that forks keeps working in parent and child.
//!
//! The child has only the thread that forked: a lock that another thread held stays locked for ever, and
//! an LMDB environment of the parent must not be used. So the child counts itself: whatever holds such
//! things remembers the generation it was made in, and makes them anew when that has changed. At the fork
//! itself nothing is done but one addition, after waiting for what must be undisturbed.

use std::{
    cell::Cell,
    ptr,
    sync::{
        Once,
        atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

static GENERATION: AtomicU32 = AtomicU32::new(0);
static WATCH: Once = Once::new();
/// Somebody is at what a fork must not cut in two, or a fork keeps others from beginning it.
static BUSY: AtomicBool = AtomicBool::new(false);
/// How long a fork waits for that. Who takes longer is stopped himself.
const LONGEST: Duration = Duration::from_secs(5);

thread_local! {
    /// This thread forks, and has [`BUSY`].
    static FORKS: Cell<bool> = const { Cell::new(false) };
}

/// How many forks lie between the first process that asked and this one.
#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Counts forks from now on. Call before the first [`generation`] that is kept.
#[expect(unsafe_code, reason = "the system calls back into this process after a fork")]
pub(crate) fn watch() {
    extern "C" fn before() {
        FORKS.set(claim(LONGEST));
    }
    extern "C" fn in_parent() {
        if FORKS.replace(false) {
            BUSY.store(false, Ordering::Release);
        }
    }
    extern "C" fn in_child() {
        FORKS.set(false);
        BUSY.store(false, Ordering::Release);
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
    WATCH.call_once(|| {
        // SAFETY: the handlers only change atomics and a plain cell, which is allowed after a fork, and live as
        // long as the program. It fails only without memory; then a fork goes unnoticed, as without this module.
        let _ = unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    });
}

/// Does what a fork must not cut in two, since a library has a lock for it that a child would find taken for ever.
/// One thread at a time, for milliseconds; forks wait. Not to be called from inside of itself.
pub fn undisturbed<T>(act: impl FnOnce() -> T) -> T {
    struct Free(bool);
    impl Drop for Free {
        fn drop(&mut self) {
            if self.0 {
                BUSY.store(false, Ordering::Release);
            }
        }
    }
    watch();
    let _free = Free(claim(LONGEST));
    act()
}

/// `false`: somebody has it for longer than that, and one goes on without.
fn claim(longest: Duration) -> bool {
    let mut began = None;
    while BUSY.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
        if began.get_or_insert_with(Instant::now).elapsed() >= longest {
            return false;
        }
        thread::sleep(Duration::from_micros(50));
    }
    true
}

/// A value that each process of a family of forks makes for itself on first use: a pool of threads, a connection. What
/// the parent made is left alone in the child: not used, not dropped.
pub struct PerFork<T> {
    made: AtomicPtr<Made<T>>,
}

struct Made<T> {
    generation: u32,
    value: T,
}

impl<T> PerFork<T> {
    /// None is made yet.
    pub const fn new() -> Self {
        Self { made: AtomicPtr::new(ptr::null_mut()) }
    }

    /// This process's value, made by `make` if there is none yet. Of two threads that make one at once,
    /// one's is dropped.
    pub fn get_or_make<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
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

impl<T> Default for PerFork<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> std::fmt::Debug for PerFork<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PerFork").finish_non_exhaustive()
    }
}
