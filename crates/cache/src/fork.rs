//! A process that forks keeps working in parent and child.
//!
//! The child has only the thread that forked: a lock that another thread held stays locked for ever, and
//! an LMDB environment of the parent must not be used. So the child counts itself: whatever holds such
//! things remembers the [`generation`] it was made in, and makes them anew when that has changed. Nothing
//! is done at the fork itself but one addition.

use std::sync::{
    Once,
    atomic::{AtomicU32, Ordering},
};

static GENERATION: AtomicU32 = AtomicU32::new(0);
static WATCH: Once = Once::new();

/// How many forks lie between the first process that asked and this one.
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
