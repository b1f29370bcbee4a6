//! Times the memory hit and the miss alone, for who works on them: `hit [ENTRIES]`. The least of many short rounds, so
//! that it can be read on a machine that does other things too. P6 is what counts.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use plugcache_cache::{Cache, Hub};

const ROUND: usize = 10_000;
const ROUNDS: usize = 200;

fn main() {
    let entries = std::env::args().nth(1).and_then(|argument| argument.parse().ok()).unwrap_or(10_000);
    let capacity = entries as usize * 2;
    let builder = Cache::builder("hits").capacity(capacity).ttl(Duration::from_secs(3600));
    let cache: Cache<u64, u64> = builder.build(&Hub::in_memory()).expect("a cache");
    let bare: hashbrown::HashMap<u64, Arc<u64>> = (0..entries).map(|key| (key, Arc::new(7))).collect();
    let quick = quick_cache::sync::Cache::new(capacity);
    let mut keys: Vec<u64> = (0..entries).collect();
    for key in &keys {
        cache.insert(key, 7);
        quick.insert(*key, Arc::new(7_u64));
    }
    keys.sort_by_key(|key| key.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
    let (of_bare, of_ours, of_quick) = (
        hits(&keys, |key| bare.get(key).cloned()),
        hits(&keys, |key| cache.get(key)),
        hits(&keys, |key| quick.get(key)),
    );
    report(format_args!("{entries}: hit: bare {of_bare:.1} ours {of_ours:.1} quick_cache {of_quick:.1} ns"));
    let ours = misses(entries, |key| cache.get_or_load(&key, |key| Ok::<_, ()>(*key)).unwrap_or_default());
    let quick = misses(entries, |key| {
        quick.get_or_insert_with(&key, || Ok::<_, ()>(Arc::new(key))).unwrap_or_default()
    });
    report(format_args!("{entries}: miss, load, insert: ours {ours:.0} quick_cache {quick:.0} ns"));
}

fn hits(keys: &[u64], get: impl Fn(&u64) -> Option<Arc<u64>>) -> f64 {
    let mut order = keys.iter().cycle();
    least(|| order.by_ref().take(ROUND).filter(|key| black_box(get(key)).is_some()).count())
}

/// Full caches, so that each one evicts another.
fn misses(entries: u64, load: impl Fn(u64) -> Arc<u64>) -> f64 {
    let mut keys = entries..;
    keys.by_ref().take(entries as usize * 2).for_each(|key| drop(load(key)));
    least(|| keys.by_ref().take(ROUND).map(|key| *black_box(load(key)) as usize).sum())
}

fn least(round: impl FnMut() -> usize) -> f64 {
    let mut round = round;
    let rounds = (0..ROUNDS).map(|_| {
        let began = Instant::now();
        black_box(round());
        began.elapsed().as_nanos() as f64 / ROUND as f64
    });
    rounds.fold(f64::MAX, f64::min)
}

#[expect(clippy::print_stdout, reason = "what it is for")]
fn report(line: std::fmt::Arguments<'_>) {
    println!("{line}");
}
