//! Objects that a cache has given up: let go of where Python may run, and no lock is held.
//!
//! A thread that is detached from the interpreter may not free an object. `PyO3` then puts it on a list, under a lock
//! that a fork in another thread copies as it is: the child would wait for it for ever. So there is a list of our own,
//! which a fork waits for.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use plugcache_cache::fork;
use pyo3::prelude::*;

static LEFT: Mutex<Vec<Py<PyAny>>> = Mutex::new(Vec::new());
static IS_ANY_LEFT: AtomicBool = AtomicBool::new(false);

/// Leaves an object for [`let_go`].
pub(crate) fn leave(object: Py<PyAny>) {
    fork::undisturbed(|| LEFT.lock().unwrap_or_else(PoisonError::into_inner).push(object));
    IS_ANY_LEFT.store(true, Ordering::Release);
}

/// Lets go of what was left: finalisers may run, of anybody.
#[inline]
pub(crate) fn let_go(_attached: Python<'_>) {
    if IS_ANY_LEFT.load(Ordering::Relaxed) && IS_ANY_LEFT.swap(false, Ordering::AcqRel) {
        let left =
            fork::undisturbed(|| std::mem::take(&mut *LEFT.lock().unwrap_or_else(PoisonError::into_inner)));
        drop(left);
    }
}
