//! What lookups allocate: a hit nothing, a miss the value's own memory.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

use std::{convert::Infallible, hint::black_box, time::Duration};

use plugcache_cache::{Cache, Hub};
use plugcache_testkit::Allocations;

#[global_allocator]
static COUNTING: Allocations = Allocations;

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
    let counted = Allocations::of(|| {
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
    let counted = Allocations::of(|| load(&cache, 20_000..30_000));
    assert!((10_000..=10_100).contains(&counted), "{counted} allocations at 10,000 misses");
    assert_eq!(cache.stats().evictions["capacity"], 28_000);
}
