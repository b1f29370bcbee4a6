//! P9, side by side: different keys load at the same time, and of one key there is one load.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use plugcache_cache::{Cache, Hub};

use crate::{
    Result,
    context::Context,
    measure::{Sample, Subject, interleave},
    report::Row,
};

const GOAL: &str = "P9";
const LOADER: Duration = Duration::from_millis(50);

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let hub = Hub::in_memory();
    let cache: Cache<u64, u64> = Cache::builder("p9").build(&hub)?;
    let loads = AtomicU64::new(0);
    let load = |key: u64| {
        let made = cache.get_or_load(&key, |key| {
            loads.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(LOADER);
            Ok::<_, std::io::Error>(*key)
        });
        made.map(|value| *value).unwrap_or_default()
    };
    let together = |threads: u64, key: &(dyn Fn(u64) -> u64 + Sync)| {
        cache.clear()?;
        let before = loads.load(Ordering::Relaxed);
        let start = Barrier::new(threads as usize + 1);
        std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads)
                .map(|thread| {
                    let (start, load) = (&start, &load);
                    scope.spawn(move || {
                        start.wait();
                        load(key(thread))
                    })
                })
                .collect();
            start.wait();
            Sample::of(|| {
                for handle in handles {
                    drop(handle.join());
                }
                Ok(loads.load(Ordering::Relaxed) - before)
            })
        })
    };
    let subjects = [
        Subject::new("one load", |_| together(1, &|_| 0)),
        Subject::new("16 threads, 16 keys", |_| together(16, &|thread| thread)),
        Subject::new("1,000 threads, one key", |_| together(1000, &|_| 0)),
    ];
    let [one, sixteen, thousand] = interleave(context.slow_rounds(), subjects)?;
    Ok(vec![
        Row::at_most(GOAL, "16 threads, 16 keys, 50 ms loader", &sixteen, 1.2, &one),
        Row::equal(GOAL, "loads of 16 keys", sixteen.answer, 16, "one a key"),
        Row::equal(GOAL, "loads of one key by 1,000 threads", thousand.answer, 1, "one"),
    ])
}
