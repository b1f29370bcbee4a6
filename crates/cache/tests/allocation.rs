//! What lookups allocate: a hit nothing, a miss the value's own memory.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    convert::Infallible,
    hint::black_box,
    time::Duration,
};

use plugcache_cache::{Cache, Hub};

/// The system's allocator, which counts for each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator that counts is unsafe by its interface")]
// SAFETY: everything goes to the system's allocator as it came; the counter does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

fn cache(capacity: usize) -> Cache<u64, u64> {
    let builder = Cache::builder("numbers").capacity(capacity).ttl(Duration::from_hours(1));
    builder.build(&Hub::in_memory()).unwrap()
}

fn load(cache: &Cache<u64, u64>, keys: std::ops::Range<u64>) {
    for key in keys {
        black_box(cache.get_or_load(&key, |key| Ok::<_, Infallible>(*key)).unwrap());
    }
}

#[test]
fn a_hit_allocates_nothing() {
    let cache = cache(2_000);
    load(&cache, 0..1_000);
    assert_eq!(cache.stats().loads, 1_000);
    let counted = allocations(|| {
        for key in 0..1_000 {
            assert_eq!(cache.get(&key).as_deref(), Some(&key));
        }
        load(&cache, 0..1_000);
    });
    assert_eq!(counted, 0);
    assert_eq!((cache.stats().memory_hits, cache.stats().loads), (2_000, 1_000));
}

/// The value, and now and then a table that grows.
#[test]
fn a_miss_allocates_its_value() {
    let cache = cache(2_000);
    load(&cache, 0..20_000);
    // All full: each load evicts somebody.
    let counted = allocations(|| load(&cache, 20_000..30_000));
    assert!((10_000..=10_100).contains(&counted), "{counted} allocations at 10,000 misses");
    assert_eq!(cache.stats().evictions["capacity"], 28_000);
}
