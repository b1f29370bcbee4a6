use plugcache_cache::{Cache, Hub};
use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};
fn main() {
    let n: u64 = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(10_000);
    let cache: Cache<u64, u64> = Cache::builder("x")
        .capacity(n as usize * 2)
        .ttl(Duration::from_secs(3600))
        .build(&Hub::in_memory())
        .unwrap();
    let mut keys: Vec<u64> = (0..n).collect();
    for k in &keys {
        cache.insert(k, 7);
    }
    let bare: hashbrown::HashMap<u64, Arc<u64>> = keys.iter().map(|k| (*k, Arc::new(7))).collect();
    let quick = quick_cache::sync::Cache::new(n as usize * 2);
    for k in &keys {
        quick.insert(*k, Arc::new(7u64));
    }
    keys.sort_by_key(|k| k.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
    let time = |f: &dyn Fn(&u64) -> Option<Arc<u64>>| {
        let mut best = f64::MAX;
        for _ in 0..15 {
            let t = Instant::now();
            for k in keys.iter().cycle().take(400_000) {
                black_box(f(k));
            }
            best = best.min(t.elapsed().as_nanos() as f64 / 400_000.0);
        }
        best
    };
    println!(
        "{n}: bare {:.1} ours {:.1} quick {:.1}",
        time(&|k| bare.get(k).cloned()),
        time(&|k| cache.get(k)),
        time(&|k| quick.get(k))
    );
    let t = Instant::now();
    for k in n..n + 500_000 {
        black_box(cache.get_or_load(&k, |k| Ok::<_, ()>(*k)).unwrap());
    }
    println!("miss {:.0} ns", t.elapsed().as_nanos() as f64 / 500_000.0);
    let t = Instant::now();
    for k in n..n + 500_000 {
        black_box(quick.get_or_insert_with(&k, || Ok::<_, ()>(Arc::new(k))).unwrap());
    }
    println!("quick miss {:.0} ns", t.elapsed().as_nanos() as f64 / 500_000.0);
}
