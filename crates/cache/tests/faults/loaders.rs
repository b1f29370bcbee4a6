//! Faults 19 to 23: loaders that panic, hang, ask for themselves, or are asked for by a thousand at once.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use plugcache_cache::{
    Cache, Hub,
    cache::{Builder, LoadError},
};

use crate::tools::{Figures, block_on, ok, times};

type Numbers = Cache<u64, u64>;

fn numbers(describe: impl FnOnce(Builder<u64, u64>) -> Builder<u64, u64>) -> Numbers {
    describe(Cache::builder("numbers")).build(&Hub::in_memory()).unwrap()
}

fn until_waiting(numbers: &Numbers, count: u64) {
    while numbers.stats().waits < count {
        std::thread::yield_now();
    }
}

#[test]
fn fault_19_a_loader_panics() {
    let mut figures = Figures::of("19", "loader panics: every waiter answered");
    for round in 0..times(50, 2_000) {
        let numbers = numbers(|it| it);
        std::thread::scope(|scope| {
            let panics = scope.spawn(|| {
                numbers.get_or_load(&1, |_| -> Result<u64, Infallible> {
                    until_waiting(&numbers, 4);
                    std::panic::resume_unwind(Box::new("no"))
                })
            });
            while numbers.stats().loads == 0 {
                std::thread::yield_now();
            }
            let threads: Vec<_> =
                (0..2).map(|_| scope.spawn(|| numbers.get_or_load(&1, |_| ok(1)))).collect();
            let tasks: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| block_on(numbers.get_or_load_async(&1, async |_| ok(1)))))
                .collect();
            assert!(panics.join().is_err());
            for waiter in threads.into_iter().chain(tasks) {
                let got = waiter.join().unwrap();
                figures.right(matches!(got, Err(LoadError::Panicked { .. })), || {
                    format!("round {round}: {got:?}")
                });
            }
        });
        let next = numbers.get_or_load(&1, |_| ok(3));
        figures.right(next.is_ok_and(|value| *value == 3), || format!("round {round}: the next"));
    }
    figures.done();
}

#[test]
fn fault_20_a_loader_does_not_end() {
    let mut figures = Figures::of("20", "loader never returns, task cancelled");
    for round in 0..times(10, 200) {
        let numbers = numbers(|it| it.wait_timeout(Duration::from_millis(5)));
        let ends = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let stuck = scope.spawn(|| {
                numbers.get_or_load(&1, |_| {
                    while ends.load(Ordering::SeqCst) == 0 {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    ok(1)
                })
            });
            while numbers.stats().loads == 0 {
                std::thread::yield_now();
            }
            let waited = numbers.get_or_load(&1, |_| ok(2));
            let is_told = matches!(waited, Err(LoadError::Timeout { .. }));
            figures.right(is_told, || format!("round {round}: {waited:?}"));
            let next = numbers.get_or_load(&1, |_| ok(3)).map(|value| *value);
            figures.right(matches!(next, Ok(3)), || format!("round {round}: the next got {next:?}"));
            ends.store(1, Ordering::SeqCst);
            figures.right(*stuck.join().unwrap().unwrap() == 1, || "its own value".to_owned());
        });
        let kept = numbers.get(&1).map(|value| *value);
        figures.right(kept == Some(3), || format!("round {round}: who was given up came back: {kept:?}"));
        cancelled(&mut figures);
    }
    figures.done();
}

/// A task that is dropped while it loads lets one of those who wait load; one dropped while it waits is missed by
/// nobody.
fn cancelled(figures: &mut Figures) {
    let numbers = numbers(|it| it);
    let mut leads = Box::pin(numbers.get_or_load_async(&1, async |_| {
        std::future::pending::<()>().await;
        ok(1)
    }));
    assert!(leads.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    {
        let mut waits = pin!(numbers.get_or_load_async(&1, async |_| ok(2)));
        assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let got = std::thread::scope(|scope| {
        let thread = scope.spawn(|| *numbers.get_or_load(&1, |_| ok(3)).unwrap());
        let task = scope.spawn(|| *block_on(numbers.get_or_load_async(&1, async |_| ok(4))).unwrap());
        until_waiting(&numbers, 3);
        drop(leads);
        [thread.join().unwrap(), task.join().unwrap()]
    });
    figures.right(got == [3, 3] || got == [4, 4], || format!("{got:?}"));
}

/// Asks for the next key of a circle, in one way or another.
fn round_and_round(numbers: &Numbers, key: u64, of: u64, depth: u32) -> Result<u64, String> {
    assert!(depth < 20, "goes round for ever");
    let next = |key: &u64| round_and_round(numbers, (key + 1) % of, of, depth + 1);
    numbers.get_or_load(&key, next).map(|value| *value).map_err(|error| error.to_string())
}

#[test]
fn fault_21_loaders_that_ask_for_themselves() {
    let mut figures = Figures::of("21", "re-entrance and circles: threads and tasks");
    for round in 0..times(40, 2_000) {
        for of in 1..4 {
            let numbers = numbers(|it| it);
            let error = round_and_round(&numbers, 0, of, 0).unwrap_err();
            figures.right(error.contains("asks for its own value"), || error.clone());
            // Several threads begin at several places of the circle.
            let barrier = Barrier::new(3);
            std::thread::scope(|scope| {
                for key in 0..3 {
                    let (numbers, barrier) = (&numbers, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        round_and_round(numbers, key % of, of, 0).unwrap_err()
                    });
                }
            });
            let after = numbers.get_or_load(&0, |_| ok(7)).map(|value| *value);
            figures.right(after.is_ok_and(|value| value == 7), || format!("round {round}: the next"));
        }
        // A loader that removes its own key and asks for it again.
        let numbers = numbers(|it| it);
        let again = numbers.get_or_load(&1, |key| {
            numbers.remove(key);
            numbers.get_or_load(key, |_| ok(1)).map(|value| *value).map_err(|error| error.to_string())
        });
        figures.right(again.is_err_and(|error| error.to_string().contains("own value")), || {
            "removed".to_owned()
        });
        let task = block_on(numbers.get_or_load_async(&1, async |key| {
            let inner = numbers.get_or_load_async(key, async |_| ok(1)).await;
            inner.map(|value| *value).map_err(|error| error.to_string())
        }));
        figures
            .right(task.is_err_and(|error| error.to_string().contains("own value")), || "a task".to_owned());
    }
    figures.done();
}

#[test]
fn fault_22_a_thousand_threads_one_cold_key() {
    let mut figures = Figures::of("22", "1,000 threads on one cold key: loads");
    for _ in 0..times(2, 20) {
        let (numbers, loads, barrier) = (numbers(|it| it), AtomicU64::new(0), Barrier::new(1_000));
        std::thread::scope(|scope| {
            for _ in 0..1_000 {
                let (numbers, loads, barrier) = (&numbers, &loads, &barrier);
                let small = std::thread::Builder::new().stack_size(128 << 10);
                let ask = move || {
                    barrier.wait();
                    let load = |_: &u64| {
                        std::thread::sleep(Duration::from_millis(5));
                        ok(loads.fetch_add(1, Ordering::SeqCst))
                    };
                    assert_eq!(*numbers.get_or_load(&1, load).unwrap(), 0);
                };
                small.spawn_scoped(scope, ask).unwrap();
            }
        });
        let loads = loads.into_inner();
        figures.right(loads == 1, || format!("{loads} loads"));
    }
    figures.done();
}

/// Threads load, replace and remove keys of a cache that holds a few of them. Each key's source has a version;
/// what was declared wrong before a lookup began must not be what it gives.
#[test]
fn fault_23_evictions_and_invalidations_race_loads() {
    const KEYS: u64 = 24;
    let mut figures = Figures::of("23", "eviction, invalidation against loads: lookups");
    let numbers = numbers(|it| it.capacity(8).tags(|key| vec![format!("t{}", key % 3)]));
    let source: Arc<Vec<AtomicU64>> = Arc::new((0..KEYS).map(|_| AtomicU64::new(1)).collect());
    let oldest: Vec<AtomicU64> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
    let wrong = AtomicU64::new(0);
    let steps = times(20_000, 1_000_000);
    std::thread::scope(|scope| {
        for own in 0..6_u64 {
            let (numbers, source, oldest, wrong) = (&numbers, &source, &oldest, &wrong);
            let mut random = plugcache_testkit::Random::new(figures.seed ^ own);
            scope.spawn(move || {
                for _ in 0..steps {
                    let at = random.below(usize::try_from(KEYS).unwrap());
                    let key = at as u64;
                    if random.once_in(10) {
                        let new = source[at].fetch_add(1, Ordering::SeqCst) + 1;
                        match random.below(8) {
                            0 => drop(numbers.clear()),
                            1 => numbers.invalidate_tag(&format!("t{}", key % 3)),
                            _ => _ = numbers.remove(&key),
                        }
                        oldest[at].fetch_max(new, Ordering::SeqCst);
                        continue;
                    }
                    let least = oldest[at].load(Ordering::SeqCst);
                    let load = |_: &u64| {
                        let seen = source[at].load(Ordering::SeqCst);
                        if seen % 3 == 0 {
                            std::thread::yield_now();
                        }
                        ok(seen)
                    };
                    let got = numbers.get_or_load(&key, load).unwrap();
                    if *got < least {
                        wrong.fetch_add(1, Ordering::SeqCst);
                    }
                    assert!(numbers.len() <= 8);
                }
            });
        }
    });
    let wrong = wrong.into_inner();
    figures.runs = steps * 6;
    figures.right(wrong == 0, || format!("{wrong} lookups"));
    figures.done();
}

/// A thread that waits for another one's loader could not be interrupted: Ctrl-C did nothing until that was done.
#[test]
fn a_wait_ends_when_the_host_says_so_and_the_loader_goes_on() {
    let asked = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&asked);
    let go_on = move || counter.fetch_add(1, Ordering::SeqCst) < 2;
    let numbers = numbers(|it| it.ask_while_waiting(Duration::from_millis(1), go_on));
    let ends = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let leads = scope.spawn(|| {
            numbers.get_or_load(&1, |_| {
                while ends.load(Ordering::SeqCst) == 0 {
                    std::thread::sleep(Duration::from_millis(1));
                }
                ok(1)
            })
        });
        while numbers.stats().loads == 0 {
            std::thread::yield_now();
        }
        let waited = numbers.get_or_load(&1, |_| ok(2));
        assert!(matches!(waited, Err(LoadError::Interrupted { .. })), "{waited:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 3);
        ends.store(1, Ordering::SeqCst);
        assert_eq!(*leads.join().unwrap().unwrap(), 1);
    });
    assert_eq!(numbers.get(&1).map(|value| *value), Some(1), "who was waited for has kept its value");
}
