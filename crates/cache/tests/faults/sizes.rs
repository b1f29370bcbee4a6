//! Faults 26 and 27: very many entries, very large ones, very deep ones.

use std::time::Instant;

use plugcache_cache::{Cache, Codec};
use plugcache_testkit::Warnings;

use crate::tools::{Figures, ask, hub, list, lists, ok, times};

#[test]
fn fault_26_very_many_entries() {
    let mut figures = Figures::of("26", "very many entries: open, get, prune");
    let all = times(20_000, 1_000_000);
    for count in [all / 10, all] {
        let place = tempfile::tempdir().unwrap();
        let hub = hub(place.path());
        let make = |hub: &plugcache_cache::Hub| -> Cache<u64, u64> {
            let it = Cache::builder("many").capacity(1_000).disk().disk_max_bytes(2 << 30);
            it.tags(|key: &u64| vec![if key.is_multiple_of(2) { "even" } else { "odd" }.to_owned()])
                .build(hub)
                .unwrap()
        };
        let cache = make(&hub);
        let began = Instant::now();
        for key in 0..count {
            cache.insert(&key, key * 3);
        }
        let filled = began.elapsed();
        drop((cache, hub));
        let began = Instant::now();
        let hub = crate::tools::hub(place.path());
        let cache = make(&hub);
        let first = cache.get(&(count / 2));
        let opened = began.elapsed();
        figures.right(first.is_some_and(|value| *value == count / 2 * 3), || "the first".to_owned());
        let began = Instant::now();
        for at in 0..10_000 {
            let key = at * 7_919 % count;
            let found = cache.get(&key);
            figures.right(found.is_some_and(|value| *value == key * 3), || format!("key {key}"));
        }
        let got = began.elapsed() / 10_000;
        cache.invalidate_tag("even");
        let began = Instant::now();
        let pruned = cache.prune().unwrap();
        figures.right(pruned >= count / 2, || format!("{pruned} of {count} pruned"));
        println!(
            "{count} entries: fill {filled:.1?}, open {opened:.1?}, get {got:.1?}, prune {:.1?}",
            began.elapsed()
        );
        figures.right(cache.get(&2).is_none(), || "an even one".to_owned());
        figures.right(cache.get(&3).is_some(), || "an odd one".to_owned());
    }
    figures.done();
}

#[test]
fn fault_27_values_and_keys_that_are_too_large() {
    let mut figures = Figures::of("27", "100 MB value, 1 MB key, deep values");
    let place = tempfile::tempdir().unwrap();
    let hub = hub(place.path());
    let large: Cache<str, Vec<u8>> =
        Cache::builder("large").disk_with(Codec::bytes()).capacity(0).build(&hub).unwrap();
    let ((), heard) = Warnings::heard(|| {
        for round in 0..2 {
            let value = large.get_or_load("x", |_| ok(vec![7; 100_000_000])).unwrap();
            let right = value.len() == 100_000_000 && value.iter().all(|byte| *byte == 7);
            figures.right(right, || format!("round {round}"));
        }
    });
    figures.right(heard.len() == 1 && heard[0].contains("raise its limit"), || format!("{heard:?}"));
    // A value that is too large takes the place of one that was not.
    large.insert("y", vec![1]);
    large.insert("y", vec![2; 100_000_000]);
    figures.right(large.get("y").is_none_or(|value| value[0] == 2), || "the old one is served".to_owned());
    let key = "k".repeat(1 << 20);
    large.insert(&key, vec![3]);
    figures.right(large.get(&key).is_some_and(|value| *value == [3]), || "a large key".to_owned());
    figures.right(large.get(&key[1..]).is_none(), || "another large key".to_owned());
    drop(large);
    deep(&mut figures, &hub);
    let kept = lists(&hub, |it| it);
    kept.insert(&1, list(1, 1));
    figures.right(ask(&kept, 1, 2) == Some(1), || "the hub goes on".to_owned());
    figures.done();
}

fn nested(depth: usize) -> serde_json::Value {
    (0..depth).fold(serde_json::Value::Null, |inside, _| serde_json::Value::Array(vec![inside]))
}

/// Takes it apart from outside in: dropping it would go as deep as it is.
fn unnest(mut value: serde_json::Value) {
    while let serde_json::Value::Array(mut inside) = value {
        value = inside.pop().unwrap_or_default();
    }
}

fn deep(figures: &mut Figures, hub: &plugcache_cache::Hub) {
    let deep: Cache<usize, serde_json::Value> =
        Cache::builder("deep").disk_with(Codec::json()).capacity(0).build(hub).unwrap();
    let ((), heard) = Warnings::heard(|| {
        for depth in [1, 126, 127, 128, 129, 1_000, 100_000] {
            let value = deep.get_or_load(&depth, |depth| ok(nested(*depth))).unwrap();
            let found = deep.get(&depth);
            figures.right(found.is_some() == (depth <= 127), || {
                format!("depth {depth}: kept {}", found.is_some())
            });
            if let Some(found) = found {
                figures.right(found == value, || format!("depth {depth}"));
            }
            unnest(std::sync::Arc::into_inner(value).unwrap_or_default());
        }
    });
    figures.right(heard.len() == 1 && heard[0].contains("nests deeper"), || format!("{heard:?}"));
}
