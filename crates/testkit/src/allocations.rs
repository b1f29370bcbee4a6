//! Counts allocations, so that a test can say that something makes none.

#![expect(unsafe_code, reason = "an allocator that counts is unsafe by its interface")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// The system's allocator, which counts for each thread. For a test program to name its own:
/// `#[global_allocator] static COUNTING: Allocations = Allocations;`
#[derive(Debug)]
pub struct Allocations;

thread_local! {
    static COUNTED: Cell<usize> = const { Cell::new(0) };
}

impl Allocations {
    /// How many allocations `run` makes on this thread; 0 where this is not the program's allocator.
    pub fn of(run: impl FnOnce()) -> usize {
        let before = COUNTED.get();
        run();
        COUNTED.get() - before
    }
}

// SAFETY: everything goes to the system's allocator as it came; the counter does not allocate.
unsafe impl GlobalAlloc for Allocations {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNTED.set(COUNTED.get() + 1);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}
